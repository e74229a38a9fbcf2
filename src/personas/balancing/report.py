"""What came out of balancing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from pluralens.personas.balancing.axes import Axis
from pluralens.personas.balancing.target import water_filled

__all__ = ["Association", "AxisBalance", "BalanceReport", "make_report"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AxisBalance:
    """How even one axis is.

    Attributes:
        axis: The attribute.
        groups: Group -> number of personas.
        not_applicable: Personas to whom the axis does not apply; in no group.
        max_deviation: Largest difference between a group's share, among those to whom the axis
            applies, and the uniform one; percentage points. NaN if the axis applies to none.
        allowed: The least that this number could be with this axis alone, all others disregarded:
            groups too small for an equal part are taken whole, the others share the rest equally.
        merged: Merged group -> the values it holds.
        small: Groups below the least share, with their whole region.
        missing: Values of the axis that nobody to choose from has; "uniform" is without them.
    """

    axis: str
    groups: Mapping[str, int]
    not_applicable: int
    max_deviation: float
    allowed: float
    merged: Mapping[str, tuple[str, ...]]
    small: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Association:
    """How strongly two axes go together, among those to whom both apply.

    Attributes:
        axes: The two.
        cramers_v: In the set; NaN if one of them has less than two groups there.
        by_chance: What V is on average in a set of this size whose axes are independent: a set of
            30 has a larger one than its pool of 20,000. NaN where V is.
        pool: In the pool that it was selected from; None if it was generated.
    """

    axes: tuple[str, str]
    cramers_v: float
    by_chance: float
    pool: float | None


@dataclass(frozen=True)
class BalanceReport:
    """How even a balanced set is, and how unassociated its axes are.

    Attributes:
        method: "generate" or "select".
        n: Number of personas.
        min_share: Least share below which groups were merged into their region.
        axes: One entry per axis.
        associations: One entry per pair of axes.
    """

    method: str
    n: int
    min_share: float
    axes: tuple[AxisBalance, ...]
    associations: tuple[Association, ...]

    @property
    def max_deviation(self) -> float:
        """Largest deviation of any axis, percentage points; NaN if no axis applies to anybody."""
        return _largest([axis.max_deviation for axis in self.axes])

    @property
    def max_cramers_v(self) -> float:
        """Largest V of any pair of axes; NaN if there is none."""
        return _largest([pair.cramers_v for pair in self.associations])

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values; NaN becomes None."""
        return {
            "method": self.method,
            "n": self.n,
            "min_share": self.min_share,
            "max_deviation": _number(self.max_deviation),
            "max_cramers_v": _number(self.max_cramers_v),
            "axes": {
                axis.axis: {
                    "groups": dict(axis.groups),
                    "not_applicable": axis.not_applicable,
                    "max_deviation": _number(axis.max_deviation),
                    "allowed": _number(axis.allowed),
                    "merged": {group: list(values) for group, values in axis.merged.items()},
                    "small": list(axis.small),
                    "missing": list(axis.missing),
                }
                for axis in self.axes
            },
            "associations": [
                {
                    "axes": list(pair.axes),
                    "cramers_v": _number(pair.cramers_v),
                    "by_chance": _number(pair.by_chance),
                    "pool": None if pair.pool is None else _number(pair.pool),
                }
                for pair in self.associations
            ],
        }


def make_report(
    method: str,
    axes: Sequence[Axis],
    min_share: float,
    chosen: Ints,
    pool: Ints | None,
) -> BalanceReport:
    """Describe a set.

    Args:
        method: "generate" or "select".
        axes: What it was balanced on.
        min_share: Of the merging of groups.
        chosen: Group of each persona on each axis, shape (n, axes); `len(axis.groups)` where the
            axis does not apply.
        pool: The same of all personas that could be chosen, shape (m, axes); None if they were
            generated, so that every group could have any number.
    """
    balances = []
    for a, axis in enumerate(axes):
        size = len(axis.groups)
        counts = np.bincount(chosen[:, a], minlength=size + 1)
        applies = int(counts[:size].sum())
        available = np.full(size, applies, dtype=np.int64)
        if pool is not None:
            available = np.bincount(pool[:, a], minlength=size + 1)[:size]
        best = water_filled(available, applies, np.arange(size))
        balances.append(
            AxisBalance(
                axis.name,
                dict(zip(axis.groups, counts[:size].tolist(), strict=True)),
                int(counts[size]),
                _deviation(counts[:size]),
                _deviation(best),
                axis.merged,
                axis.small,
                axis.missing,
            )
        )
    associations = tuple(
        Association(
            (axes[a].name, axes[b].name),
            *_association(chosen, axes, a, b),
            None if pool is None else _association(pool, axes, a, b)[0],
        )
        for a, b in combinations(range(len(axes)), 2)
    )
    return BalanceReport(method, len(chosen), min_share, tuple(balances), associations)


def _deviation(counts: Ints) -> float:
    total = int(counts.sum())
    if not total:
        return math.nan
    return 100.0 * float(np.abs(counts / total - 1.0 / len(counts)).max())


def _association(codes: Ints, axes: Sequence[Axis], a: int, b: int) -> tuple[float, float]:
    """V of two axes, and V by chance among as many people and with the groups that occur."""
    from pluralens.stats.cramers_v import cramers_v, cramers_v_by_chance

    applies = (codes[:, a] < len(axes[a].groups)) & (codes[:, b] < len(axes[b].groups))
    first, second = codes[applies, a], codes[applies, b]
    rows, columns = len(np.unique(first)), len(np.unique(second))
    return cramers_v(first, second), cramers_v_by_chance(rows, columns, len(first))


def _largest(numbers: Sequence[float]) -> float:
    return max((x for x in numbers if not math.isnan(x)), default=math.nan)


def _number(x: float) -> float | None:
    return None if math.isnan(x) else x
