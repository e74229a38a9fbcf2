"""The form of `population.yaml`: what a population may declare, field by field.

Only the form is checked here. What needs other parts of the file or a table (does the parent exist,
do the bands tile) is checked in `pluralens.personas.loading`, which knows the rows to name.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "AttributeSpec",
    "BandSpec",
    "BinsSpec",
    "CounterfactualSpec",
    "DerivedSpec",
    "GroupSpec",
    "IntegerRange",
    "Labels",
    "ParentSpec",
    "PopulationSpec",
    "RequiresSpec",
    "ShareSpec",
    "SourceSpec",
]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+ -]*$")]
# A plain name: a population reads nothing outside its folder.
CsvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+\.csv$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Labels = dict[str, Text]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class IntegerRange(_Spec):
    """Whole numbers in [from, to); `labels` replaces the plain number for single values."""

    first: int = Field(alias="from")
    stop: int = Field(alias="to")
    labels: dict[int, Labels] = {}


class ParentSpec(_Spec):
    """How the rows of a table are found for a parent's value.

    `exact`: a column of the parent's name holds the value. `band`: columns `<parent>_from` and
    `<parent>_to` hold a half-open interval. `alias`: values that use the rows of another key.
    """

    match: Literal["exact", "band"]
    alias: dict[Key, Key] = {}


class ShareSpec(_Spec):
    """A value that takes a fixed share of every row; the table's values share the rest."""

    share: float = Field(gt=0, lt=1)
    assumed: Text


class GroupSpec(_Spec):
    """A table column that stands for several values, divided by a table of their own."""

    table: CsvName
    parents: dict[Name, ParentSpec] = {}


class RequiresSpec(_Spec):
    """A bound on a parent that each value sets in a column of the values file.

    An empty cell sets no bound. `order` ranks a parent's values from low to high, equals together;
    a value that is not ranked fulfils no bound.
    """

    parent: Name
    column: Text
    bound: Literal["at_least", "at_most"]
    order: list[list[Key]] = []


class SourceSpec(_Spec):
    """Where the figures are from."""

    title: Text
    licence: Text


class AttributeSpec(_Spec):
    """One attribute: its values (`range`, `values` or `values_file`), parents and table."""

    name: Name
    label: Labels
    range: IntegerRange | None = None
    values: dict[Key, Labels] | None = None
    values_file: CsvName | None = None
    not_applicable: list[Key] = []
    parents: dict[Name, ParentSpec] = {}
    table: CsvName
    shares: dict[Key, ShareSpec] = {}
    groups: dict[Key, GroupSpec] = {}
    requires: list[RequiresSpec] = []
    assumed: Text | None = None
    source: SourceSpec


class BandSpec(_Spec):
    """A value of a derived attribute that stands for the whole numbers in [from, to)."""

    first: int = Field(alias="from")
    stop: int = Field(alias="to")
    label: Labels


class DerivedSpec(_Spec):
    """An attribute that is read from another: from its `bands`, or a `column` of its values."""

    name: Name
    of: Name
    label: Labels
    bands: dict[Key, BandSpec] | None = None
    column: Text | None = None
    values: dict[Key, Labels] | None = None
    values_file: CsvName | None = None


class BinsSpec(_Spec):
    """Targets on a derived attribute: a representative per bin, bins at least `distance` away."""

    of: Name
    distance: int = Field(ge=1)
    representatives: dict[Key, int]


class CounterfactualSpec(_Spec):
    """How twins that differ in an attribute are made.

    `follow`: attributes that may change with it. `targets`: only values possible for the persona,
    or all that apply. `one_per`: one value per value of this derived attribute.
    """

    follow: list[Name] = []
    targets: Literal["possible", "applicable"] = "possible"
    one_per: Name | None = None
    bins: BinsSpec | None = None


class PopulationSpec(_Spec):
    """A whole `population.yaml`; attributes stand in sampling order."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    version: Text
    title: Labels
    languages: list[Text] = Field(min_length=1)
    attributes: list[AttributeSpec] = Field(min_length=1)
    derived: list[DerivedSpec] = []
    # What a condition may be depends on the attribute: see `pluralens.personas.rules`.
    forbid: list[dict[Name, Any]] = []
    counterfactual: dict[Name, CounterfactualSpec] = {}
