"""The people of a study of intersections: cell by cell, each person once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.questions.intersections import SEPARATOR, Cell, overlaps
from pluralens.questions.pairing import Pair, pair_up
from pluralens.questions.person import Person
from pluralens.questions.question import Question
from pluralens.questions.sources import Source

__all__ = ["CellPeople", "people_of_cells"]


@dataclass(frozen=True)
class CellPeople:
    """Cells and everybody who is in one.

    Attributes:
        cells: In the order of the file.
        people: Each once, cell after cell.
        standing_for: Person's id -> names of the cells that they stand for. People of a list stand
            for every cell that they are in. Drawn ones stand only for the cell that they were drawn
            for: those of "women over 80" would make a sample of "women" too old.
    """

    cells: tuple[Cell, ...]
    people: tuple[Person, ...]
    standing_for: Mapping[str, Sequence[str]]

    def of(self, person: Person) -> str:
        """Names of the cells that a person stands for, separated by `SEPARATOR`."""
        return SEPARATOR.join(self.standing_for[person.id])

    def pairs(self, questions: Sequence[Question], seed: int) -> tuple[Pair, ...]:
        """A question for everybody, the same ones in every cell: cells differ in people alone.

        Args:
            questions: All questions; the first ones in the seed's order are asked.
            seed: Of the order.
        """
        cells: dict[str, list[Person]] = {}
        for person in self.people:
            cells.setdefault(self.standing_for[person.id][0], []).append(person)
        return tuple(
            pair
            for people in cells.values()
            for pair in pair_up(questions, people, design="zip", n=len(people), seed=seed)
        )

    def about(self) -> Mapping[str, Any]:
        """What the log says of the cells, those without anybody among them."""
        return {
            "cells": [
                {"name": cell.name, "n": sum(cell.name in k for k in self.standing_for.values())}
                for cell in self.cells
            ],
            # Cells in which the same people can be, and how many stand for both.
            "overlaps": [
                {
                    "cells": [one, other],
                    "n": sum({one, other} <= set(k) for k in self.standing_for.values()),
                }
                for one, other, _ in overlaps(self.cells, self.people)
            ],
        }


def people_of_cells(source: Source, cells: Sequence[Cell], per_cell: int, seed: int) -> CellPeople:
    """Everybody to be asked.

    Args:
        source: Where people come from.
        cells: The cells.
        per_cell: People drawn for each, where the source draws.
        seed: Of the draw.

    Raises:
        InputError: Nobody is in any cell. A cell without people beside others is no error.
    """
    people: dict[str, Person] = {}
    standing_for: dict[str, list[str]] = {}
    for cell in cells:
        for person in source.people_in(cell, per_cell, seed):
            people[person.id] = person
            standing_for.setdefault(person.id, []).append(cell.name)
    if not people:
        raise InputError(
            f"intersections: nobody is in any of the cells ({'; '.join(c.name for c in cells)}); "
            "widen one"
        )
    return CellPeople(tuple(cells), tuple(people.values()), standing_for)
