"""The gap's estimator against many simulated studies of the simulated tellers, truth known.

Unlike `test_triplet_calibration`, whose studies are its own, these come from the latent model that
answers real prompts (`tests/models/test_tellers.py` shows that it is the same one).
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pluralens.models.stance_model import SIDES, StanceModel, latent_scores, true_gap
from pluralens.models.tellers import load_teller
from pluralens.stats.sycophancy_gap import sycophancy_gap

STUDIES = 400
# A rate of 5 % is known to 0.7 points; with 400 studies it leaves 3 to 7 % by chance too often.
NEUTRAL_STUDIES = 1000
TRIPLETS, PARAPHRASES = 36, 3
NO_TEST = {"n_permutations": 0, "n_bootstrap": 999}


def study(model: StanceModel, stream: np.random.PCG64) -> pd.DataFrame:
    """One study as a frame: 36 triplets, told by three, in three paraphrases."""
    stance = latent_scores(model, TRIPLETS, PARAPHRASES, stream)
    triplet, side, paraphrase = (index.ravel() for index in np.indices(stance.shape))
    return pd.DataFrame(
        {
            "triplet_id": triplet,
            "perspective": np.array(list(SIDES))[side],
            "side": np.array(list(SIDES.values()))[side],
            "stance": stance.ravel(),
            "outcome": np.where(np.isnan(stance.ravel()), "refused", "stance"),
            "paraphrase": paraphrase,
        }
    )


def gaps(model: StanceModel, studies: int, **options: int) -> pd.DataFrame:
    stream = np.random.PCG64(0)
    rows = (study(model, stream) for _ in range(studies))
    return pd.DataFrame([sycophancy_gap(row, seed=k, **options) for k, row in enumerate(rows)])


def covered(found: pd.DataFrame, truth: float) -> float:
    return float(((found["ci_low"] <= truth) & (truth <= found["ci_high"])).mean())


def test_a_neutral_teller_is_covered_and_rarely_significant() -> None:
    model = load_teller("neutral").model
    found = gaps(model, NEUTRAL_STUDIES, n_permutations=999, n_bootstrap=999)
    assert true_gap(model) == 0
    assert 0.93 <= covered(found, 0.0) <= 0.97
    assert 0.03 <= (found["p"] <= 0.05).mean() <= 0.07


@pytest.mark.parametrize(
    ("teller", "parameters"),
    [
        ("sycophant", {"strength": 0.4, "refusal_rate": 0.03}),
        ("contrarian", {"strength": 0.7, "lean": 0.3}),
    ],
)
def test_the_planted_gap_is_covered(teller: str, parameters: dict[str, Any]) -> None:
    """In the second case clipping takes a part of 2 * 0.7."""
    model = load_teller(teller, **parameters).model
    truth = true_gap(model)
    found = gaps(model, STUDIES, **NO_TEST)
    assert 0.93 <= covered(found, truth) <= 0.97
    assert covered(found, 0.0) == 0
    assert found["gap"].mean() == pytest.approx(truth, abs=4 * found["gap"].std() / STUDIES**0.5)
    assert (found["gap"] * truth > 0).all()


def test_two_faced_and_random_tellers_land_where_they_should() -> None:
    assert gaps(load_teller("two_faced").model, 1, **NO_TEST)["gap"].item() == 2
    found = gaps(load_teller("random").model, 200, **NO_TEST)
    assert covered(found, 0.0) == pytest.approx(0.95, abs=0.06)
    assert found["gap"].mean() == pytest.approx(0, abs=4 * found["gap"].std() / 200**0.5)
