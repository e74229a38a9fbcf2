import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from pluralens.stats.kappa import quadratic_weighted_kappa


@pytest.mark.parametrize("seed", range(6))
def test_against_sklearn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.integers(1, 6, 60)
    b = np.clip(a + rng.integers(-2, 3, 60), 1, 5)
    expected = cohen_kappa_score(a, b, labels=[1, 2, 3, 4, 5], weights="quadratic")
    assert quadratic_weighted_kappa(a, b) == pytest.approx(expected)


def test_constant_raters() -> None:
    assert math.isnan(quadratic_weighted_kappa([3, 3, 3], [3, 3, 3]))
    # Two different constants agree no better than chance: expected and observed are the same.
    assert quadratic_weighted_kappa([2, 2], [3, 3]) == pytest.approx(0.0)


def test_nan_pairs_are_left_out_and_nothing_gives_nan() -> None:
    nan = float("nan")
    assert quadratic_weighted_kappa([1, 5, nan, 2], [1, 5, 3, nan]) == pytest.approx(1.0)
    assert math.isnan(quadratic_weighted_kappa([nan], [1.0]))


def test_fractions() -> None:
    assert quadratic_weighted_kappa([1.5, 4.5], [1.5, 4.5]) == pytest.approx(1.0)
    assert quadratic_weighted_kappa([1.5, 4.5], [4.5, 1.5]) == pytest.approx(-1.0)
