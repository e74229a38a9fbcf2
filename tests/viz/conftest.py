from pathlib import Path

import pytest
from triplet_evals import evaluate as evaluate_triplets
from triplet_tellers import contrary, told
from viz_logs import evaluate


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished log of the simulated respondent with gender twins and placebo pairs."""
    log = evaluate(tmp_path_factory.mktemp("finished"))
    assert log.status == "success"
    return Path(log.location)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    planted = {"planted": {"gap": 0.6}}
    log = evaluate_triplets(
        tmp_path_factory.mktemp("sim"),
        told,
        "pluralens_sim/likert",
        metadata=planted,
    )
    return Path(log.location)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(
        evaluate_triplets(tmp_path_factory.mktemp("other"), contrary, "mockllm/other").location
    )
