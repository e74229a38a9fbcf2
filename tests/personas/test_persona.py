import copy
import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.personas.persona import Persona, Personas
from pluralens.personas.population import Population
from pluralens.personas.sampling import sample


@pytest.fixture(scope="module")
def some(de: Population) -> Personas:
    return sample(de, 300, seed=3, age=(0, 100), temperature=0.3)


def test_a_persona_cannot_be_changed(some: Personas) -> None:
    persona = some[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        persona.persona_id = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        persona.attributes["age"] = 3  # type: ignore[index]
    attributes: dict[str, str | int] = {"age": 3}
    made = Persona("id", "de", attributes)
    attributes["age"] = 4
    assert made.attributes["age"] == 3


def test_a_persona_travels(some: Personas) -> None:
    persona = some[0]
    for other in (pickle.loads(pickle.dumps(persona)), copy.deepcopy(persona), copy.copy(persona)):
        assert other == persona and hash(other) == hash(persona)
        assert list(other.attributes) == list(persona.attributes)
    assert len({*some, *some}) == len(some)


def test_attributes_stand_in_sampling_order(de: Population, some: Personas) -> None:
    for persona in some:
        assert tuple(persona.attributes) == de.attributes
        assert type(persona.attributes["age"]) is int
        assert all(type(v) is str for n, v in persona.attributes.items() if n != "age")
        assert type(persona.persona_id) is str and persona.population == "de"


def test_columns_rows_and_slices_agree(some: Personas) -> None:
    rows = list(some)
    assert len(some) == len(rows) == 300
    assert [some[i] for i in range(300)] == rows
    assert some[-1] == rows[-1]
    assert list(some[20:60:3]) == rows[20:60:3]
    assert list(some.take([5, 3, 5])) == [rows[5], rows[3], rows[5]]
    assert rows[7] in some and some.index(rows[7]) == 7
    with pytest.raises(IndexError):
        some[300]


def test_rows_back_to_columns(de: Population, some: Personas) -> None:
    again = Personas.from_rows(de, reversed(list(some)))
    assert list(again) == list(some)[::-1]
    for name in de.attributes:
        assert np.array_equal(again.codes[name][::-1], some.codes[name])
        assert again.codes[name].dtype == some.codes[name].dtype
    assert len(Personas.from_rows(de, [])) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"religion": "pastafarian"}, "no value of religion 'pastafarian'"),
        ({"religion": None}, "has no religion"),
        ({"shoe_size": 43}, "'shoe_size' is no drawn attribute"),
        ({"age": 101}, "no value of age 101"),
        ({"age": "33"}, "no value of age '33'"),
    ],
)
def test_rows_that_do_not_fit(
    de: Population, some: Personas, change: dict[str, str | int | None], message: str
) -> None:
    merged = {**some[0].attributes, **change}
    attributes = {n: v for n, v in merged.items() if v is not None}
    with pytest.raises(InputError, match=message):
        Personas.from_rows(de, [Persona("x", "de", attributes)])


def test_rows_of_another_population(de: Population, some: Personas) -> None:
    with pytest.raises(InputError, match="is of population 'us', not 'de'"):
        Personas.from_rows(de, [Persona("x", "us", some[0].attributes)])


def test_frame(de: Population, some: Personas) -> None:
    frame = some.to_frame()
    assert list(frame.columns) == ["persona_id", *de.all_attributes]
    assert frame["age"].dtype.kind in "iu"
    for name in de.all_attributes[1:]:
        assert isinstance(frame[name].dtype, pd.CategoricalDtype)
        assert tuple(frame[name].cat.categories) == de.values(name)
    for persona, row in zip(some, frame.to_dict("records"), strict=True):
        expected = {**persona.attributes, **de.derive(persona.attributes)}
        assert row == {"persona_id": persona.persona_id, **expected}
    assert list(some.to_frame(derived=False).columns) == ["persona_id", *de.attributes]


def test_column_of_a_derived_attribute(de: Population, some: Personas) -> None:
    bins = [de.values("age_bin")[i] for i in some.column("age_bin")]
    assert bins == [de.derive(p.attributes)["age_bin"] for p in some]
    with pytest.raises(InputError, match="no attribute 'age_bim'"):
        some.column("age_bim")
