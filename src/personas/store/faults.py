"""What a driver says when a database cannot be used, as one line with a remedy."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peewee import DatabaseError, OperationalError

from pluralens.errors import InputError

__all__ = ["driver_errors", "shown_plainly"]

# Start of SQLite's error name -> what it means and what to do.
SQLITE = {
    "SQLITE_FULL": "the disk is full; free some space or put the store on another disk",
    "SQLITE_BUSY": "another program has been writing to it for too long; try again when it is done",
    "SQLITE_READONLY": "the file or its folder is read-only; make both writable",
    "SQLITE_CANTOPEN": "the file cannot be opened or made; make it and its folder writable",
    "SQLITE_PERM": "access is denied; make the file and its folder writable",
    "SQLITE_NOTADB": "the file is no SQLite database; name another one",
    "SQLITE_CORRUPT": "the file is damaged; restore it from a copy or name another one",
    "SQLITE_IOERR": "reading or writing failed; check whether the disk is full or gone",
    "SQLITE_TOOBIG": "a text is too long for SQLite; shorten it",
}
# SQLSTATE of PostgreSQL -> the same.
POSTGRESQL = {
    "53100": "the server's disk is full; free some space there",
    "53200": "the server is out of memory; try again later",
    "53300": "the server has too many connections; try again later",
    "42501": "the user may not do that; grant it the rights to make and write tables",
    "25006": "the server is read-only; name its primary",
    "3F000": "there is no schema to make tables in; set one with ?options=-csearch_path%3DSCHEMA",
    "55P03": "another program has been writing to it for too long; try again when it is done",
    "57P01": "the server was shut down; try again when it runs",
    "57P02": "the server crashed; try again when it runs",
    "57P03": "the server is starting or stopping; try again when it runs",
}
UNTOUCHED = "nothing of this change was stored"


def driver_errors() -> tuple[type[Exception], ...]:
    """What the drivers that are installed raise."""
    try:
        import psycopg
    except ImportError:
        return (DatabaseError, sqlite3.Error)
    return (DatabaseError, sqlite3.Error, psycopg.Error)


@contextmanager
def shown_plainly(shown: str, *, writing: bool) -> Iterator[None]:
    """Turn what the database or its disk is to blame for into an `InputError`.

    Args:
        shown: URL of the store without password.
        writing: Whether a change was under way, which has been undone.

    Raises:
        InputError: Instead of a driver's error. Errors that only wrong queries cause stay as they
            are.
    """
    problem = None
    try:
        yield
    except driver_errors() as error:
        problem = _problem(error)
        if problem is None:
            raise
    if problem:
        untouched = f"; {UNTOUCHED}" if writing else ""
        raise InputError(f"store {shown}: {problem}{untouched}")


def _problem(error: Exception) -> str | None:
    # What the driver raised, behind peewee's own class for it.
    original: Any = getattr(error, "orig", error)
    name = getattr(original, "sqlite_errorname", None) or ""
    for start, problem in SQLITE.items():
        if name.startswith(start):
            return problem
    state = getattr(original, "sqlstate", None)
    if state in POSTGRESQL:
        return POSTGRESQL[state]
    if isinstance(error, OperationalError) or type(original).__name__ == "OperationalError":
        return f"{one_line(original)}; check that the server runs and can be reached"
    return None


def one_line(error: object) -> str:
    """A driver's message without its line breaks."""
    return " ".join(str(error).split()).rstrip(".;")
