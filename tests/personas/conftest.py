import shutil
from pathlib import Path

import pytest

from pluralens.personas.population import Population, load_population

GERMANY = Path(__file__).parents[2] / "datasets" / "populations" / "de"


@pytest.fixture(scope="session")
def de() -> Population:
    return load_population("de")


@pytest.fixture
def copy_of_de(tmp_path: Path) -> Path:
    """The German population's folder, free to be broken."""
    return Path(shutil.copytree(GERMANY, tmp_path / "copy"))
