"""Models with and without a planted gap, trained once per process of tests."""

import tempfile
from functools import cache
from typing import Any

from pluralens.interp.checkpoint import Checkpoint, load_checkpoint
from pluralens.interp.toy import ToyTruth, labour_market, train_toy


@cache
def planted() -> tuple[Checkpoint, ToyTruth]:
    """The shares of the labour market."""
    return _trained(planted=labour_market())


@cache
def without_gap() -> tuple[Checkpoint, ToyTruth]:
    """One half for every occupation; the sentences are learnt in half the steps."""
    return _trained(steps=200)


def _trained(**options: Any) -> tuple[Checkpoint, ToyTruth]:
    with tempfile.TemporaryDirectory() as folder:
        truth = train_toy(folder, **options)
        return load_checkpoint(folder, device="cpu"), truth
