import pytest
from clip_workshop import Workshop


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop()
