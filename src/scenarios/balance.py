"""Whole triplets in a number of one's choice, balanced over the levels of their factors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import combinations

from pluralens.errors import InputError

__all__ = ["balanced_triplets"]

# The factors of a triplet, and the levels of a pair of factors, as keys to count.
Key = tuple[tuple[str, str], ...]
Keys = Mapping[str, Sequence[Key]]
# Random choices to start from; pairs of levels get stuck in uneven counts from some of them.
STARTS = 4


def balanced_triplets(
    triplet_ids: Sequence[str], factors: Mapping[str, Mapping[str, str]], n: int, seed: int = 0
) -> list[str]:
    """Choose triplets so that every level of every factor is as frequent as the others.

    Scenarios (what stands before the first `/` of an id) get equal numbers, as far as they have as
    many. Within a scenario random choices are improved by exchanges until none helps, first for
    the levels of each factor, then for pairs of levels of two factors; the most even one is taken.

    Where a scenario's triplets are all combinations of its levels, the levels of a factor then
    differ by one at most: of two that differ by more, one has a combination to exchange for the
    other's that changes no other factor. Only hashes and whole numbers are used, so the choice is
    the same on every machine.

    Args:
        triplet_ids: What there is to choose from.
        factors: Triplet -> factor -> level; the same factors for all triplets of a scenario.
        n: How many, from 1 to all.
        seed: Of the choice.

    Returns:
        The chosen ids in the order of `triplet_ids`.

    Raises:
        InputError: `n` is no whole number from 1 to the number of triplets.
    """
    whole = isinstance(n, int) and not isinstance(n, bool)
    if not whole or not 1 <= n <= len(triplet_ids):
        raise InputError(
            f"triplets={n!r} is not possible; choose a whole number from 1 to {len(triplet_ids)}"
        )
    if len(set(triplet_ids)) != len(triplet_ids):
        raise ValueError("a triplet id occurs twice")
    scenarios: dict[str, list[str]] = {}
    for triplet in triplet_ids:
        scenarios.setdefault(triplet.split("/")[0], []).append(triplet)
    chosen: set[str] = set()
    for scenario, quota in _quotas({s: len(t) for s, t in scenarios.items()}, n, seed).items():
        chosen.update(_most_even(scenarios[scenario], factors, quota, seed))
    return [triplet for triplet in triplet_ids if triplet in chosen]


def _hash(seed: int, text: str) -> bytes:
    return blake2b(f"{seed}/{text}".encode(), digest_size=16, person=b"triplets").digest()


def _quotas(sizes: Mapping[str, int], n: int, seed: int) -> dict[str, int]:
    """Equal shares of `n`, at most the sizes; the hash decides who gets the odd ones."""
    order = sorted(sizes, key=lambda s: _hash(seed, s))
    quotas = dict.fromkeys(order, 0)
    while n:
        for scenario in order:
            if n and quotas[scenario] < sizes[scenario]:
                quotas[scenario] += 1
                n -= 1
    return quotas


def _most_even(
    triplets: list[str], factors: Mapping[str, Mapping[str, str]], n: int, seed: int
) -> list[str]:
    if n in (0, len(triplets)):
        return triplets[:n]
    levels = {t: tuple(sorted(factors[t].items())) for t in triplets}
    found = []
    for start in range(STARTS):
        ordered = sorted(triplets, key=lambda t: _hash(seed, f"{start}/{t}"))
        choice = _Choice(ordered, n, levels)
        while choice.exchange_one() or choice.exchange_levels():
            pass
        found.append((choice.unevenness(), start, choice.inside))
    return min(found)[-1]


class _Choice:
    """Chosen triplets and the rest, with how often each level and pair of levels is chosen."""

    def __init__(self, ordered: list[str], n: int, levels: Mapping[str, Key]) -> None:
        self.inside, self.outside = ordered[:n], ordered[n:]
        self.levels = levels
        self.single = {t: [(item,) for item in own] for t, own in levels.items()}
        self.pairs = {t: list(combinations(own, 2)) for t, own in levels.items()}
        self.triplet = {own: t for t, own in levels.items()}
        self.counts = Counter(key for t in self.inside for key in (*self.single[t], *self.pairs[t]))

    def unevenness(self) -> tuple[int, int]:
        """Sums of squared counts, of levels and of pairs: least where they are most even."""
        sums = [0, 0]
        for key, count in self.counts.items():
            sums[len(key) - 1] += count**2
        return sums[0], sums[1]

    def exchange_one(self) -> bool:
        """Make the best exchange of one triplet, if any helps."""
        best, exchange = (0, 0), None
        for out in self.inside:
            for into in self.outside:
                gained = self._gain([out], [into], self.single)
                # Pairs take longer to count and matter only where the levels get no worse.
                if gained >= best[0]:
                    found = (gained, self._gain([out], [into], self.pairs))
                    if found > best:
                        best, exchange = found, ([out], [into])
        return self._exchange(exchange)

    def exchange_levels(self) -> bool:
        """Make the best exchange of one level between two chosen triplets, if any helps.

        It leaves the counts of levels as they are, so it gets out where single exchanges cannot.
        """
        best, exchange = 0, None
        for one, other in combinations(self.inside, 2):
            for i, (mine, theirs) in enumerate(
                zip(self.levels[one], self.levels[other], strict=True)
            ):
                new = [
                    self.triplet.get((*own[:i], level, *own[i + 1 :]))
                    for own, level in (
                        (self.levels[one], theirs),
                        (self.levels[other], mine),
                    )
                ]
                into = [t for t in new if t is not None and t not in self.inside]
                if len(into) == 2:
                    gained = self._gain([one, other], into, self.pairs)
                    if gained > best:
                        best, exchange = gained, ([one, other], into)
        return self._exchange(exchange)

    def _gain(self, out: Sequence[str], into: Sequence[str], keys: Keys) -> int:
        """What the sum of squared counts loses by an exchange."""
        change: Counter[Key] = Counter()
        for t in out:
            change.subtract(keys[t])
        for t in into:
            change.update(keys[t])
        return -sum(by * (2 * self.counts[key] + by) for key, by in change.items())

    def _exchange(self, exchange: tuple[list[str], list[str]] | None) -> bool:
        if exchange is None:
            return False
        for gone, come in zip(*exchange, strict=True):
            self.inside[self.inside.index(gone)] = come
            self.outside[self.outside.index(come)] = gone
            self.counts.subtract((*self.single[gone], *self.pairs[gone]))
            self.counts.update((*self.single[come], *self.pairs[come]))
        return True
