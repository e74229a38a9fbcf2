"""Triplets from a JSONL file: one object per line."""

import json
from pathlib import Path

from pluralens.errors import InputError
from pluralens.sentences.reading import read_lines
from pluralens.sentences.triplet import BLANK, KINDS, LABELS, Kind, RawTriplet

__all__ = ["read_stereoset"]

REQUIRED = ("id", "bias_type", "target", "context", *LABELS)
OPTIONAL = ("kind", "sentence_ids")


def read_stereoset(path: Path, kind: Kind) -> list[RawTriplet]:
    """Read the rows of a file.

    Args:
        path: The file.
        kind: Kind of the rows that do not name theirs.

    Returns:
        The rows in file order, complete but not yet compared with their contexts.

    Raises:
        InputError: The file cannot be read, a line is no JSON object, a key is missing, empty,
            unknown or twice there, an intrasentence context has no blank, or an id stands twice.
    """
    rows = []
    seen: dict[str, int] = {}
    for number, line in read_lines(path):
        place = f"{path}, line {number}"
        row = _row(_object(line, place), place, kind)
        earlier = seen.setdefault(row.id, number)
        if earlier != number:
            raise InputError(
                f"{place}: the id {row.id!r} already stands in line {earlier}; give every item "
                "its own"
            )
        rows.append(row)
    return rows


def _object(line: str, place: str) -> dict[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in pairs:
            if key in found:
                raise InputError(f"{place}: the key {key!r} stands twice; keep one of them")
            found[key] = value
        return found

    try:
        value = json.loads(line, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: this is not JSON ({error.msg}, column {error.colno}); write one object per "
            f"line with {', '.join(REQUIRED)}"
        ) from None
    except RecursionError:
        raise InputError(f"{place}: this is nested too deeply; write flat objects") from None
    if not isinstance(value, dict):
        raise InputError(
            f"{place}: this is no JSON object; write one per line with {', '.join(REQUIRED)}"
        )
    return value


def _row(value: dict[str, object], place: str, kind: Kind) -> RawTriplet:
    for key in REQUIRED:
        if key not in value:
            what = "label" if key in LABELS else "key"
            raise InputError(
                f"{place}: the {what} {key!r} is missing; every line needs {', '.join(REQUIRED)}"
            )
    unknown = [key for key in value if key not in REQUIRED + OPTIONAL]
    if unknown:
        raise InputError(
            f"{place}: the key {unknown[0]!r} is unknown; delete it (known are "
            f"{', '.join(REQUIRED + OPTIONAL)})"
        )
    texts: dict[str, str] = {}
    for key in REQUIRED:
        text = value[key]
        if not isinstance(text, str) or not text.strip():
            wrong = "is empty" if isinstance(text, str) else f"is {json.dumps(text)[:40]}, no text"
            raise InputError(f"{place}: {key} {wrong}; fill it in or delete the line")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise InputError(f"{place}: {key} holds half a character (a lone surrogate); delete it")
        texts[key] = text
    own = value.get("kind", kind)
    if own not in KINDS:
        raise InputError(f"{place}: kind {own!r} is unknown; use {' or '.join(KINDS)}")
    checked: Kind = "intersentence" if own == "intersentence" else "intrasentence"
    if checked == "intrasentence" and BLANK not in texts["context"]:
        raise InputError(
            f"{place}: the context {texts['context']!r} has no {BLANK}; put {BLANK} where the "
            "words differ, or add the key kind with the value intersentence"
        )
    return RawTriplet(
        place,
        texts["id"],
        texts["bias_type"],
        texts["target"],
        texts["context"],
        checked,
        {label: texts[label] for label in LABELS},
    )
