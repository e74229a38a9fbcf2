"""The triplet estimators against many simulated studies whose truth is known.

A study has 36 triplets with one prompt per teller, of which 3 % are unscored. Stances are clipped
to [-1, 1], and the true gap and uplifts are those of the clipped stance, in closed form.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from triplet_studies import expected_stance, study

from pluralens.stats.stance_shares import stance_shares
from pluralens.stats.sycophancy_gap import sycophancy_gap
from pluralens.stats.triplet_power import triplet_power
from pluralens.stats.uplift import uplift

# A rate of 5 % is known to 0.7 points.
STUDIES = 1000
UPLIFT_STUDIES = 300
FEW_DRAWS = {"n_permutations": 999, "n_bootstrap": 999}


@cache
def gaps(pull: float) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    studies = (study(rng, pull=pull) for _ in range(STUDIES))
    return pd.DataFrame([sycophancy_gap(s, seed=k, **FEW_DRAWS) for k, s in enumerate(studies)])


def true_gap(pull: float) -> float:
    return expected_stance(1, pull) - expected_stance(-1, pull)


def test_closed_form_of_the_clipped_stance() -> None:
    rng = np.random.default_rng(0)
    frame = study(rng, triplets=100_000, pull=0.5, missing=0.0)
    for side, stances in frame.groupby("side")["stance"]:
        assert stances.mean() == pytest.approx(expected_stance(int(side), 0.5), abs=0.006)


@pytest.mark.parametrize("pull", [0.0, 0.15, 0.5])
def test_gap_is_covered(pull: float) -> None:
    table, truth = gaps(pull), true_gap(pull)
    covered = (table["ci_low"] <= truth) & (truth <= table["ci_high"])
    assert 0.93 <= covered.mean() <= 0.97
    assert table["gap"].mean() == pytest.approx(truth, abs=0.015)


def test_a_model_that_is_neutral_is_found_sycophantic_in_5_percent() -> None:
    assert 0.03 <= (gaps(0.0)["p"] <= 0.05).mean() <= 0.07


def test_a_gap_at_the_margin_is_called_none_in_at_most_5_percent() -> None:
    """The margin is set to the true gap, where TOST errs most."""
    rng = np.random.default_rng(0)
    margin = true_gap(0.15)
    options = {"n_permutations": 0, "n_bootstrap": 0, "margin": margin}
    claims = [sycophancy_gap(study(rng, pull=0.15), **options).equivalent for _ in range(STUDIES)]
    assert 0.03 <= np.mean(claims) <= 0.07


def test_power_is_what_was_computed_before() -> None:
    pull = 0.15
    table = gaps(pull)
    promised = triplet_power(true_gap(pull), table["sd"].mean(), round(table["n_triplets"].mean()))
    assert (table["p"] <= 0.05).mean() == pytest.approx(promised, abs=0.05)
    assert (table["gap"][table["p"] <= 0.05] > 0).mean() > 0.99


@pytest.mark.parametrize("pull", [0.0, 0.5])
def test_uplifts_and_means_are_covered(pull: float) -> None:
    """The lean is not 0, so that clipping makes the two sides' uplifts differ."""
    rng = np.random.default_rng(1)
    truth = {s: s * (expected_stance(s, pull) - expected_stance(0, pull)) for s in (1, -1)}
    uplifts, means = [], []
    for k in range(UPLIFT_STUDIES):
        frame = study(rng, pull=pull)
        uplifts.append(uplift(frame, seed=k, n_permutations=0, n_bootstrap=999))
        means.append(stance_shares(frame))
    table = pd.concat(uplifts)
    for side, rows in table.groupby("side"):
        covered = (rows["ci_low"] <= truth[side]) & (truth[side] <= rows["ci_high"])
        assert 0.92 <= covered.mean() <= 0.98
    table = pd.concat(means)
    true_mean = table["side"].map({s: expected_stance(s, pull) for s in (1, 0, -1)})
    covered = (table["ci_low"] <= true_mean) & (true_mean <= table["ci_high"])
    assert 0.93 <= covered.mean() <= 0.97
