"""Means of clustered values: several values per persona, one independent draw per persona."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from pluralens.errors import InputError

__all__ = ["ClusterSums", "MeanEstimate", "check_level", "cluster_sums", "estimate_mean"]
__all__ += ["t_interval"]

Floats = NDArray[np.float64]


class ClusterSums(NamedTuple):
    """Sums and counts per cluster; all that a clustered mean needs.

    Attributes:
        sums: Sum of the values per cluster and outcome, `[n_clusters, n_outcomes]`.
        counts: Number of values behind each sum, same shape; 0 where all were NaN.
    """

    sums: Floats
    counts: Floats


class MeanEstimate(NamedTuple):
    """Means with cluster-robust standard errors, one entry per outcome.

    Attributes:
        mean: `[n_outcomes]`, the values' unit; NaN without values.
        se: `[n_outcomes]`, the values' unit; NaN with fewer than two clusters.
        n_clusters: Clusters with a value, `[n_outcomes]`.
        n_values: Values, `[n_outcomes]`.
    """

    mean: Floats
    se: Floats
    n_clusters: NDArray[np.int64]
    n_values: NDArray[np.int64]


def check_level(level: float) -> None:
    """Refuse a confidence level that is none.

    Args:
        level: Confidence level, for example 0.95.

    Raises:
        InputError: `level` does not lie between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level: {level:g} does not lie between 0 and 1; give for example 0.95")


def cluster_sums(values: ArrayLike, clusters: ArrayLike | None = None) -> ClusterSums:
    """Sum values within clusters, leaving NaN out.

    Args:
        values: `[n]` or `[n, n_outcomes]`.
        clusters: Label per row, `[n]`; None makes every row a cluster of its own.

    Returns:
        Sums and counts, in the order of the sorted labels.
    """
    rows = np.asarray(values, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    present = ~np.isnan(rows)
    filled = np.where(present, rows, 0.0)
    if clusters is None:
        return ClusterSums(filled, present.astype(np.float64))
    labels, code = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((labels.size, rows.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, code, filled)
    np.add.at(counts, code, present)
    return ClusterSums(sums, counts)


def estimate_mean(data: ClusterSums) -> MeanEstimate:
    """Estimate the mean of all values with a cluster-robust standard error.

    mean = sum_g S_g / N; se^2 = G/(G-1) * sum_g (S_g - n_g * mean)^2 / N^2 over the G clusters with
    values (linearised ratio; Cameron & Miller 2015, J. Human Resources 50:317-372, eq. 11 with one
    regressor). With one value per cluster it is the textbook s / sqrt(n).

    Args:
        data: Sums and counts per cluster.

    Returns:
        Estimates per outcome.
    """
    total = data.counts.sum(axis=0)
    n_clusters = (data.counts > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = data.sums.sum(axis=0) / total
        residual = data.sums - data.counts * mean
        correction = n_clusters / (n_clusters - 1.0)
        se = np.sqrt(correction * (residual**2).sum(axis=0)) / total
    # Rounding leaves about 1e-17 where all values are equal; TOST would divide by it.
    se = np.where(se < 1e-12, 0.0, se)
    se = np.where(n_clusters > 1, se, np.nan)
    return MeanEstimate(mean, se, n_clusters.astype(np.int64), total.astype(np.int64))


def t_interval(estimate: MeanEstimate, level: float = 0.95) -> tuple[Floats, Floats]:
    """Put a t interval with G - 1 degrees of freedom around clustered means.

    Args:
        estimate: Means with standard errors.
        level: Confidence level.

    Returns:
        Lower and upper ends, `[n_outcomes]` each; NaN with fewer than two clusters.

    Raises:
        InputError: `level` does not lie between 0 and 1.
    """
    check_level(level)
    half = student_t.ppf(0.5 + level / 2, np.maximum(estimate.n_clusters - 1, 1)) * estimate.se
    return estimate.mean - half, estimate.mean + half
