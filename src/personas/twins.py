"""The twins of one persona: which targets there are, and what has to follow each."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pluralens.personas.plan import build_plan
from pluralens.personas.population import TwinRule

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["BaseTwins", "TwinMaker"]

Codes = dict[str, int]
Floats = npt.NDArray[np.float64]


class TwinMaker:
    """Makes twins of single personas, all given as value positions per attribute.

    Args:
        population: Where the personas are from.
        seed: Of everything random.
    """

    def __init__(self, population: "Population", seed: int) -> None:
        self.population = population
        self.seed = str(seed)
        self.steps = {step.attribute: step for step in build_plan(population)}
        self.ruled = [step for step in self.steps.values() if step.forbidden.any()]
        self.applicable = {
            name: np.array([v not in a.not_applicable for v in a.values])
            for name, a in population.drawn.items()
        }
        self.groups = {name: np.array(d.lookup) for name, d in population.derived.items()}
        self.rules = {name: population.twin_rules.get(name, TwinRule()) for name in self.steps}
        # The one parent that may follow, as origin's parent migration background does.
        self.upstream = {
            name: next((f for f in rule.follow if f in population.drawn[name].table.parents), None)
            for name, rule in self.rules.items()
        }

    def of(self, base_id: str, base: Codes) -> "BaseTwins":
        """The twins of a base.

        Args:
            base_id: Persona id of the base.
            base: Its values.
        """
        return BaseTwins(self, base_id, base)

    def singles(self, base_id: str, base: Codes, attribute: str) -> Iterator[Codes]:
        """The twins of a base in one attribute, in drawn order: the first k are the k drawn."""
        if self.applicable[attribute][base[attribute]]:
            rule, upstream = self.rules[attribute], self.upstream[attribute]
            for target in self._targets(base_id, base, attribute, rule, upstream):
                twin = self._changed(base_id, base, {attribute: target}, rule.follow)
                if twin is not None:
                    yield twin

    def double(
        self, base_id: str, base: Codes, changed: tuple[str, str], singles: tuple[Codes, Codes]
    ) -> Codes | None:
        """The twin that differs in two attributes at once.

        Args:
            base_id: Persona id of the base.
            base: Its values.
            changed: The two attributes, in sampling order.
            singles: The twin in either of them; their targets are those of both.

        Returns:
            The twin; None if the rules leave no such persona.
        """
        targets = {name: twin[name] for name, twin in zip(changed, singles, strict=True)}
        may_follow = {name for changes in changed for name in self.rules[changes].follow}
        follow = [name for name in self.steps if name in may_follow and name not in targets]
        twin = self._changed(base_id, base, targets, follow, singles)
        if twin is None:
            return None
        # Each target was possible beside the base's other value, not yet beside the other target.
        for name, target in targets.items():
            if not self.rules[name].any_applicable and not self._row(name, twin)[target] > 0:
                return None
        return twin

    def why_none(self, base: Codes, attribute: str) -> str:
        """Why a base has no twin in an attribute (or in `one and another`)."""
        if self.broken(base):
            return "the persona itself breaks a plausibility rule of its population"
        return f"no other value of {attribute} is possible for this persona"

    def _targets(
        self, base_id: str, base: Codes, attribute: str, rule: TwinRule, upstream: str | None
    ) -> Sequence[int]:
        """Targets in drawn order: the first k are the k that are drawn."""
        weights = self._weights(attribute, base, upstream).copy()
        if rule.any_applicable:
            weights = np.ones_like(weights)
        weights[~self.applicable[attribute]] = 0.0
        weights[base[attribute]] = 0.0
        if rule.bins is not None:
            by = self.population.derived[rule.bins.of]
            own = by.lookup[base[attribute]]
            far = np.zeros(len(weights), dtype=np.bool_)
            for name, value in rule.bins.representatives.items():
                if abs(by.codes[name] - own) >= rule.bins.distance:
                    far[self.population.code(attribute, value)] = True
            weights[~far] = 0.0
        if rule.one_per is not None:
            return self._one_per(base_id, attribute, rule.one_per, weights)
        # Every possible value is as good a target as another: equal chances.
        return self._shuffled(base_id, attribute, np.flatnonzero(weights), None)

    def _one_per(
        self, base_id: str, attribute: str, derived: str, weights: Floats
    ) -> Sequence[int]:
        """One value per group by weight, groups by their weight."""
        groups = self.groups[derived]
        # Possible values, group by group.
        order = np.argsort(groups, kind="stable")
        order = order[weights[order] > 0]
        if not len(order):
            return []
        sums = np.cumsum(weights[order])
        present, firsts = np.unique(groups[order], return_index=True)
        lasts = np.append(firsts[1:], len(order)) - 1
        before = np.append(0.0, sums[lasts[:-1]])[: len(present)]
        totals = sums[lasts] - before
        uniforms = [self._uniform(base_id, attribute, derived, str(g)) for g in present.tolist()]
        found = np.searchsorted(sums, before + np.array(uniforms) * totals, side="right")
        drawn = order[np.clip(found, firsts, lasts)]
        return self._shuffled(base_id, attribute, drawn, totals)

    def _shuffled(
        self,
        base_id: str,
        attribute: str,
        targets: npt.NDArray[np.intp],
        weights: Floats | None,
    ) -> Sequence[int]:
        """Targets in random order; with weights, each next one in proportion to them.

        Sorting by log(u) / w draws without replacement (Efraimidis & Spirakis 2006).
        """
        uniforms = np.array(
            [self._uniform(base_id, attribute, "order", str(t)) for t in targets.tolist()]
        )
        keys = np.log1p(-uniforms) / (1.0 if weights is None else weights)
        order: list[int] = targets[np.argsort(-keys, kind="stable")].tolist()
        return order

    def _weights(self, attribute: str, codes: Codes, upstream: str | None) -> Floats:
        """P(attribute | its context), with the upstream follower left open if there is one."""
        if upstream is None:
            return self._row(attribute, codes)
        joint = self._joint(attribute, codes, upstream)
        return np.asarray(joint.sum(axis=0))

    def _joint(self, attribute: str, codes: Codes, upstream: str) -> Floats:
        """P(upstream | its context) P(attribute | its context), shape (upstream, attribute)."""
        return np.asarray(
            self._row(upstream, codes)[:, None] * self._given(attribute, codes, upstream)
        )

    def _given(self, attribute: str, codes: Codes, upstream: str) -> Floats:
        """P(attribute | its context) for every value upstream, shape (upstream, attribute)."""
        step = self.steps[attribute]
        at = tuple(slice(None) if n == upstream else codes[n] for n in step.context)
        given = step.weights[at]
        sums = np.maximum(given.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
        return np.asarray(given / sums)

    def _row(self, attribute: str, codes: Codes) -> Floats:
        step = self.steps[attribute]
        return np.asarray(step.weights[tuple(codes[n] for n in step.context)])

    def _changed(
        self,
        base_id: str,
        base: Codes,
        targets: Mapping[str, int],
        follow: Sequence[str],
        singles: Sequence[Codes] = (),
    ) -> Codes | None:
        """The base with the targets and what they force; None if the rules leave no such persona.

        What follows keeps its value where that is possible, else takes that of one of `singles`
        where that is, and is drawn only where neither is.
        """
        twin = {**base, **targets}
        for follower in follow:
            weights = self._row(follower, twin)
            for name, target in targets.items():
                if self.upstream[name] == follower:
                    weights = weights * self._given(name, twin, follower)[:, target]
            if weights[twin[follower]] > 0:
                continue
            if not weights.any():
                return None
            value = next((x[follower] for x in singles if weights[x[follower]] > 0), None)
            if value is None:
                changes = [part for name, t in targets.items() for part in (name, str(t))]
                value = _pick(weights, self._uniform(base_id, *changes, follower))
            twin[follower] = value
        return None if self.broken(twin) else twin

    def broken(self, codes: Codes) -> bool:
        """Whether a persona breaks a plausibility rule."""
        return any(
            step.forbidden[(*(codes[n] for n in step.context), codes[step.attribute])]
            for step in self.ruled
        )

    def _uniform(self, *parts: str) -> float:
        """A number in [0, 1) that only `parts` and the seed decide."""
        text = "\x1f".join((self.seed, *parts))
        digest = blake2b(text.encode(), digest_size=8, person=b"uniform").digest()
        return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


class BaseTwins:
    """All twins of one base; what they have in common is made once.

    Args:
        maker: Of the base's population.
        base_id: Persona id of the base.
        base: Its values.
    """

    def __init__(self, maker: TwinMaker, base_id: str, base: Codes) -> None:
        self.maker = maker
        self.base_id = base_id
        self.base = base
        self._made: dict[str, tuple[list[Codes], Iterator[Codes]]] = {}

    def single(self, attribute: str, k: int | None) -> tuple[list[Codes], str]:
        """The twins in one attribute.

        Args:
            attribute: What is changed.
            k: How many; None for all.

        Returns:
            The twins in the order of the changed attribute's values, and the reason if there are
            none.
        """
        twins: list[Codes] = []
        while len(twins) != k and (twin := self._nth(attribute, len(twins))) is not None:
            twins.append(twin)
        if not twins:
            return [], self._none(attribute)
        return sorted(twins, key=lambda twin: twin[attribute]), ""

    def double(self, one: str, another: str, k: int | None) -> tuple[list[Codes], str]:
        """The twins in two attributes at once.

        Args:
            one: What is changed.
            another: What is changed too.
            k: How many; None for all.

        Returns:
            The twins in the order of the values of `one`, then of `another`, and the reason if
            there are none.
        """
        steps = self.maker.steps
        # In sampling order: which of the two was named first decides nothing.
        first, second = (name for name in steps if name in (one, another))
        twins: list[Codes] = []
        for singles in self._combinations(first, second):
            twin = self.maker.double(self.base_id, self.base, (first, second), singles)
            if twin is not None:
                twins.append(twin)
            if len(twins) == k:
                break
        if not twins:
            empty = [name for name in (one, another) if self._nth(name, 0) is None]
            return [], self._none(*empty[:1] or (one, another))
        return sorted(twins, key=lambda twin: (twin[one], twin[another])), ""

    def _combinations(self, first: str, second: str) -> Iterator[tuple[Codes, Codes]]:
        """Twins in the one and the other attribute, in drawn order.

        The i-th with the i-th, then with its neighbours and so on: k combinations are made of the
        first k of both, and of as many different ones as there are.
        """
        distance, more = 0, True
        while more:
            more, i = False, 0
            while True:
                found = False
                for a, b in {(i, i + distance): None, (i + distance, i): None}:
                    x, y = self._nth(first, a), self._nth(second, b)
                    if x is not None and y is not None:
                        found = more = True
                        yield x, y
                if not found:
                    break
                i += 1
            distance += 1

    def _nth(self, attribute: str, n: int) -> Codes | None:
        """The n-th twin in drawn order, if there are so many."""
        if attribute not in self._made:
            source = self.maker.singles(self.base_id, self.base, attribute)
            self._made[attribute] = ([], source)
        made, source = self._made[attribute]
        while len(made) <= n and (twin := next(source, None)) is not None:
            made.append(twin)
        return made[n] if n < len(made) else None

    def _none(self, *attributes: str) -> str:
        for name in attributes:
            if not self.maker.applicable[name][self.base[name]]:
                return f"{name} does not apply to this persona"
        return self.maker.why_none(self.base, " and ".join(attributes))


def _pick(weights: Floats, u: float) -> int:
    """Position drawn with the given weights; never one of weight 0."""
    possible = np.flatnonzero(weights)
    sums = np.cumsum(weights[possible])
    found = int(np.searchsorted(sums, u * sums[-1], side="right"))
    return int(possible[min(found, len(possible) - 1)])
