"""Cliff's delta: how often a rating of one group lies above one of the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["cliffs_delta"]


def cliffs_delta(value: ArrayLike, reference: ArrayLike) -> float:
    """Compare two groups by dominance.

    delta = P(X > Y) - P(X < Y) for X from `value`, Y from `reference`; -1..1, positive when
    `value` lies above `reference` (Cliff 1993, Psychological Bulletin 114:494-509). Sorting makes
    it O(n log n).

    Args:
        value: Persona means of the group, `[n]`, NaN left out.
        reference: Persona means of the reference group, `[m]`, NaN left out.

    Returns:
        Delta, without unit; NaN if a group is empty.
    """
    x = np.asarray(value, dtype=np.float64)
    y = np.asarray(reference, dtype=np.float64)
    x, y = x[~np.isnan(x)], np.sort(y[~np.isnan(y)])
    if x.size == 0 or y.size == 0:
        return float("nan")
    below = int(np.searchsorted(y, x, side="left").sum())
    not_above = int(np.searchsorted(y, x, side="right").sum())
    above = x.size * y.size - not_above
    return (below - above) / (x.size * y.size)
