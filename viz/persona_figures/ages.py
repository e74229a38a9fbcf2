"""The ages that a set covers: whom the official shares beside it are of."""

import numpy as np

from pluralens.personas.options import AGE, DEFAULT_AGE
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population

__all__ = ["Ages", "ages_of", "ages_words"]

# Youngest and oldest age, both included.
Ages = tuple[int, int]


def ages_of(personas: Personas) -> Ages:
    """From the youngest to the oldest persona; the sampler's default for people without ages."""
    if AGE not in personas.codes:
        return DEFAULT_AGE
    values = np.asarray(personas.population.values(AGE), dtype=np.int64)[personas.codes[AGE]]
    return int(values.min()), int(values.max())


def ages_words(population: Population, ages: Ages) -> str:
    """Whom official shares are of: `of residents aged 18 to 100`."""
    aged = f" aged {ages[0]} to {ages[1]}" if AGE in population.drawn else ""
    return f"of residents{aged}"
