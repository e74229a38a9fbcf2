"""People of a population that comes with the package, drawn when they are needed."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.questions.cells import Cell
from pluralens.questions.person import Person

if TYPE_CHECKING:
    from pluralens.personas.conditioning import Conditioned, Evidence
    from pluralens.personas.persona import Personas
    from pluralens.personas.plan import Step
    from pluralens.personas.population import Population, Variable

__all__ = ["LANGUAGE", "PopulationPeople", "population_people"]

# People are shown by the population's labels in this language.
LANGUAGE = "en"
# Draws for conditions that must be met by drawing on: at a time, and at most.
BATCH = 2**12
MOST_DRAWS = 2**17


class PopulationPeople:
    """Draws people of a population.

    Args:
        population: The population; it has English labels.
    """

    def __init__(self, population: "Population") -> None:
        self.population = population
        self.attributes = population.attributes
        self.numeric = frozenset(
            name for name in self.attributes if _is_numeric(population.variable(name))
        )

    @property
    def about(self) -> dict[str, Any]:
        """What the log records of it."""
        return {
            "population": self.population.id,
            "population_version": self.population.version,
            "population_digest": self.population.digest,
        }

    @property
    def values(self) -> Mapping[str, Mapping[str, str]]:
        """Attribute -> accepted spelling (label or value of the tables) -> text as shown."""
        return {name: self._spellings(name) for name in self.attributes}

    def everybody(self) -> None:
        """Nobody can list the people of a population."""
        return None

    def draw(self, n: int, seed: int) -> tuple[Person, ...]:
        """The first `n` people of a seed, as `pluralens.personas.sampling.sample` draws them."""
        from pluralens.personas.sampling import sample

        return self._people(sample(self.population, n, seed=seed))

    def within(self, cell: Cell, n: int, seed: int) -> tuple[Person, ...]:
        """Draw people from the population's exact distribution given a cell.

        The first ones of a larger n are those of a smaller one. The ages are those that
        `pluralens.personas.sampling.sample` draws by default. No draw is thrown away but for
        conditions whose joint distribution with the others is too large to work out: those are
        met by drawing on, which is as exact and takes longer the rarer they are.

        Returns:
            `n` people of the cell; nobody if nobody can be in it, and fewer than `n` if conditions
            that must be met by drawing on are met less often than that in `MOST_DRAWS` draws.
        """
        import numpy as np

        from pluralens.personas.options import how_many, whole_number

        n, seed = how_many(n), whole_number("seed", seed)
        conditioned, left = self._given(cell)
        if not conditioned.joint.all():
            return ()
        known = self.population
        identity = ["cell", known.id, known.version, known.digest, seed, cell.content()]
        found: list[Person] = []
        start, size = 0, n
        while len(found) < n and start < MOST_DRAWS:
            personas = self._drawn(conditioned, identity, start, size)
            inside = np.ones(size, dtype=np.bool_)
            for one in left:
                inside &= one.groups[personas.codes[one.attribute]] == 0
            found += self._people(personas.take(np.flatnonzero(inside)[: n - len(found)]))
            start, size = start + size, BATCH
        return tuple(found)

    def _drawn(
        self, conditioned: "Conditioned", identity: list[Any], start: int, n: int
    ) -> "Personas":
        """People `start` to `start + n` of those that `identity` names."""
        import numpy as np

        from pluralens.personas.drawing import persona_ids, uniforms
        from pluralens.personas.persona import Personas

        codes = conditioned.draw(
            {one.name: np.zeros(n, dtype=np.intp) for one in conditioned.evidence},
            lambda attribute: uniforms([*identity, attribute], start, n),
        )
        return Personas(self.population, persona_ids(identity, start, n), codes)

    def _given(self, cell: Cell) -> "tuple[Conditioned, list[Evidence]]":
        """The population given the cell, and the conditions that could not be worked in."""
        import numpy as np

        from pluralens.personas.conditioning import Evidence, condition

        place = {name: i for i, name in enumerate(self.attributes)}
        evidence = []
        for known in sorted(cell.conditions, key=lambda known: place[known.attribute]):
            inside = [known.admits(*shown) for shown in self._shown(known.attribute)]
            groups = np.where(inside, 0, -1)
            evidence.append(Evidence(known.attribute, known.attribute, groups, 1))
        try:
            return condition(self._plan, evidence), []
        except InputError:
            # Too many combinations at once; what is drawn first has the smallest tables.
            kept: list[Evidence] = []
            left = []
            for one in evidence:
                try:
                    condition(self._plan, [*kept, one])
                    kept.append(one)
                except InputError:
                    left.append(one)
            # Without any evidence there is nothing to condition on: everybody will do.
            anybody = np.zeros(len(self.population.values(self.attributes[0])), dtype=np.intp)
            everybody = Evidence(self.attributes[0], self.attributes[0], anybody, 1)
            return condition(self._plan, kept or [everybody]), left

    @cached_property
    def _plan(self) -> "list[Step]":
        from pluralens.personas.options import DEFAULT_AGE, SamplingOptions
        from pluralens.personas.sampling import plan_of

        options = SamplingOptions.checked(self.population, 0.0, DEFAULT_AGE, None)
        return plan_of(self.population, options)

    def _people(self, personas: "Personas") -> tuple[Person, ...]:
        shown = {name: self._shown(name) for name in self.attributes}
        columns = {name: personas.codes[name].tolist() for name in self.attributes}
        people = []
        for i, persona_id in enumerate(personas.ids.tolist()):
            values = {name: shown[name][columns[name][i]] for name in self.attributes}
            people.append(
                Person(
                    persona_id,
                    {name: text for name, (text, _) in values.items() if text is not None},
                    {name: number for name, (_, number) in values.items() if number is not None},
                )
            )
        return tuple(people)

    def _shown(self, attribute: str) -> list[tuple[str | None, float | None]]:
        """Text and number of every value; neither where it says that the attribute is not one."""
        variable = self.population.variable(attribute)
        return [
            (text, float(value) if attribute in self.numeric else None)
            if self.population.is_applicable(attribute, value)
            else (None, None)
            for value, text in zip(variable.values, variable.value_labels[LANGUAGE], strict=True)
        ]

    def _spellings(self, attribute: str) -> dict[str, str]:
        variable = self.population.variable(attribute)
        texts = [text for text, _ in self._shown(attribute)]
        found = {text: text for text in texts if text is not None}
        for value, text in zip(variable.values, texts, strict=True):
            if text is not None:
                found.setdefault(str(value), text)
        return found


def _is_numeric(variable: "Variable") -> bool:
    return all(isinstance(value, int) for value in variable.values)


def population_people(source: str) -> PopulationPeople:
    """People of a population by its id.

    Raises:
        InputError: There is no such population, or it has no English labels.
    """
    from pluralens.personas.population import load_population

    population = load_population(source)
    if LANGUAGE not in population.languages:
        raise InputError(f"population {source}: people are shown in English; add English labels")
    return PopulationPeople(population)
