import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from triplet_studies import study

from pluralens.stats.position_effect import position_effect


def ordered(rng: np.random.Generator, effect: float = 0.0, **options: float) -> pd.DataFrame:
    frame = study(rng, **options)  # type: ignore[arg-type]
    first = rng.integers(0, 2, len(frame)).astype(float)
    stance = (frame["stance"] / 2 + effect * (first - 0.5)).clip(-1, 1)
    return frame.assign(positive_first=first, stance=stance)


def test_the_estimate_is_that_of_least_squares_and_the_error_a_jackknife() -> None:
    frame = ordered(np.random.default_rng(3), 0.1, triplets=20, prompts=2)
    scored = frame.dropna(subset="stance")
    model = smf.ols("stance ~ positive_first + C(side) + C(triplet_id)", scored)
    fit = model.fit()
    found = position_effect(frame)
    assert found.effect == pytest.approx(fit.params["positive_first"])
    # The jackknife by brute force, but with the sides estimated anew each time.
    without = [
        smf.ols(model.formula, scored[scored["triplet_id"] != k]).fit().params["positive_first"]
        for k in range(20)
    ]
    error = np.sqrt(19 / 20 * np.sum((np.array(without) - found.effect) ** 2))
    half = (found.ci_high - found.ci_low) / 2
    assert half == pytest.approx(2.093024 * error, rel=0.1)  # t quantile, 19 degrees of freedom
    assert found.n_prompts == len(scored) and found.n_triplets == 20


def test_the_interval_covers_what_was_planted() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(400):
        found = position_effect(ordered(rng, 0.1, triplets=36, pull=0.3))
        hits += found.ci_low <= 0.1 <= found.ci_high
    assert 0.91 <= hits / 400 <= 0.98


def by_triplet(rng: np.random.Generator, effect: float, triplets: int = 36) -> pd.DataFrame:
    """One wording, whose three prompts share their order."""
    frame = study(rng, triplets=triplets, pull=0.3)
    first = rng.integers(0, 2, triplets).astype(float)[frame["triplet_id"]]
    stance = (frame["stance"] / 2 + effect * (first - 0.5)).clip(-1, 1)
    return frame.assign(positive_first=first, stance=stance)


def test_an_order_that_triplets_share_is_estimated_between_them() -> None:
    frame = by_triplet(np.random.default_rng(6), 0.1, triplets=20)
    scored = frame.dropna(subset="stance")
    model = smf.ols("stance ~ positive_first + C(side)", scored)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": scored["triplet_id"]})
    found = position_effect(frame)
    assert found.effect == pytest.approx(fit.params["positive_first"])
    half = (found.ci_high - found.ci_low) / 2
    assert half == pytest.approx(2.093024 * fit.bse["positive_first"], rel=0.15)


def test_the_interval_between_triplets_covers_what_was_planted() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(400):
        found = position_effect(by_triplet(rng, 0.1))
        hits += found.ci_low <= 0.1 <= found.ci_high
    assert 0.91 <= hits / 400 <= 0.98


def test_what_cannot_be_told_is_nan() -> None:
    rng = np.random.default_rng(5)
    few = position_effect(ordered(rng, triplets=3))
    assert np.isnan(few.effect) and few.n_triplets == 3
    always = position_effect(ordered(rng).assign(positive_first=1.0))
    assert np.isnan(always.effect)
    nothing = ordered(rng).assign(stance=np.nan, outcome="unscored")
    assert np.isnan(position_effect(nothing).effect)
