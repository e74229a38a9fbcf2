"""What may be drawn: every attribute's distribution given what was drawn before it.

A step holds one attribute's weights for every combination of the values it depends on: its
parents, and the other attributes of the plausibility rules in which it is drawn last. Rules and
exclusions set weights to 0 there, so nothing is ever drawn and thrown away. A combination for which
nothing is left is in turn ruled out in the step before it, back to the first attribute.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["Step", "build_plan"]

Scalar = TypeVar("Scalar", bound=np.generic)
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# Sizes of the weights of a step beyond this do not fit in memory beside the rest.
MAX_CELLS = 2**26


@dataclass(frozen=True, eq=False)
class Step:
    """One attribute to draw.

    Attributes:
        attribute: Its name.
        context: The attributes that its weights depend on, in sampling order.
        weights: Shape (*context sizes, values); 0 for what cannot be drawn. Not normalised.
        forbidden: Same shape; what a plausibility rule forbids, whatever the tables say.
    """

    attribute: str
    context: tuple[str, ...]
    weights: Floats
    forbidden: Bools


@dataclass(frozen=True, eq=False)
class _Mask:
    """Combinations that are ruled out: shape (*sizes of names), true where they are."""

    names: tuple[str, ...]
    values: Bools


def build_plan(
    population: "Population",
    allowed: Mapping[str, Bools] | None = None,
    temperature: Mapping[str, float] | None = None,
) -> list[Step]:
    """The steps of a population in sampling order.

    Args:
        population: The population.
        allowed: Attribute -> which of its values may be drawn, shape (values,); default all.
        temperature: Attribute -> T: shares are raised to 1-T over what is possible; default 0.

    Raises:
        InputError: Nothing is left to draw.
    """
    names = population.attributes
    place = {name: i for i, name in enumerate(names)}
    rules: dict[str, list[_Mask]] = {name: [] for name in names}
    for rule in population.rules:
        context = tuple(sorted(rule.conditions, key=place.__getitem__))
        mask = np.zeros([len(population.values(name)) for name in context], dtype=np.bool_)
        mask[np.ix_(*(sorted(rule.conditions[name]) for name in context))] = True
        rules[context[-1]].append(_Mask(context, mask))
    dead: dict[str, list[_Mask]] = {name: [] for name in names}
    steps: list[Step] = []
    for name in reversed(names):
        step, alive = _step(population, name, rules[name], dead[name], (allowed or {}).get(name))
        table = population.drawn[name].table
        lost = _spread(_Mask(table.parents, table.defined), step.context, population) & ~alive
        if lost.any():
            if not step.context:
                raise InputError(
                    f"population {population.id}: the age range, exclusions and rules together "
                    f"leave no {name} to draw; widen the age range or exclude less"
                )
            dead[step.context[-1]].append(_Mask(step.context, lost))
        steps.append(_heated(step, (temperature or {}).get(name, 0.0)))
    return steps[::-1]


def _step(
    population: "Population",
    name: str,
    rules: Sequence[_Mask],
    dead: Sequence[_Mask],
    allowed: Bools | None,
) -> tuple[Step, Bools]:
    """A step at temperature 0, and for which contexts it has something to draw."""
    table = population.drawn[name].table
    involved = {*table.parents, *(n for mask in (*rules, *dead) for n in mask.names)} - {name}
    context = tuple(n for n in population.attributes if n in involved)
    axes = (*context, name)
    sizes = [len(population.values(n)) for n in axes]
    if np.prod(sizes, dtype=np.float64) > MAX_CELLS:
        raise InputError(
            f"population {population.id}: {name} depends on too many combinations of "
            f"{', '.join(context)}; use fewer parents, values or rules"
        )
    weights = np.broadcast_to(_aligned(table.weights, (*table.parents, name), axes), sizes).copy()
    forbidden = np.zeros(sizes, dtype=np.bool_)
    for mask in rules:
        forbidden |= _aligned(mask.values, mask.names, axes)
    weights[forbidden] = 0.0
    for mask in dead:
        weights *= ~_aligned(mask.values, mask.names, axes)
    if allowed is not None:
        weights *= allowed
    return Step(name, context, weights, forbidden), weights.sum(axis=-1) > 0


def _aligned(
    array: npt.NDArray[Scalar], names: Sequence[str], axes: Sequence[str]
) -> npt.NDArray[Scalar]:
    """`array` with its axes in the order of `axes`, and size 1 where it has none."""
    order = sorted(range(len(names)), key=lambda i: axes.index(names[i]))
    sizes = {names[i]: array.shape[i] for i in order}
    return array.transpose(order).reshape([sizes.get(name, 1) for name in axes])


def _spread(mask: _Mask, context: Sequence[str], population: "Population") -> Bools:
    sizes = [len(population.values(name)) for name in context]
    return np.broadcast_to(_aligned(mask.values, mask.names, context), sizes)


def _heated(step: Step, temperature: float) -> Step:
    if temperature == 0.0:
        return step
    positive = step.weights > 0
    weights = np.zeros_like(step.weights)
    # Relative to the sum of its row: shares, also where rules took some of them.
    shares = step.weights / np.where(positive.any(-1), step.weights.sum(-1), 1.0)[..., None]
    weights[positive] = shares[positive] ** (1.0 - temperature)
    return Step(step.attribute, step.context, weights, step.forbidden)
