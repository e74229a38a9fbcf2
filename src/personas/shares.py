"""Exact shares of a population: what an endless pool would have.

Worked out by variable elimination (`pluralens.personas.conditioning`), not simulated.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.conditioning import Evidence, condition
from pluralens.personas.options import DEFAULT_AGE, SamplingOptions
from pluralens.personas.sampling import plan_of

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["population_joint", "population_shares"]


def population_shares(
    population: "Population",
    attribute: str,
    *,
    age: tuple[int, int] = DEFAULT_AGE,
    temperature: float | Mapping[str, float] = 0.0,
    exclude: Mapping[str, Collection[str | int]] | None = None,
) -> npt.NDArray[np.float64]:
    """Share of every value of a drawn or derived attribute.

    Args:
        population: The population.
        attribute: The attribute.
        age: Youngest and oldest age, as in `pluralens.personas.sampling.sample`.
        temperature: As there.
        exclude: As there.

    Returns:
        Shape (values,), in the order of `population.values(attribute)`; sums to 1.

    Raises:
        InputError: Unknown attribute, or an option is wrong.
    """
    return population_joint(
        population, [attribute], age=age, temperature=temperature, exclude=exclude
    )


def population_joint(
    population: "Population",
    attributes: Sequence[str],
    *,
    age: tuple[int, int] = DEFAULT_AGE,
    temperature: float | Mapping[str, float] = 0.0,
    exclude: Mapping[str, Collection[str | int]] | None = None,
) -> npt.NDArray[np.float64]:
    """Share of every combination of values of several attributes.

    Args:
        population: The population.
        attributes: Drawn or derived attributes, each once.
        age: Youngest and oldest age, as in `pluralens.personas.sampling.sample`.
        temperature: As there.
        exclude: As there.

    Returns:
        Shape (*values of each attribute); sums to 1.

    Raises:
        InputError: Unknown attribute, one twice or none, an option is wrong, or there are too many
            combinations.
    """
    if not attributes or len(set(attributes)) < len(attributes):
        raise InputError(f"attributes={list(attributes)!r}: name at least one, and each only once")
    evidence = []
    for name in attributes:
        size = len(population.values(name))
        groups = np.arange(size)
        if name in population.derived:
            groups = np.array(population.derived[name].lookup)
        evidence.append(Evidence(name, population.source_of(name), groups, size))
    options = SamplingOptions.checked(population, temperature, age, exclude)
    return condition(plan_of(population, options), evidence).joint
