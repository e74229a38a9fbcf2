"""Selections on their way into the store, and out of it for good."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pluralens.errors import InputError
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.selection import ID, Selection
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.reading import read_info, selection_id
from pluralens.personas.store.records import SelectionInfo, json_text, name_taken
from pluralens.personas.store.schema import (
    BASE,
    COUNTERFACTUAL,
    EnrichmentRow,
    FailureRow,
    LinkRow,
    MemberRow,
    PersonaRow,
    PopulationRow,
    RunRow,
    SelectionRow,
)
from pluralens.personas.stored_form import problem_of

__all__ = ["add_selection", "attribute_texts", "delete_selection", "now"]


def now() -> str:
    """The time as the tables have it: UTC, sorted as text as it is sorted as time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def attribute_texts(personas: Personas) -> list[str]:
    """The attributes of every persona as a JSON object, shape (n,), built column by column."""
    columns = []
    for name, codes in personas.codes.items():
        pairs = [f"{_json(name)}:{_json(value)}" for value in personas.population.values(name)]
        columns.append(map(pairs.__getitem__, codes.tolist()))
    return [f"{{{','.join(row)}}}" for row in zip(*columns, strict=True)]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def add_selection(connection: Connection, selection: Selection) -> SelectionInfo:
    """Store a selection with its personas and pairs, all in one transaction.

    Raises:
        InputError: Its name is taken, its parent unknown, a persona is in it twice or is stored
            with other attributes, parameters or report have another form than its kind has, or the
            database cannot be written.
    """
    people = [(BASE, selection.personas)]
    if selection.twins is not None:
        people.append((COUNTERFACTUAL, selection.twins))
    _check_ids(selection, people)
    _check_links(selection)
    parameters = json_text(f"parameters of {selection.name}", selection.parameters)
    report = json_text(f"report of {selection.name}", selection.report)
    problem = problem_of(selection.kind, json.loads(parameters), json.loads(report))
    if problem is not None:
        raise InputError(
            f"selection {selection.name}: not of the form of a {selection.kind} selection "
            f"({problem}); make it with pluralens.personas.making, or as the kind import"
        )
    texts = {role: attribute_texts(personas) for role, personas in people}
    links = _link_rows(selection)
    values = {
        "name": selection.name,
        "kind": selection.kind,
        "source": selection.source,
        "seed": None if selection.seed is None else str(selection.seed),
        "parameters": parameters,
        "report": report,
        "digest": selection.digest(),
        "n": len(selection.personas),
        "pairs": len(selection.links),
    }
    with connection.writing():
        _check_name_is_free(connection, selection.name)
        population = _population(connection, selection.personas.population)
        parent = None if selection.parent is None else selection_id(connection, selection.parent)
        connection.run(
            SelectionRow.insert(**values, population=population, parent=parent, created=now())
        )
        own = selection_id(connection, selection.name)
        for role, personas in people:
            _add_personas(connection, population, personas.ids.tolist(), texts[role])
            members = [(own, role, i, one) for i, one in enumerate(personas.ids.tolist())]
            connection.insert(MemberRow, ("selection", "role", "position", "persona"), members)
        if links:
            connection.insert(LinkRow, LINK_COLUMNS, [(own, *row) for row in links])
        return read_info(connection, selection.name)


def _check_ids(selection: Selection, people: Sequence[tuple[str, Personas]]) -> None:
    digest = selection.personas.population.digest
    ids: list[str] = []
    for _, personas in people:
        if personas.population.digest != digest:
            raise InputError(
                f"selection {selection.name}: bases and twins are of different populations; make "
                "the pairs from the bases"
            )
        for persona_id in personas.ids.tolist():
            if not ID.fullmatch(persona_id):
                raise InputError(
                    f"selection {selection.name}: persona id {persona_id!r} is not 16 of the "
                    "digits 0-9 and a-f; use the ids that the sampler gave"
                )
        ids += personas.ids.tolist()
    if not len(selection.personas):
        raise InputError(f"selection {selection.name} is empty; a selection has personas")
    if len(set(ids)) < len(ids):
        [(twice, _)] = Counter(ids).most_common(1)
        raise InputError(
            f"selection {selection.name}: persona {twice} is in it twice; a selection is a set, so "
            "leave one out"
        )


