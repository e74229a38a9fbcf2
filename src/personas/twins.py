"""The twins of one persona: which targets there are, and what has to follow each."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pluralens.personas.plan import build_plan
from pluralens.personas.population import TwinRule

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["TwinMaker"]

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

    def twins(
        self, base_id: str, base: Codes, attribute: str, k: int | None
    ) -> tuple[list[Codes], str]:
        """The twins of a base in one attribute.

        Args:
            base_id: Persona id of the base.
            base: Its values.
            attribute: What is changed.
            k: How many; None for all.

        Returns:
            The twins in the order of the changed attribute's values, and the reason if there are
            none.
        """
        if not self.applicable[attribute][base[attribute]]:
            return [], f"{attribute} does not apply to this persona"
        rule = self.population.twin_rules.get(attribute, TwinRule())
        # The one parent that may follow, as origin's parent migration background does.
        parents = self.population.drawn[attribute].table.parents
        upstream = next((name for name in rule.follow if name in parents), None)
        twins: list[Codes] = []
        for target in self._targets(base_id, base, attribute, rule, upstream):
            if k is not None and len(twins) == k:
                break
            twin = self._changed(base_id, base, attribute, target, rule, upstream)
            if twin is not None:
                twins.append(twin)
        reason = f"no other value of {attribute} is possible for this persona"
        if not twins and self._broken(base):
            reason = "the persona itself breaks a plausibility rule of its population"
        return sorted(twins, key=lambda twin: twin[attribute]), reason

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
        step = self.steps[attribute]
        at = tuple(slice(None) if n == upstream else codes[n] for n in step.context)
        given = step.weights[at]
        shares = given / np.maximum(given.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
        return np.asarray(self._row(upstream, codes)[:, None] * shares)

    def _row(self, attribute: str, codes: Codes) -> Floats:
        step = self.steps[attribute]
        return np.asarray(step.weights[tuple(codes[n] for n in step.context)])

    def _changed(
        self,
        base_id: str,
        base: Codes,
        attribute: str,
        target: int,
        rule: TwinRule,
        upstream: str | None,
    ) -> Codes | None:
        """The base with the target and what it forces; None if the rules leave no such persona."""
        twin = {**base, attribute: target}
        for follower in rule.follow:
            if follower == upstream:
                weights = self._joint(attribute, twin, follower)[:, target]
            else:
                weights = self._row(follower, twin)
            if weights[twin[follower]] > 0:
                continue
            if not weights.any():
                return None
            u = self._uniform(base_id, attribute, str(target), follower)
            twin[follower] = _pick(weights, u)
        return None if self._broken(twin) else twin

    def _broken(self, codes: Codes) -> bool:
        return any(
            step.forbidden[(*(codes[n] for n in step.context), codes[step.attribute])]
            for step in self.ruled
        )

    def _uniform(self, *parts: str) -> float:
        """A number in [0, 1) that only `parts` and the seed decide."""
        text = "\x1f".join((self.seed, *parts))
        digest = blake2b(text.encode(), digest_size=8, person=b"uniform").digest()
        return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


def _pick(weights: Floats, u: float) -> int:
    """Position drawn with the given weights; never one of weight 0."""
    possible = np.flatnonzero(weights)
    sums = np.cumsum(weights[possible])
    found = int(np.searchsorted(sums, u * sums[-1], side="right"))
    return int(possible[min(found, len(possible) - 1)])
