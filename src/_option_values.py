"""Checks of single values of options, as a command line or Python hands them over.

`-T` values are read as YAML, so anything can arrive: `3` is a number, `a,b` a list, `{}` a mapping.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

from pluralens.errors import InputError

__all__ = ["ages", "names", "one_path", "whole", "yes_or_no"]

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
