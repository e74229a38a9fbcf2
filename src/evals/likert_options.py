"""Checks of the Likert task's single parameters, as a command line or Python hands them over.

`-T` values are read as YAML, so anything can arrive: `3` is a number, `a,b` a list, `{}` a mapping.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.personas.counterfactuals import PLACEBO

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = [
    "METADATA",
    "PLACEBO",
    "ages",
    "changed_attributes",
    "names",
    "one_path",
    "per_attribute_count",
    "population_temperature",
    "refuse_reserved_attributes",
    "refuse_reserved_items",
    "whole",
    "yes_or_no",
]

# What a sample's metadata holds beside the attributes.
METADATA = (
    "persona_id", "population", "axes", "name", "role", "base_id", "pair_id", "changed_attribute",
    "from_value", "to_value", "from_group", "to_group", "forced", "appearance", "biography",
)  # fmt: skip
# The columns that frames of persona scores have beside the metadata and the score.
FRAME = ("sample_id", "attribute")
AGES = re.compile(r"\s*(\d{1,3})\s*-\s*(\d{1,3})\s*", re.ASCII)


def names(option: str, value: Any) -> tuple[str, ...] | None:
    """`a,b` as it comes from a shell, or a list as it comes from Python; None if left out.

    Raises:
        InputError: If the value is something else, names nothing or one thing twice.
    """
    if value is None or value in ("", "none"):
        return None
    parts = value.split(",") if isinstance(value, str) else value
    listed = isinstance(parts, Sequence) and not isinstance(parts, bytes)
    if not listed or not all(isinstance(part, str) for part in parts):
        raise InputError(
            f"{option}={value!r} must be names, separated by commas ({option}=a,b); "
            "leave it out for the default"
        )
    found = tuple(part.strip() for part in parts if part.strip())
    if not found:
        raise InputError(f"{option}={value!r} names nothing; leave it out for the default")
    for name in found:
        if found.count(name) > 1:
            raise InputError(f"{option}: {name!r} is named twice; name it once")
    return found


def whole(option: str, value: Any, lowest: int, highest: int | None = None) -> int:
    """A whole number within bounds, both included.

    Raises:
        InputError: If it is none.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or value < lowest
        or (highest is not None and value > highest)
    ):
        bounds = f"of at least {lowest}"
        if highest is not None:
            bounds = f"from {lowest} to {highest}, both included"
        raise InputError(f"{option}={value!r} must be a whole number {bounds}")
    return value


def yes_or_no(option: str, value: Any) -> bool:
    """A truth value, and nothing that merely counts as one.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(value, bool):
        raise InputError(f"{option}={value!r} must be true or false")
    return value


def one_path(option: str, value: Any, what: str) -> str:
    """An id or path as text.

    Args:
        option: Name of the option.
        value: Its value.
        what: What it must be, for the message.

    Raises:
        InputError: If it is no text.
    """
    if not value or not isinstance(value, (str, os.PathLike)):
        raise InputError(
            f"{option}={value!r} must be {what}; a path that is a number or holds a comma cannot "
            "be given, so rename it"
        )
    return os.fspath(value)


def per_attribute_count(value: Any) -> int | None:
    """Twins per base and attribute, None for all.

    Raises:
        InputError: If it is neither `all` nor a number of at least 1.
    """
    if isinstance(value, str) and value == "all":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            f"per_attribute={value!r} must be `all` or a number: a whole number of at least 1"
        )
    return value


def ages(value: Any, option: str = "age") -> tuple[int, int]:
    """Youngest and oldest age from `18-100`, or from two numbers as they come from Python.

    Args:
        value: Its value.
        option: How the message calls it.

    Raises:
        InputError: If it is neither, or upside down.
    """
    bounds: list[int] = []
    if isinstance(value, str):
        match = AGES.fullmatch(value)
        bounds = [int(match[1]), int(match[2])] if match else []
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        known = all(isinstance(a, int) and not isinstance(a, bool) for a in value)
        bounds = list(value) if known else []
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise InputError(f"{option}={value!r} must be youngest-oldest, for example 18-100")
    return bounds[0], bounds[1]


def population_temperature(people: "Population", value: Any) -> float | dict[str, float]:
    """Flattening of the shares, one number or one per drawn attribute.

    Raises:
        InputError: If a number is not in [0, 1] or an attribute is not drawn.
    """
    given = value if isinstance(value, Mapping) else {"": value}
    for name, one in given.items():
        if isinstance(one, bool) or not isinstance(one, (int, float)) or not 0 <= one <= 1:
            raise InputError(
                f"population_temperature={one!r} must be in [0, 1]: it flattens the population's "
                "shares, from 0 (real) to 1 (uniform); the model's own is --temperature"
            )
        if name != "" and name not in people.drawn:
            raise InputError(
                f"population_temperature: population {people.id} draws no attribute {name!r}; "
                + _closest(name, people.attributes)
            )
    return dict(value) if isinstance(value, Mapping) else value


def changed_attributes(people: "Population", value: Any) -> tuple[str, ...]:
    """Attributes that twins differ in, `placebo` among them if it is named.

    Raises:
        InputError: If one cannot be changed.
    """
    found = names("counterfactuals", value) or ()
    for name in found:
        if name in people.derived:
            raise InputError(
                f"counterfactuals: {name!r} is derived; change {people.source_of(name)!r}, which "
                "it is read from"
            )
        if name not in (*people.drawn, PLACEBO):
            raise InputError(
                f"counterfactuals: population {people.id} has no attribute {name!r}; "
                + _closest(name, (*people.attributes, PLACEBO))
            )
    return found


def refuse_reserved_attributes(people: "Population") -> None:
    """Refuse a population whose attribute would be overwritten in the sample's metadata.

    Raises:
        InputError: Naming the attribute.
    """
    for name in people.all_attributes:
        if name in (*METADATA, *FRAME, PLACEBO):
            raise InputError(
                f"population {people.id}: the attribute {name!r} has the name of a key of the "
                "results; rename the attribute in its population.yaml"
            )


def refuse_reserved_items(people: "Population", ids: Collection[str], source: str) -> None:
    """Refuse items whose ratings would share a name with something known of the persona.

    Args:
        people: The population of the personas.
        ids: Ids of the items.
        source: Where they come from, for the message.

    Raises:
        InputError: Naming the id.
    """
    taken = {name.casefold() for name in (*METADATA, *FRAME, *people.all_attributes)}
    for name in ids:
        if name.casefold() in taken:
            raise InputError(
                f"{source}: the item id {name!r} is also the name of an attribute of population "
                f"{people.id} or of a key of the results; rename the item, for example {name}1"
            )


def _closest(name: object, known: Collection[str]) -> str:
    close = get_close_matches(str(name), list(known), n=1)
    return f"the closest is {close[0]!r}" if close else f"choose from {', '.join(known)}"