def _check_links(selection: Selection) -> None:
    twins = [] if selection.twins is None else selection.twins.ids.tolist()
    bases = set(selection.personas.ids.tolist())
    seen: set[str] = set()
    for link, twin in zip(selection.links, twins, strict=True):
        if not ID.fullmatch(link.pair_id):
            raise InputError(
                f"selection {selection.name}: pair id {link.pair_id!r} is not 16 of the digits 0-9 "
                "and a-f; store pairs as they were made"
            )
        if link.twin_id != twin or link.base_id not in bases or link.pair_id in seen:
            raise InputError(
                f"selection {selection.name}: pair {link.pair_id} does not belong to its twin, has "
                "no base in the selection, or is there twice; store pairs as they were made"
            )
        seen.add(link.pair_id)


LINK_COLUMNS = (
    "selection",
    "position",
    "pair_id",
    "base",
    "twin",
    "attribute",
    "from_value",
    "to_value",
    "forced",
)


def _link_rows(selection: Selection) -> list[tuple[Any, ...]]:
    return [
        (
            i,
            k.pair_id,
            k.base_id,
            k.twin_id,
            k.attribute,
            _json(k.from_value),
            _json(k.to_value),
            _json(k.forced) if k.forced else "[]",
        )
        for i, k in enumerate(selection.links)
    ]


def _check_name_is_free(connection: Connection, name: str) -> None:
    if connection.row(SelectionRow.select(SelectionRow.name).where(SelectionRow.name == name)):
        raise name_taken(read_info(connection, name))


def _population(connection: Connection, population: Population) -> int:
    own = PopulationRow.select(PopulationRow.population_id).where(
        PopulationRow.digest == population.digest
    )
    row = connection.row(own)
    if row is None:
        connection.run(
            PopulationRow.insert(
                name=population.id, version=population.version, digest=population.digest
            )
        )
        row = connection.row(own)
        assert row is not None
    return int(row[0])


def _add_personas(
    connection: Connection, population: int, ids: list[str], texts: list[str]
) -> None:
    """Insert the personas that are not there yet; those that are must be the same."""
    rows = [(one, population, text) for one, text in zip(ids, texts, strict=True)]
    new = connection.insert_new(PersonaRow, ("persona_id", "population", "attributes"), rows)
    if new == len(rows):
        return
    stored = PersonaRow.select(PersonaRow.persona_id, PersonaRow.population, PersonaRow.attributes)
    # Reading them all is faster than asking for many thousands by name.
    query = stored if len(ids) > 500 else stored.where(PersonaRow.persona_id.in_(ids))
    there = {one: (origin, text) for one, origin, text in connection.rows(query)}
    for one, origin, text in rows:
        if there[one] != (origin, text):
            raise InputError(
                f"persona {one} is stored with other attributes or from other tables; one id is "
                "one persona, so draw it again or give it another id"
            )


def delete_selection(connection: Connection, name: str, *, enrichments: bool) -> None:
    """Delete a selection, its pairs, and the personas that nothing refers to any more.

    Args:
        connection: The store.
        name: The selection.
        enrichments: Whether its enrichment runs may go with it.

    Raises:
        InputError: There is none, another one was made from it, or it has enrichment runs.
    """
    with connection.writing():
        own = selection_id(connection, name)
        derived = _names(
            connection, SelectionRow.select(SelectionRow.name).where(SelectionRow.parent == own)
        )
        if derived:
            raise InputError(
                f"selection {name!r}: {_shown(derived)} made from it; delete what was made from it "
                "first"
            )
        runs = _names(connection, RunRow.select(RunRow.name).where(RunRow.selection == own))
        if runs and not enrichments:
            raise InputError(
                f"selection {name!r}: the enrichment runs {', '.join(runs)} hang on it; delete it "
                "with its enrichments, or keep it"
            )
        of_runs = RunRow.select(RunRow.run_id).where(RunRow.selection == own)
        connection.run(EnrichmentRow.delete().where(EnrichmentRow.run.in_(of_runs)))
        connection.run(FailureRow.delete().where(FailureRow.run.in_(of_runs)))
        connection.run(RunRow.delete().where(RunRow.selection == own))
        connection.run(LinkRow.delete().where(LinkRow.selection == own))
        connection.run(MemberRow.delete().where(MemberRow.selection == own))
        connection.run(SelectionRow.delete().where(SelectionRow.selection_id == own))
        _delete_unused_personas(connection)


def _delete_unused_personas(connection: Connection) -> None:
    from peewee import fn

    unused = [
        ~fn.EXISTS(table.select(1).where(table.persona == PersonaRow.persona_id))
        for table in (MemberRow, EnrichmentRow, FailureRow)
    ]
    connection.run(PersonaRow.delete().where(*unused))


def _names(connection: Connection, query: Any) -> list[str]:
    return sorted(name for (name,) in connection.rows(query))


def _shown(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return f"{', '.join(shown)} {'was' if len(shown) == 1 else 'were'}"
