"""Names as signals of origin and gender, from own lists instead of a model's imagination.

A name written by the model under test would mix what it invents with how it judges, so names are
drawn from `datasets/names/<population>.csv`. All lists there are equally long; a persona keeps its
place in them. A counterfactual twin therefore gets the name at the same place of the other list,
and keeps the family name when only the gender changes.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from hashlib import blake2b, sha256
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from pluralens._resources import data_file
from pluralens._strict_csv import Row, read_rows
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.population import Population

__all__ = ["TOLD_BY_NAME", "full_name", "has_names", "name_of", "names_digest", "read_names"]

COLUMNS = ("subregion", "kind", "name")
GENDERS = ("male", "female", "diverse")
KINDS = (*GENDERS, "family")
# Three consecutive names of a subregion share a language in every list: the family name is drawn
# from the three that go with the given name.
SAME_LANGUAGE = 3

# What a name gives away.
TOLD_BY_NAME = ("gender", "origin")
# The derived attribute that names the lists of those who are not of German origin.
SUBREGION = "origin_subregion"

# subregion -> kind -> names in file order
NameLists = Mapping[str, Mapping[str, tuple[str, ...]]]


def has_names(population_id: str) -> bool:
    """Whether there are name lists for a population."""
    return population_id in _populations()


def full_name(population_id: str, persona_key: str, subregion_key: str, gender: str) -> str:
    """The name of a persona: `<given name> <family name>`.

    Args:
        population_id: Population whose lists are used.
        persona_key: What the place in the lists is drawn from. Twins must be given the key of
            their base persona, or their names are not matched.
        subregion_key: UN M49 name of the subregion of origin, or `DE` for German origin.
        gender: `male`, `female` or `diverse` (a gender-neutral given name).

    Returns:
        The name: the same for the same arguments, on every machine.

    Raises:
        InputError: There are no lists for the population, the subregion or the gender, or the
            file of the lists is broken.
    """
    lists = _load(population_id)
    if gender not in GENDERS:
        raise InputError(f"names: gender {gender!r} has no names; use {', '.join(GENDERS)}")
    if subregion_key not in lists:
        close = get_close_matches(subregion_key, lists, n=1, cutoff=0.0)[0]
        raise InputError(
            f"datasets/names/{population_id}.csv: no names for subregion {subregion_key!r}; "
            f"add them, or use a subregion that is there (the closest is {close!r})"
        )
    names = lists[subregion_key]
    given, family = _places(persona_key, len(names["family"]))
    return f"{names[gender][given]} {names['family'][family]}"


def name_of(attributes: Mapping[str, str | int], population: "Population", key: str) -> str:
    """The name of a persona from its attributes: Germany's own list for `DE`, else its subregion's.

    Args:
        attributes: Attribute -> value; `gender` and `origin` among them.
        population: The persona's population.
        key: As `persona_key` of `full_name`: the id of the base persona.

    Raises:
        InputError: As `full_name`, or the population has no `gender`.
    """
    if "gender" not in attributes:
        raise InputError(
            f"names: personas of population {population.id} have no gender; leave names out"
        )
    origin = str(attributes.get("origin", ""))
    group = origin if origin == "DE" else str(population.derive(attributes).get(SUBREGION, ""))
    return full_name(population.id, key, group, str(attributes["gender"]))


def names_digest(population_id: str) -> str:
    """Hash of a population's name lists, 32 hexadecimal digits.

    Raises:
        InputError: There are no lists for the population, or their file is broken.
    """
    _load(population_id)
    return sha256(data_file("names", f"{population_id}.csv").read_bytes()).hexdigest()[:32]


def read_names(file: Traversable, source: str) -> NameLists:
    """Read and check a file of name lists.

    Args:
        file: CSV with the columns `subregion,kind,name`; a `pathlib.Path` will do.
        source: How errors call the file.

    Returns:
        The names in file order by subregion and kind (`male`, `female`, `diverse`, `family`).

    Raises:
        InputError: The file cannot be read, a kind is unknown, a name is repeated within its
            subregion, or a list is missing or of another length than the rest.
    """
    lists: dict[str, dict[str, list[str]]] = {}
    seen: dict[tuple[str, bool, str], Row] = {}
    rows = read_rows(file, source, (COLUMNS,))
    for row in rows:
        subregion, kind, name = (row.cells[column] for column in COLUMNS)
        if kind not in KINDS:
            raise row.error("kind", f"{kind!r} is no kind of name", f"use {', '.join(KINDS)}")
        # A given name in two lists of a subregion would signal no gender in either.
        earlier = seen.setdefault((subregion, kind == "family", name.casefold()), row)
        if earlier is not row:
            raise row.error(
                "name",
                f"{name!r} already stands in line {earlier.line} as {earlier.cells['kind']}",
                "keep one of them",
            )
        lists.setdefault(subregion, {}).setdefault(kind, []).append(name)
    if not rows:
        raise InputError(f"{source}: there is no name below the header; add the lists")
    _check_lengths(lists, source)
    return {
        subregion: {kind: tuple(names) for kind, names in kinds.items()}
        for subregion, kinds in lists.items()
    }


def _check_lengths(lists: Mapping[str, Mapping[str, list[str]]], source: str) -> None:
    first = next(iter(lists))
    length = max(len(names) for names in lists[first].values())
    if length % SAME_LANGUAGE:
        raise InputError(
            f"{source}, subregion {first!r}: the lists have {length} names; make it a multiple of "
            f"{SAME_LANGUAGE}, with {SAME_LANGUAGE} consecutive names of one language"
        )
    for subregion, kinds in lists.items():
        for kind in KINDS:
            found = len(kinds.get(kind, ()))
            if found != length:
                raise InputError(
                    f"{source}, subregion {subregion!r}, kind {kind}: {found} names, but the "
                    f"first subregion has {length}; make all lists equally long"
                )


@cache
def _populations() -> frozenset[str]:
    return frozenset(
        entry.name.removesuffix(".csv")
        for entry in data_file("names").iterdir()
        if entry.name.endswith(".csv")
    )


@cache
def _load(population_id: str) -> NameLists:
    if not has_names(population_id):
        raise InputError(
            f"names: there are no names for population {population_id!r} "
            f"(there are for {', '.join(sorted(_populations()))}); "
            f"add datasets/names/{population_id}.csv or leave names out"
        )
    source = f"datasets/names/{population_id}.csv"
    return read_names(data_file("names", f"{population_id}.csv"), source)


def _places(persona_key: str, length: int) -> tuple[int, int]:
    """Places of given and family name, each in `[0, length)` and both in the same language."""
    digest = blake2b(persona_key.encode(), digest_size=16, person=b"pluralens.names").digest()
    given = int.from_bytes(digest[:8]) % length
    within = int.from_bytes(digest[8:]) % SAME_LANGUAGE
    return given, given - given % SAME_LANGUAGE + within
