"""Whole numbers of personas per cell: quotas rounded by chance, then refined by moving personas.

All choices follow from the seed's key and from sums and products of few numbers, which every
machine computes alike.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.balancing.refinement import Tables
from pluralens.personas.balancing.target import even_quotas, water_filled
from pluralens.personas.drawing import raw_numbers, uniforms

__all__ = ["allocate", "shuffled"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# More cells than that take minutes and leave nearly all of them empty.
MAX_CELLS = 200_000


def shuffled(key: Sequence[Any], n: int) -> Ints:
    """The numbers below n in the random order that `key` names, shape (n,)."""
    return np.argsort(raw_numbers(key, 0, n), kind="stable").astype(np.int64)


def allocate(
    cells: Ints, sizes: tuple[int, ...], capacity: Ints, n: int, key: Sequence[Any]
) -> Ints:
    """Personas per cell: marginals as even as possible, then pairs of axes unassociated.

    Args:
        cells: As in `pluralens.personas.balancing.target.even_quotas`, shape (cells, axes).
        sizes: Number of groups of each axis.
        capacity: The most each cell can have, shape (cells,).
        n: How many personas; at most the sum of `capacity`.
        key: Names the random numbers; JSON values.

    Returns:
        Shape (cells,), sums to n.

    Raises:
        InputError: There are too many cells.
    """
    if len(cells) > MAX_CELLS:
        raise InputError(
            f"the axes have {len(cells)} possible combinations, and at most {MAX_CELLS} can be "
            "balanced; use fewer axes, or coarser ones"
        )
    quotas = even_quotas(cells, sizes, capacity, n)
    counts = np.minimum(_rounded(quotas, cells, sizes, key), capacity)
    goals = [
        _goal(cells[:, a], size, quotas, capacity, n, [*key, "goal", a])
        for a, size in enumerate(sizes)
    ]
    order = shuffled([*key, "cells"], len(cells))
    tables = Tables(cells[order], goals, n)
    counts[order] = tables.refined(counts[order], capacity[order], n)
    return counts


def _rounded(quotas: Floats, cells: Ints, sizes: tuple[int, ...], key: Sequence[Any]) -> Ints:
    """Systematic sampling: every cell gets its quota rounded up or down, in expectation itself.

    Cells are sorted by axes and groups in random order, so that the first axes come out even.
    """
    columns = [
        shuffled([*key, "groups", int(a)], sizes[a] + 1)[cells[:, a]]
        for a in shuffled([*key, "axes"], len(sizes))
    ]
    order = np.lexsort(columns)
    offset = float(uniforms([*key, "offset"], 0, 1)[0])
    steps = np.floor(np.cumsum(quotas[order]) + offset).astype(np.int64)
    counts = np.empty(len(cells), dtype=np.int64)
    counts[order] = np.diff(steps, prepend=0)
    return counts


def _goal(
    codes: Ints, size: int, quotas: Floats, capacity: Ints, n: int, key: Sequence[Any]
) -> Ints:
    """Whole marginal of an axis, shape (size + 1,): as many to whom it applies as in the quotas."""
    available = np.bincount(codes, capacity, minlength=size + 1).astype(np.int64)
    applies = round(float(np.bincount(codes, quotas, minlength=size + 1)[:size].sum()))
    applies = min(max(applies, n - int(available[size])), int(available[:size].sum()))
    goal = np.empty(size + 1, dtype=np.int64)
    goal[:size] = water_filled(available[:size], applies, shuffled(key, size))
    goal[size] = n - applies
    return goal
