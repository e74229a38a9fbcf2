"""JSON in a model's reply: outside its thinking, with or without prose and fences around it."""

import json
import re
from typing import Any, Literal, NamedTuple

__all__ = ["JsonReply", "NoJson", "only_object", "without_thinking"]

NoJson = Literal["no object", "several objects", "duplicate key", "truncated"]

# Only the end of a longer reply is read, so that nothing runs over megabytes.
MAX_CHARACTERS = 20_000
THINKING_OPENS = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
THINKING_ENDS = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
# An object that can hold a key.
OBJECT = re.compile(r"\{\s*\"")


class JsonReply(NamedTuple):
    """The one object of a reply, or why there is none."""

    value: dict[str, Any] | None
    reason: NoJson | None = None


class _DuplicateKey(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DuplicateKey
    return found


def without_thinking(text: str) -> tuple[str, bool]:
    """The text outside its thinking block, and whether that block was closed.

    Some chat templates open the block in the prompt, so that a reply holds only its end.
    """
    ends = list(THINKING_ENDS.finditer(text))
    if not ends:
        return text, THINKING_OPENS.search(text) is None
    opens = THINKING_OPENS.search(text)
    before = text[: opens.start()] if opens and opens.start() < ends[-1].start() else ""
    after = text[ends[-1].end() :]
    return before + "\n" + after, THINKING_OPENS.search(after) is None


def only_object(text: str) -> JsonReply:
    """The one JSON object of a text that is free of thinking blocks.

    Fences and prose around it are passed over. A second object, a key given twice, or an object
    that does not parse make the whole reply worthless: which part was meant would be a guess.

    Args:
        text: The text; of a very long one only the end counts.
    """
    text = text[-MAX_CHARACTERS:].rstrip()
    # Numbers are no texts, and `int` refuses thousands of digits.
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_int=float, strict=False)
    found: dict[str, Any] | None = None
    start = OBJECT.search(text)
    while start is not None:
        if found is not None:
            return JsonReply(None, "several objects")
        try:
            found, end = decoder.raw_decode(text, start.start())
        except _DuplicateKey:
            return JsonReply(None, "duplicate key")
        except json.JSONDecodeError as error:
            unclosed = error.pos >= len(text) or error.msg.startswith("Unterminated string")
            return JsonReply(None, "truncated" if unclosed else "no object")
        except RecursionError:
            return JsonReply(None, "no object")
        start = OBJECT.search(text, end)
    return JsonReply(found, None if found is not None else "no object")
