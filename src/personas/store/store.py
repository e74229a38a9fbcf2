"""A store of selections and enrichments, open for use."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from pluralens.errors import InputError
from pluralens.personas.selection import Selection
from pluralens.personas.store import enrichments, reading, writing
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.location import database_url, parse_url
from pluralens.personas.store.migrations import migrate
from pluralens.personas.store.records import EnrichmentRun, SelectionInfo
from pluralens.personas.stored_form import problem_of

__all__ = ["Store"]


class Store:
    """Selections, pairs and enrichments in one database. Made by `Store.open`.

    Every method is one transaction: it is done whole or not at all, also when several programs
    write at once. What a person can put right is an `InputError` in every method: a full disk, a
    server that went away.

    Attributes:
        schema: Version of the schema that was found when it was opened (0: the database was
            empty) and the version it has now.
    """

    def __init__(self, connection: Connection, schema: tuple[int, int]) -> None:
        self._connection = connection
        self.schema = schema

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Open a store; an empty database gets its tables, an older one those of this version.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`; default
                `database_url()`.

        Raises:
            InputError: It cannot be opened, holds something else, or is of a newer pluralens.
        """
        connection = Connection(parse_url(database_url() if url is None else url))
        try:
            schema = migrate(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self._connection.shown

    def add(self, selection: Selection) -> SelectionInfo:
        """Store a selection with its personas and pairs.

        Raises:
            InputError: Its name is taken, its parent unknown, a persona is in it twice or is
                stored with other attributes, or parameters or report have another form than its
                kind has.
        """
        return writing.add_selection(self._connection, selection)

    def selection(self, name: str) -> Selection:
        """Read a selection with its personas and pairs.

        Raises:
            InputError: There is none of that name, or its population has other tables now.
        """
        return reading.read_selection(self._connection, name)

    def info(self, name: str) -> SelectionInfo:
        """What a selection is, without its members.

        Raises:
            InputError: There is none of that name, or its parameters or report have not the form
                of its kind: the database was changed by hand.
        """
        with self._connection.reading():
            info = reading.read_info(self._connection, name)
        problem = problem_of(info.kind, info.parameters, info.report)
        if problem is not None:
            raise InputError(
                f"selection {name!r}: what is stored of it is damaged ({problem}); delete it and "
                "make it again"
            )
        return info

    def infos(self) -> list[SelectionInfo]:
        """All selections without their members, oldest first."""
        with self._connection.reading():
            return reading.read_infos(self._connection)

    def delete(self, name: str, *, enrichments: bool = False) -> None:
        """Delete a selection, and the personas that nothing else refers to.

        Args:
            name: The selection.
            enrichments: Whether its enrichment runs are deleted too.

        Raises:
            InputError: There is none of that name, another selection was made from it, or it has
                enrichment runs and `enrichments` is false.
        """
        writing.delete_selection(self._connection, name, enrichments=enrichments)

    def open_run(self, run: EnrichmentRun) -> EnrichmentRun:
        """Make an enrichment run, or continue it.

        Returns:
            The stored run, with the time at which it was first opened.

        Raises:
            InputError: Its selection is unknown, or a run of that name has other settings.
        """
        return enrichments.open_run(self._connection, run)

    def run(self, name: str) -> EnrichmentRun:
        """One enrichment run.

        Raises:
            InputError: There is none of that name.
        """
        with self._connection.reading():
            return enrichments.read_run(self._connection, name)

    def runs(self) -> list[EnrichmentRun]:
        """All enrichment runs, oldest first."""
        with self._connection.reading():
            return enrichments.read_runs(self._connection)

    def record(self, run: str, persona_id: str, texts: Mapping[str, str]) -> bool:
        """Store a run's texts about a persona; an earlier failure is removed.

        Args:
            run: Name of the run.
            persona_id: A base or twin of the run's selection.
            texts: Key, one of `KEYS`, -> text.

        Returns:
            False if the run had texts about the persona already: the first writing stays.

        Raises:
            InputError: A key or text is wrong, the run is unknown, or the persona is not in its
                selection.
        """
        return enrichments.record_texts(self._connection, run, persona_id, texts)

    def record_failure(self, run: str, persona_id: str, reason: str) -> bool:
        """Store why a run has no texts about a persona; a later reason replaces it.

        Returns:
            False if there are texts already: nothing is stored then.

        Raises:
            InputError: The run is unknown, or the persona is not in its selection.
        """
        return enrichments.record_failure(self._connection, run, persona_id, reason)

    def record_many(
        self,
        run: EnrichmentRun,
        texts: Sequence[tuple[str, Mapping[str, str]]],
        failures: Sequence[tuple[str, str]] = (),
    ) -> set[str]:
        """Open a run and store its texts and failures of many personas, all or nothing.

        Args:
            run: Made if there is none of its name.
            texts: Persona id and texts; texts that are there already stay.
            failures: Persona id and reason; nothing is stored where there are texts.

        Returns:
            The personas whose texts were stored.

        Raises:
            InputError: A key or text is wrong, the run has other settings in the store, or a
                persona is not in its selection.
        """
        return enrichments.record_many(self._connection, run, texts, failures)

    def texts(
        self, run: str, persona_ids: Sequence[str] | None = None
    ) -> dict[str, dict[str, str]]:
        """Texts of a run: persona id -> key -> text.

        Args:
            run: Name of the run.
            persona_ids: Only these, in this order; None for all, by id.

        Returns:
            Personas without texts are missing.

        Raises:
            InputError: The run is unknown.
        """
        return enrichments.read_texts(self._connection, run, persona_ids)

    def failures(self, run: str) -> dict[str, str]:
        """Persona id -> why it has no texts in a run.

        Raises:
            InputError: The run is unknown.
        """
        return enrichments.read_failures(self._connection, run)

    def counts(self, run: str) -> tuple[int, int]:
        """How many personas have texts in a run, and how many have failed.

        Raises:
            InputError: The run is unknown.
        """
        return enrichments.read_counts(self._connection, run)
