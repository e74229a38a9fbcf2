"""The items that a mechanistic analysis runs on, one unit per data set and domain."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pluralens.errors import InputError
from pluralens.sentences.items import (
    BiasItem,
    BiasItems,
    builtin_items,
    stereoset_items,
    winogender_items,
)
from pluralens.sentences.stereoset import load_stereoset
from pluralens.sentences.triplet import DOMAINS
from pluralens.sentences.winogender import load_winogender

__all__ = ["SOURCES", "Unit", "load_units"]

SOURCES = (
    *("builtin", "winogender", "winogender:DIR"),
    *("stereoset", "stereoset:hub", "stereoset:FILE"),
)


@dataclass(frozen=True, eq=False)
class Unit:
    """What one sample analyses.

    Attributes:
        id: `builtin/gender`, `stereoset/race`, `winogender/all` ...
        dataset: Name of the data set.
        domain: Name of the domain.
        source: As it was given.
        items: The items, in the order of their source.
        refused: Reason per id of what could not become an item.
        left_out: Items that `n` left out.
        about: Of the data set, for the log.
    """

    id: str
    dataset: str
    domain: str
    source: str
    items: tuple[BiasItem, ...]
    refused: Mapping[str, str]
    left_out: int
    about: Mapping[str, Any]


def load_units(
    data: Sequence[str],
    domains: Sequence[str] | None,
    *,
    n: int | None,
    seed: int,
    base: Path,
) -> tuple[Unit, ...]:
    """Load the data sets.

    Args:
        data: Sources, see `SOURCES`.
        domains: Domains to keep; data sets that have none (`winogender/all`) are kept anyway.
        n: Most items per unit, drawn with the seed; None for all.
        seed: Of the draw.
        base: Folder that relative paths start from.

    Returns:
        Units in the order of the sources, domains in alphabetical order.

    Raises:
        InputError: A source or domain is unknown, a file cannot be used, two sources make the same
            unit, or nothing is left.
    """
    for domain in domains or ():
        if domain not in DOMAINS:
            raise InputError(f"domains: {domain!r} is unknown; use {', '.join(DOMAINS)}")
    units: dict[str, Unit] = {}
    for source in data:
        for unit in _units(source, domains, base):
            if unit.id in units:
                raise InputError(
                    f"data: {units[unit.id].source} and {source} both hold {unit.id}; name one"
                )
            units[unit.id] = _drawn(unit, n, seed)
    if not units:
        raise InputError(
            f"domains={','.join(domains or ())}: there is nothing of that in {', '.join(data)}; "
            "leave domains out, or add data=stereoset"
        )
    return tuple(units.values())


def _units(source: str, domains: Sequence[str] | None, base: Path) -> list[Unit]:
    kind, _, place = source.partition(":")
    if source == "builtin":
        found = builtin_items()
        return [_unit(source, found)] if domains is None or "gender" in domains else []
    if kind == "winogender" and (place or source == kind):
        folder = str(base / Path(place).expanduser()) if place else "builtin"
        return [_unit(source, winogender_items(load_winogender(folder)))]
    if kind == "stereoset" and (place or source == kind):
        path = place if place in ("hub", "") else str(base / Path(place).expanduser())
        loaded = load_stereoset(path or "builtin")
        wanted = [name for name in loaded.counts if domains is None or name in domains]
        units = []
        for name in wanted:
            found = stereoset_items(loaded, [name])
            if not found.items:
                raise InputError(
                    f"data={source}: no item of {name} has one place at which its texts differ; "
                    "choose other domains"
                )
            units.append(_unit(source, found))
        return units
    raise InputError(f"data: {source!r} is unknown; use {', '.join(SOURCES)}")


def _unit(source: str, found: BiasItems) -> Unit:
    first = found.items[0]
    return Unit(
        id=f"{first.dataset}/{first.domain}",
        dataset=first.dataset,
        domain=first.domain,
        source=source,
        items=found.items,
        refused=found.refused,
        left_out=0,
        about=found.about,
    )


def _drawn(unit: Unit, n: int | None, seed: int) -> Unit:
    """At most n items, in their order; which ones depends on the seed and their ids alone."""
    if n is None or len(unit.items) <= n:
        return unit

    def rank(item: BiasItem) -> bytes:
        return hashlib.blake2b(f"{seed}\x1f{unit.id}\x1f{item.id}".encode()).digest()

    kept = {item.id for item in sorted(unit.items, key=rank)[:n]}
    items = tuple(item for item in unit.items if item.id in kept)
    return replace(unit, items=items, left_out=len(unit.items) - n)
