"""One number out of whatever identifies a draw: the chance of the simulated models."""

import hashlib

__all__ = ["unit_draw"]


def unit_draw(*parts: object) -> float:
    """A number in [0, 1) that is a pure function of the parts."""
    text = "\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64
