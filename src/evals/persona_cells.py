"""The people of a study of intersections: cell by cell, each person once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.questions.intersections import SEPARATOR, Cell, overlaps
from pluralens.questions.person import Person
from pluralens.questions.sources import Source

__all__ = ["CellPeople", "people_of_cells"]


@dataclass(frozen=True)
class CellPeople:
    """Cells and everybody who is in one.

    Attributes:
        cells: In the order of the file.
        people: Each once, cell after cell.
    """

    cells: tuple[Cell, ...]
    people: tuple[Person, ...]

    def of(self, person: Person) -> str:
        """Names of the cells that a person is in, separated by `SEPARATOR`."""
        return SEPARATOR.join(cell.name for cell in self.cells if cell.holds(person))

    def about(self) -> Mapping[str, Any]:
        """What the log says of the cells, those without anybody among them."""
        return {
            "cells": [
                {"name": cell.name, "n": sum(map(cell.holds, self.people))} for cell in self.cells
            ],
            "overlaps": [
                {"cells": [one, other], "n": n}
                for one, other, n in overlaps(self.cells, self.people)
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
    for cell in cells:
        people |= {person.id: person for person in source.people_in(cell, per_cell, seed)}
    if not people:
        raise InputError(
            f"intersections: nobody is in any of the cells ({'; '.join(c.name for c in cells)}); "
            "widen one"
        )
    return CellPeople(tuple(cells), tuple(people.values()))
