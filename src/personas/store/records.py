"""What the store says about a selection and about an enrichment run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pluralens.errors import InputError
from pluralens.personas.selection import check_name

__all__ = ["KEYS", "EnrichmentRun", "SelectionInfo", "json_text", "name_taken"]

# What an enrichment may say about a persona.
KEYS = ("name", "appearance", "biography")
ENRICHERS = ("model", "template")


@dataclass(frozen=True)
class SelectionInfo:
    """A stored selection without its members.

    Attributes:
        name: Its name, unique in the store.
        kind: One of `pluralens.personas.selection.KINDS`.
        n: Base personas.
        pairs: Pairs, each with a twin of its own.
        population: Id of the population.
        source: Id or absolute folder that the population is loaded from.
        digest: SHA-256 of who is in it, see `Selection.digest`.
        seed: Of everything random; None where nothing was.
        parameters: What it was made with.
        report: What came out.
        parent: Name of the selection it was made from, if any.
        created: When it was stored, in UTC.
    """

    name: str
    kind: str
    n: int
    pairs: int
    population: str
    source: str
    digest: str
    seed: int | None
    parameters: Mapping[str, Any]
    report: Mapping[str, Any]
    parent: str | None
    created: datetime


@dataclass(frozen=True)
class EnrichmentRun:
    """Texts for the personas of a selection, from one model or from templates.

    Attributes:
        name: Its name, unique in the store.
        selection: Name of the selection whose base personas it describes; twins are shown with
            texts of their base.
        enricher: `model` or `template`.
        model: Who wrote the texts; None for templates.
        language: Of the texts.
        parameters: What else they depend on; JSON values only.
        created: When it was stored, in UTC; None before.
    """

    name: str
    selection: str
    enricher: str
    model: str | None
    language: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    created: datetime | None = None

    def __post_init__(self) -> None:
        check_name("enrichment run", self.name)
        if self.enricher not in ENRICHERS:
            raise InputError(
                f"enrichment run {self.name}: enricher {self.enricher!r} is none of "
                f"{', '.join(ENRICHERS)}; choose one of them"
            )

    def to_json(self) -> dict[str, Any]:
        """What decides the texts, as JSON values: all but when it was stored."""
        return {
            "name": self.name,
            "selection": self.selection,
            "enricher": self.enricher,
            "model": self.model,
            "language": self.language,
            "parameters": dict(self.parameters),
        }


def name_taken(there: SelectionInfo) -> InputError:
    """The error for the name of a new selection that a stored one has."""
    return InputError(
        f"there is a selection {there.name!r} already: {there.kind}, {there.n:,} personas of "
        f"{there.population}, stored {there.created:%Y-%m-%d %H:%M} UTC; choose another name or "
        "delete that one"
    )


def json_text(where: str, value: Mapping[str, Any]) -> str:
    """JSON text of a mapping, the same for equal mappings.

    Args:
        where: What the mapping is, for the message.
        value: The mapping.

    Raises:
        InputError: It holds something that JSON has no form of.
    """
    try:
        text = json.dumps(dict(value), sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        problem = str(error)
    else:
        return text
    raise InputError(f"{where}: {problem}; use texts, numbers, lists and mappings only")
