"""Plausibility rules: combinations of values that no persona may have.

A rule is a conjunction of conditions, one per attribute; a persona breaks it when all of them hold.
Conditions as written in `population.yaml`: a value, a list of values, `{not: [values]}`, or for
whole numbers a comparison such as `"<18"`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Rule", "bound_rule", "forbidden_mask", "parse_condition"]

COMPARISON = re.compile(r"\s*(<=|>=|<|>)\s*(-?[0-9]+)\s*")


@dataclass(frozen=True)
class Rule:
    """One forbidden combination.

    Attributes:
        conditions: Attribute -> positions of the values that meet its condition.
        text: The rule in words, for errors and reports.
    """

    conditions: Mapping[str, frozenset[int]]
    text: str

    def breaks(self, codes: Mapping[str, int]) -> bool:
        """Whether a persona, given as value positions, fits all conditions."""
        return all(codes[name] in positions for name, positions in self.conditions.items())


def parse_condition(condition: Any, values: Sequence[str | int]) -> frozenset[int]:
    """Positions of the values that meet a condition.

    Raises:
        ValueError: With what is wrong and what would be right, separated by `; `. The caller knows
            the place.
    """
    if isinstance(condition, str) and isinstance(values[0], int):
        match = COMPARISON.fullmatch(condition)
        if match is None:
            raise ValueError(f'{condition!r} is no comparison; write for example "<18" or ">=65"')
        return frozenset(i for i, v in enumerate(values) if _holds(int(v), match[1], int(match[2])))
    if isinstance(condition, dict):
        if list(condition) != ["not"]:
            raise ValueError(f"{condition!r} is no condition; write {{not: [values]}}")
        excluded = _positions(condition["not"], values)
        return frozenset(range(len(values))) - excluded
    return _positions(condition, values)


def bound_rule(
    attribute: str,
    positions: Iterable[int],
    parent: str,
    ranks: Mapping[str | int, int],
    values: Sequence[str | int],
    limit: int,
    at_least: bool,
) -> Rule | None:
    """The rule that values of an attribute bound the rank of a parent.

    Args:
        attribute: The bounding attribute.
        positions: Positions of its values that set this bound.
        parent: The bounded attribute.
        ranks: Rank per value of the parent; a value without one fulfils no bound.
        values: All values of the parent.
        limit: Lowest or highest admissible rank.
        at_least: Whether it is the lowest.

    Returns:
        The rule, or None when every value of the parent is admissible.
    """
    outside = frozenset(
        i
        for i, value in enumerate(values)
        if value not in ranks or (ranks[value] < limit if at_least else ranks[value] > limit)
    )
    if not outside:
        return None
    way = "at least" if at_least else "at most"
    bound = " or ".join(str(value) for value, rank in ranks.items() if rank == limit)
    return Rule(
        {parent: outside, attribute: frozenset(positions)},
        f"{attribute}: this value needs {parent} of {way} {bound}",
    )


def forbidden_mask(
    rules: Iterable[Rule], codes: Mapping[str, "npt.NDArray[np.integer[Any]]"]
) -> "npt.NDArray[np.bool_]":
    """Which personas break a rule.

    Args:
        rules: The rules.
        codes: Attribute -> value positions, each of shape (n,).

    Returns:
        Shape (n,).
    """
    import numpy as np

    n = len(next(iter(codes.values())))
    broken = np.zeros(n, dtype=np.bool_)
    for rule in rules:
        hit = np.ones(n, dtype=np.bool_)
        for name, positions in rule.conditions.items():
            hit &= np.isin(codes[name], sorted(positions))
        broken |= hit
    return broken


def _holds(value: int, comparison: str, bound: int) -> bool:
    if comparison[0] == "<":
        return value < bound or (comparison == "<=" and value == bound)
    return value > bound or (comparison == ">=" and value == bound)


def _positions(condition: Any, values: Sequence[str | int]) -> frozenset[int]:
    chosen = condition if isinstance(condition, list) else [condition]
    if not chosen:
        raise ValueError("the list is empty; name at least one value")
    for value in chosen:
        # YAML reads a bare NO as false, and true would pass for the whole number 1.
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is no value; quote values that YAML reads as yes or no")
        if value not in values:
            raise ValueError(f"{value!r} is not a declared value; use {_some(values, value)}")
    return frozenset(values.index(value) for value in chosen)


def _some(known: Iterable[str | int], wanted: Any = "") -> str:
    names = [str(name) for name in known]
    close = get_close_matches(str(wanted), names, n=1)
    return f"{close[0]!r}, the closest" if close else ", ".join(names[:12])
