"""People drawn from a population, against what the population itself says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from personas_of_two import population_of_two
from scipy.stats import binomtest

from pluralens.errors import InputError
from pluralens.personas import conditioning
from pluralens.personas.population import Population, load_population
from pluralens.personas.sampling import sample
from pluralens.questions import population_people as module
from pluralens.questions.cells import Cell, Condition
from pluralens.questions.person import Person
from pluralens.questions.population_people import PopulationPeople, population_people


@pytest.fixture(scope="module")
def de() -> Population:
    return load_population("de")


@pytest.fixture(scope="module")
def germans(de: Population) -> PopulationPeople:
    return PopulationPeople(de)


@pytest.fixture
def two(tmp_path: Path) -> PopulationPeople:
    return PopulationPeople(population_of_two(tmp_path / "two"))


YOUNG_MEN = Cell("young men", (Condition("gender", ("male",)), Condition("age", low=18, high=34)))


def test_people_are_those_of_the_sampler_in_english(
    germans: PopulationPeople, de: Population
) -> None:
    personas = list(sample(de, 50, seed=3))
    people = germans.draw(50, seed=3)
    assert [p.id for p in people] == [p.persona_id for p in personas]
    for person, persona in zip(people, personas, strict=True):
        shown = {
            name: de.label(name, value, "en")
            for name, value in persona.attributes.items()
            if de.is_applicable(name, value)
        }
        assert dict(person.attributes) == shown
        assert dict(person.numbers) == {"age": float(persona.attributes["age"])}
    assert people[0].attributes["age"] == str(personas[0].attributes["age"])


def test_what_does_not_apply_is_absent(two: PopulationPeople) -> None:
    people = two.draw(2000, 0)
    lacking = sum("b" not in p.attributes for p in people)
    # By hand: .5 x .1 + .2 x .5.
    assert binomtest(lacking, 2000, 0.15).pvalue > 1e-4
    assert {p.attributes.get("b") for p in people} == {None, "b b0", "b b1", "b b2"}
    assert "b3" not in two.values["b"]


def test_attributes_and_values(germans: PopulationPeople, de: Population) -> None:
    assert germans.attributes == de.attributes
    assert germans.numeric == {"age"}
    values = germans.values
    assert set(values) == set(de.attributes)
    assert values["gender"] == {
        "female": "female", "male": "male", "non-binary": "non-binary", "diverse": "non-binary",
    }  # fmt: skip
    assert values["age"]["42"] == "42" and values["age"]["100"] == "100 or older"
    assert "not applicable" not in values["education"]


def test_everybody_drawn_is_in_the_cell(germans: PopulationPeople) -> None:
    people = germans.within(YOUNG_MEN, 200, 0)
    assert len({p.id for p in people}) == 200
    assert all(YOUNG_MEN.holds(p) for p in people)
    assert germans.within(YOUNG_MEN, 20, 0) == people[:20]
    # The name of a cell and the order of its conditions say nothing about who is in it.
    renamed = Cell("x", YOUNG_MEN.conditions[::-1])
    assert germans.within(renamed, 200, 0) == people
    assert {p.id for p in people}.isdisjoint(p.id for p in germans.within(YOUNG_MEN, 200, 1))
    other = Cell("young men", YOUNG_MEN.conditions[:1])
    assert {p.id for p in people}.isdisjoint(p.id for p in germans.within(other, 200, 0))


def test_the_rest_is_as_in_the_population_given_the_cell(
    germans: PopulationPeople, de: Population
) -> None:
    # The oracle: who is in the cell, of many drawn without conditions.
    drawn = sample(de, 100_000, seed=11)
    gender, age = drawn.column("gender"), drawn.column("age")
    ages = np.array(de.values("age"))[age]
    inside = (gender == de.code("gender", "male")) & (ages >= 18) & (ages <= 34)
    married = drawn.column("marital_status") == de.code("marital_status", "married")
    share = married[inside].mean()
    people = germans.within(YOUNG_MEN, 2000, 5)
    label = de.label("marital_status", "married", "en")
    found = sum(p.attributes["marital_status"] == label for p in people)
    assert 0.05 < share < 0.5
    assert binomtest(found, 2000, share).pvalue > 1e-4
    mean = np.mean([p.numbers["age"] for p in people])
    assert abs(mean - ages[inside].mean()) < 5 * ages[inside].std() / 2000**0.5


def shares(people: Sequence[Person], attribute: str, text: str) -> float:
    return sum(p.attributes.get(attribute) == text for p in people) / len(people)


def test_a_cell_that_nobody_can_be_in_has_nobody(two: PopulationPeople) -> None:
    # Nobody with a0 has b2.
    cell = Cell("x", (Condition("a", ("a a0",)), Condition("b", ("b b2",))))
    assert two.within(cell, 10, 0) == ()
    # Nor does a range hold where there are no numbers, or anything of what does not apply.
    assert two.within(Cell("x", (Condition("a", low=0, high=9),)), 10, 0) == ()
    assert two.within(Cell("x", (Condition("b", ("b b3",)),)), 10, 0) == ()


@pytest.mark.parametrize("largest", [conditioning.MAX_CELLS, 9, 5])
def test_what_is_too_large_to_work_out_is_drawn_as_exactly(
    two: PopulationPeople, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    cell = Cell("x", (Condition("b", ("b b1",)), Condition("a", ("a a0", "a a1"))))
    worked_out = two.within(cell, 3000, 0)
    monkeypatch.setattr(module, "BATCH", 50)
    monkeypatch.setattr(conditioning, "MAX_CELLS", largest)
    people = two.within(cell, 3000, 0)
    assert (people == worked_out) == (largest > 9)
    assert len({p.id for p in people}) == len(people) == 3000
    assert all(cell.holds(p) for p in people)
    assert two.within(cell, 100, 0) == people[:100]
    # By hand: P(a0, b1) = .5 x .3 and P(a1, b1) = .3 x .1.
    found = round(shares(people, "a", "a a0") * 3000)
    assert binomtest(found, 3000, 0.15 / 0.18).pvalue > 1e-4


def test_a_cell_too_rare_to_be_met_by_drawing_gives_fewer(
    two: PopulationPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditioning, "MAX_CELLS", 5)
    monkeypatch.setattr(module, "BATCH", 10)
    monkeypatch.setattr(module, "MOST_DRAWS", 100)
    people = two.within(Cell("x", (Condition("b", ("b b2",)),)), 90, 0)
    assert 0 < len(people) < 90
    assert {p.attributes["b"] for p in people} == {"b b2"}


@pytest.mark.parametrize("n", [0, -1, True, 2.5])
def test_how_many(germans: PopulationPeople, n: int) -> None:
    with pytest.raises(InputError):
        germans.draw(n, 0)
    with pytest.raises(InputError):
        germans.within(YOUNG_MEN, n, 0)


def test_people_need_english_labels(tmp_path: Path) -> None:
    population_of_two(tmp_path / "zwei", "de")
    with pytest.raises(InputError, match="people are shown in English; add English labels"):
        population_people(str(tmp_path / "zwei"))
