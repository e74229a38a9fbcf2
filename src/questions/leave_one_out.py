"""Which attributes the generator is shown: all, all but one, or all but the studied ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pluralens.errors import InputError
from pluralens.questions.attribute_names import attribute_named
from pluralens.questions.json_file import read_json
from pluralens.questions.person import Person

__all__ = ["FULL", "NONE", "WITHOUT", "Arm", "arms", "read_attributes"]

FULL = "full"
NONE = "none"
# Followed by the attribute that is left out.
WITHOUT = "without:"
KEY = "attributes"


class Arm(NamedTuple):
    """What is shown of a person.

    Attributes:
        name: `full`, `without:<attribute>` or `none`.
        shown: Names of the attributes that are shown, in the person's order.
    """

    name: str
    shown: tuple[str, ...]


def read_attributes(value: Any, known: Sequence[str]) -> tuple[str, ...]:
    """The attributes to leave out, from a command line, from Python or from a file.

    Args:
        value: `age,sex`, a list of names, or the path of a file `.json` that holds a list of names
            or `{"attributes": [...]}`. Case, spaces and underscores of names do not matter.
        known: All attributes that people can have.

    Returns:
        The attributes as `known` writes them, in the order given.

    Raises:
        InputError: Of the wrong shape, empty, or with a name twice or that nobody knows.
    """
    place = KEY
    if isinstance(value, str) and value.strip().lower().endswith(".json"):
        place = value.strip()
        _, value = read_json(Path(place))
        if isinstance(value, dict):
            if set(value) != {KEY}:
                raise InputError(
                    f"{place}: the object has the keys {', '.join(value) or 'none'}; "
                    f'write {{"{KEY}": ["age", "sex"]}} or a bare list'
                )
            value = value[KEY]
        if isinstance(value, str):
            value = [value]
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Sequence) or isinstance(parts, bytes):
        raise InputError(
            f"{place}: {value!r} is no list of attributes; write names separated by commas, a "
            "list, or the path of a file .json that holds one"
        )
    # A comma at the end of a command line names nothing.
    listed = [one for one in parts if not (isinstance(value, str) and not one.strip())]
    found: list[str] = []
    for one in listed:
        attribute = attribute_named(one, known, place)
        if attribute in found:
            raise InputError(f"{place}: {attribute!r} is named twice; name it once")
        found.append(attribute)
    if not found:
        raise InputError(f"{place}: no attribute is named; name at least one of {', '.join(known)}")
    return tuple(found)


def arms(person: Person, attributes: Sequence[str], known: Sequence[str]) -> tuple[Arm, ...]:
    """What is shown of one person in turn.

    Args:
        person: The person.
        attributes: The attributes that are studied.
        known: All attributes that people can have.

    Returns:
        `full`, one arm per studied attribute that the person has, and `none`, which lacks all
        studied attributes at once. A person that has none of them gives `full` alone: nothing can
        be compared with it. With one attribute the last two arms show the same and are both made,
        since they are compared in different tables.

    Raises:
        ValueError: A studied attribute is not known.
    """
    if unknown := [one for one in attributes if one not in known]:
        raise ValueError(f"unknown attributes: {unknown}")
    has = tuple(person.attributes)
    studied = [one for one in attributes if one in person.attributes]
    found = [Arm(FULL, has)]
    found += [Arm(f"{WITHOUT}{a}", tuple(one for one in has if one != a)) for a in studied]
    if studied:
        found.append(Arm(NONE, tuple(one for one in has if one not in studied)))
    return tuple(found)
