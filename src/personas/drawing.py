"""What every draw rests on: seeded streams, inversion of many distributions at once, ids.

Numbers come raw from PCG64, whose stream numpy guarantees; the transformations above it may change
between versions of numpy. Keys of streams and ids are hashes of JSON text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pluralens.personas.keyed_hash import keyed_hash
from pluralens.personas.plan import Step

__all__ = ["Codes", "draw", "persona_ids", "raw_numbers", "uniforms"]

Codes = npt.NDArray[np.unsignedinteger[Any]]
HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8).astype(np.uint32)


def raw_numbers(key: Sequence[Any], start: int, n: int) -> npt.NDArray[np.uint64]:
    """Numbers `start` to `start + n` of the stream that `key` names, shape (n,), all of 64 bits."""
    stream = np.random.PCG64(int.from_bytes(keyed_hash("stream", 16, key), "big"))
    stream.advance(start)
    return np.asarray(stream.random_raw(n), dtype=np.uint64)


def uniforms(key: Sequence[Any], start: int, n: int) -> npt.NDArray[np.float64]:
    """Numbers `start` to `start + n` of the stream that `key` names, in [0, 1), shape (n,)."""
    return (raw_numbers(key, start, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw(step: Step, drawn: Mapping[str, Codes], uniforms: npt.NDArray[np.float64]) -> Codes:
    """Invert every persona's distribution in one search.

    The cumulative shares of all contexts stand in one ascending array, those of context r in
    (r, r+1], and only those of values that can be drawn: a value of weight 0 has no place in it.

    Args:
        step: What is drawn.
        drawn: Values of its context, each of shape (n,).
        uniforms: Numbers in [0, 1), shape (n,).
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


def persona_ids(identity: Sequence[Any], start: int, n: int) -> npt.NDArray[np.str_]:
    """Persona ids, shape (n,): a bijection of the index, so no two of a pool are the same.

    Args:
        identity: Everything beside the index that decides who the personas are; JSON values.
        start: Index of the first one.
        n: How many.
    """
    key = np.uint64(int.from_bytes(keyed_hash("persona", 8, identity), "big"))
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
