"""Quadratic-weighted kappa, also for ratings that are not whole numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["quadratic_weighted_kappa"]


def quadratic_weighted_kappa(first: ArrayLike, second: ArrayLike) -> float:
    """Measure the agreement of two ratings of the same things.

    kappa = 1 - mean((a - b)^2) / (var(a) + var(b) + (mean(a) - mean(b))^2), with variances over n.
    The denominator is the squared difference expected of independent raters with these margins, so
    this is Cohen's kappa with quadratic weights (Fleiss & Cohen 1973, Educ. Psychol. Meas.
    33:613-619) without a confusion table, and it holds for expected ratings too.

    Args:
        first: Ratings in scale points, `[n]`.
        second: The second rating of each, `[n]`; pairs with a NaN are left out.

    Returns:
        Kappa, -1..1, without unit; NaN without pairs or if both are the same constant.
    """
    a = np.asarray(first, dtype=np.float64)
    b = np.asarray(second, dtype=np.float64)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    if a.size == 0:
        return float("nan")
    by_chance = float(a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    return 1.0 - float(((a - b) ** 2).mean()) / by_chance if by_chance > 0 else float("nan")
