import copy
import pickle

import pytest
from small_people import person

from pluralens.questions.person import Person, describe, label_of


def test_one_line_per_attribute_in_the_persons_order() -> None:
    someone = person("p", household_language="Spanish", age=42)
    assert describe(someone) == "Household language: Spanish\nAge: 42"
    assert describe(someone, {"age", "household_language"}) == describe(someone)
    assert describe(someone, ["age"]) == "Age: 42"
    assert describe(someone, ()) == ""


def test_labels() -> None:
    assert label_of("ability_to_speak_english") == "Ability to speak english"
    assert label_of("sex") == "Sex"


@pytest.mark.parametrize("text", ["", " a", "a\nReligion: none", "a  b", "a\u2028b", "a\tb"])
def test_a_value_is_one_plain_line(text: str) -> None:
    with pytest.raises(ValueError, match="empty or not one plain line"):
        Person("p", {"sex": text})


def test_a_person_does_not_change_and_can_be_copied() -> None:
    someone = person("p", age=42)
    with pytest.raises(TypeError):
        someone.attributes["age"] = "43"  # type: ignore[index]
    for twin in (copy.deepcopy(someone), pickle.loads(pickle.dumps(someone))):
        assert twin == someone and hash(twin) == hash(someone)
        assert (dict(twin.attributes), dict(twin.numbers)) == ({"age": "42"}, {"age": 42.0})


def test_a_number_has_a_text() -> None:
    with pytest.raises(ValueError, match="numbers without a text"):
        Person("p", {}, {"age": 42.0})
