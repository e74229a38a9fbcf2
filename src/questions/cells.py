"""Cells of people who share attributes, such as women of 18 to 34."""

import json
import re
from dataclasses import dataclass
from typing import Any

from pluralens.questions.person import Person

__all__ = ["NUMBER", "Cell", "Condition", "may_overlap"]

# A value that is a number, as files have it.
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Condition:
    """What one attribute must be: one of some values, or a number in a range.

    Attributes:
        attribute: Its name.
        values: The texts that are right, as people show them; None for a range.
        low: Least number, included; None for values.
        high: Greatest number, included; None for values.
    """

    attribute: str
    values: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        bounds = (self.low, self.high)
        if self.values is not None:
            if not self.values or bounds != (None, None):
                raise ValueError(f"{self.attribute}: give values or a range")
        elif self.low is None or self.high is None or self.low > self.high:
            raise ValueError(f"{self.attribute}: {bounds} is no range")

    def admits(self, text: str | None, number: float | None) -> bool:
        """Whether a value is right.

        Args:
            text: As the person shows it; None if the person has no such attribute.
            number: The same as a number, if it is one.
        """
        if self.values is not None:
            return text in self.values
        if number is None or self.low is None or self.high is None:
            return False
        return self.low <= number <= self.high

    def text(self) -> str:
        """The condition in words: `sex=Male`, `age 18-34`."""
        if self.values is not None:
            return f"{self.attribute}={'/'.join(self.values)}"
        return f"{self.attribute} {self.low:g}-{self.high:g}"

    def content(self) -> list[Any]:
        """The same for all ways to write the same condition."""
        values = None if self.values is None else sorted(set(self.values))
        return [self.attribute, values, self.low, self.high]


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        name: What tables and figures call it.
        conditions: All must hold; one per attribute.
    """

    name: str
    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        attributes = [condition.attribute for condition in self.conditions]
        if not attributes or len(set(attributes)) < len(attributes):
            raise ValueError(f"cell {self.name!r} needs one condition per attribute")

    def holds(self, person: Person) -> bool:
        """Whether a person is in it; who lacks one of the attributes is not."""
        return all(
            condition.admits(
                person.attributes.get(condition.attribute), person.numbers.get(condition.attribute)
            )
            for condition in self.conditions
        )

    def content(self) -> str:
        """The conditions as text, the same for all ways to write them; the name does not count."""
        return json.dumps(sorted(condition.content() for condition in self.conditions))


def may_overlap(one: Cell, other: Cell) -> bool:
    """Whether two cells do not exclude each other by what they say.

    They do where an attribute that both name would have to have two values at once. Of a text that
    is no number nobody knows whether it is in a range (`100 or older`).
    """
    conditions = {condition.attribute: condition for condition in other.conditions}
    return all(
        _compatible(mine, conditions[mine.attribute])
        for mine in one.conditions
        if mine.attribute in conditions
    )


def _compatible(one: Condition, other: Condition) -> bool:
    if one.values is not None and other.values is not None:
        return bool(set(one.values) & set(other.values))
    if one.values is not None:
        return any(
            NUMBER.fullmatch(text) is None or other.admits(text, float(text)) for text in one.values
        )
    if other.values is not None:
        return _compatible(other, one)
    ends = (one.low, one.high, other.low, other.high)
    return all(end is not None for end in ends) and not (
        one.low > other.high or other.low > one.high  # type: ignore[operator]
    )
