import os
from pathlib import Path

import pytest

from pluralens.sentences.stereoset import StereoSet, load_stereoset

# Data sets that are not ours to hand on lie beside a checkout, or where this variable says.
VARIABLE = "PLURALENS_TEST_DATA"


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder with the published tables; skips, saying why, where there is none."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get(VARIABLE) or beside)
    if not (folder / "stereoset_intrasentence.jsonl").is_file():
        pytest.skip(f"no published StereoSet and Winogender in {folder}; set {VARIABLE}")
    return folder


@pytest.fixture(scope="session")
def stereoset(published: Path) -> StereoSet:
    """The published intrasentence items, read once."""
    return load_stereoset(published / "stereoset_intrasentence.jsonl")
