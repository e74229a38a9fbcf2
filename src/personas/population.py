"""A population as data: its attributes, their values, labels and tables.

The sampler and everything after it know no country; all they know is this object. It is made from
a folder by `load_population` and does not change afterwards.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from pluralens._resources import data_file
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.personas.rules import Rule
    from pluralens.personas.tables import ConditionalTable

__all__ = [
    "Attribute",
    "Bins",
    "DerivedAttribute",
    "Population",
    "Source",
    "TwinRule",
    "Variable",
    "load_population",
    "population_ids",
]


@dataclass(frozen=True)
class Source:
    """Where an attribute's figures are from; `assumed` says what of it is no official figure."""

    title: str
    licence: str
    assumed: str | None


@dataclass(frozen=True, eq=False)
class Variable:
    """Something a persona has a value of.

    Attributes:
        name: Key of the attribute.
        labels: Language -> label of the attribute.
        values: All values in their declared order; whole numbers or strings.
        value_labels: Language -> labels in the order of `values`.
        codes: Value -> position in `values`.
    """

    name: str
    labels: Mapping[str, str]
    values: tuple[str | int, ...]
    value_labels: Mapping[str, tuple[str, ...]]
    codes: Mapping[str | int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", {v: i for i, v in enumerate(self.values)})


@dataclass(frozen=True, eq=False)
class Attribute(Variable):
    """An attribute that is drawn.

    Attributes:
        not_applicable: Values that say that the attribute does not apply (a child's occupation).
        table: P(value | parents).
        source: Of the table.
    """

    not_applicable: frozenset[str | int]
    table: "ConditionalTable"
    source: Source


@dataclass(frozen=True, eq=False)
class DerivedAttribute(Variable):
    """An attribute that is read from another.

    Attributes:
        of: The other attribute.
        lookup: Position of the own value for each position of the other's.
    """

    of: str
    lookup: tuple[int, ...]


@dataclass(frozen=True)
class Bins:
    """Targets of a twin by bins of a derived attribute.

    Attributes:
        of: The derived attribute.
        distance: Least number of bins between base and twin.
        representatives: Bin -> the value that stands for it.
    """

    of: str
    distance: int
    representatives: Mapping[str, int]


@dataclass(frozen=True)
class TwinRule:
    """How twins that differ in an attribute are made.

    Attributes:
        follow: Attributes that may change with it, in sampling order.
        any_applicable: Whether targets are all values that apply, else those possible.
        one_per: Derived attribute of whose every value one target is drawn.
        bins: Targets by bins.
    """

    follow: tuple[str, ...] = ()
    any_applicable: bool = False
    one_per: str | None = None
    bins: Bins | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """A population.

    Attributes:
        id: Its key.
        version: Version of its tables; part of every seed.
        title: Language -> name.
        languages: Languages of all labels.
        drawn: Name -> attribute, in sampling order.
        derived: Name -> derived attribute.
        rules: Forbidden combinations.
        twin_rules: Attribute -> how its twins are made.
        digest: Hash of all files, 32 hexadecimal digits.
    """

    id: str
    version: str
    title: Mapping[str, str]
    languages: tuple[str, ...]
    drawn: Mapping[str, Attribute]
    derived: Mapping[str, DerivedAttribute]
    rules: tuple["Rule", ...]
    twin_rules: Mapping[str, TwinRule]
    digest: str

    def __repr__(self) -> str:
        return f"Population({self.id!r}, version={self.version!r}, digest={self.digest!r})"

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the drawn attributes in sampling order."""
        return tuple(self.drawn)

    @property
    def all_attributes(self) -> tuple[str, ...]:
        """Names of the drawn and the derived attributes."""
        return (*self.drawn, *self.derived)

    def variable(self, name: str) -> Variable:
        """A drawn or derived attribute.

        Raises:
            InputError: There is none of that name; the message names the closest.
        """
        found = self.drawn.get(name) or self.derived.get(name)
        if found is None:
            raise InputError(self._unknown("attribute", name, self.all_attributes))
        return found

    def source_of(self, name: str) -> str:
        """The drawn attribute that holds an attribute's information: itself, or what it is of."""
        self.variable(name)
        return self.derived[name].of if name in self.derived else name

    def values(self, attribute: str) -> tuple[str | int, ...]:
        """All values of an attribute in their declared order."""
        return self.variable(attribute).values

    def code(self, attribute: str, value: str | int) -> int:
        """Position of a value in `values(attribute)`.

        Raises:
            InputError: Unknown attribute or value.
        """
        variable = self.variable(attribute)
        found = None if isinstance(value, bool) else variable.codes.get(value)
        if found is None:
            raise InputError(self._unknown(f"value of {attribute}", value, variable.values))
        return found

    def label(self, attribute: str, value: str | int, language: str) -> str:
        """What a value is called in a language.

        Raises:
            InputError: Unknown attribute, value or language.
        """
        code = self.code(attribute, value)
        return self.variable(attribute).value_labels[self._language(language)][code]

    def attribute_label(self, attribute: str, language: str) -> str:
        """What an attribute is called in a language.

        Raises:
            InputError: Unknown attribute or language.
        """
        return self.variable(attribute).labels[self._language(language)]

    def is_applicable(self, attribute: str, value: str | int) -> bool:
        """Whether a value says something, rather than that the attribute does not apply."""
        self.code(attribute, value)
        return attribute in self.derived or value not in self.drawn[attribute].not_applicable

    def derive(self, attributes: Mapping[str, str | int]) -> dict[str, str | int]:
        """The derived attributes of a persona.

        Args:
            attributes: Values of drawn attributes; derived ones of missing attributes are left out.
        """
        return {
            name: derived.values[derived.lookup[self.code(derived.of, attributes[derived.of])]]
            for name, derived in self.derived.items()
            if derived.of in attributes
        }

    def broken_rule(self, attributes: Mapping[str, str | int]) -> str | None:
        """The plausibility rule that a full set of attributes breaks, in words, if any."""
        codes = {name: self.code(name, attributes[name]) for name in self.drawn}
        return next((rule.text for rule in self.rules if rule.breaks(codes)), None)

    def _language(self, language: str) -> str:
        if language not in self.languages:
            raise InputError(self._unknown("language", language, self.languages))
        return language

    def _unknown(self, kind: str, name: object, known: Sequence[str | int]) -> str:
        names = [str(k) for k in known]
        close = get_close_matches(str(name), names, n=1)
        hint = f"the closest is {close[0]!r}" if close else f"choose from {', '.join(names[:20])}"
        return f"population {self.id}: there is no {kind} {name!r}; {hint}"


def population_ids() -> tuple[str, ...]:
    """Ids of the populations that come with the package."""
    folder = data_file("populations")
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(f.name for f in folder.iterdir() if f.joinpath("population.yaml").is_file())
    )


def load_population(source: str | Path) -> Population:
    """Load and check a population.

    Args:
        source: Id of a population that comes with the package, or a folder with a
            `population.yaml`.

    Raises:
        InputError: There is none, or its files are wrong; one line that names file, line and
            column.
    """
    from pluralens.personas.loading import read_population

    root: Traversable
    if isinstance(source, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", source):
        root = data_file("populations", source)
        if root.joinpath("population.yaml").is_file():
            return read_population(root, f"datasets/populations/{source}")
    root = Path(source)
    # The empty text would be the folder that one is in.
    if not str(source) or not root.is_dir():
        ids = population_ids()
        close = get_close_matches(str(source), ids, n=1)
        hint = f"the closest id is {close[0]!r}" if close else f"ids are {', '.join(ids)}"
        raise InputError(
            f"population {str(source)!r} is neither an id nor a folder with a population.yaml; "
            f"{hint}"
        )
    if not root.joinpath("population.yaml").exists():
        raise InputError(
            f"{source}: this folder has no population.yaml; name the folder that "
            f"has it, or an id ({', '.join(population_ids())})"
        )
    return read_population(root, str(source).rstrip("/"))
