"""Empirical Bayes for shares of several cells: small cells borrow from the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, expit, logit

from pluralens.errors import InputError

__all__ = ["PooledShares", "partial_pooling"]

Floats = NDArray[np.float64]

# Two cells say next to nothing about how far cells differ.
_LEAST_CELLS = 3
# Prior answers at which cells are the same for all purposes, and at which nothing is borrowed.
_MOST_PRIOR, _LEAST_PRIOR = 1e5, 1e-2


class PooledShares(NamedTuple):
    """Cells' shares, drawn toward their mean.

    Attributes:
        pooled: Posterior mean per cell, 0..1, `[n_cells]`; NaN without answers.
        weight: How much of it is the cell's own share, 0..1, `[n_cells]`.
        mean: Mean of the cells' distribution.
        prior: Answers that the distribution is worth; large = the cells hardly differ.
    """

    pooled: Floats
    weight: Floats
    mean: float
    prior: float


def partial_pooling(shares: ArrayLike, sizes: ArrayLike) -> PooledShares:
    """Draw shares toward their mean, the more the fewer answers they rest on.

    Beta-binomial: cells' true shares follow a Beta(mean * prior, (1 - mean) * prior), of which the
    marginal likelihood of all cells is maximised (Efron & Morris 1975, J. Am. Stat. Assoc.
    70:311-319, there for normal shares). pooled = (n * share + prior * mean) / (n + prior). The
    sizes may be effective ones and need not be whole. Pooled shares are better on average over the
    cells and worse for a cell that truly stands apart; they are shown beside the raw ones.

    Args:
        shares: Share per cell, 0..1, `[n_cells]`; NaN for a cell without answers.
        sizes: Number of answers behind each.

    Returns:
        Pooled shares; all NaN with fewer than three cells that have answers.

    Raises:
        InputError: A share is not from 0 to 1, or a size is not above 0.
    """
    y, n = np.asarray(shares, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    known = ~np.isnan(y)
    if (y[known] < 0).any() or (y[known] > 1).any():
        raise InputError("partial pooling: a share is not from 0 to 1; give shares")
    if not (n[known] > 0).all():
        raise InputError("partial pooling: a share rests on no answers; give it as NaN")
    nothing = np.full(y.shape, np.nan)
    if known.sum() < _LEAST_CELLS:
        return PooledShares(nothing, nothing, float("nan"), float("nan"))
    hits, size = (y * n)[known], n[known]

    def loss(parameters: Floats) -> float:
        mean, prior = expit(parameters[0]), np.exp(parameters[1])
        a, b = mean * prior, (1 - mean) * prior
        return float(-(betaln(a + hits, b + size - hits) - betaln(a, b)).sum())

    start = float(logit(np.clip(hits.sum() / size.sum(), 0.01, 0.99)))
    scales = np.linspace(np.log(_LEAST_PRIOR), np.log(_MOST_PRIOR), 24)
    # The likelihood can be flat where the cells hardly differ; a grid finds where its top is.
    coarse = min(scales.tolist(), key=lambda scale: loss(np.array([start, scale])))
    bounds = [(-12.0, 12.0), (scales[0], scales[-1])]
    best = minimize(loss, [start, coarse], method="Nelder-Mead", bounds=bounds).x
    mean, prior = float(expit(best[0])), float(np.exp(best[1]))
    weight = np.where(known, n / (n + prior), np.nan)
    return PooledShares(weight * y + (1 - weight) * mean, weight, mean, prior)
