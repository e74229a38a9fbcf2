"""Exact drawing given evidence, and the exact joint distribution of the evidence.

A plan (`pluralens.personas.plan`) is a Bayesian network: every attribute's shares given its
context. Evidence is what is known about a persona: for some attributes the group their value is in
(an age bin, a region, or the value itself). Attributes are summed out in reverse sampling order
(variable elimination; Koller & Friedman 2009, ch. 9). What is left after the first attribute is the
joint distribution of the evidence. Going forward again, an attribute's shares given its context
times the messages that its later attributes left are its shares given context and evidence, so
drawing needs no rejection: a cell of positive probability never meets a row without weight.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.drawing import Codes, draw
from pluralens.personas.plan import MAX_CELLS, Step

__all__ = ["Conditioned", "Evidence", "condition"]

Floats = npt.NDArray[np.float64]
# Personas whose distributions are in memory at once.
CHUNK = 2**13


@dataclass(frozen=True, eq=False)
class Evidence:
    """A grouping of one attribute's values.

    Attributes:
        name: Its key; unlike those of all other evidence.
        attribute: The drawn attribute.
        groups: Group of each value, shape (values,), from 0 to `size` - 1; -1 for values in none.
        size: Number of groups.
    """

    name: str
    attribute: str
    groups: npt.NDArray[np.integer[Any]]
    size: int


@dataclass(frozen=True, eq=False)
class _Factor:
    """A function of named variables: shape (*sizes of names)."""

    names: tuple[str, ...]
    values: Floats


@dataclass(frozen=True, eq=False)
class _ConditionalStep:
    """A step and what multiplies its weights once the evidence is known."""

    step: Step
    messages: tuple[_Factor, ...]

    def draw(self, known: Mapping[str, Codes], uniforms: Floats) -> Codes:
        """Values of the attribute, shape (n,), given all codes of its context and evidence."""
        if not self.messages:
            return draw(self.step, known, uniforms)
        drawn = [
            self._draw_chunk({k: v[i : i + CHUNK] for k, v in known.items()}, uniforms[i:][:CHUNK])
            for i in range(0, len(uniforms), CHUNK)
        ]
        return np.concatenate(drawn)

    def _draw_chunk(self, known: Mapping[str, Codes], uniforms: Floats) -> Codes:
        name = self.step.attribute
        weights = self.step.weights[tuple(known[n] for n in self.step.context)]
        # A step without context has one row for all.
        weights = np.broadcast_to(weights, (len(uniforms), weights.shape[-1]))
        for message in self.messages:
            last = np.moveaxis(message.values, message.names.index(name), -1)
            weights = weights * last[tuple(known[n] for n in message.names if n != name)]
        if not weights.any(axis=1).all():
            raise ValueError(f"the evidence is impossible: no {name} is left to draw")
        rows = np.arange(len(uniforms), dtype=np.uint32)
        step = Step(name, ("row",), weights, np.zeros_like(weights, dtype=np.bool_))
        return draw(step, {"row": rows}, uniforms)


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A population given evidence.

    Attributes:
        evidence: What can be known, in the order it was given.
        joint: Probability of every combination of groups, shape (*sizes of evidence).
    """

    evidence: tuple[Evidence, ...]
    joint: Floats
    _steps: tuple[_ConditionalStep, ...]

    def draw(
        self, groups: Mapping[str, npt.NDArray[Any]], uniforms: Callable[[str], Floats]
    ) -> dict[str, Codes]:
        """Draw all attributes of personas whose groups are known.

        Args:
            groups: Name of every evidence -> groups, each of shape (n,); a combination that the
                joint distribution gives no probability is a ValueError.
            uniforms: Attribute -> n numbers in [0, 1).

        Returns:
            Attribute -> positions of the values, each of shape (n,), in sampling order.
        """
        known: dict[str, Codes] = {_key(e.name): groups[e.name] for e in self.evidence}
        drawn: dict[str, Codes] = {}
        for step in self._steps:
            name = step.step.attribute
            drawn[name] = step.draw(known, uniforms(name))
            known[name] = drawn[name]
        return drawn


def condition(steps: Sequence[Step], evidence: Sequence[Evidence]) -> Conditioned:
    """Work out the joint distribution of the evidence and how to draw given it.

    Args:
        steps: A plan, in sampling order.
        evidence: At least one grouping; several may be of the same attribute.

    Raises:
        InputError: The evidence has too many combinations to hold in memory.
    """
    pending: list[_Factor] = []
    backwards: list[_ConditionalStep] = []
    for step in reversed(steps):
        name = step.attribute
        own = [_indicator(e) for e in evidence if e.attribute == name]
        messages = (*own, *(f for f in pending if name in f.names))
        backwards.append(_ConditionalStep(step, messages))
        # Without messages the sum is 1 for all that can be reached: nothing to pass on.
        if messages:
            pending = [f for f in pending if name not in f.names]
            pending.append(_summed_out(name, (_shares(step), *messages), evidence))
    joint = _product(pending, [_key(e.name) for e in evidence], evidence)
    return Conditioned(tuple(evidence), joint, tuple(backwards[::-1]))


def _key(name: str) -> str:
    """Name of an evidence among the variables: no attribute begins like that."""
    return f"={name}"


def _indicator(evidence: Evidence) -> _Factor:
    member = evidence.groups == np.arange(evidence.size)[:, None]
    return _Factor((_key(evidence.name), evidence.attribute), member.astype(np.float64))


def _shares(step: Step) -> _Factor:
    """The weights of a step as probabilities: each row divided by its sum."""
    sums = step.weights.sum(axis=-1, keepdims=True)
    shares = np.divide(step.weights, sums, out=np.zeros_like(step.weights), where=sums > 0)
    return _Factor((*step.context, step.attribute), shares)


def _summed_out(name: str, factors: Sequence[_Factor], evidence: Sequence[Evidence]) -> _Factor:
    others = dict.fromkeys(n for f in factors for n in f.names if n != name)
    whole = _product(factors, [*others, name], evidence)
    return _Factor(tuple(others), whole.sum(axis=-1))


def _product(
    factors: Sequence[_Factor], axes: Sequence[str], evidence: Sequence[Evidence]
) -> Floats:
    """Product of functions of the variables `axes`, in their order."""
    sizes = {n: size for f in factors for n, size in zip(f.names, f.values.shape, strict=True)}
    if np.prod([sizes[n] for n in axes], dtype=np.float64) > MAX_CELLS:
        raise InputError(
            f"{', '.join(e.name for e in evidence)} have too many combinations to work out at "
            "once; use fewer of them, or coarser ones"
        )
    place = {n: i for i, n in enumerate(axes)}
    operands: list[Any] = []
    for factor in factors:
        operands += [factor.values, [place[n] for n in factor.names]]
    # A plain product of elements, without sums: the same on every machine.
    product: Floats = np.einsum(*operands, list(range(len(axes))))
    return product
