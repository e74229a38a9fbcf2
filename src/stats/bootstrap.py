"""Cluster bootstrap interval for a mean: bias-corrected and accelerated, fit for few clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import t as student_t

from pluralens.errors import InputError
from pluralens.stats.clusters import ClusterSums, check_level

__all__ = ["bca_interval", "cluster_bootstrap"]

Floats = NDArray[np.float64]

_MAX_CELLS = 4_000_000


def cluster_bootstrap(
    data: ClusterSums, *, n_resamples: int = 2000, rng: np.random.Generator
) -> Floats:
    """Resample whole clusters and take the mean of all their values.

    mean* = sum_g w_g S_g / sum_g w_g n_g with w multinomial counts: a base is drawn with all its
    pairs and outcomes (Davison & Hinkley 1997, Bootstrap Methods, section 3.8).

    Args:
        data: Sums and counts per cluster, `[n_clusters, n_outcomes]`.
        n_resamples: Number B of resamples.
        rng: Source of the resamples.

    Returns:
        Means `[n_resamples, n_outcomes]`; NaN where a resample holds no value of an outcome.

    Raises:
        InputError: `n_resamples` is less than 1.
    """
    if n_resamples < 1:
        raise InputError(f"n_bootstrap: {n_resamples} is too few; give at least 1")
    n_clusters, n_outcomes = data.sums.shape
    if n_clusters == 0:
        return np.full((n_resamples, n_outcomes), np.nan)
    stacked = np.concatenate([data.sums, data.counts], axis=1)
    drawn = np.empty((n_resamples, 2 * n_outcomes))
    step = max(1, _MAX_CELLS // n_clusters)
    for start in range(0, n_resamples, step):
        stop = min(start + step, n_resamples)
        rows = stop - start
        index = rng.integers(0, n_clusters, size=(rows, n_clusters))
        index += np.arange(rows)[:, None] * n_clusters
        weights = np.bincount(index.ravel(), minlength=rows * n_clusters)
        drawn[start:stop] = weights.reshape(rows, n_clusters).astype(np.float64) @ stacked
    sums, counts = drawn[:, :n_outcomes], drawn[:, n_outcomes:]
    return np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)


def bca_interval(
    data: ClusterSums,
    resampled: Floats,
    *,
    level: float = 0.95,
    small_sample: bool = True,
) -> tuple[Floats, Floats]:
    """Put a BCa interval around clustered means.

    End points are the quantiles Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the resampled means, with
    z0 from the share of them below the estimate and a from the jackknife over clusters (Efron 1987,
    J. Am. Stat. Assoc. 82:171-185). The bootstrap variance is (G - 1) / G too small and
    its quantiles are normal rather than t, so plain BCa covers too little with few clusters;
    `small_sample` takes z = sqrt(G / (G - 1)) * t_{G-1} instead of the normal quantile (expanded
    percentiles, Hesterberg 2015, Am. Stat. 69:371-386, section 5.3). Both agree for many clusters.

    Args:
        data: Sums and counts per cluster, `[n_clusters, n_outcomes]`.
        resampled: Their bootstrap means, `[n_resamples, n_outcomes]`.
        level: Confidence level.
        small_sample: Whether to expand the quantiles; False gives Efron's interval.

    Returns:
        Lower and upper ends, `[n_outcomes]` each; NaN with fewer than two clusters.

    Raises:
        InputError: `level` does not lie between 0 and 1.
    """
    check_level(level)
    n_outcomes = data.sums.shape[1]
    low, high = np.full(n_outcomes, np.nan), np.full(n_outcomes, np.nan)
    for k in range(n_outcomes):
        used = data.counts[:, k] > 0
        n_clusters = int(used.sum())
        draws = resampled[~np.isnan(resampled[:, k]), k]
        if n_clusters < 2 or draws.size == 0:
            continue
        sums, counts = data.sums[used, k], data.counts[used, k]
        estimate = sums.sum() / counts.sum()
        z = ndtri(0.5 + level / 2)
        if small_sample:
            expansion = np.sqrt(n_clusters / (n_clusters - 1))
            z = expansion * student_t.ppf(0.5 + level / 2, n_clusters - 1)
        below = ((draws < estimate).mean() + (draws <= estimate).mean()) / 2
        # With few resamples all can lie on one side, which would put z0 at infinity.
        z0 = ndtri(np.clip(below, 0.5 / draws.size, 1 - 0.5 / draws.size))
        shift = z0 + np.array([-z, z])
        tails = ndtr(z0 + shift / (1 - _acceleration(sums, counts) * shift))
        low[k], high[k] = np.quantile(draws, tails)
    return low, high


def _acceleration(sums: Floats, counts: Floats) -> float:
    """Skewness of the jackknife means over 6; 0 where all clusters agree."""
    left_out = (sums.sum() - sums) / (counts.sum() - counts)
    deviation = left_out.mean() - left_out
    spread = float((deviation**2).sum())
    return float((deviation**3).sum()) / (6 * spread**1.5) if spread > 1e-24 else 0.0
