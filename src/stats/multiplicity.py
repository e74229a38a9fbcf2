"""Benjamini-Hochberg adjustment that leaves untested hypotheses out of the family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control

__all__ = ["adjust_within", "benjamini_hochberg"]


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values for the false discovery rate.

    adjusted_(i) = min over j >= i of p_(j) * m / j, with m the number of p values that are not NaN
    (Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57:289-300).

    Args:
        p: p values, `[m]`; NaN for a hypothesis that was not tested.

    Returns:
        Adjusted p values, `[m]`; NaN stays NaN and does not enlarge the family.
    """
    values = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(values)
    result = np.full(values.shape, np.nan)
    if tested.any():
        result[tested] = false_discovery_control(values[tested], method="bh")
    return result


def adjust_within(table: pd.DataFrame, family: Sequence[str], p: str = "p") -> pd.Series[float]:
    """Adjust the p values of a table separately within each family.

    Args:
        table: Table with a column of p values.
        family: Columns whose combination names the family.
        p: Name of the column with p values.

    Returns:
        Adjusted p values on the index of `table`.
    """
    adjusted = np.full(len(table), np.nan)
    values = table[p].to_numpy(dtype=np.float64)
    for rows in table.groupby(list(family), sort=False, dropna=False).indices.values():
        adjusted[rows] = benjamini_hochberg(values[rows])
    return pd.Series(adjusted, index=table.index, name="p_adjusted")
