"""Write figures and tables: each under its final name only when it is complete."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens._whole_file import write_whole
from pluralens.errors import InputError
from pluralens.viz.style import THEMES

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "checked_formats", "rendered", "safe_name", "write_all", "write_file"]
__all__ += ["write_table"]

REMEDY = "free space or give another --out"
FORMATS = ("png", "svg", "pdf")
# A fixed date keeps the bytes of two runs on one log equal.
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def checked_formats(formats: str, theme: str) -> list[str]:
    """The formats of a command line's `png,svg`, each once.

    Args:
        formats: Separated by commas.
        theme: What was given as the theme beside them.

    Raises:
        InputError: A format or the theme is unknown, or no format is named.
    """
    kinds = list(dict.fromkeys(kind.strip() for kind in formats.split(",") if kind.strip()))
    wrong = [kind for kind in kinds if kind not in FORMATS]
    if wrong or not kinds:
        what = f"{wrong[0]!r} is no format" if wrong else "names no format"
        raise InputError(f"--format {formats!r}: {what}; choose of {', '.join(FORMATS)}")
    if theme not in THEMES:
        raise InputError(f"--theme {theme!r} is no theme; choose one of {', '.join(THEMES)}")
    return kinds


def safe_name(text: str) -> str:
    """A file name out of a model's or log's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "log"


def rendered(figure: "Figure", formats: Sequence[str]) -> dict[str, bytes]:
    """One figure in every format, in memory."""
    from io import BytesIO

    pictures = {}
    for kind in formats:
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, metadata=METADATA[kind])
        pictures[kind] = buffer.getvalue()
    return pictures


def write_file(target: Path, content: bytes) -> Path:
    """Write under the final name only what is complete; returns the path."""
    return write_whole(target, content, REMEDY)


def write_table(table: "pd.DataFrame", out: Path, name: str) -> Path:
    """Write the numbers behind a figure as CSV; returns the path."""
    text = table.to_csv(index=False, lineterminator="\n")
    return write_whole(out / f"{name}.csv", text.encode("utf-8"), REMEDY)


def write_all(
    pictures: Mapping[str, Mapping[str, bytes]],
    tables: "Mapping[str, pd.DataFrame]",
    out: Path,
) -> list[Path]:
    """Write a whole set of figures and tables.

    Nothing is written before all is made: a chart that fails leaves no half of a set behind.

    Args:
        pictures: Name -> format -> bytes.
        tables: Name -> numbers; those of a picture have its name.
        out: Folder for the files.

    Returns:
        The written files, each picture with its table.

    Raises:
        InputError: A file cannot be written.
    """
    written = []
    for name in dict.fromkeys([*tables, *pictures]):
        for kind, data in pictures.get(name, {}).items():
            written.append(write_file(out / f"{name}.{kind}", data))
        if name in tables:
            written.append(write_table(tables[name], out, name))
    return written
