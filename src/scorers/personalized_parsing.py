"""Replies of a model that was asked to personalise: where its words become an answer, or do not.

A reply is untrusted. Thinking blocks, fences and prose around exactly one object are passed over.
The object is JSON, or a Python dictionary of texts (single quotes, a comma too many), which some
models write; nothing is ever evaluated but such a literal. It must have the mode's keys and no
others: reasoning in a reply that was to be the answer alone, or none where it was asked for, is
another mode. A reply that is cut off counts only if its object is whole.
"""

import ast
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

from pluralens.scorers.json_replies import MAX_CHARACTERS, JsonReply, only_object, without_thinking
from pluralens.scorers.refusals import refuses

__all__ = [
    "MODES",
    "MODE_KEYS",
    "REASONS",
    "Mode",
    "ParsedAnswer",
    "PersonalizedOutcome",
    "Reason",
    "parse_personalized",
]

Mode = Literal["baseline", "output_only", "chain_of_thought", "demographic_summary"]
MODES: tuple[Mode, ...] = get_args(Mode)
PersonalizedOutcome = Literal["answer", "invalid", "empty", "refused_by_filter"]
Reason = Literal[
    "no object", "several objects", "duplicate key", "missing key", "unknown key", "not text",
    "empty", "empty text", "truncated", "refused", "filtered",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)

ANSWER = "answer"
# The keys of a reply in the order in which they are to be written; the answer is the last.
MODE_KEYS: Mapping[Mode, tuple[str, ...]] = MappingProxyType(
    {
        "baseline": (ANSWER,),
        "output_only": (ANSWER,),
        "chain_of_thought": ("reasoning", ANSWER),
        "demographic_summary": ("relevant_parts", ANSWER),
    }
)

# An object that can hold a key, in either kind of quotes.
_OBJECT = re.compile(r"\{\s*[\"']")
# The only escapes that JSON and Python read alike, or that Python alone has for its quotes.
_ESCAPED = "\\'\"nrtbfu"


class ParsedAnswer(NamedTuple):
    """What one reply is worth.

    Attributes:
        outcome: `answer`, `invalid`, `empty` (no words at all, or none in the answer) or
            `refused_by_filter`.
        text: The answer, else empty.
        notes: What was written before the answer, in the modes that ask for it.
        reason: Why there is no answer, else None.
        key: Which key the reason is about, if it is about one.
    """

    outcome: PersonalizedOutcome
    text: str = ""
    notes: str = ""
    reason: Reason | None = None
    key: str | None = None


def _invalid(reason: Reason, key: str | None = None) -> ParsedAnswer:
    return ParsedAnswer("invalid", reason=reason, key=key)


def _worded(text: str) -> bool:
    return any(map(str.isalnum, text))


def _encodable(text: str) -> str:
    """The text with halves of surrogate pairs joined; a half without the other becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _literal(text: str, start: int) -> tuple[str, int] | None:
    """The braced literal from `start`, with line breaks within its texts escaped, and its end.

    None if it has no end, or holds an escape that is read differently elsewhere.
    """
    written: list[str] = []
    quote, depth, place = "", 0, start
    while place < len(text):
        character = text[place]
        if quote and character == "\\":
            if text[place + 1 : place + 2] not in tuple(_ESCAPED):
                return None
            written.append(text[place : place + 2])
            place += 2
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character == "{") - (character == "}")
        written.append({"\n": "\\n", "\r": "\\r"}.get(character, character) if quote else character)
        place += 1
        if not depth:
            return "".join(written), place
    return None


def _dictionary(literal: str) -> JsonReply:
    try:
        node = ast.parse(literal, mode="eval").body
        value = ast.literal_eval(node)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return JsonReply(None, "no object")
    if not isinstance(node, ast.Dict) or not all(isinstance(key, str) for key in value):
        return JsonReply(None, "no object")
    # A literal keeps the last of several values under one key without a word.
    return JsonReply(None, "duplicate key") if len(value) < len(node.keys) else JsonReply(value)


def _python_object(text: str) -> JsonReply:
    """The one dictionary of a text, written as Python would."""
    text = text[-MAX_CHARACTERS:]
    opened = _OBJECT.search(text)
    literal = _literal(text, opened.start()) if opened else None
    if literal is None:
        return JsonReply(None, "no object")
    found = _dictionary(literal[0])
    if found.value is not None and _OBJECT.search(text, literal[1]):
        return JsonReply(None, "several objects")
    return found


def _checked(value: Mapping[str, Any], mode: Mode) -> ParsedAnswer:
    keys = MODE_KEYS[mode]
    for key in keys:
        if key not in value:
            return _invalid("missing key", key)
    if len(value) > len(keys):
        return _invalid("unknown key")
    texts: dict[str, str] = {}
    for key in keys:
        if not isinstance(value[key], str):
            return _invalid("not text", key)
        texts[key] = _encodable(value[key]).strip()
        if not _worded(texts[key]):
            outcome: PersonalizedOutcome = "empty" if key == ANSWER else "invalid"
            return ParsedAnswer(outcome, reason="empty text", key=key)
    notes = texts[keys[0]] if len(keys) > 1 else ""
    return ParsedAnswer("answer", texts[ANSWER], notes)


def parse_personalized(reply: str, stop_reason: str | None, mode: Mode) -> ParsedAnswer:
    """Read one reply.

    Args:
        reply: The reply, as the model wrote it.
        stop_reason: inspect's stop reason; `max_tokens` and `model_length` make a reply without a
            whole object `truncated`, `content_filter` makes any reply `refused_by_filter`.
        mode: In which it was asked for, one of `MODES`.
    """
    if stop_reason == "content_filter":
        return ParsedAnswer("refused_by_filter", reason="filtered")
    cut = stop_reason in ("max_tokens", "model_length")
    text, finished = reply, True
    # In a reply that begins with the object, tags belong to its texts.
    if not reply.lstrip().startswith("{"):
        text, finished = without_thinking(reply)
    if not finished or not _worded(text):
        return _invalid("truncated") if cut else ParsedAnswer("empty", reason="empty")
    found, other = only_object(text), _python_object(text)
    # What JSON passes over, or takes for unfinished, may be a dictionary in other quotes.
    if found.value is not None:
        found = other if other.reason == "several objects" else found
    elif found.reason in ("no object", "truncated"):
        found = found if other.reason == "no object" else other
    if found.value is not None:
        return _checked(found.value, mode)
    if found.reason == "no object" and refuses(text):
        return _invalid("refused")
    return _invalid("truncated" if cut else found.reason or "no object")
