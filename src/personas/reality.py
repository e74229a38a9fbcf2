"""A smaller pool that is distributed as its pool is."""

import numpy as np

from pluralens.errors import InputError
from pluralens.personas.drawing import raw_numbers
from pluralens.personas.options import whole_number
from pluralens.personas.persona import Personas

__all__ = ["reality_sample"]


def reality_sample(pool: Personas, n: int, *, seed: int = 0) -> Personas:
    """A simple random sample without replacement.

    Args:
        pool: Who can be chosen.
        n: How many.
        seed: Same pool, n and seed: same sample. A larger n adds personas and takes none away.

    Returns:
        The chosen personas with their ids, in the order of the pool.

    Raises:
        InputError: n or seed is no whole number, or n is below 1 or above the size of the pool.
    """
    n = whole_number("n", n, 1)
    seed = whole_number("seed", seed)
    if n > len(pool):
        raise InputError(
            f"n={n} is more than the {len(pool)} personas of the pool; ask for fewer or draw a "
            "larger pool"
        )
    population = pool.population
    keys = raw_numbers(["reality", population.id, population.version, seed], 0, len(pool))
    return pool.take(np.sort(np.argsort(keys, kind="stable")[:n]))
