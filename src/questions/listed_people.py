"""People of a file or data set: a list, of which a study takes a part by chance."""

from collections.abc import Mapping, Sequence

from pluralens.errors import InputError
from pluralens.questions.cells import Cell
from pluralens.questions.pairing import seeded_order
from pluralens.questions.person import Person

__all__ = ["ListedPeople"]


class ListedPeople:
    """People that stand in a list.

    Args:
        source: How errors call the list.
        people: All of them, with different ids.
        attributes: Names of all attributes, in order.
        numeric: Those whose values are numbers.
    """

    def __init__(
        self,
        source: str,
        people: Sequence[Person],
        attributes: Sequence[str],
        numeric: frozenset[str],
    ) -> None:
        self.source = source
        self.people = tuple(people)
        self.attributes = tuple(attributes)
        self.numeric = numeric

    @property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """Attribute -> the values that people have, as they are shown."""
        return {
            name: {t: t for person in self.people if (t := person.attributes.get(name))}
            for name in self.attributes
        }

    def everybody(self) -> tuple[Person, ...]:
        """All people in the order of the list."""
        return self.people

    def draw(self, n: int, seed: int) -> tuple[Person, ...]:
        """`n` different people in an order of chance; more begin with the same.

        Raises:
            InputError: There are fewer.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise InputError(f"{n!r} people cannot be taken; choose a whole number of at least 1")
        if n > len(self.people):
            raise InputError(
                f"{self.source}: there are {len(self.people)} people, not {n}; take at most "
                f"{len(self.people)}, or give more"
            )
        return tuple(seeded_order(self.people, "people", seed)[:n])

    def within(self, cell: Cell, n: int, seed: int) -> tuple[Person, ...]:
        """Everybody in a cell, in the order of the list, whatever `n` and `seed` are."""
        del n, seed
        return tuple(person for person in self.people if cell.holds(person))
