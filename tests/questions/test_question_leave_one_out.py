import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_people import person

from pluralens.errors import InputError
from pluralens.questions.leave_one_out import arms, read_attributes

KNOWN = ("age", "sex", "income", "household_language", "religion")


@pytest.mark.parametrize(
    "value",
    [
        "household_language,age",
        " Household language , AGE,",
        ["household language", "age"],
        ("household-language", "Age"),
    ],
)
def test_names_are_found_however_they_are_written(value: object) -> None:
    assert read_attributes(value, KNOWN) == ("household_language", "age")


@pytest.mark.parametrize("content", [{"attributes": ["Age", "sex"]}, ["age", "sex"]])
def test_a_file(tmp_path: Path, content: object) -> None:
    file = tmp_path / "Attributes.JSON"
    file.write_text(json.dumps(content), "utf-8")
    assert read_attributes(str(file), KNOWN) == ("age", "sex")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("incom", "attributes: unknown attribute 'incom'; did you mean income?"),
        ("zzz", "unknown attribute 'zzz'; choose from age, sex, income"),
        ("age,sex,Age", "'age' is named twice"),
        ("", "no attribute is named"),
        (" , ", "no attribute is named"),
        ([], "no attribute is named"),
        (["age", ""], "'' is no name"),
        (["age", 3], "3 is no name"),
        (None, "None is no list of attributes"),
        (3, "3 is no list of attributes"),
        ({"attributes": ["age"]}, "is no list of attributes"),
    ],
)
def test_refusals(value: object, expected: str) -> None:
    with pytest.raises(InputError) as raised:
        read_attributes(value, KNOWN)
    assert expected in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"attribute": ["age"]}', 'the object has the keys attribute; write {"attributes"'),
        ('{"attributes": ["age"], "x": 1}', "the object has the keys attributes, x"),
        ('{"attributes": ["age"], "attributes": []}', "the key 'attributes' stands there twice"),
        ('{"attributes": {"age": 1}}', "is no list of attributes"),
        ("[]", "no attribute is named"),
        ("17", "17 is no list of attributes"),
        ('["age",\n "sex"', "line 2, column 7: not valid JSON"),
        ('["incom"]', "a.json: unknown attribute 'incom'; did you mean income?"),
        ("[" * 100_000, "too deeply"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as raised:
        read_attributes(str(file), KNOWN)
    assert expected in str(raised.value) and "\n" not in str(raised.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_attributes(str(tmp_path / "none.json"), KNOWN)
    (tmp_path / "latin.json").write_bytes(b'["\xe4"]')
    with pytest.raises(InputError, match="byte 0xe4 is not UTF-8"):
        read_attributes(str(tmp_path / "latin.json"), KNOWN)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        read_attributes(str(tmp_path / "folder.json"), KNOWN)


def test_full_and_none_are_two_different_arms() -> None:
    someone = person("p", age=42, sex="Male", income="high", religion="none")
    found = {arm.name: arm.shown for arm in arms(someone, ("sex", "income"), KNOWN)}
    assert found == {
        "full": ("age", "sex", "income", "religion"),
        "without:sex": ("age", "income", "religion"),
        "without:income": ("age", "sex", "religion"),
        "none": ("age", "religion"),
    }


def test_an_attribute_that_the_person_lacks_gives_no_arm() -> None:
    someone = person("p", age=42)
    assert [arm.name for arm in arms(someone, ("income", "age"), KNOWN)] == [
        "full", "without:age", "none",
    ]  # fmt: skip
    assert [arm.name for arm in arms(someone, ("income",), KNOWN)] == ["full"]


def test_an_unknown_attribute_is_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match="unknown attributes"):
        arms(person("p", age=42), ("hobby",), KNOWN)


@given(st.sets(st.sampled_from(KNOWN), min_size=1), st.sets(st.sampled_from(KNOWN), min_size=1))
def test_each_arm_lacks_what_its_name_says(has: set[str], studied: set[str]) -> None:
    someone = person("p", **{name: "x" for name in KNOWN if name in has})
    found = arms(someone, sorted(studied), KNOWN)
    assert len({arm.name for arm in found}) == len(found)
    for arm in found:
        missing = {"full": set(), "none": studied}.get(arm.name, {arm.name.split(":")[-1]})
        assert set(arm.shown) == has - missing
    assert len(found) == (len(has & studied) + 2 if has & studied else 1)
