"""Random generators that depend on what is estimated, not on what was estimated before it."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["cell_rng"]


def cell_rng(seed: int, *labels: str) -> np.random.Generator:
    """Make the generator for one cell of a table.

    A cell keeps its p value and interval when other attributes are added to or left out of the
    analysis, because its generator is seeded by its own labels.

    Args:
        seed: Seed of the analysis, >= 0.
        *labels: What names the cell, for example attribute, reference and value.

    Returns:
        A numpy generator.
    """
    return np.random.default_rng([seed, zlib.crc32("\x1f".join(labels).encode())])
