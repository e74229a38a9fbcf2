"""From any earlier schema, or none, to the one of this version."""

from collections.abc import Callable

from peewee import SchemaManager

from pluralens.errors import InputError
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.schema import TABLES, VersionRow

__all__ = ["STEPS", "migrate"]


def _first(connection: Connection) -> None:
    """Make the tables of version 1."""
    for model in TABLES:
        SchemaManager(model, connection.database).create_all(safe=False)


# Step i leads from version i to version i + 1. A step is never changed once it was released.
STEPS: list[Callable[[Connection], None]] = [_first]


def migrate(connection: Connection) -> tuple[int, int]:
    """Bring a database to the schema of this version; nothing happens when it is there already.

    Returns:
        The version found and the version now; 0 is an empty database.

    Raises:
        InputError: The schema is newer than this version knows, or the tables are not ours.
    """
    with connection.reading():
        found = _found(connection)
    if found < len(STEPS):
        with connection.writing():
            # Somebody else may have been first.
            found = _found(connection)
            for step in STEPS[found:]:
                step(connection)
            if found == 0:
                SchemaManager(VersionRow, connection.database).create_all(safe=False)
                connection.run(VersionRow.insert(version=len(STEPS)))
            else:
                connection.run(VersionRow.update(version=len(STEPS)))
    return found, len(STEPS)


def _found(connection: Connection) -> int:
    tables = [t for t in connection.database.get_tables() if not t.startswith("sqlite_")]
    if not tables:
        return 0
    if VersionRow._meta.table_name not in tables:
        shown = ", ".join(tables[:3])
        raise InputError(
            f"store {connection.shown}: there are tables of another program ({shown}) but none of "
            "pluralens; name an empty database or a new file"
        )
    row = connection.row(VersionRow.select(VersionRow.version))
    if row is None:
        raise InputError(
            f"store {connection.shown}: the table {VersionRow._meta.table_name} is empty, so its "
            "schema is unknown; restore the database from a copy"
        )
    version = int(row[0])
    if version > len(STEPS):
        raise InputError(
            f"store {connection.shown}: its schema has version {version}, this pluralens knows up "
            f"to {len(STEPS)}; update pluralens"
        )
    return version
