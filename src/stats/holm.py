"""Holm's adjustment that leaves untested hypotheses out of the family."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["holm"]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values for the chance of any false rejection.

    adjusted_(i) = max over j <= i of min(1, (m - j + 1) p_(j)), with m the number of p values that
    are not NaN (Holm 1979, Scand. J. Statist. 6:65-70).

    Args:
        p: p values, `[m]`; NaN for a hypothesis that was not tested.

    Returns:
        Adjusted p values, `[m]`; NaN stays NaN and does not enlarge the family.
    """
    values = np.asarray(p, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    steps = values[order] * np.arange(order.size, 0, -1)
    result = np.full(values.shape, np.nan)
    result[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return result
