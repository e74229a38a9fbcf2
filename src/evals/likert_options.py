"""Checks of the Likert task's own parameters, and of what they mean for its population."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pluralens._option_values import names
from pluralens.errors import InputError
from pluralens.personas.counterfactuals import PLACEBO

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = [
    "METADATA",
    "changed_attributes",
    "per_attribute_count",
    "population_temperature",
    "refuse_reserved_attributes",
    "refuse_reserved_items",
]

# What a sample's metadata holds beside the attributes.
METADATA = (
    "persona_id", "population", "axes", "name", "role", "base_id", "pair_id", "changed_attribute",
    "from_value", "to_value", "from_group", "to_group", "forced", "appearance", "biography",
)  # fmt: skip
# The columns that frames of persona scores have beside the metadata and the score.
FRAME = ("sample_id", "attribute")


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
