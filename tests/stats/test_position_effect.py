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


def test_what_cannot_be_told_is_nan() -> None:
    rng = np.random.default_rng(5)
    few = position_effect(ordered(rng, triplets=3))
    assert np.isnan(few.effect) and few.n_triplets == 3
    always = position_effect(ordered(rng).assign(positive_first=1.0))
    assert np.isnan(always.effect)
    nothing = ordered(rng).assign(stance=np.nan, outcome="unscored")
    assert np.isnan(position_effect(nothing).effect)
