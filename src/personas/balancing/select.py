"""Balanced sets chosen from a pool."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.balancing.allocation import allocate
from pluralens.personas.balancing.axes import MIN_SHARE, Ints, make_axes
from pluralens.personas.balancing.report import BalanceReport, make_report
from pluralens.personas.drawing import raw_numbers
from pluralens.personas.options import whole_number
from pluralens.personas.persona import Personas

__all__ = ["balanced_select"]


def balanced_select(
    pool: Personas,
    n: int,
    *,
    seed: int = 0,
    axes: Sequence[str] | None = None,
    min_share: float = MIN_SHARE,
) -> tuple[Personas, BalanceReport]:
    """Choose personas of a pool so that they are even on some axes.

    Quotas per cell (combination of groups) are raked towards even marginals within what the pool
    has, rounded by chance, and refined: marginals first, then associations between axes. Within a
    cell all personas have the same chance.

    A pool may have too few of several groups to be even on all axes at once. Then no axis gives way
    alone, and those who are rare on two axes being rarer still, evenness is paid for with
    association. The report says how much; `balanced_generate` is not bound by a pool.

    Args:
        pool: Who can be chosen.
        n: How many; fewer than there are groups is fine.
        seed: Same pool, options and seed: same personas, on every machine.
        axes: Drawn or derived attributes to be even on; default gender, age group, subregion of
            origin, religion and sexuality, as far as the population has them. Groups that the pool
            has nobody of are left out.
        min_share: Subregions below this share of the pool are merged into their region.

    Returns:
        The chosen personas with their ids, in the order of the pool, and how even they are.

    Raises:
        InputError: An option is wrong, or n is below 1 or above the size of the pool.
    """
    n = whole_number("n", n, 1)
    seed = whole_number("seed", seed)
    if not len(pool):
        raise InputError("the pool is empty; give it personas to choose from")
    if n > len(pool):
        raise InputError(
            f"n={n} is more than the {len(pool)} personas of the pool; ask for fewer or draw a "
            "larger pool"
        )
    population = pool.population

    def shares_of(attribute: str) -> npt.NDArray[np.float64]:
        counts = np.bincount(pool.codes[attribute], minlength=len(population.values(attribute)))
        return counts / len(pool)

    on = make_axes(population, axes, shares_of, min_share)
    groups = np.stack([axis.lookup[pool.codes[axis.attribute]] for axis in on], axis=1)
    sizes = tuple(len(axis.groups) for axis in on)
    cells, cell, capacity = _cells(groups, sizes)
    names = [axis.name for axis in on]
    key = ["balanced-select", population.id, population.version, seed, names, n]
    counts = allocate(cells, sizes, capacity, n, key)
    # In each cell those with the smallest keys.
    order = np.lexsort((raw_numbers([*key, "personas"], 0, len(pool)), cell))
    rank = np.arange(len(pool)) - np.repeat(np.cumsum(capacity) - capacity, capacity)
    chosen = np.sort(order[rank < np.repeat(counts, capacity)])
    report = make_report("select", on, float(min_share), groups[chosen], groups)
    return pool.take(chosen), report


def _cells(groups: Ints, sizes: Sequence[int]) -> tuple[Ints, Ints, Ints]:
    """The cells that somebody is in, shape (cells, axes), the cell of each persona, their sizes."""
    code = np.zeros(len(groups), dtype=np.int64)
    for column, size in zip(groups.T, sizes, strict=True):
        # Numbered anew after every axis: with many axes the product of sizes would overflow.
        code = np.unique(code * (size + 1) + column, return_inverse=True)[1].reshape(-1)
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    return groups[first], code, counts.astype(np.int64)
