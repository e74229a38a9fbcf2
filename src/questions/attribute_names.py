"""Finding the attribute or value that somebody means, and saying which is closest if there is none.

People write `Household language`, files `household_language` and data sets `household language`:
the three are one name.
"""

import re
from collections.abc import Collection
from difflib import get_close_matches

from pluralens.errors import InputError

__all__ = ["attribute_named", "closest", "snake_case"]

# Characters of a list in a message, which is one line.
LONGEST = 200
NO_NAME = re.compile(r"[^\w]+|_+")


def snake_case(name: str) -> str:
    """`Household language` as `household_language`."""
    return NO_NAME.sub("_", name.strip()).strip("_").lower()


def attribute_named(name: object, known: Collection[str], place: str) -> str:
    """The attribute that a name means.

    Args:
        name: As somebody wrote it: upper and lower case, spaces and underscores do not matter.
        known: The attributes there are.
        place: Where the name stands, for the message.

    Raises:
        InputError: There is none; the message names the closest ones.
    """
    if not isinstance(name, str) or not snake_case(name):
        raise InputError(f"{place}: {name!r} is no name; write one of {', '.join(known)}")
    found = {snake_case(one): one for one in known}.get(snake_case(name))
    if found is None:
        raise InputError(f"{place}: unknown attribute {name!r}; {closest(snake_case(name), known)}")
    return found


def closest(wanted: str, known: Collection[str]) -> str:
    """The end of a message about a name or value that there is none of.

    Args:
        wanted: What was asked for.
        known: What there is.
    """
    folded = {one.casefold(): one for one in known}
    near = [folded[one] for one in get_close_matches(wanted.casefold(), list(folded), n=3)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    listed: list[str] = []
    for one in known:
        if listed and len(", ".join([*listed, one])) > LONGEST:
            return f"choose from {', '.join(listed)} and {len(known) - len(listed)} more"
        listed.append(one)
    return f"choose from {', '.join(listed)}"
