"""Texts about personas: runs, what they wrote, and where they failed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from peewee import fn

from pluralens.errors import InputError
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.reading import selection_id, unknown
from pluralens.personas.store.records import KEYS, EnrichmentRun, json_text
from pluralens.personas.store.schema import (
    EnrichmentRow,
    FailureRow,
    MemberRow,
    RunRow,
    SelectionRow,
)
from pluralens.personas.store.writing import now

__all__ = [
    "open_run",
    "read_counts",
    "read_failures",
    "read_run",
    "read_runs",
    "read_texts",
    "record_failure",
    "record_many",
    "record_texts",
]

# Names in one query; SQLite has a limit of 32,766 and older ones of 999.
CHUNK = 900


def open_run(connection: Connection, run: EnrichmentRun) -> EnrichmentRun:
    """Make a run, or continue the one of that name if it is the same.

    Raises:
        InputError: Its selection is unknown, or there is a run of that name that is not the same.
    """
    with connection.writing():
        return _open(connection, run)


def _open(connection: Connection, run: EnrichmentRun) -> EnrichmentRun:
    parameters = json_text(f"parameters of enrichment run {run.name}", run.parameters)
    wanted = replace(run, parameters=json.loads(parameters), created=None)
    selection = selection_id(connection, run.selection)
    there = {one.name: one for one in read_runs(connection)}.get(run.name)
    if there is None:
        connection.run(
            RunRow.insert(
                name=run.name,
                selection=selection,
                enricher=run.enricher,
                model=run.model,
                language=run.language,
                parameters=parameters,
                created=now(),
            )
        )
        return read_run(connection, run.name)
    if replace(there, created=None) != wanted:
        raise InputError(
            f"there is an enrichment run {run.name!r} already, and it differs: "
            f"{_differences(there, wanted)}; choose another name or the same settings"
        )
    return there


def _differences(there: EnrichmentRun, wanted: EnrichmentRun) -> str:
    found = [
        f"{name} is {getattr(there, name)!r}, not {getattr(wanted, name)!r}"
        for name in ("selection", "enricher", "model", "language")
        if getattr(there, name) != getattr(wanted, name)
    ]
    for name in sorted({*there.parameters, *wanted.parameters}):
        old, new = (side.parameters.get(name, "not given") for side in (there, wanted))
        if old != new or (name in there.parameters) != (name in wanted.parameters):
            found.append(f"{name} is {old!r}, not {new!r}")
    return ", ".join(found)


def read_runs(connection: Connection) -> list[EnrichmentRun]:
    """All runs, oldest first."""
    rows = connection.rows(
        RunRow.select(
            RunRow.name,
            SelectionRow.name,
            RunRow.enricher,
            RunRow.model,
            RunRow.language,
            RunRow.parameters,
            RunRow.created,
        )
        .join(SelectionRow, on=RunRow.selection == SelectionRow.selection_id)
        .order_by(RunRow.created, RunRow.run_id)
    )
    return [
        EnrichmentRun(
            name=name,
            selection=selection,
            enricher=enricher,
            model=model,
            language=language,
            parameters=json.loads(parameters),
            created=datetime.fromisoformat(created),
        )
        for name, selection, enricher, model, language, parameters, created in rows
    ]


def read_run(connection: Connection, name: str) -> EnrichmentRun:
    """One run.

    Raises:
        InputError: There is none of that name.
    """
    runs = {run.name: run for run in read_runs(connection)}
    if name not in runs:
        raise unknown("enrichment run", name, list(runs))
    return runs[name]


def _run_id(connection: Connection, name: str) -> int:
    row = connection.row(RunRow.select(RunRow.run_id).where(RunRow.name == name))
    if row is None:
        raise unknown("enrichment run", name, [run.name for run in read_runs(connection)])
    return int(row[0])


def record_texts(
    connection: Connection, run: str, persona_id: str, texts: Mapping[str, str]
) -> bool:
    """Store what a run wrote about a persona, unless it has already.

    Returns:
        Whether it was stored. The first writing stays.

    Raises:
        InputError: A key or text is wrong, the run is unknown, or the persona is not in its
            selection.
    """
    _check_texts(run, persona_id, texts)
    with connection.writing():
        own = _run_id(connection, run)
        _check_member(connection, run, own, persona_id)
        if _has_texts(connection, own, persona_id):
            return False
        rows = [(own, persona_id, key, text) for key, text in texts.items()]
        connection.insert(EnrichmentRow, ("run", "persona", "key", "value"), rows)
        connection.run(
            FailureRow.delete().where(FailureRow.run == own, FailureRow.persona == persona_id)
        )
    return True


def record_failure(connection: Connection, run: str, persona_id: str, reason: str) -> bool:
    """Store why a run has no texts about a persona; the last reason stays.

    Returns:
        Whether it was stored; not if there are texts.

    Raises:
        InputError: The run is unknown, or the persona is not in its selection.
    """
    with connection.writing():
        own = _run_id(connection, run)
        _check_member(connection, run, own, persona_id)
        if _has_texts(connection, own, persona_id):
            return False
        connection.run(
            FailureRow.delete().where(FailureRow.run == own, FailureRow.persona == persona_id)
        )
        row = FailureRow.insert(run=own, persona=persona_id, reason=_storable(reason))
        connection.run(row)
    return True


def record_many(
    connection: Connection,
    run: EnrichmentRun,
    texts: Sequence[tuple[str, Mapping[str, str]]],
    failures: Sequence[tuple[str, str]],
) -> set[str]:
    """Open a run and store what it wrote about many personas, and where it failed: all or nothing.

    Args:
        connection: The store.
        run: Made if there is none of its name.
        texts: Persona id and texts; the first of a persona stays, and so do those in the store.
        failures: Persona id and reason; the last of a persona stays, unless there are texts.

    Returns:
        The personas whose texts were stored.

    Raises:
        InputError: A key or text is wrong, the run has other settings in the store, or a persona is
            not in its selection.
    """
    for persona_id, written in texts:
        _check_texts(run.name, persona_id, written)
    with connection.writing():
        _open(connection, run)
        own = _run_id(connection, run.name)
        _check_members(connection, run.name, own, [one for one, _ in (*texts, *failures)])
        query = EnrichmentRow.select(EnrichmentRow.persona).where(EnrichmentRow.run == own)
        there = {one for (one,) in connection.rows(query.distinct())}
        new: dict[str, Mapping[str, str]] = {}
        for persona_id, written in texts:
            if persona_id not in there:
                new.setdefault(persona_id, written)
        done = there | new.keys()
        failed = {one: _storable(why) for one, why in failures if one not in done}
        rows = [(own, one, key, text) for one, of in new.items() for key, text in of.items()]
        connection.insert(EnrichmentRow, ("run", "persona", "key", "value"), rows)
        gone = [*new, *failed]
        for start in range(0, len(gone), CHUNK):
            some = FailureRow.persona.in_(gone[start : start + CHUNK])
            connection.run(FailureRow.delete().where(FailureRow.run == own, some))
        reasons = [(own, one, why) for one, why in failed.items()]
        connection.insert(FailureRow, ("run", "persona", "reason"), reasons)
    return set(new)


def _check_texts(run: str, persona_id: str, texts: Mapping[str, str]) -> None:
    place = f"enrichment run {run!r}, persona {persona_id}"
    if not texts:
        raise InputError(f"{place}: there are no texts; record a failure with its reason instead")
    for key, text in texts.items():
        if key not in KEYS:
            raise InputError(f"{place}: {key!r} is no key of a text; use {', '.join(KEYS)}")
        if not isinstance(text, str) or _storable(text) != text:
            raise InputError(
                f"{place}: the {key} is no text that a database can hold; leave out NUL characters "
                "and halves of surrogate pairs"
            )


def _storable(text: str) -> str:
    """The text without what PostgreSQL or UTF-8 have no form of."""
    return (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def _members_of(own: int) -> Any:
    return (
        MemberRow.select(MemberRow.persona)
        .join(RunRow, on=MemberRow.selection == RunRow.selection)
        .where(RunRow.run_id == own)
    )


def _check_member(connection: Connection, run: str, own: int, persona_id: str) -> None:
    if connection.row(_members_of(own).where(MemberRow.persona == persona_id)) is None:
        raise _no_member(run, persona_id)


def _check_members(connection: Connection, run: str, own: int, ids: Sequence[str]) -> None:
    # Reading them all is faster than asking for many thousands by name.
    known = {one for (one,) in connection.rows(_members_of(own))}
    for persona_id in ids:
        if persona_id not in known:
            raise _no_member(run, persona_id)


def _no_member(run: str, persona_id: str) -> InputError:
    return InputError(
        f"enrichment run {run!r}: persona {persona_id!r} is not in its selection; enrich the "
        "personas of that selection, or open a run for the other"
    )


def _has_texts(connection: Connection, own: int, persona_id: str) -> bool:
    query = EnrichmentRow.select(EnrichmentRow.key).where(
        EnrichmentRow.run == own, EnrichmentRow.persona == persona_id
    )
    return connection.row(query) is not None


def read_texts(
    connection: Connection, run: str, persona_ids: Sequence[str] | None
) -> dict[str, dict[str, str]]:
    """Texts of a run.

    Args:
        connection: The store.
        run: Its name.
        persona_ids: Only these; None for all.

    Returns:
        Persona id -> key -> text; personas without texts are missing. In the order of
        `persona_ids`, or of the ids.

    Raises:
        InputError: The run is unknown.
    """
    with connection.reading():
        own = _run_id(connection, run)
        query = EnrichmentRow.select(
            EnrichmentRow.persona, EnrichmentRow.key, EnrichmentRow.value
        ).where(EnrichmentRow.run == own)
        rows: list[tuple[Any, ...]] = []
        if persona_ids is None:
            rows = connection.rows(query.order_by(EnrichmentRow.persona))
        else:
            for start in range(0, len(persona_ids), CHUNK):
                some = [str(one) for one in persona_ids[start : start + CHUNK]]
                rows += connection.rows(query.where(EnrichmentRow.persona.in_(some)))
    found: dict[str, dict[str, str]] = {}
    for persona_id, key, text in rows:
        found.setdefault(persona_id, {})[key] = text
    wanted = found if persona_ids is None else map(str, persona_ids)
    return {
        one: {key: found[one][key] for key in KEYS if key in found[one]}
        for one in wanted
        if one in found
    }


def read_failures(connection: Connection, run: str) -> dict[str, str]:
    """Persona id -> why it has no texts in a run, by id.

    Raises:
        InputError: The run is unknown.
    """
    with connection.reading():
        own = _run_id(connection, run)
        query = FailureRow.select(FailureRow.persona, FailureRow.reason).where(
            FailureRow.run == own
        )
        return dict(connection.rows(query.order_by(FailureRow.persona)))


def read_counts(connection: Connection, run: str) -> tuple[int, int]:
    """How many personas have texts in a run, and how many have failed.

    Raises:
        InputError: The run is unknown.
    """
    with connection.reading():
        own = _run_id(connection, run)
        # A persona has a row per text, and one of why it failed.
        found = [
            connection.rows(
                model.select(fn.COUNT(model.persona.distinct())).where(model.run == own)
            )
            for model in (EnrichmentRow, FailureRow)
        ]
    ((enriched,),), ((failed,),) = found
    return int(enriched), int(failed)
