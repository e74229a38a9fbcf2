"""What a file of a selection holds: one row per persona, and how the selection was made.

Rows are the base personas and then their twins, each in the selection's order. `LINK_COLUMNS` come
first, then the drawn attributes in sampling order. Everything that is not about a single persona
stands in the metadata: comment lines of a CSV file, schema metadata of a Parquet file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.selection import Selection

__all__ = [
    "BASE",
    "FORMAT",
    "LINK_COLUMNS",
    "METADATA_KEYS",
    "TWIN",
    "Table",
    "checksum",
    "columns_of",
    "forced_text",
    "metadata_of",
    "shown",
]

# Raised when a file of the earlier layout could be misread.
FORMAT = 1
BASE, TWIN = "base", "counterfactual"
LINK_COLUMNS = (
    "persona_id", "role", "base_id", "pair_id", "changed_attribute", "from_value", "to_value",
    "forced",
)  # fmt: skip
METADATA_KEYS = (
    "format", "name", "kind", "seed", "parent", "source", "population", "version",
    "population_digest", "parameters", "report", "digest", "checksum",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A file as it was read, before anything in it is believed.

    Attributes:
        source: How errors call the file.
        columns: Name -> cells as text, all of one length, in the file's order.
        lines: Line of the file per row; None where rows have no lines.
        metadata: What the file says of the selection; None in a file made by hand.
    """

    source: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int] | None
    metadata: Mapping[str, Any] | None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def place(self, row: int) -> str:
        """Where a row, counted from 0, stands for a person."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def error(self, row: int, column: str, problem: str, remedy: str) -> InputError:
        """The error for a wrong cell; rows are counted from 0."""
        return InputError(f"{self.source}, {self.place(row)}, column {column}: {problem}; {remedy}")


def columns_of(selection: "Selection") -> dict[str, list[Any]]:
    """The rows of a selection in columns; texts, and whole numbers where attributes have them.

    Raises:
        InputError: An attribute of its population has the name of a link column.
    """
    population = selection.personas.population
    for name in population.attributes:
        if name in LINK_COLUMNS:
            raise InputError(
                f"population {population.id}: the attribute {name!r} has the name of a column that "
                "every exported file has; rename the attribute in its population.yaml"
            )
    ids: list[str] = selection.personas.ids.tolist()
    links = selection.links
    nothing = [""] * len(ids)
    columns: dict[str, list[Any]] = {
        "persona_id": ids + [link.twin_id for link in links],
        "role": [BASE] * len(ids) + [TWIN] * len(links),
        "base_id": ids + [link.base_id for link in links],
        "pair_id": nothing + [link.pair_id for link in links],
        "changed_attribute": nothing + [link.attribute for link in links],
        "from_value": nothing + [str(link.from_value) for link in links],
        "to_value": nothing + [str(link.to_value) for link in links],
        "forced": nothing + [forced_text(link.forced) for link in links],
    }
    for name in population.attributes:
        values = population.values(name)
        cells = [values[code] for code in selection.personas.codes[name].tolist()]
        if selection.twins is not None:
            cells += [values[code] for code in selection.twins.codes[name].tolist()]
        columns[name] = cells
    return columns


def metadata_of(selection: "Selection") -> dict[str, Any]:
    """What is not about a single persona, keys as in `METADATA_KEYS`."""
    population = selection.personas.population
    metadata = {
        "format": FORMAT,
        "name": selection.name,
        "kind": selection.kind,
        "seed": selection.seed,
        "parent": selection.parent,
        "source": selection.source,
        "population": population.id,
        "version": population.version,
        "population_digest": population.digest,
        "parameters": dict(selection.parameters),
        "report": dict(selection.report),
        "digest": selection.digest(),
    }
    return {**metadata, "checksum": checksum(metadata)}


def checksum(metadata: Mapping[str, Any]) -> str:
    """SHA-256 of the metadata but for itself: how a selection was made is not edited by hand."""
    content = {key: value for key, value in metadata.items() if key != "checksum"}
    # Once there and back, so that a tuple is the list that it will be read as.
    text = json.dumps(json.loads(json.dumps(content)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def forced_text(forced: "tuple[tuple[str, str | int, str | int], ...]") -> str:
    """Forced changes in one cell: `occupation: retired -> engineer; ...`."""
    return "; ".join(f"{name}: {old} -> {new}" for name, old, new in forced)


def shown(text: object) -> str:
    """A cell as errors show it: quoted, its control characters escaped, cut where it is long."""
    written = repr(text)
    return written if len(written) <= 60 else f"{written[:56]}...{written[0]}"
