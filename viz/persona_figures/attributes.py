"""Which attributes are charted, and what they and their values are called."""

import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pluralens.personas.population import Population

__all__ = [
    "NOTHING_MERGED",
    "Merged",
    "attribute_label",
    "grouped",
    "merged_label",
    "merged_name",
    "percent",
    "shown",
    "value_labels",
    "wrapped",
]

# Group -> the values that were merged into it before balancing.
Merged = Mapping[str, Sequence[str]]
NOTHING_MERGED: Mapping[str, Merged] = MappingProxyType({})

# Attributes read from others that people are compared by, where a population has them.
COMPARED_BY = ("age_bin", "origin_group", "origin_subregion")


def _language(population: Population) -> str:
    return "en" if "en" in population.languages else population.languages[0]


def attribute_label(population: Population, attribute: str) -> str:
    """An attribute in the language of the figures, else in the population's first."""
    return population.attribute_label(attribute, _language(population))


def value_labels(population: Population, attribute: str) -> tuple[str, ...]:
    """The values of an attribute in the language of the figures, else in the first."""
    return population.variable(attribute).value_labels[_language(population)]


def merged_name(axis: str) -> str:
    """What an axis with merged values is called in tables, beside the axis itself."""
    return f"{axis}_merged"


def merged_label(label: str) -> str:
    """What it is called in figures."""
    return f"{label}, merged"


def wrapped(label: str, width: int, lines: int = 2) -> str:
    """A label in at most so many lines; what does not fit ends in an ellipsis."""
    return "\n".join(textwrap.wrap(label, width, max_lines=lines, placeholder=" …"))


def percent(share: float) -> str:
    """A fraction in percent, with a second decimal where one would show next to nothing."""
    value = 100 * share
    return f"{value:.{2 if 0 < value < 0.1 else 1}f}\u00a0%"


def _is_number(population: Population, attribute: str) -> bool:
    return isinstance(population.values(attribute)[0], int)


def _read_from(population: Population, attribute: str, axes: Sequence[str]) -> list[str]:
    """What an attribute is compared by: axes, then usual ones; the first, for a bare number."""
    mine = [name for name, derived in population.derived.items() if derived.of == attribute]
    chosen = [n for n in (*axes, *COMPARED_BY) if n in mine]
    if not chosen and _is_number(population, attribute):
        chosen = mine[:1]
    return list(dict.fromkeys(chosen))


def shown(population: Population, axes: Sequence[str] = ()) -> list[str]:
    """Attributes whose values are drawn one by one: all with names for values, and groups."""
    names = []
    for attribute in population.attributes:
        if not _is_number(population, attribute):
            names.append(attribute)
        names += _read_from(population, attribute, axes)
    return names


def grouped(population: Population, axes: Sequence[str] = ()) -> list[str]:
    """Attributes for associations: groups in place of what has them.

    A table of 77 origins by 67 occupations is mostly empty and shows chance.
    """
    names = []
    for attribute in population.attributes:
        groups = _read_from(population, attribute, axes)
        if groups or not _is_number(population, attribute):
            names += groups or [attribute]
    return names
