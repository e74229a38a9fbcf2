from pathlib import Path

import pytest
from viz_logs import evaluate


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished log of the simulated respondent with gender twins and placebo pairs."""
    log = evaluate(tmp_path_factory.mktemp("finished"))
    assert log.status == "success"
    return Path(log.location)
