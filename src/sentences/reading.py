"""The lines of a person's file of sentences, with the errors that reading it can meet."""

from pathlib import Path

from pluralens._file_bytes import file_bytes
from pluralens.errors import InputError

__all__ = ["read_lines"]


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Read the lines of a UTF-8 file that are not blank.

    Args:
        path: The file.

    Returns:
        Line numbers, counted from 1, and lines without their ends.

    Raises:
        InputError: The file is missing, a folder, not readable, not UTF-8, starts with a byte order
            mark, or is empty.
    """
    raw = file_bytes(path, str(path))
    if raw.startswith(b"\xef\xbb\xbf"):
        raise InputError(f"{path}, line 1: a byte order mark; save as UTF-8 without BOM")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: 0x{raw[error.start]:02x} is not UTF-8; save as UTF-8"
        ) from None
    # Not splitlines(), which also splits at characters that may stand inside a sentence.
    lines = [(n, line.rstrip("\r")) for n, line in enumerate(text.split("\n"), start=1)]
    lines = [(n, line) for n, line in lines if line.strip()]
    if not lines:
        raise InputError(f"{path}: the file is empty; check the path")
    return lines
