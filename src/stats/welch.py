"""Welch's comparison of two groups of persona means, many outcomes at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student_t

from pluralens.stats.clusters import check_level

__all__ = ["WelchComparison", "group_moments", "welch", "welch_t"]

Floats = NDArray[np.float64]


class WelchComparison(NamedTuple):
    """Differences of two group means, one entry per outcome; positive = value above reference.

    Attributes:
        difference: Mean of the value minus mean of the reference, `[n_outcomes]`, scale points.
        low: Lower end of the interval.
        high: Upper end of the interval.
        n_value: Personas with the value and an outcome, `[n_outcomes]`.
        n_reference: Personas with the reference value and an outcome.
    """

    difference: Floats
    low: Floats
    high: Floats
    n_value: NDArray[np.int64]
    n_reference: NDArray[np.int64]


def group_moments(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Count, sum and sum of squares per outcome, leaving NaN out.

    Args:
        values: `[n, n_outcomes]`.

    Returns:
        Three arrays `[n_outcomes]`.
    """
    present = ~np.isnan(values)
    filled = np.where(present, values, 0.0)
    return present.sum(axis=0).astype(np.float64), filled.sum(axis=0), (filled**2).sum(axis=0)


def welch_t(
    n1: Floats, s1: Floats, q1: Floats, n2: Floats, s2: Floats, q2: Floats
) -> tuple[Floats, Floats, Floats]:
    """Welch's statistic from counts, sums and sums of squares.

    difference = s1/n1 - s2/n2; se^2 = v1/n1 + v2/n2 with v = (q - s^2/n) / (n - 1);
    df = se^4 / (v1^2/(n1^2 (n1-1)) + v2^2/(n2^2 (n2-1))) (Welch 1947, Biometrika 34:28-35).
    Centre the values before summing: the sums of squares cancel otherwise.

    Args:
        n1: Counts of the first group, any shape.
        s1: Sums, broadcasting with `n1`.
        q1: Sums of squares, broadcasting with `n1`.
        n2: Counts of the second group.
        s2: Sums of the second group.
        q2: Sums of squares of the second group.

    Returns:
        Difference, standard error and degrees of freedom; NaN where a group has fewer than two.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        v1, v2 = _variance(n1, s1, q1) / n1, _variance(n2, s2, q2) / n2
        df = (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
        return s1 / n1 - s2 / n2, np.sqrt(v1 + v2), df


def welch(value: ArrayLike, reference: ArrayLike, level: float = 0.95) -> WelchComparison:
    """Compare two groups of personas with Welch's t interval.

    Args:
        value: Persona means of the group, `[n, n_outcomes]`, NaN for none.
        reference: Persona means of the reference group, `[m, n_outcomes]`.
        level: Confidence level.

    Returns:
        Differences and intervals; NaN where a group has fewer than two personas, and an interval
        of no width where neither group varies.

    Raises:
        InputError: `level` does not lie between 0 and 1.
    """
    check_level(level)
    x = np.asarray(value, dtype=np.float64)
    y = np.asarray(reference, dtype=np.float64)
    n, total, _ = group_moments(np.concatenate([x, y]))
    centre = total / np.maximum(n, 1)
    n1, s1, q1 = group_moments(x - centre)
    n2, s2, q2 = group_moments(y - centre)
    difference, se, df = welch_t(n1, s1, q1, n2, s2, q2)
    with np.errstate(invalid="ignore"):
        half = np.where(se > 0, student_t.ppf(0.5 + level / 2, df) * se, se)
    difference = np.where(np.isnan(se), np.nan, difference)
    counts = n1.astype(np.int64), n2.astype(np.int64)
    return WelchComparison(difference, difference - half, difference + half, *counts)


def _variance(n: Floats, s: Floats, q: Floats) -> Floats:
    variance = (q - s**2 / n) / (n - 1)
    # Equal values leave rounding noise of the size eps * q instead of 0.
    variance = np.where(variance <= 1e-12 * q / n, 0.0, variance)
    return np.where(n > 1, variance, np.nan)
