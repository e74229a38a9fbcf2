"""Write a selection to a file, complete or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

from pluralens._whole_file import write_whole
from pluralens.errors import InputError
from pluralens.personas.files.csv_file import csv_bytes
from pluralens.personas.files.layout import columns_of, metadata_of
from pluralens.personas.files.parquet_file import parquet_bytes

if TYPE_CHECKING:
    from pluralens.personas.selection import Selection

__all__ = ["WRITERS", "export_selection"]

WRITERS = {".csv": csv_bytes, ".parquet": parquet_bytes}


def export_selection(selection: "Selection", path: str | Path, *, force: bool = False) -> Path:
    """Write a selection with all that `pluralens.personas.files.read_selection` needs.

    Texts of enrichment runs are not part of it: they belong to a run, not to a selection.

    Args:
        selection: What is written.
        path: A `.csv` or `.parquet` file; missing folders are made.
        force: Whether an existing file is replaced.

    Returns:
        The path.

    Raises:
        InputError: Another ending, the file exists, or it cannot be written.
    """
    target = Path(path)
    write = WRITERS.get(target.suffix.lower())
    if write is None:
        raise InputError(
            f"{target}: the ending {target.suffix!r} is no format; name it .csv or .parquet"
        )
    if target.is_dir():
        raise InputError(f"{target}: this is a folder; name a file in it")
    if target.exists() and not force:
        raise InputError(
            f"{target}: the file exists; give another name, or --force (force=True) to replace it"
        )
    content = write(columns_of(selection), metadata_of(selection))
    return write_whole(target, content, "check the folder, its permissions and the free space")
