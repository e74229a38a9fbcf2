"""The bias of the untouched network, which every effect is measured against."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pluralens.sentences.items import BiasItem
from pluralens.solvers.analyses.components import STEREOTYPE, estimated

__all__ = ["baseline_numbers"]


def baseline_numbers(clean: NDArray[Any], items: Sequence[BiasItem]) -> dict[str, float]:
    """Mean bias with its interval, and the bias along the stereotype where occupations have twins.

    Args:
        clean: Bias metric per item, `[n]`, nats.
        items: The n items.
    """
    found = estimated(np.asarray(clean, dtype=np.float64)[None], items)
    numbers = {
        "bias": float(found.mean.mean[0]),
        "bias low": float(found.mean.ci_low[0]),
        "bias high": float(found.mean.ci_high[0]),
    }
    if found.estimand == STEREOTYPE:
        numbers["stereotype"] = float(found.tested.mean[0])
        numbers["stereotype low"] = float(found.tested.ci_low[0])
        numbers["stereotype high"] = float(found.tested.ci_high[0])
    return {**numbers, "items": float(len(items)), "groups": float(found.mean.n_groups)}
