"""Cramér's V: how strongly two nominal attributes go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["cramers_v", "cramers_v_by_chance", "cramers_v_table"]


def cramers_v(a: ArrayLike, b: ArrayLike) -> float:
    """Measure the association of two nominal attributes.

    Args:
        a: Value code of each persona, whole numbers >= 0, `[n]`.
        b: Codes of the other attribute, `[n]`.

    Returns:
        V, 0 (independent) .. 1 (one determines the other), without unit; only values that occur
        count. NaN if either attribute has fewer than two.

    Raises:
        ValueError: The arrays differ in length, or hold something else than codes.
    """
    first, second = np.asarray(a), np.asarray(b)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"two code arrays of one length are needed, not {first.shape} and {second.shape}"
        )
    if first.size == 0:
        return float("nan")
    for codes in (first, second):
        if codes.dtype.kind not in "iu" or codes.min() < 0:
            raise ValueError("codes are whole numbers from 0")
    # intp first: small unsigned codes would overflow in the product.
    columns = int(second.max()) + 1
    cells = first.astype(np.intp) * columns + second.astype(np.intp)
    counts = np.bincount(cells, minlength=(int(first.max()) + 1) * columns)
    return cramers_v_table(counts.reshape(-1, columns))


def cramers_v_table(counts: ArrayLike) -> float:
    """Measure the association in a contingency table.

    V = sqrt(chi2 / (n * min(r - 1, c - 1))) with Pearson's chi-square without continuity
    correction, of the r rows and c columns that are not empty (Cramér 1946, Mathematical Methods
    of Statistics, p. 282). Not corrected for bias: see `cramers_v_by_chance`.

    Args:
        counts: Counts, or shares of a known distribution, >= 0, `[r, c]`.

    Returns:
        V, 0..1, without unit; NaN if fewer than two rows or columns hold anything.

    Raises:
        ValueError: Not two-dimensional, or a count is negative or not finite.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("a two-dimensional table of counts >= 0 is needed")
    table = table[table.sum(axis=1) > 0]
    table = table[:, table.sum(axis=0) > 0]
    degrees = min(table.shape) - 1
    if degrees < 1:
        return float("nan")
    shares = table / table.sum()
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    # chi2 / n; rounding may carry a perfect association past 1.
    phi2 = float(((shares - expected) ** 2 / expected).sum())
    return min(1.0, float(np.sqrt(phi2 / degrees)))


def cramers_v_by_chance(rows: int, columns: int, n: int) -> float:
    """The V that attributes show in a sample although they are independent.

    Root mean square of V over all ways to pair up the same values: the chi-square of an r x c table
    with fixed margins is (r - 1)(c - 1) n / (n - 1) on average, so
    V = sqrt(max(r - 1, c - 1) / (n - 1)) (Bergsma 2013, J. Korean Stat. Soc. 42:323-328).

    Args:
        rows: Values of one attribute that occur.
        columns: Values of the other that occur.
        n: Size of the sample.

    Returns:
        V, without unit; NaN if an attribute has fewer than two values.
    """
    if min(rows, columns) < 2 or n < 2:
        return float("nan")
    return float(np.sqrt(max(rows - 1, columns - 1) / (n - 1)))
