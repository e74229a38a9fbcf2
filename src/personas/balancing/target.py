"""How many personas each cell should have: even marginals, and no association beyond them.

A cell is a combination of one group per axis that somebody can have. Quotas start equal and are
raked (iterative proportional fitting; Deming & Stephan 1940) until every axis is as even as there
are personas for. Raking changes as little as possible (in relative entropy), so what is even and
unassociated at the start stays as unassociated as empty and scarce cells allow.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["even_quotas", "water_filled"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SWEEPS = 300
# Largest change of a quota in the last sweep, as a share of all personas.
TOLERANCE = 1e-7
# Bound of a group's scale. Marginals that no choice meets all at once would drive scales to
# infinity; bounded ones minimise the relative entropy plus log(LARGEST) per persona off the goals.
LARGEST = 1e4


def water_filled(available: Ints, total: int, order: Ints) -> Ints:
    """Divide a total as evenly as groups of limited size allow.

    Small groups are taken whole, all others get the same, give or take one: no division deviates
    less from uniform at its largest deviation.

    Args:
        available: Personas of each group, shape (groups,).
        total: How many to divide, at most their sum.
        order: Groups in the order in which they get what does not divide evenly.
    """
    level = int(_level(available, total))
    filled: Ints = np.minimum(available, level)
    rest = order[available[order] > level][: total - int(filled.sum())]
    filled[rest] += 1
    return filled


def even_quotas(cells: Ints, sizes: tuple[int, ...], capacity: Ints, n: int) -> Floats:
    """Fractional number of personas for each cell.

    Args:
        cells: Group of each cell on each axis, shape (cells, axes); group `sizes[axis]` stands for
            those to whom the axis does not apply, whose number is free.
        sizes: Number of groups of each axis.
        capacity: The most each cell can have, shape (cells,).
        n: The sum.

    Returns:
        Shape (cells,), at most `capacity`. Marginals that exclude each other are met in part.
    """
    limit = capacity.astype(np.float64)
    wanted: Floats = np.full(len(cells), _level(limit, n))
    available = [
        np.bincount(cells[:, a], limit, minlength=size + 1)[:size] for a, size in enumerate(sizes)
    ]
    scales = [np.ones(size + 1) for size in sizes]
    everyone = np.zeros(len(cells), dtype=np.int64)
    for _ in range(SWEEPS):
        # Bounded scales let the sum drift; what all cells share is not bounded.
        wanted = wanted * _scale(wanted, limit, everyone, np.array([float(n)]))
        before = np.minimum(wanted, limit)
        for a, size in enumerate(sizes):
            codes = cells[:, a]
            marginal = np.bincount(codes, np.minimum(wanted, limit), minlength=size + 1)
            goal = marginal * (n / marginal.sum())
            goal[:size] = np.minimum(available[a], _level(available[a], goal[:size].sum()))
            scale = np.clip(scales[a] * _scale(wanted, limit, codes, goal), 1.0 / LARGEST, LARGEST)
            scale[size] = 1.0
            wanted = wanted * (scale / scales[a])[codes]
            scales[a] = scale
        if np.abs(np.minimum(wanted, limit) - before).max() <= TOLERANCE * n:
            break
    return np.minimum(wanted, limit)


def _level(available: npt.NDArray[Any], total: float) -> float:
    """The level up to which groups are filled: the sum of min(available, level) is the total."""
    ascending = np.sort(available)
    below = np.append(0.0, np.cumsum(ascending)[:-1])
    levels = (total - below) / np.arange(len(available), 0, -1)
    reached = np.flatnonzero(levels <= ascending)
    return float(levels[reached[0]] if len(reached) else ascending[-1])


def _scale(wanted: Floats, limit: Floats, codes: Ints, goal: npt.NDArray[Any]) -> Floats:
    """Factor of each group by which what its cells give, min(limit, wanted), sums to its goal."""
    scale: Floats = np.ones(len(goal))
    for _ in range(4):
        scaled = wanted * scale[codes]
        free = scaled < limit
        open_ = np.bincount(codes, scaled * free, minlength=len(goal))
        given = open_ + np.bincount(codes, limit * ~free, minlength=len(goal))
        # The sum is concave in the scale: from below Newton's step, from above the plain ratio
        # comes closer without passing the root.
        step = 1.0 + np.divide(goal - given, open_, out=np.zeros(len(goal)), where=open_ > 0)
        ratio = np.divide(goal, given, out=np.ones(len(goal)), where=given > 0)
        scale *= np.where(goal < given, ratio, step)
    return scale
