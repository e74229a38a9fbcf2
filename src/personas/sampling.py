"""Drawing personas from a population.

One stream of random numbers per attribute and exactly one number per persona and attribute, so the
i-th persona of a seed is the same however many are drawn and wherever drawing starts. Numbers come
raw from PCG64, whose stream numpy guarantees; the transformations above it may change between
versions of numpy.
"""

import json
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.options import DEFAULT_AGE, SamplingOptions, whole_number
from pluralens.personas.persona import Personas
from pluralens.personas.plan import Step, build_plan

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["sample"]

Codes = npt.NDArray[np.unsignedinteger[Any]]
HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8).astype(np.uint32)


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
    n = whole_number("n", n, 1)
    seed = whole_number("seed", seed)
    start = whole_number("start", start, 0)
    if start + n > 2**63:
        raise InputError(f"start={start} is too large; start and n together stay below 2**63")
    options = SamplingOptions.checked(population, temperature, age, exclude)
    allowed = {}
    for name, excluded in options.excluded.items():
        allowed[name] = np.ones(len(population.values(name)), dtype=np.bool_)
        allowed[name][list(excluded)] = False
    codes: dict[str, Codes] = {}
    for step in build_plan(population, allowed, options.temperature):
        uniforms = _uniforms(population, seed, step.attribute, start, n)
        codes[step.attribute] = _draw(step, codes, uniforms)
    return Personas(population, _ids(population, seed, options, start, n), codes)


def _uniforms(
    population: "Population", seed: int, attribute: str, start: int, n: int
) -> npt.NDArray[np.float64]:
    """Numbers `start` to `start + n` of an attribute's stream, in [0, 1), shape (n,)."""
    key = _hash("stream", 16, [population.id, population.version, seed, attribute])
    stream = np.random.PCG64(int.from_bytes(key, "big"))
    stream.advance(start)
    raw = np.asarray(stream.random_raw(n), dtype=np.uint64)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _draw(step: Step, drawn: Mapping[str, Codes], uniforms: npt.NDArray[np.float64]) -> Codes:
    """Invert every persona's distribution in one search.

    The cumulative shares of all contexts stand in one ascending array, those of context r in
    (r, r+1], and only those of values that can be drawn: a value of weight 0 has no place in it.
    """
    size = step.weights.shape[-1]
    weights = step.weights.reshape(-1, size)
    sums = np.cumsum(weights, axis=1)
    total = sums[:, -1:]
    possible = weights > 0
    shares: npt.NDArray[np.float64] = np.divide(
        sums, total, out=np.zeros_like(sums), where=total > 0
    )
    cumulative = shares + np.arange(len(weights), dtype=np.float64)[:, None]
    context, values = np.nonzero(possible)
    ends = np.cumsum(possible.sum(axis=1)) - 1
    rows = np.zeros(len(uniforms), dtype=np.intp)
    for name, length in zip(step.context, step.weights.shape, strict=False):
        rows *= length
        rows += drawn[name]
    # Adding the row can round a number just below 1 up to the next row.
    found = np.searchsorted(cumulative[context, values], uniforms + rows, side="right")
    np.minimum(found, ends[rows], out=found)
    return values.astype(np.min_scalar_type(size - 1))[found]


def _ids(
    population: "Population", seed: int, options: SamplingOptions, start: int, n: int
) -> npt.NDArray[np.str_]:
    """Persona ids, shape (n,): a bijection of the index, so no two of a pool are the same."""
    identity = [population.id, population.version, population.digest, seed, options.canonical()]
    key = np.uint64(int.from_bytes(_hash("persona", 8, identity), "big"))
    mixed = np.arange(start, start + n, dtype=np.uint64) ^ key
    # The finaliser of splitmix64 (Steele, Lea & Flood 2014); every line can be undone.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = mixed ^ (mixed >> np.uint64(31))
    digits = np.empty((n, 16), dtype=np.uint32)
    for position in range(16):
        shift = np.uint64(60 - 4 * position)
        digits[:, position] = HEX[(mixed >> shift) & np.uint64(15)]
    return digits.view(np.dtype("U16")).reshape(n)


def _hash(purpose: str, size: int, content: list[Any]) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=size, person=purpose.encode()).digest()
