"""Selections on their way out of the store."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from peewee import JOIN

from pluralens.errors import InputError
from pluralens.personas.counterfactuals import PairLink
from pluralens.personas.persona import Persona, Personas
from pluralens.personas.population import load_population
from pluralens.personas.selection import Selection
from pluralens.personas.store.connection import Connection
from pluralens.personas.store.records import SelectionInfo
from pluralens.personas.store.schema import (
    BASE,
    COUNTERFACTUAL,
    LinkRow,
    MemberRow,
    PersonaRow,
    PopulationRow,
    SelectionRow,
)

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["read_info", "read_infos", "read_selection", "selection_id", "unknown"]


def unknown(what: str, name: object, known: Sequence[str]) -> InputError:
    """The error for a name that is not stored; it names the closest that is."""
    close = get_close_matches(str(name), known, n=1)
    if close:
        hint = f"the closest is {close[0]!r}"
    elif known:
        hint = f"there are {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
    else:
        hint = "none is stored yet"
    return InputError(f"there is no {what} {name!r} in the store; {hint}")


def selection_id(connection: Connection, name: str) -> int:
    """Key of a selection.

    Raises:
        InputError: There is none of that name.
    """
    row = connection.row(
        SelectionRow.select(SelectionRow.selection_id).where(SelectionRow.name == name)
    )
    if row is None:
        names = SelectionRow.select(SelectionRow.name).order_by(SelectionRow.name)
        raise unknown("selection", name, [known for (known,) in connection.rows(names)])
    return int(row[0])


def _info_query() -> Any:
    parent = SelectionRow.alias()
    return (
        SelectionRow.select(
            SelectionRow.name,
            SelectionRow.kind,
            SelectionRow.n,
            SelectionRow.pairs,
            PopulationRow.name,
            SelectionRow.source,
            SelectionRow.digest,
            SelectionRow.seed,
            SelectionRow.parameters,
            SelectionRow.report,
            parent.name,
            SelectionRow.created,
        )
        .join(PopulationRow, on=SelectionRow.population == PopulationRow.population_id)
        .join(parent, JOIN.LEFT_OUTER, on=SelectionRow.parent == parent.selection_id)
    )


def _info(row: Sequence[Any]) -> SelectionInfo:
    name, kind, n, pairs, population, source, digest, seed, parameters, report, parent, created = (
        row
    )
    return SelectionInfo(
        name=name,
        kind=kind,
        n=n,
        pairs=pairs,
        population=population,
        source=source,
        digest=digest,
        seed=None if seed is None else int(seed),
        parameters=json.loads(parameters),
        report=json.loads(report),
        parent=parent,
        created=datetime.fromisoformat(created),
    )


def read_infos(connection: Connection) -> list[SelectionInfo]:
    """All selections without their members, oldest first."""
    query = _info_query().order_by(SelectionRow.created, SelectionRow.selection_id)
    return [_info(row) for row in connection.rows(query)]


def read_info(connection: Connection, name: str) -> SelectionInfo:
    """One selection without its members.

    Raises:
        InputError: There is none of that name.
    """
    own = selection_id(connection, name)
    row = connection.row(_info_query().where(SelectionRow.selection_id == own))
    assert row is not None
    return _info(row)


def read_selection(connection: Connection, name: str) -> Selection:
    """A selection with its personas and pairs.

    Raises:
        InputError: There is none of that name, its population is gone, or the population's tables
            are not those that it was drawn from.
    """
    with connection.reading():
        info = read_info(connection, name)
        own = selection_id(connection, name)
        tables = connection.row(
            PopulationRow.select(PopulationRow.version, PopulationRow.digest)
            .join(SelectionRow, on=SelectionRow.population == PopulationRow.population_id)
            .where(SelectionRow.selection_id == own)
        )
        assert tables is not None
        members = {role: _members(connection, own, role) for role in (BASE, COUNTERFACTUAL)}
        links = _links(connection, own) if info.pairs else ()
    population = _population(info, *tables)
    twins = members[COUNTERFACTUAL]
    about = asdict(info)
    for key in ("n", "pairs", "population", "digest"):
        del about[key]
    return Selection(
        **about,
        personas=_personas(population, members[BASE]),
        twins=_personas(population, twins) if twins else None,
        links=links,
    )


def _population(info: SelectionInfo, version: str, digest: str) -> "Population":
    try:
        population = load_population(info.source)
    except InputError as error:
        problem = str(error)
    else:
        if population.digest == digest:
            return population
        problem = (
            f"{info.source} holds other tables now (version {population.version}) than those it "
            f"was drawn from (version {version}); bring those back, or draw the selection again "
            "under another name"
        )
    raise InputError(f"selection {info.name!r}, population {info.population}: {problem}")


def _members(connection: Connection, own: int, role: str) -> list[tuple[Any, ...]]:
    return connection.rows(
        MemberRow.select(MemberRow.persona, PersonaRow.attributes)
        .join(PersonaRow, on=MemberRow.persona == PersonaRow.persona_id)
        .where(MemberRow.selection == own, MemberRow.role == role)
        .order_by(MemberRow.position)
    )


def _personas(population: "Population", rows: Sequence[tuple[Any, ...]]) -> Personas:
    """Columns from (persona id, JSON object) rows."""
    ids = [one for one, _ in rows]
    # One call for all: a third of the time of one call each.
    people: list[dict[str, str | int]] = json.loads(f"[{','.join(text for _, text in rows)}]")
    columns = {}
    try:
        for name in population.attributes:
            codes = population.drawn[name].codes
            columns[name] = np.array(
                [codes[one[name]] for one in people],
                dtype=np.min_scalar_type(len(population.values(name)) - 1),
            )
    except KeyError:
        # Only a change by hand leads here; this way raises the error that names the persona.
        return Personas.from_rows(
            population,
            (Persona(one, population.id, values) for one, values in zip(ids, people, strict=True)),
        )
    return Personas(population, np.array(ids, dtype=np.str_), columns)


def _links(connection: Connection, own: int) -> tuple[PairLink, ...]:
    rows = connection.rows(
        LinkRow.select(
            LinkRow.pair_id,
            LinkRow.base,
            LinkRow.twin,
            LinkRow.attribute,
            LinkRow.from_value,
            LinkRow.to_value,
            LinkRow.forced,
        )
        .where(LinkRow.selection == own)
        .order_by(LinkRow.position)
    )
    # One call for all three columns of all rows.
    values = json.loads(f"[{','.join(f'[{a},{b},{c}]' for *_, a, b, c in rows)}]")
    return tuple(
        PairLink(pair, base, twin, attribute, old, new, tuple((a, b, c) for a, b, c in forced))
        for (pair, base, twin, attribute, *_), (old, new, forced) in zip(rows, values, strict=True)
    )
