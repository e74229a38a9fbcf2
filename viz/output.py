"""Write figures and tables: each under its final name only when it is complete."""

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "safe_name", "write_figure", "write_table"]

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


def write_figure(figure: "Figure", out: Path, name: str, formats: list[str]) -> list[Path]:
    """Write one figure in every format; returns the paths."""
    from io import BytesIO

    written = []
    for kind in formats:
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, metadata=METADATA[kind])
        written.append(_replace(out / f"{name}.{kind}", buffer.getvalue()))
    return written


def write_table(table: "pd.DataFrame", out: Path, name: str) -> Path:
    """Write the numbers behind a figure as CSV; returns the path."""
    text = table.to_csv(index=False, lineterminator="\n")
    return _replace(out / f"{name}.csv", text.encode("utf-8"))
