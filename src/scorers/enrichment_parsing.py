"""Replies to the enrichment task: where a model's words become a persona's texts, or do not.

A reply is untrusted. Thinking blocks, fences and prose around exactly one JSON object are passed
over; the object must have the three keys and nothing else, and each text must keep its limit. What
is accepted is one line in Unicode's composed form (NFC), so that equal texts are equal everywhere.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from pluralens.scorers.json_replies import only_object, without_thinking
from pluralens.scorers.parsing import REFUSAL

__all__ = ["LIMITS", "REASONS", "ParsedTexts", "Reason", "check_texts", "parse_texts"]

Reason = Literal[
    "no object", "several objects", "duplicate key", "missing key", "unknown key", "not text",
    "empty", "no letters", "too long", "bad character", "markup", "truncated", "refused",
]  # fmt: skip
REASONS: tuple[str, ...] = get_args(Reason)

# Longest length of each text, in characters (Unicode code points of its composed form).
LIMITS: Mapping[str, int] = MappingProxyType({"name": 40, "appearance": 220, "biography": 420})

WHITE_SPACE = "\t\n\r"
# Control, format (zero-width, direction, tags), surrogate and private characters; the categories of
# assigned characters do not change between versions of Unicode.
BAD_CATEGORIES = ("Cc", "Cf", "Cs", "Co")
# Letters and symbols that show as nothing, and the mark of a byte that could not be decoded.
BAD_CHARACTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffc\ufffd")
MARKUP = re.compile(r"<\s*[/!?a-z]|&(?:#\w+|[a-z]+);|https?:|www\.|\]\(", re.IGNORECASE)
MARKUP_IN_NAME = re.compile(r"[<>{}\[\]|\\]|//|@")
# Of a longer text nothing more is looked at.
MAX_REFUSAL = 2_000


class ParsedTexts(NamedTuple):
    """What one reply is worth.

    Attributes:
        texts: Key -> text, or None for an invalid reply.
        reason: Why the reply is invalid, else None.
        key: Which text the reason is about, if it is about one.
        length: Length of a text that is too long, in characters.
    """

    texts: dict[str, str] | None
    reason: Reason | None = None
    key: str | None = None
    length: int | None = None

    @property
    def shown(self) -> str:
        """The reason in words, for people who read a log; empty for a valid reply."""
        if self.reason == "too long" and self.key is not None:
            return f"too long: {self.key} ({self.length} characters of {LIMITS[self.key]})"
        return f"{self.reason}: {self.key}" if self.key else self.reason or ""


def _check_text(key: str, value: Any) -> ParsedTexts:
    """One text in its stored form under its key, or what is wrong with it."""
    if not isinstance(value, str):
        return ParsedTexts(None, "not text", key)
    for character in value:
        bad = unicodedata.category(character) in BAD_CATEGORIES or character in BAD_CHARACTERS
        if bad and character not in WHITE_SPACE:
            return ParsedTexts(None, "bad character", key)
    text = unicodedata.normalize("NFC", " ".join(value.split()))
    if not text:
        return ParsedTexts(None, "empty", key)
    if len(text) > LIMITS[key]:
        return ParsedTexts(None, "too long", key, len(text))
    if not any(unicodedata.category(character).startswith("L") for character in text):
        return ParsedTexts(None, "no letters", key)
    if MARKUP.search(text) or (key == "name" and MARKUP_IN_NAME.search(text)):
        return ParsedTexts(None, "markup", key)
    return ParsedTexts({key: text})


def check_texts(values: Mapping[str, Any], keys: tuple[str, ...] = tuple(LIMITS)) -> ParsedTexts:
    """Check texts one by one and bring them into their stored form.

    Args:
        values: Key -> text, from whomever.
        keys: The keys that there must be, no more and no fewer.
    """
    for key in keys:
        if key not in values:
            return ParsedTexts(None, "missing key", key)
    if len(values) > len(keys):
        return ParsedTexts(None, "unknown key")
    texts: dict[str, str] = {}
    for key in keys:
        checked = _check_text(key, values[key])
        if checked.texts is None:
            return checked
        texts |= checked.texts
    return ParsedTexts(texts)


def _is_refusal(texts: Mapping[str, str]) -> bool:
    """Whether a text is a refusal in the required form; only its beginning says so safely."""
    return any(REFUSAL.match(text) for text in texts.values())


def parse_texts(reply: str, stop_reason: str | None = None) -> ParsedTexts:
    """Read one reply.

    Args:
        reply: The reply, as the model wrote it.
        stop_reason: inspect's stop reason; `max_tokens` and `model_length` make a reply without a
            whole object `truncated`, `content_filter` makes any reply `refused`.
    """
    if stop_reason == "content_filter":
        return ParsedTexts(None, "refused")
    cut = stop_reason in ("max_tokens", "model_length")
    text, finished = without_thinking(reply)
    if not finished:
        return ParsedTexts(None, "truncated" if cut else "no object")
    value, reason = only_object(text)
    if value is None:
        if reason != "no object":
            return ParsedTexts(None, reason)
        if REFUSAL.search(" ".join(text[-MAX_REFUSAL:].replace("’", "'").split())):
            return ParsedTexts(None, "refused")
        return ParsedTexts(None, "truncated" if cut else "no object")
    parsed = check_texts(value)
    if parsed.texts is not None and _is_refusal(parsed.texts):
        return ParsedTexts(None, "refused")
    return parsed
