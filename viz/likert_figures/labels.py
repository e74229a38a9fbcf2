"""Words for columns, shared by the Likert figures."""

from collections.abc import Mapping
from typing import Any

__all__ = ["attribute_words", "outcome_words", "pair_words", "value_words"]

ATTRIBUTES = {
    "age_bin": "age",
    "origin_group": "origin",
    "origin_region": "region of origin",
    "origin_subregion": "subregion of origin",
    "marital_status": "marital status",
    "sexuality": "sexual orientation",
    "placebo": "placebo (asked twice)",
}
OUTCOMES = {"aligned": "all dimensions"}


def attribute_words(attribute: str) -> str:
    """An attribute as a reader would call it; `gender+religion` is both at once."""
    if "+" in attribute:
        return " + ".join(attribute_words(part) for part in attribute.split("+"))
    return ATTRIBUTES.get(attribute, attribute.replace("_", " "))


def value_words(value: str) -> str:
    """An attribute value as a reader would call it."""
    return value.replace("_", " ")


def outcome_words(outcome: str) -> str:
    """`aligned_warmth` -> `warmth`; the mean over all is `all dimensions`."""
    return OUTCOMES.get(outcome, outcome.removeprefix("aligned_"))


def pair_words(row: Mapping[Any, Any]) -> str:
    """`value - reference` of one row of effects: positive means that the first is higher."""
    return f"{value_words(row['value'])} - {value_words(row['reference'])}"
