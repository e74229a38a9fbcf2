"""Refuse `-T` options that a task does not have, instead of running without them."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pluralens.errors import InputError

__all__ = ["refuse_unknown_options"]


def refuse_unknown_options(
    given: Mapping[str, object], known: Iterable[str], hints: Mapping[str, str]
) -> None:
    """Refuse what a task's `**kwargs` caught.

    inspect only warns of an option that the task does not know and runs on with the default, so a
    typing error would be a different experiment.

    Args:
        given: The caught options.
        known: Options of the task.
        hints: Option that people may expect -> what to use.

    Raises:
        InputError: If anything was caught.
    """
    for option, value in given.items():
        close = get_close_matches(option, list(known), n=1)
        hint = hints.get(option) or (
            f"the closest is {close[0]!r}" if close else f"there are {', '.join(known)}"
        )
        raise InputError(f"there is no option {option}={value!r}; {hint}")
