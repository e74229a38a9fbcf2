"""Our own sentence templates: one person, or two as in Winogender schemas."""

from functools import cache
from typing import Literal

from pluralens._resources import data_file
from pluralens._strict_csv import read_rows
from pluralens.sentences.schema import Referent, Schema, form_of

__all__ = ["builtin_schemas"]

COLUMNS = ("id", "kind", "participant", "referent", "sentence")
KINDS = ("pair", "coreference")
NONE = "none"


@cache
def builtin_schemas(kind: Literal["pair", "coreference"]) -> tuple[Schema, ...]:
    """The templates of a kind, in file order.

    Args:
        kind: `pair` for sentences about one person, `coreference` for two.

    Raises:
        InputError: The file is broken.
    """
    source = "datasets/sentences/templates.en.csv"
    found: dict[str, Schema] = {}
    for row in read_rows(data_file("sentences", "templates.en.csv"), source, (COLUMNS,)):
        cells = row.cells
        if cells["kind"] not in KINDS:
            raise row.error("kind", f"{cells['kind']!r} is unknown", f"use {' or '.join(KINDS)}")
        if cells["referent"] not in ("occupation", "participant"):
            raise row.error("referent", "unknown", "use occupation or participant")
        if cells["kind"] != kind:
            continue
        if cells["id"] in found:
            raise row.error("id", f"{cells['id']!r} stands twice", "give every template its own")
        referent: Referent = "occupation" if cells["referent"] == "occupation" else "participant"
        participant = None if cells["participant"] == NONE else cells["participant"]
        schema = Schema(cells["id"], participant, referent, cells["sentence"])
        form_of(schema, f"{row.source}, line {row.line}")
        found[schema.id] = schema
    return tuple(found.values())
