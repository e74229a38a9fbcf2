"""Token pairs of unequal lengths for tests: random tokens, one of which the twin has otherwise."""

from typing import Any


def token_pairs(*, single: bool, seed: int = 0, swap: int = 2) -> list[Any]:
    """Seven pairs; two are about the same group, lengths from 4 to 13.

    Args:
        single: Whether all targets are one token; otherwise up to three, several on a side.
        seed: Of the tokens.
        swap: Position of the token that differs.
    """
    import numpy as np

    from pluralens.interp.pairs import TokenPair
    from pluralens.interp.tokens import TokenItem

    rng = np.random.default_rng(seed)

    def some(n: int) -> tuple[int, ...]:
        return tuple(int(t) for t in rng.integers(20, 400, n))

    found = []
    for k, length in enumerate((5, 9, 4, 13, 9, 7, 5)):
        prefix = (0, *some(length - 1))
        twin = (*prefix[:swap], (prefix[swap] + 1 - 20) % 380 + 20, *prefix[swap + 1 :])
        if single:
            a, b = ((7,),), ((17,),)
        else:
            a = ((7,), (9, 5), (7, 11, 4))[: 1 + k % 3]
            b = ((8, 3), (8, 12))[: 1 + k % 2]
        group = f"g{min(k, 5)}"
        found.append(
            TokenPair(
                TokenItem(f"i{k}", group, prefix, a, b),
                TokenItem(f"i{k}", group, twin, a, b),
                group,
            )
        )
    return found
