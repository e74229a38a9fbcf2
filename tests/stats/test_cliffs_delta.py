import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from pluralens.stats.cliffs_delta import cliffs_delta

group = st.lists(st.integers(1, 5), min_size=1, max_size=15)


@settings(derandomize=True, deadline=None)
@given(group, group)
def test_against_all_comparisons(x: list[int], y: list[int]) -> None:
    wins = sum((a > b) - (a < b) for a in x for b in y)
    assert cliffs_delta(x, y) == pytest.approx(wins / (len(x) * len(y)))


def test_against_mann_whitney() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0.3, 1, 200), rng.normal(0, 1, 150)
    u = mannwhitneyu(x, y).statistic
    assert cliffs_delta(x, y) == pytest.approx(2 * u / (200 * 150) - 1)


def test_sign_nan_and_empty() -> None:
    assert cliffs_delta([4.0, np.nan], [1.0, 2.0]) == 1.0
    assert cliffs_delta([1.0], [np.nan, 2.0]) == -1.0
    assert math.isnan(cliffs_delta([], [1.0]))
    assert math.isnan(cliffs_delta([1.0], [np.nan]))
