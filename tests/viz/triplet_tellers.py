"""Two scripted tellers of triplets: one that leans to whoever asks, one against."""

from collections.abc import Mapping
from typing import Any

__all__ = ["contrary", "told"]


def told(about: Mapping[str, Any]) -> float | str:
    if about["id"] == "rent/050-good-good/tenant":
        return "unscored"
    return round(0.3 * about["side"] - 0.2 * (about.get("factor_increase") == "500"), 1)


def contrary(about: Mapping[str, Any]) -> float | str:
    return -0.2 * float(about["side"])
