from pathlib import Path

import pytest
from clip_workshop import Workshop


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture(scope="session")
def clip_path(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Path:
    """One H.264 clip in an ordinary mp4."""
    return workshop.encode(tmp_path_factory.mktemp("clip") / "clip.mp4")
