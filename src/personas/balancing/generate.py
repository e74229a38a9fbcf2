"""Balanced sets drawn from the population, cell by cell."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pluralens.personas.balancing.allocation import allocate, shuffled
from pluralens.personas.balancing.axes import MIN_SHARE, Floats, make_axes
from pluralens.personas.balancing.report import BalanceReport, make_report
from pluralens.personas.conditioning import Evidence, condition
from pluralens.personas.drawing import persona_ids, uniforms
from pluralens.personas.options import DEFAULT_AGE, SamplingOptions, how_many, whole_number
from pluralens.personas.persona import Personas
from pluralens.personas.sampling import plan_of

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["balanced_generate"]

METHOD = "balanced-generate"


def balanced_generate(
    population: "Population",
    n: int,
    *,
    seed: int = 0,
    axes: Sequence[str] | None = None,
    temperature: float | Mapping[str, float] = 0.0,
    age: tuple[int, int] = DEFAULT_AGE,
    exclude: Mapping[str, Collection[str | int]] | None = None,
    min_share: float = MIN_SHARE,
) -> tuple[Personas, BalanceReport]:
    """Draw personas that are even on some axes, and otherwise as the population is.

    First it is decided how many personas each cell (combination of groups) gets: axes even and
    unassociated as far as cells that nobody can be in allow. Then every persona is drawn from the
    population's exact distribution given its cell, without rejection.

    Args:
        population: Where they are drawn from.
        n: How many; fewer than there are groups is fine.
        seed: Same seed, options and population: same personas, on every machine.
        axes: Drawn or derived attributes to be even on; default gender, age group, subregion of
            origin, religion and sexuality, as far as the population has them.
        temperature: As in `pluralens.personas.sampling.sample`: within the cells, and for the
            shares that `min_share` looks at.
        age: As there. With minors the default axis of ages is the one for all ages.
        exclude: As there.
        min_share: Subregions below this share of the population are merged into their region.

    Returns:
        The personas in random order, and how even they are. Their ids are those of no pool and of
        no set with another n or other options.

    Raises:
        InputError: An option is wrong, nothing is left to draw, or the axes have too many cells.
    """
    n = how_many(n)
    seed = whole_number("seed", seed)
    options = SamplingOptions.checked(population, temperature, age, exclude)
    steps = plan_of(population, options)

    def shares_of(attribute: str) -> Floats:
        size = len(population.values(attribute))
        return condition(steps, [Evidence(attribute, attribute, np.arange(size), size)]).joint

    on = make_axes(population, axes, shares_of, min_share)
    # One group more where there are people to whom the axis does not apply.
    known = [Evidence(a.name, a.attribute, a.lookup, int(a.lookup.max()) + 1) for a in on]
    conditioned = condition(steps, known)
    cells = np.argwhere(conditioned.joint > 0).astype(np.int64)
    names = [axis.name for axis in on]
    identity = [
        *(METHOD, population.id, population.version, population.digest, seed),
        *(options.canonical(), names, repr(float(min_share)), n),
    ]
    counts = allocate(
        cells,
        tuple(len(axis.groups) for axis in on),
        np.full(len(cells), n, dtype=np.int64),
        n,
        identity,
    )
    groups = np.repeat(cells, counts, axis=0)[shuffled([*identity, "order"], n)]
    codes = conditioned.draw(
        dict(zip(names, groups.T, strict=True)),
        lambda attribute: uniforms([*identity, "draw", attribute], 0, n),
    )
    personas = Personas(population, persona_ids(identity, 0, n), codes)
    return personas, make_report("generate", on, float(min_share), groups, None)
