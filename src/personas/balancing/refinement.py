"""Moving personas from cell to cell until marginals are even and pairs of axes unassociated.

Sums and products of few numbers in a fixed order decide: every machine moves the same personas.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

__all__ = ["Tables"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# How much an uneven marginal weighs beside an uneven pair of axes: first on a par, so that
# personas can move at all, then so that marginals come out right.
FACTORS = (5.0, 2000.0)
# Where axes exclude each other: how often the weights of groups that are off by more than their
# axis has to be are raised, and those of the others lowered, so that none gives way alone.
ROUNDS = 10
# Fruitless tries after which no better move is looked for.
TRIES = 40
# Sums that are looked up for all moves of one round: less than a second.
WORK = 100_000_000


class Tables:
    """The marginals and the tables of all pairs of axes, in one row of counts.

    The cost of counts is a sum of weight (observed - expected)^2. For a pair it is chi-square over
    min(groups) - 1, which is n V^2; marginals have weights of their own.

    Args:
        cells: Group of each cell on each axis, shape (cells, axes); the last group of an axis
            stands for those to whom it does not apply.
        goals: Marginal of each axis that is aimed at, shape (groups + 1,).
        n: Sum of each marginal.
    """

    def __init__(self, cells: Ints, goals: Sequence[Ints], n: int) -> None:
        index: list[Ints] = []
        expected: list[Floats] = []
        weight: list[Floats] = []
        start = 0
        for a, goal in enumerate(goals):
            index.append(start + cells[:, a])
            expected.append(goal.astype(np.float64))
            weight.append(np.ones(len(goal)))
            start += len(goal)
        self.marginal = np.arange(start)
        self.sizes = [len(goal) - 1 for goal in goals]
        for a, b in combinations(range(len(goals)), 2):
            index.append(start + cells[:, a] * len(goals[b]) + cells[:, b])
            product = np.outer(goals[a], goals[b]) / n
            # Where one of the axes does not apply there is nothing to be associated.
            scale = np.full(product.shape, 1.0 / max(min(product.shape) - 2, 1))
            scale[-1, :] = 0.0
            scale[:, -1] = 0.0
            expected.append(product.ravel())
            weight.append(scale.ravel())
            start += product.size
        self.index = np.array(index)
        self.expected = np.concatenate(expected)
        self.weight = np.concatenate(weight) / np.maximum(self.expected, 0.01)
        # Percentage points count alike on every axis.
        self.weight[self.marginal] = 10.0 / n

    def refined(self, counts: Ints, capacity: Ints, n: int) -> Ints:
        """Move personas one at a time from cell to cell as long as that lowers the cost.

        Args:
            counts: Personas per cell, shape (cells,).
            capacity: The most each cell can have, shape (cells,).
            n: How many personas there are to be.

        Returns:
            Shape (cells,), sums to n.
        """
        counts = counts.copy()
        observed = np.zeros(len(self.expected))
        for row in self.index:
            observed += np.bincount(row, counts, minlength=len(observed))
        while (short := n - int(counts.sum())) != 0:
            if short > 0:
                self._moved(counts, observed, self.weight, 1, counts < capacity)
            else:
                self._moved(counts, observed, self.weight, -1, counts > 0)
        evenness = self.weight[self.marginal].copy()
        for factor in FACTORS:
            self._improve(counts, observed, capacity, evenness * factor)
        excess = self._excess(observed)
        best, least = counts.copy(), excess.max()
        for _ in range(ROUNDS):
            if excess.max() <= 100.0 / n:
                break
            evenness *= np.clip(1.0 + excess / 2.0, 0.5, 3.0)
            self._improve(counts, observed, capacity, evenness * FACTORS[-1])
            excess = self._excess(observed)
            if excess.max() < least:
                best, least = counts.copy(), excess.max()
        return best

    def _excess(self, observed: Floats) -> Floats:
        """How far every group is off uniform beyond what its axis has to be, percentage points."""
        excess = np.full(len(self.marginal), -np.inf)
        start = 0
        for size in self.sizes:
            groups = slice(start, start + size)
            goal = self.expected[groups]
            if total := goal.sum():
                allowed = np.abs(goal / total - 1.0 / size).max()
                off = np.abs(observed[groups] / total - 1.0 / size)
                excess[groups] = 100.0 * (off - allowed)
            start += size + 1
        return excess

    def _improve(self, counts: Ints, observed: Floats, capacity: Ints, evenness: Floats) -> None:
        """Move personas until no move found lowers the cost with these weights of marginals."""
        weight = self.weight.copy()
        weight[self.marginal] = evenness
        blocked = np.zeros(len(counts), dtype=np.bool_)
        budget = WORK // self.index.size
        tries = 0
        while tries < TRIES and budget > 0 and (eligible := ~blocked & (counts > 0)).any():
            budget -= 1
            source, lost = self._moved(counts, observed, weight, -1, eligible)
            target, won = self._moved(counts, observed, weight, 1, counts < capacity)
            if lost + won < -1e-9:
                blocked[:] = False
                tries = 0
                continue
            self._add(counts, observed, target, -1)
            self._add(counts, observed, source, 1)
            blocked[source] = True
            tries += 1

    def _moved(
        self,
        counts: Ints,
        observed: Floats,
        weight: Floats,
        sign: int,
        eligible: npt.NDArray[np.bool_],
    ) -> tuple[int, float]:
        """Add a persona where it costs least, or take one (`sign` -1); the cell and the cost."""
        change = (2.0 * sign * (observed - self.expected) + 1.0) * weight
        costs = change[self.index].sum(axis=0)
        costs[~eligible] = np.inf
        cell = int(np.argmin(costs))
        self._add(counts, observed, cell, sign)
        return cell, float(costs[cell])

    def _add(self, counts: Ints, observed: Floats, cell: int, sign: int) -> None:
        counts[cell] += sign
        observed[self.index[:, cell]] += sign
