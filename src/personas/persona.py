"""A persona, and many of them in columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from pluralens.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from pluralens.personas.population import Population

__all__ = ["Persona", "Personas"]


@dataclass(frozen=True, slots=True)
class Persona:
    """One synthetic resident of a population.

    Attributes:
        persona_id: 16 hexadecimal digits; the same for the same population, seed, options and
            index, and for nobody else.
        population: Id of the population.
        attributes: Read-only; attribute -> value in sampling order. Whole numbers are `int`.
    """

    persona_id: str
    population: str
    attributes: Mapping[str, str | int] = field(hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))

    def __reduce__(self) -> tuple[type["Persona"], tuple[str, str, dict[str, str | int]]]:
        # The read-only view cannot be pickled or copied by itself.
        return Persona, (self.persona_id, self.population, dict(self.attributes))


class Personas(Sequence[Persona]):
    """Personas of one population, stored in columns.

    Args:
        population: The population.
        ids: Persona ids, shape (n,), dtype `<U16`.
        codes: Attribute -> positions in `population.values(attribute)`, each of shape (n,).
    """

    __slots__ = ("codes", "ids", "population")

    def __init__(
        self,
        population: "Population",
        ids: "npt.NDArray[np.str_]",
        codes: Mapping[str, "npt.NDArray[np.unsignedinteger[Any]]"],
    ) -> None:
        self.population = population
        self.ids = ids
        self.codes = codes

    @classmethod
    def from_rows(cls, population: "Population", personas: Iterable[Persona]) -> "Personas":
        """Put single personas, for example from a store, into columns.

        Raises:
            InputError: A persona is of another population, lacks an attribute, or has an attribute
                or value that the population does not know.
        """
        import numpy as np

        rows = list(personas)
        columns: dict[str, list[int]] = {name: [] for name in population.attributes}
        for persona in rows:
            if persona.population != population.id:
                raise InputError(
                    f"persona {persona.persona_id} is of population {persona.population!r}, not "
                    f"{population.id!r}; load the population that it was drawn from"
                )
            for name in population.attributes:
                if name not in persona.attributes:
                    raise InputError(
                        f"persona {persona.persona_id} has no {name}; every attribute of "
                        f"population {population.id} needs a value"
                    )
                columns[name].append(population.code(name, persona.attributes[name]))
            for name in persona.attributes:
                if name not in columns:
                    raise InputError(
                        f"persona {persona.persona_id}: {name!r} is no drawn attribute of "
                        f"population {population.id}; leave it out"
                    )
        return cls(
            population,
            np.array([persona.persona_id for persona in rows], dtype=np.str_),
            {
                name: np.array(column, dtype=np.min_scalar_type(len(population.values(name)) - 1))
                for name, column in columns.items()
            },
        )

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Persona: ...
    @overload
    def __getitem__(self, index: slice) -> "Personas": ...
    def __getitem__(self, index: int | slice) -> "Persona | Personas":
        if isinstance(index, slice):
            return Personas(
                self.population,
                self.ids[index],
                {name: column[index] for name, column in self.codes.items()},
            )
        values = {
            name: self.population.values(name)[int(column[index])]
            for name, column in self.codes.items()
        }
        return Persona(str(self.ids[index]), self.population.id, values)

    def __iter__(self) -> Iterator[Persona]:
        columns = [
            map(self.population.values(name).__getitem__, column.tolist())
            for name, column in self.codes.items()
        ]
        names = tuple(self.codes)
        for persona_id, *values in zip(self.ids.tolist(), *columns, strict=True):
            attributes = dict(zip(names, values, strict=True))
            yield Persona(persona_id, self.population.id, attributes)

    def __repr__(self) -> str:
        return f"Personas({len(self)} of population {self.population.id!r})"

    def take(self, positions: "npt.ArrayLike") -> "Personas":
        """The personas at the given positions, shape (k,), in that order."""
        import numpy as np

        chosen = np.asarray(positions, dtype=np.intp)
        return Personas(
            self.population,
            self.ids[chosen],
            {name: column[chosen] for name, column in self.codes.items()},
        )

    def column(self, attribute: str) -> "npt.NDArray[np.integer[Any]]":
        """Positions in `population.values(attribute)`, shape (n,), of a drawn or derived one.

        Raises:
            InputError: Unknown attribute.
        """
        import numpy as np

        drawn = self.codes[self.population.source_of(attribute)]
        if attribute in self.codes:
            return drawn
        lookup = np.array(self.population.derived[attribute].lookup, dtype=np.intp)
        return np.take(lookup, drawn)

    def to_frame(self, *, derived: bool = True) -> "pd.DataFrame":
        """A table with one row per persona.

        Args:
            derived: Whether the derived attributes have columns too.

        Returns:
            Columns `persona_id` and the attributes: whole numbers as they are, the others as
            categoricals with all values of the population as categories.
        """
        import numpy as np
        import pandas as pd

        columns: dict[str, Any] = {"persona_id": self.ids.astype(object)}
        population = self.population
        for name in population.all_attributes if derived else population.attributes:
            values = population.values(name)
            if isinstance(values[0], int):
                columns[name] = np.array(values)[self.column(name)]
            else:
                columns[name] = pd.Categorical.from_codes(
                    self.column(name).astype(np.intp), categories=pd.Index([str(v) for v in values])
                )
        return pd.DataFrame(columns)
