"""A selection's table as Parquet, metadata as JSON in the schema under the key `pluralens`."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pluralens.errors import InputError
from pluralens.personas.files.layout import Table

__all__ = ["parquet_bytes", "read_parquet"]

KEY = b"pluralens"


def parquet_bytes(columns: Mapping[str, Sequence[Any]], metadata: Mapping[str, Any]) -> bytes:
    """The file's content."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = json.dumps(metadata, ensure_ascii=False).encode()
    # The type follows from the first cell: a column holds whole numbers or texts, never both.
    arrays = {
        name: pa.array(cells, pa.int64() if cells and isinstance(cells[0], int) else pa.string())
        for name, cells in columns.items()
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays).replace_schema_metadata({KEY: written}), buffer)
    return buffer.getvalue()


def read_parquet(raw: bytes, source: str) -> Table:
    """Take a Parquet file apart; every cell becomes text, a missing one an empty text.

    Args:
        raw: Its content.
        source: How errors call it.

    Raises:
        InputError: It is no Parquet file, is damaged, or has a column twice.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(raw))
        columns = {name: table.column(i).to_pylist() for i, name in enumerate(table.column_names)}
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(
            f"{source}: this is no Parquet file, or a damaged one; export it again, or name a CSV "
            "file .csv"
        ) from None
    if len(columns) < table.num_columns:
        raise InputError(f"{source}: a column occurs twice; drop one")
    # What pandas keeps as the index of a frame is no column of ours.
    texts = {
        name: ["" if cell is None else str(cell) for cell in cells]
        for name, cells in columns.items()
        if not name.startswith("__index_level_")
    }
    return Table(source, texts, None, _metadata(table.schema.metadata or {}, source))


def _metadata(schema: Mapping[bytes, bytes], source: str) -> dict[str, Any] | None:
    if KEY not in schema:
        return None
    try:
        found = json.loads(schema[KEY])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(
            f"{source}: the schema metadata under 'pluralens' is damaged; export the file again"
        )
    return found
