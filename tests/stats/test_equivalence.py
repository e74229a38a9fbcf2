import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from pluralens.errors import InputError
from pluralens.stats.clusters import cluster_sums, estimate_mean, t_interval
from pluralens.stats.equivalence import equivalence_p


@pytest.mark.parametrize("shift", [-0.3, -0.1, 0.0, 0.05, 0.2])
def test_against_statsmodels(shift: float) -> None:
    d = np.random.default_rng(0).normal(shift, 0.3, 40)
    p = equivalence_p(estimate_mean(cluster_sums(d)), 0.1)
    assert p[0] == pytest.approx(ttost_paired(d, np.zeros(40), -0.1, 0.1)[0])


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.02, 0.5))
def test_rejects_exactly_when_the_90_percent_interval_is_inside(seed: int, margin: float) -> None:
    rng = np.random.default_rng(seed)
    bases = rng.integers(0, 12, 40)
    estimate = estimate_mean(cluster_sums(rng.normal(0, 0.3, 40), bases))
    low, high = t_interval(estimate, 0.9)
    inside = -margin < low[0] and high[0] < margin
    assert (equivalence_p(estimate, margin)[0] < 0.05) == inside


def test_without_spread_and_with_too_few() -> None:
    values = np.tile([0.0, 0.3, -0.25, 0.25], (6, 1))
    p = equivalence_p(estimate_mean(cluster_sums(values)), 0.25)
    np.testing.assert_array_equal(p, [0.0, 1.0, 0.5, 0.5])
    assert np.isnan(equivalence_p(estimate_mean(cluster_sums([0.0])), 0.1)[0])
    assert equivalence_p(estimate_mean(cluster_sums(np.empty((0, 0)))), 0.1).shape == (0,)


@pytest.mark.parametrize("margin", [0.0, -0.1, float("nan")])
def test_margin_is_checked(margin: float) -> None:
    with pytest.raises(InputError, match="margin"):
        equivalence_p(estimate_mean(cluster_sums([0.0, 1.0])), margin)
