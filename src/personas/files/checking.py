"""From the cells of a file to personas and links, believing none of them."""

from collections.abc import Sequence
from difflib import get_close_matches
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.files.layout import BASE, LINK_COLUMNS, TWIN, Table, shown
from pluralens.personas.files.linking import checked_links
from pluralens.personas.persona import Personas
from pluralens.personas.rules import forbidden_mask
from pluralens.personas.selection import ID

if TYPE_CHECKING:
    from pluralens.personas.counterfactuals import PairLink
    from pluralens.personas.population import Population

__all__ = ["checked_personas"]


def checked_personas(
    table: Table, population: "Population"
) -> tuple[Personas, Personas | None, "tuple[PairLink, ...]"]:
    """The base personas, their twins (None without any) and the links, in the file's order.

    Args:
        table: The file. Without link columns every row is a base persona; without a column
            `persona_id` its id is a hash of its values.
        population: What the personas must be of.

    Raises:
        InputError: A column is missing or unknown, a value unknown, an id malformed or there
            twice, a persona breaks a plausibility rule, or a twin does not fit its base.
    """
    linked = _check_columns(table, population)
    codes = {name: _codes(table, population, name) for name in population.attributes}
    broken = np.flatnonzero(forbidden_mask(population.rules, codes))
    if len(broken):
        row = int(broken[0])
        persona = {name: population.values(name)[int(codes[name][row])] for name in codes}
        raise table.error(
            row,
            "persona_id" if "persona_id" in table.columns else population.attributes[0],
            f"nobody can be like this: {population.broken_rule(persona)}",
            "correct the values or delete the row",
        )
    everyone = Personas(population, _ids(table, population, codes), codes)
    if not linked:
        return everyone, None, ()
    roles = np.array(_roles(table))
    bases, twins = np.flatnonzero(roles == BASE), np.flatnonzero(roles == TWIN)
    if not len(bases):
        raise table.error(0, "role", "there is no base persona", f"give one the role {BASE}")
    links = checked_links(table, everyone, bases, twins)
    return everyone.take(bases), everyone.take(twins) if links else None, links


def _check_columns(table: Table, population: "Population") -> bool:
    """Whether there are link columns; complete, if so."""
    linked = any(name in table.columns for name in LINK_COLUMNS if name != "persona_id")
    needed = (*(LINK_COLUMNS if linked else ()), *population.attributes)
    known = (*LINK_COLUMNS, *population.attributes)
    for name in table.columns:
        if name in population.derived:
            raise InputError(
                f"{table.source}, column {name}: it follows from "
                f"{population.source_of(name)}; delete the column"
            )
        if name not in known:
            raise InputError(
                f"{table.source}, column {shown(name)}: population {population.id} has no such "
                f"attribute; {_closest(name, known)}, or delete the column"
            )
    for name in needed:
        if name not in table.columns:
            raise InputError(
                f"{table.source}: the column {name!r} is missing; a file of population "
                f"{population.id} needs {', '.join(needed)}"
            )
    if not len(table):
        raise InputError(f"{table.source}: there are no personas; add a row for each")
    return linked


def _codes(
    table: Table, population: "Population", name: str
) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Positions of a column's values, shape (rows,)."""
    values = population.values(name)
    lookup = {str(value): code for code, value in enumerate(values)}
    cells = table.columns[name]
    found = np.fromiter((lookup.get(cell, -1) for cell in cells), np.intp, len(cells))
    wrong = np.flatnonzero(found < 0)
    if len(wrong):
        row = int(wrong[0])
        if not cells[row]:
            raise table.error(row, name, "the value is missing", "fill it in or delete the row")
        raise table.error(
            row, name, f"{shown(cells[row])} is no value", _closest(cells[row], list(lookup))
        )
    return found.astype(np.min_scalar_type(len(values) - 1))


def _closest(name: str, known: Sequence[str]) -> str:
    # On a very long cell the search for the closest would not end.
    close = get_close_matches(name[:100], known, n=1)
    return f"the closest is {close[0]!r}" if close else f"choose from {', '.join(known[:20])}"


def _ids(table: Table, population: "Population", codes: dict[str, Any]) -> npt.NDArray[np.str_]:
    if "persona_id" not in table.columns:
        return np.array(_content_ids(population, codes), dtype=np.str_)
    seen: dict[str, int] = {}
    for row, persona_id in enumerate(table.columns["persona_id"]):
        if not ID.fullmatch(persona_id):
            raise table.error(
                row,
                "persona_id",
                f"{shown(persona_id)} is no id",
                "an id is 16 of the digits 0-9 and a-f; without the column ids are made up",
            )
        if persona_id in seen:
            first = table.place(seen[persona_id])
            raise table.error(
                row, "persona_id", f"{persona_id} stands in {first} already", "delete one of them"
            )
        seen[persona_id] = row
    return np.array(list(seen), dtype=np.str_)


def _content_ids(population: "Population", codes: dict[str, Any]) -> list[str]:
    """Hashes of population and values; equal personas are told apart by which of them it is."""
    start = "\x1f".join(("import", population.id, population.digest))
    columns = [
        [str(population.values(name)[code]) for code in column.tolist()]
        for name, column in codes.items()
    ]
    counts: dict[str, int] = {}
    ids = []
    for values in zip(*columns, strict=True):
        content = "\x1f".join((start, *values))
        number = counts[content] = counts.get(content, 0) + 1
        text = f"{content}\x1f{number}"
        ids.append(blake2b(text.encode(), digest_size=8, person=b"persona").hexdigest())
    return ids


def _roles(table: Table) -> Sequence[str]:
    roles = table.columns["role"]
    for row, role in enumerate(roles):
        if role not in (BASE, TWIN):
            raise table.error(row, "role", f"{shown(role)} is no role", f"write {BASE} or {TWIN}")
        if role == BASE:
            persona_id = table.columns["persona_id"][row]
            if table.columns["base_id"][row] not in ("", persona_id):
                raise table.error(
                    row, "base_id", "a base persona has another base", f"write {persona_id}"
                )
            for column in LINK_COLUMNS[3:]:
                if table.columns[column][row]:
                    raise table.error(
                        row, column, "a base persona has no pair of its own", "empty the cell"
                    )
    return roles
