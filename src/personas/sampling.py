"""Drawing personas from a population.

One stream of random numbers per attribute and exactly one number per persona and attribute, so the
i-th persona of a seed is the same however many are drawn and wherever drawing starts.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.drawing import Codes, persona_ids, uniforms
from pluralens.personas.drawing import draw as _draw
from pluralens.personas.options import DEFAULT_AGE, SamplingOptions, how_many, whole_number
from pluralens.personas.persona import Personas
from pluralens.personas.plan import Step, build_plan

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["plan_of", "sample"]


def sample(
    population: "Population",
    n: int,
    *,
    seed: int = 0,
    start: int = 0,
    temperature: float | Mapping[str, float] = 0.0,
    age: tuple[int, int] = DEFAULT_AGE,
    exclude: Mapping[str, Collection[str | int]] | None = None,
) -> Personas:
    """Draw personas.

    Args:
        population: Where they are drawn from.
        n: How many.
        seed: Same seed, options and population: same personas, on every machine.
        start: Index of the first one: `sample(p, 1000)[200:300]` is `sample(p, 100, start=200)`.
        temperature: T in [0, 1], for all attributes or per attribute: shares are raised to 1-T
            over what is possible. 0 is the real distribution, 1 uniform.
        age: Youngest and oldest age, both included.
        exclude: Attribute -> values that are not drawn. What remains keeps its proportions given
            the attributes drawn before; values after which nothing would remain are not drawn
            either (without Germany as an origin nobody is without a migration background).

    Returns:
        The personas; none of them breaks a plausibility rule of the population.

    Raises:
        InputError: An option is wrong, or nothing is left to draw.
    """
    n = how_many(n)
    seed = whole_number("seed", seed)
    start = whole_number("start", start, 0)
    if start + n > 2**63:
        raise InputError(f"start={start} is too large; start and n together stay below 2**63")
    options = SamplingOptions.checked(population, temperature, age, exclude)
    codes: dict[str, Codes] = {}
    for step in plan_of(population, options):
        codes[step.attribute] = _draw(
            step, codes, _uniforms(population, seed, step.attribute, start, n)
        )
    identity = [population.id, population.version, population.digest, seed, options.canonical()]
    return Personas(population, persona_ids(identity, start, n), codes)


def plan_of(population: "Population", options: SamplingOptions) -> list[Step]:
    """The steps that draw from a population under checked options.

    Raises:
        InputError: Nothing is left to draw.
    """
    allowed = {}
    for name, excluded in options.excluded.items():
        allowed[name] = np.ones(len(population.values(name)), dtype=np.bool_)
        allowed[name][list(excluded)] = False
    return build_plan(population, allowed, options.temperature)


def _uniforms(
    population: "Population", seed: int, attribute: str, start: int, n: int
) -> npt.NDArray[np.float64]:
    """Numbers `start` to `start + n` of an attribute's stream, in [0, 1), shape (n,)."""
    return uniforms([population.id, population.version, seed, attribute], start, n)
