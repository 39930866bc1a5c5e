from collections.abc import Iterator

import pytest
from evidence import Evidence, exported


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """A running ledger and the good package; tests that change something work on a copy."""
    with exported(tmp_path_factory.mktemp("evidence")) as made:
        yield made
