"""Write figures and tables: each under its final name only when it is complete."""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "rendered", "safe_name", "write_file", "write_table"]

FORMATS = ("png", "svg", "pdf")
# A fixed date keeps the bytes of two runs on one log equal.
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def safe_name(text: str) -> str:
    """A file name out of a model's or log's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "log"


def _folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be made a folder ({error.strerror}); give another --out"
        ) from None


def _replace(target: Path, content: bytes) -> Path:
    _folder(target.parent)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); free space or give another --out"
        ) from None
    return target


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
    return _replace(target, content)


def write_table(table: "pd.DataFrame", out: Path, name: str) -> Path:
    """Write the numbers behind a figure as CSV; returns the path."""
    text = table.to_csv(index=False, lineterminator="\n")
    return _replace(out / f"{name}.csv", text.encode("utf-8"))
