import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import ttest_1samp

from pluralens.errors import InputError
from pluralens.stats.clusters import check_level, cluster_sums, estimate_mean, t_interval


def clustered(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(25), rng.integers(1, 6, 25))
    rng.shuffle(labels)
    return rng.normal(0, 1, 25)[labels] + rng.normal(0, 1, labels.size), labels


@pytest.mark.parametrize("seed", range(4))
def test_against_statsmodels_cluster_robust_ols(seed: int) -> None:
    values, labels = clustered(seed)
    estimate = estimate_mean(cluster_sums(values, [f"b{x}" for x in labels]))
    oracle = sm.OLS(values, np.ones(values.size)).fit(
        cov_type="cluster", cov_kwds={"groups": labels}, use_t=True
    )
    assert estimate.mean[0] == pytest.approx(oracle.params[0])
    assert estimate.se[0] == pytest.approx(oracle.bse[0])
    low, high = t_interval(estimate, 0.9)
    np.testing.assert_allclose([low[0], high[0]], oracle.conf_int(0.1)[0])
    assert (estimate.n_clusters[0], estimate.n_values[0]) == (25, values.size)


def test_without_clusters_against_scipy() -> None:
    values = np.random.default_rng(0).normal(3, 1, 30)
    low, high = t_interval(estimate_mean(cluster_sums(values)))
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high])


def test_outcomes_lose_their_own_nan_only() -> None:
    values, labels = clustered(1)
    holes = np.where(np.random.default_rng(5).random(values.size) < 0.3, np.nan, values)
    both = estimate_mean(cluster_sums(np.stack([values, holes], axis=1), labels))
    kept = ~np.isnan(holes)
    alone = estimate_mean(cluster_sums(holes[kept], labels[kept]))
    assert both.mean[1] == pytest.approx(alone.mean[0])
    assert both.se[1] == pytest.approx(alone.se[0])
    assert both.n_clusters[1] == alone.n_clusters[0]
    assert both.mean[0] == pytest.approx(values.mean())


def test_empty_single_and_constant() -> None:
    empty = estimate_mean(cluster_sums(np.empty((0, 2)), []))
    assert np.isnan(empty.mean).all() and np.isnan(empty.se).all()
    single = estimate_mean(cluster_sums([1.0, 3.0], ["a", "a"]))
    assert single.mean[0] == 2 and np.isnan(single.se[0])
    assert np.isnan(t_interval(single)[0][0])
    constant = estimate_mean(cluster_sums(np.full(7, 0.1)))
    assert constant.se[0] == 0


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_level_is_checked(level: float) -> None:
    with pytest.raises(InputError, match="level"):
        check_level(level)
