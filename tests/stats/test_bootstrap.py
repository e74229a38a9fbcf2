import numpy as np
import pytest
from scipy.stats import bootstrap, ks_2samp, norm

from pluralens.errors import InputError
from pluralens.stats.bootstrap import bca_interval, cluster_bootstrap
from pluralens.stats.clusters import ClusterSums, cluster_sums


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_bca_of_scipys_resamples_is_scipys_interval(seed: int, level: float) -> None:
    values = np.random.default_rng(seed).exponential(1, 15)
    oracle = bootstrap(
        (values,), np.mean, method="BCa", confidence_level=level, n_resamples=999, random_state=seed
    )
    drawn = oracle.bootstrap_distribution[:, None]
    low, high = bca_interval(cluster_sums(values), drawn, level=level, small_sample=False)
    expected = oracle.confidence_interval
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high], rtol=1e-9)


def test_resamples_are_distributed_as_scipys() -> None:
    values = np.random.default_rng(0).exponential(1, 15)
    drawn = cluster_bootstrap(cluster_sums(values), n_resamples=5000, rng=np.random.default_rng(1))
    oracle = bootstrap((values,), np.mean, n_resamples=5000, random_state=2)
    assert ks_2samp(drawn[:, 0], oracle.bootstrap_distribution).pvalue > 0.01


def test_resampled_means_of_clusters_by_moments() -> None:
    """With equal clusters the bootstrap mean has variance (G-1)/G * s^2/G of cluster means."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 1, 20)
    data = cluster_sums(np.repeat(means, 5), np.repeat(np.arange(20), 5))
    drawn = cluster_bootstrap(data, n_resamples=40_000, rng=rng)[:, 0]
    assert drawn.mean() == pytest.approx(means.mean(), abs=0.01)
    assert drawn.var() == pytest.approx(means.var() / 20, rel=0.03)


def test_clusters_of_unequal_size_against_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(6), [1, 2, 3, 4, 5, 9])
    values = rng.normal(labels, 1)
    drawn = cluster_bootstrap(cluster_sums(values, labels), n_resamples=20_000, rng=rng)[:, 0]
    groups = [values[labels == g] for g in range(6)]
    plain = [
        np.concatenate([groups[g] for g in rng.integers(0, 6, 6)]).mean() for _ in range(20_000)
    ]
    quantiles = [0.025, 0.25, 0.5, 0.75, 0.975]
    np.testing.assert_allclose(
        np.quantile(drawn, quantiles), np.quantile(plain, quantiles), atol=0.05
    )


def test_outcomes_share_resamples_and_missing_clusters_drop_out() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(0, 1, (30, 2))
    values[:, 1] = 2 * values[:, 0]
    values[:4, 1] = np.nan
    drawn = cluster_bootstrap(cluster_sums(values), n_resamples=500, rng=rng)
    assert np.corrcoef(drawn.T)[0, 1] > 0.8
    only = ClusterSums(np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]))
    lost = cluster_bootstrap(only, n_resamples=400, rng=rng)[:, 0]
    assert 0.15 < np.isnan(lost).mean() < 0.35
    assert np.nanmin(lost) == np.nanmax(lost) == 1.0


def normal_studies(n_clusters: int) -> tuple[float, float]:
    """Coverage of the mean of normal data: Efron's BCa and the expanded one; 1,500 studies."""
    rng = np.random.default_rng(n_clusters)
    hits = np.zeros(2)
    for _ in range(15):
        data = cluster_sums(rng.normal(0, 1, (n_clusters, 100)))
        drawn = cluster_bootstrap(data, n_resamples=2000, rng=rng)
        for j, expanded in enumerate((False, True)):
            low, high = bca_interval(data, drawn, small_sample=expanded)
            hits[j] += ((low <= 0) & (high >= 0)).sum()
    plain, expanded_rate = hits / 1500
    return float(plain), float(expanded_rate)


@pytest.mark.parametrize("n_clusters", [12, 25])
def test_expansion_repairs_the_coverage_with_few_clusters(n_clusters: int) -> None:
    plain, expanded = normal_studies(n_clusters)
    assert plain < 0.94
    assert 0.935 <= expanded <= 0.965


def test_expansion_vanishes_with_many_clusters() -> None:
    data = cluster_sums(np.random.default_rng(0).normal(0, 1, 2000))
    drawn = cluster_bootstrap(data, rng=np.random.default_rng(1))
    plain = np.array(bca_interval(data, drawn, small_sample=False))
    expanded = np.array(bca_interval(data, drawn))
    half = norm.ppf(0.975) / np.sqrt(2000)
    np.testing.assert_allclose(plain, expanded, atol=0.03 * half)


def test_constant_single_and_empty() -> None:
    rng = np.random.default_rng(0)
    constant = cluster_sums(np.full((8, 1), 0.2))
    low, high = bca_interval(constant, cluster_bootstrap(constant, rng=rng))
    assert low[0] == pytest.approx(0.2) and high[0] == pytest.approx(0.2)
    for data in (cluster_sums([0.2]), cluster_sums(np.empty((0, 1)))):
        low, high = bca_interval(data, cluster_bootstrap(data, rng=rng))
        assert np.isnan([low[0], high[0]]).all()
    few = cluster_sums([1.0, 2.0, 9.0])
    low, high = bca_interval(few, cluster_bootstrap(few, n_resamples=1, rng=rng))
    assert np.isfinite([low[0], high[0]]).all()


def test_number_of_resamples_is_checked() -> None:
    with pytest.raises(InputError, match="n_bootstrap: 0"):
        cluster_bootstrap(cluster_sums([1.0]), n_resamples=0, rng=np.random.default_rng(0))
