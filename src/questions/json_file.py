"""A JSON file that somebody wrote by hand."""

import json
from pathlib import Path
from typing import Any

from pluralens.errors import InputError

__all__ = ["read_json", "read_text", "unique_keys"]


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no key stands twice; for `json.loads(object_pairs_hook=)`.

    Raises:
        ValueError: One does; JSON itself lets it silently replace the first.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands there twice")
        found[key] = value
    return found


def read_json(path: Path) -> tuple[str, Any]:
    """Text and content of a JSON file.

    Raises:
        InputError: It cannot be read, is not UTF-8, no JSON, or has a key twice in one object.
    """
    text = read_text(path)
    try:
        return text, json.loads(text, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg}); "
            "check commas, brackets and quotes there"
        ) from None
    except ValueError as error:
        raise InputError(f"{path}: {error}; keep one") from None
    except RecursionError:
        raise InputError(
            f"{path}: lists or objects stand in one another too deeply; remove the brackets that "
            "are not meant"
        ) from None


def read_text(path: Path) -> str:
    """A text file; a byte order mark of UTF-8 is left out and line ends become LF.

    Raises:
        InputError: There is none, it is a folder or unreadable, or it is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: this is a folder; name the file in it") from None
    except OSError as error:
        raise InputError(
            f"{path}: the file cannot be read ({error.strerror}); check path and permissions"
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; save it as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
