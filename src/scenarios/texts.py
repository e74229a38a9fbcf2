"""What a text of a scenario file may hold: placeholders, numbers, role words, characters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from string import Formatter
from typing import Any

__all__ = ["forbidden_character", "numbers_in", "placeholders", "role_word", "walk_texts"]

# Control and format characters, line and paragraph separators, private and half characters: none
# can be seen, and each would be part of the prompt.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def placeholders(template: str) -> list[str]:
    """Names in braces, in the order of the text.

    Raises:
        ValueError: `problem; remedy` for a brace that is open or stray, or a placeholder with
            anything but a name in it.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        raise ValueError("a brace stands alone; write {name} for a placeholder") from None
    names = []
    for _, name, form, conversion in parts:
        if name is None:
            continue
        if form or conversion or not name.isidentifier():
            raise ValueError(f"{{{name}}} is no plain placeholder; write only a name in braces")
        names.append(name)
    return names


def numbers_in(text: str) -> Counter[str]:
    """Numbers written in digits, with how often each occurs."""
    return Counter(re.findall(r"\d+(?:[.,]\d+)*", text))


def role_word(text: str, words: Iterable[str]) -> str | None:
    """The first of the words that occurs in the text as a word of its own, in any case."""
    for word in words:
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
            return word
    return None


def forbidden_character(text: str) -> str | None:
    """The first invisible character, if any, as an escape."""
    found = next((c for c in text if unicodedata.category(c) in INVISIBLE), None)
    return None if found is None else found.encode("unicode_escape").decode()


def walk_texts(
    data: Any, place: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """All texts of a parsed document, keys included, with their places."""
    if isinstance(data, str):
        yield place, data
    elif isinstance(data, dict):
        for key, value in data.items():
            if isinstance(key, str):
                yield place, key
            yield from walk_texts(value, (*place, key))
    elif isinstance(data, list):
        for position, value in enumerate(data):
            yield from walk_texts(value, (*place, position))
