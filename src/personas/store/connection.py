"""One connection to a store: opening it, transactions, rows in bulk."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from peewee import Model, OperationalError
from playhouse import db_url

from pluralens.errors import InputError
from pluralens.personas.store.faults import driver_errors, one_line, shown_plainly
from pluralens.personas.store.location import MEMORY, Location

__all__ = ["Connection"]

# Seconds that a writer waits for another one, and for an answer of a server.
WRITE_WAIT = 60
CONNECT_WAIT = 10
# Readers go on while somebody writes; and a commit is safe when the process dies, which is all that
# synchronous=normal leaves out (the power failing may cost the last commits, never the database).
PRAGMAS = {"foreign_keys": 1, "synchronous": "normal", "temp_store": "memory"}
# Key of the lock that makes writers of one PostgreSQL database wait for each other, as SQLite's
# writers do: otherwise two that insert the same personas in different order would deadlock.
WRITER_LOCK = 0x706C7572616C656E


class Connection:
    """An open database. One at a time may use it, whatever the thread.

    Args:
        location: Where it is.

    Raises:
        InputError: It cannot be opened; one line without the password.
    """

    def __init__(self, location: Location) -> None:
        self.shown = location.shown
        self.is_sqlite = location.engine == "sqlite"
        self._lock = threading.RLock()
        self._open = True
        # peewee has no types; so much for all that comes from it.
        self.database: Any = (
            self._sqlite(location) if self.is_sqlite else self._postgresql(location)
        )

    def _sqlite(self, location: Location) -> Any:
        file = Path(location.database)
        if location.database != MEMORY:
            if file.is_dir():
                raise InputError(f"store {self.shown}: this is a folder; name a file in it")
            if not file.parent.is_dir():
                raise InputError(
                    f"store {self.shown}: there is no folder {file.parent}; make it or name another"
                )
        database = db_url.connect(
            "sqlite://",
            database=location.database,
            pragmas=PRAGMAS,
            timeout=WRITE_WAIT,
            thread_safe=False,
            check_same_thread=False,
        )
        with shown_plainly(self.shown, writing=False):
            try:
                database.connect()
                _use_write_ahead_log(database)
            except driver_errors():
                database.close()
                raise
        return database

    def _postgresql(self, location: Location) -> Any:
        try:
            import psycopg
        except ImportError:
            missing = True
        else:
            missing = False
        if missing:
            raise InputError(
                f"store {self.shown}: PostgreSQL needs the driver psycopg; "
                'run pip install "pluralens[postgres]"'
            )
        known = [option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()]
        for keyword in location.server:
            if keyword not in known:
                raise InputError(
                    f"store {self.shown}: {keyword!r} is no option of a PostgreSQL connection; "
                    "leave it out"
                )
        defaults = {"connect_timeout": CONNECT_WAIT, "application_name": "pluralens"}
        database = db_url.connect(
            "postgresql://",
            database=location.database,
            prefer_psycopg3=True,
            thread_safe=False,
            **{**defaults, **location.server, "client_encoding": "UTF8"},
        )
        problem = _connect(database)
        if problem:
            raise InputError(
                f"store {self.shown}: {problem}; check that the server runs, and host, port, user, "
                "password and database in DB_URL"
            )
        return database

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A change: all of it or, after any exception, nothing. One writer at a time."""
        begin = (
            ["BEGIN IMMEDIATE"]
            if self.is_sqlite
            else [
                "BEGIN",
                f"SET LOCAL lock_timeout = '{WRITE_WAIT}s'",
                f"SELECT pg_advisory_xact_lock({WRITER_LOCK})",
            ]
        )
        with self._transaction(begin, writing=True):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several queries that see the same state."""
        begin = ["BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"]
        with self._transaction(begin, writing=False):
            yield

    @contextmanager
    def _transaction(self, begin: Sequence[str], *, writing: bool) -> Iterator[None]:
        with self._lock, shown_plainly(self.shown, writing=writing):
            if not self._open:
                raise ValueError(f"store {self.shown} is closed")
            self._reconnect()
            try:
                for statement in begin:
                    self.database.execute_sql(statement)
                yield
                self.database.execute_sql("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _reconnect(self) -> None:
        """A server that was restarted is found again by the next transaction."""
        if not self.is_sqlite and self.database.connection().closed:
            self.database.close()
            self.database.connect()

    def _roll_back(self) -> None:
        driver = self.database.connection()
        # SQLite has already rolled back when the disk is full; a lost server has anyway.
        if driver.in_transaction if self.is_sqlite else not driver.closed:
            with suppress(OperationalError):
                self.database.execute_sql("ROLLBACK")

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        found: list[tuple[Any, ...]] = self.database.execute(query).fetchall()
        return found

    def row(self, query: Any) -> tuple[Any, ...] | None:
        """The first row of a query, if any."""
        found: tuple[Any, ...] | None = self.database.execute(query).fetchone()
        return found

    def run(self, query: Any) -> int:
        """Run a statement; how many rows it changed."""
        return int(self.database.execute(query).rowcount)

    def insert(self, model: type[Model], columns: Sequence[str], rows: Sequence[Any]) -> None:
        """Insert many rows.

        Args:
            model: The table.
            columns: Names of the model's fields, in the order of a row's values.
            rows: One sequence of values per row.
        """
        if self.is_sqlite:
            self._insert_each(model, columns, rows, "INSERT")
        else:
            self._copy(model, columns, rows, f'"{model._meta.table_name}"')

    def insert_new(self, model: type[Model], columns: Sequence[str], rows: Sequence[Any]) -> int:
        """Insert those rows whose key is not there yet; how many that were."""
        if self.is_sqlite:
            return self._insert_each(model, columns, rows, "INSERT OR IGNORE")
        table = model._meta.table_name
        cursor = self.database.execute_sql
        cursor(f'CREATE TEMPORARY TABLE incoming (LIKE "{table}") ON COMMIT DROP')
        self._copy(model, columns, rows, "incoming")
        names = self._names(model, columns)
        inserted = cursor(
            f'INSERT INTO "{table}" ({names}) SELECT {names} FROM incoming ON CONFLICT DO NOTHING'
        ).rowcount
        cursor("DROP TABLE incoming")
        return int(inserted)

    def _insert_each(
        self, model: type[Model], columns: Sequence[str], rows: Sequence[Any], verb: str
    ) -> int:
        places = ", ".join("?" * len(columns))
        cursor = self.database.connection().cursor()
        cursor.executemany(
            f'{verb} INTO "{model._meta.table_name}" ({self._names(model, columns)}) '
            f"VALUES ({places})",
            rows,
        )
        return int(cursor.rowcount)

    def _copy(
        self, model: type[Model], columns: Sequence[str], rows: Sequence[Any], table: str
    ) -> None:
        statement = f"COPY {table} ({self._names(model, columns)}) FROM STDIN"
        with self.database.connection().cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    @staticmethod
    def _names(model: type[Model], columns: Sequence[str]) -> str:
        return ", ".join(f'"{model._meta.fields[name].column_name}"' for name in columns)

    def close(self) -> None:
        """Close it; once is enough, twice does no harm."""
        with self._lock, shown_plainly(self.shown, writing=False):
            self._open = False
            self.database.close()


def _connect(database: Any) -> str | None:
    """Connect; what went wrong, if anything did."""
    try:
        database.connect()
    except driver_errors() as error:
        # The driver names host, port, user and database, and never the password.
        return one_line(error).removeprefix("connection failed: ")
    return None


def _use_write_ahead_log(database: Any) -> None:
    """Let readers go on beside a writer; waits for others who open the file at the same time.

    SQLite's own time limit for busy files does not count for this statement.
    """
    from peewee import OperationalError

    until = time.monotonic() + WRITE_WAIT
    while True:
        try:
            # Read first: the file keeps its mode, and only setting it needs the writer's lock.
            if database.journal_mode != "wal":
                database.journal_mode = "wal"
            return
        except OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
