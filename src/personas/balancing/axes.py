"""What a set is balanced on: the groups of each axis.

An axis is a drawn or derived attribute. Its groups are the values that somebody can have; those
that say that the attribute does not apply (a child's sexuality) are no group: groups are evened out
among the personas to whom the axis applies, and how many those are is left open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pluralens.errors import InputError
from pluralens.personas.options import AGE

if TYPE_CHECKING:
    from pluralens.personas.population import Attribute, Population

__all__ = ["DEFAULT_AXES", "MIN_SHARE", "Axis", "make_axes"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MIN_SHARE = 0.01
# Those that the population has are taken when none are named.
DEFAULT_AXES = ("gender", "age_bin", "origin_subregion", "religion", "sexuality")
# Which default gives way to which when there are minors.
WITH_MINORS = {"age_bin": "age_bin_all"}
FULL_AGE = 18
# Fine axis -> coarse one of the same attribute, into whose values rare groups are merged.
COARSER = {"origin_subregion": "origin_region"}


@dataclass(frozen=True, eq=False)
class Axis:
    """An attribute as it is balanced.

    Attributes:
        name: The drawn or derived attribute.
        attribute: The drawn attribute that holds its information.
        groups: What is evened out, in the order of the attribute's values.
        lookup: Group of each value of `attribute`, shape (values,); `len(groups)` where the axis
            does not apply, -1 for values that nobody has.
        merged: Merged group -> the values it holds.
        small: Groups that stay below the least share because their whole region does.
        missing: Values that would apply, but nobody to choose from has; in no group.
    """

    name: str
    attribute: str
    groups: tuple[str, ...]
    lookup: Ints
    merged: dict[str, tuple[str, ...]]
    small: tuple[str, ...]
    missing: tuple[str, ...]


def make_axes(
    population: "Population",
    names: Sequence[str] | None,
    shares_of: Callable[[str], Floats],
    min_share: float,
) -> tuple[Axis, ...]:
    """Check axes and find their groups.

    Args:
        population: The population.
        names: Drawn or derived attributes; None for the default axes that the population has.
        shares_of: Drawn attribute -> share of each of its values, among those to choose from.
        min_share: A group below this share is merged with the next smallest of its region until
            the merged group has it, or the region is used up. Axes without regions keep all groups.

    Raises:
        InputError: An axis is unknown, named twice or read from the same attribute as another, or
            applies to nobody; or `min_share` is not in [0, 0.5).
    """
    number = isinstance(min_share, Real) and not isinstance(min_share, bool)
    if not number or not 0 <= min_share < 0.5:
        raise InputError(
            f"min_share={min_share!r} is not in [0, 0.5); 0.01 merges subregions below 1 percent, "
            "0 merges none"
        )
    chosen = _default(population, shares_of) if names is None else _checked(population, names)
    return tuple(_axis(population, name, shares_of, float(min_share)) for name in chosen)


def _default(population: "Population", shares_of: Callable[[str], Floats]) -> list[str]:
    minors = False
    if AGE in population.drawn:
        young = np.array([int(value) < FULL_AGE for value in population.values(AGE)])
        minors = bool(shares_of(AGE)[young].any())
    known = population.all_attributes
    chosen = [
        WITH_MINORS[name] if minors and WITH_MINORS.get(name) in known else name
        for name in DEFAULT_AXES
    ]
    chosen = [n for n in chosen if n in known and _by_value(population, n, shares_of).any()]
    if not chosen:
        raise InputError(
            f"population {population.id} has none of the default axes {', '.join(DEFAULT_AXES)}; "
            f"name axes, for example {population.attributes[0]}"
        )
    return chosen


def _checked(population: "Population", names: Sequence[str]) -> list[str]:
    if isinstance(names, str) or not names:
        raise InputError(f"axes={names!r} is no list of attributes; write for example ['gender']")
    by_source: dict[str, str] = {}
    for name in names:
        source = population.source_of(name)
        if by_source.get(source) == name:
            raise InputError(f"axes: {name} is named twice; name it once")
        if source in by_source:
            raise InputError(
                f"axes: {by_source[source]} and {name} are both read from {source} and cannot both "
                "be even; choose one"
            )
        by_source[source] = name
    return list(names)


def _axis(
    population: "Population", name: str, shares_of: Callable[[str], Floats], min_share: float
) -> Axis:
    source = population.drawn[population.source_of(name)]
    values = population.values(name)
    of_value = _value_of(population, name)
    shares = shares_of(source.name)
    applies = _applies(source)
    by_value = _by_value(population, name, shares_of)
    label = [str(value) for value in values]
    merged, small = _merges(population, name, by_value, min_share)
    for group, members in merged.items():
        for member in members:
            label[member] = group
    groups = tuple(dict.fromkeys(label[i] for i in np.flatnonzero(by_value).tolist()))
    if not groups:
        raise InputError(f"axes: {name} applies to nobody here; leave it out")
    code = {group: i for i, group in enumerate(groups)}
    # A value that nobody has goes into no group, whatever it would be merged with.
    lookup = np.array([code.get(label[v], -1) for v in of_value.tolist()], dtype=np.int64)
    lookup[~applies] = len(groups)
    lookup[shares <= 0] = -1
    return Axis(
        name,
        source.name,
        groups,
        lookup,
        {group: tuple(str(values[m]) for m in members) for group, members in merged.items()},
        small,
        tuple(str(values[v]) for v in np.setdiff1d(of_value[applies], np.flatnonzero(by_value))),
    )


def _value_of(population: "Population", name: str) -> Ints:
    """Value of an attribute for each value of the one that it is read from."""
    if name in population.derived:
        return np.array(population.derived[name].lookup, dtype=np.int64)
    return np.arange(len(population.values(name)), dtype=np.int64)


def _applies(source: "Attribute") -> npt.NDArray[np.bool_]:
    return np.array([value not in source.not_applicable for value in source.values])


def _by_value(
    population: "Population", name: str, shares_of: Callable[[str], Floats]
) -> npt.NDArray[Any]:
    """Share of each value of an axis, shape (values,), without those to whom it does not apply."""
    source = population.drawn[population.source_of(name)]
    return np.bincount(
        _value_of(population, name),
        weights=shares_of(source.name) * _applies(source),
        minlength=len(population.values(name)),
    )


def _merges(
    population: "Population", name: str, shares: npt.NDArray[Any], min_share: float
) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Merged group -> positions of its values, and the groups that stay below the least share."""
    fine = population.derived.get(name)
    coarse = population.derived.get(COARSER.get(name, ""))
    if fine is None or coarse is None or fine.of != coarse.of:
        return {}, ()
    region = dict(zip(fine.lookup, coarse.lookup, strict=True))
    merged: dict[str, list[int]] = {}
    small: list[str] = []
    for position, title in enumerate(coarse.values):
        members = [v for v in np.flatnonzero(shares).tolist() if region[v] == position]
        members.sort(key=lambda v: (shares[v], v))
        taken: list[int] = []
        while len(taken) < len(members) and (
            shares[members[len(taken)]] < min_share or 0 < shares[taken].sum() < min_share
        ):
            taken.append(members[len(taken)])
        whole = len(taken) == len(members)
        group = str(title) if whole and title not in fine.values else f"{title} (other)"
        if len(taken) > 1:
            merged[group] = sorted(taken)
        elif taken:
            group = str(fine.values[taken[0]])
        if taken and shares[taken].sum() < min_share:
            small.append(group)
    return merged, tuple(small)
