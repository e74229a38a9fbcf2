import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_people import person

from pluralens.errors import InputError
from pluralens.questions.cells import may_overlap
from pluralens.questions.intersections import Cell, Condition, overlaps, read_cells
from pluralens.questions.person import Person

KNOWN = ("age", "sex", "household_language", "religion")
NUMERIC = {"age"}
VALUES = {
    "sex": {"Male": "Male", "Female": "Female", "f": "Female"},
    "household_language": ["Spanish", "English"],
}
MEN = {"attributes": [{"attribute": "sex", "values": ["Male"]}]}
YOUNG = {"attributes": [{"attribute": "Age", "range": [18, 34]}]}


def read(path: Path, content: object, people: list[Person] | None = None) -> tuple[Cell, ...]:
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return read_cells(path, known=KNOWN, numeric=NUMERIC, values=VALUES, people=people)


def test_a_list_of_cells(tmp_path: Path) -> None:
    both = {"name": " young men ", "attributes": [*MEN["attributes"], *YOUNG["attributes"]]}
    unnamed = {"attributes": both["attributes"]}
    cells = read(tmp_path / "cells.json", [both, unnamed, MEN])
    assert [cell.name for cell in cells] == ["young men", "sex=Male, age 18-34", "sex=Male"]
    assert cells[0].conditions == (
        Condition("sex", ("Male",)),
        Condition("age", low=18.0, high=34.0),
    )
    assert cells[0].content() == cells[1].content() != cells[2].content()


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    content = {"disjoint": True, "intersections": [MEN, {"attributes": [
        {"attribute": "sex", "values": ["Female"]}, {"attribute": "age", "values": [18, "19"]},
    ]}]}  # fmt: skip
    plain = read(tmp_path / "a.json", content)
    assert read(tmp_path / "b.json", json.dumps(content, indent="\t")) == plain
    assert read(tmp_path / "c.yaml", yaml.safe_dump(content)) == plain
    assert plain[1].conditions[1].values == ("18", "19")
    assert plain[1].name == "sex=Female, age=18/19"


@pytest.mark.parametrize(
    ("attribute", "written", "shown"),
    [
        ("sex", "female", "Female"),
        ("sex", "F", "Female"),
        ("household language", " SPANISH ", "Spanish"),
        # Of this one no values are known.
        ("religion", "Pastafarian", "Pastafarian"),
    ],
)
def test_values_are_found_whatever_their_case(
    tmp_path: Path, attribute: str, written: str, shown: str
) -> None:
    (cell,) = read(
        tmp_path / "a.json", [{"attributes": [{"attribute": attribute, "values": [written]}]}]
    )
    assert cell.conditions[0].values == (shown,)


def one(**condition: object) -> list[object]:
    return [{"attributes": [{"attribute": "age", **condition}]}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], "there is no list of cells"),
        ({}, "the key 'intersections' is missing"),
        ("", "line 1, column 1: not valid JSON"),
        ("17", "there is no list of cells"),
        ({"intersections": []}, "there is no list of cells"),
        ({"intersections": [MEN], "disjoint": "yes"}, "'yes' is no truth value"),
        ({"intersection": [MEN]}, "unknown key 'intersection'; did you mean intersections?"),
        ([{}], "(0): the key 'attributes' is missing"),
        ([MEN, "sex"], "(1): 'sex' is no object"),
        ([{"attributes": []}], "the cell has no list of attributes"),
        ([{**MEN, "nmae": "x"}], "unknown key 'nmae'; did you mean name?"),
        ([{**MEN, "name": ""}], "'' is no name for a cell"),
        ([{**MEN, "name": "a|b"}], "'a|b' is no name for a cell"),
        ([{**MEN, "name": 3}], "3 is no name for a cell"),
        ([MEN, YOUNG, MEN], "(2): two cells are called 'sex=Male'; rename or delete one"),
        ([{"attributes": [{"values": ["Male"]}]}], "the key 'attribute' is missing"),
        (one(), "age has neither values and a range"),
        (one(values=["18"], range=[18, 34]), "age has both values and a range"),
        (one(range=[34, 18]), "[34, 18] is no range; write [low, high], both included"),
        (one(range=[18]), "[18] is no range"),
        (one(range=[18, True]), "[18, True] is no range"),
        (one(range=["18", "34"]), "is no range"),
        (one(range=18), "18 is no range"),
        (one(values="18"), "'18' is no list of values"),
        (one(values=[]), "[] is no list of values"),
        (one(values=[True]), "True is no text; quote the value"),
        (one(values=["18", 18]), "'18' stands there twice"),
        (one(value=["18"]), "unknown key 'value'; did you mean values?"),
        ([{"attributes": [{"attribute": "sxe", "values": ["Male"]}]}],
         "unknown attribute 'sxe'; did you mean sex?"),
        ([{"attributes": [{"attribute": ["sex"], "values": ["Male"]}]}], "['sex'] is no name"),
        ([{"attributes": [{"attribute": "sex", "values": ["Femal"]}]}],
         "no sex is 'Femal'; did you mean Female or Male?"),
        ([{"attributes": [{"attribute": "sex", "range": [1, 2]}]}],
         "the values of sex are no numbers; write \"values\": [...]; ranges are for age"),
        ([{"attributes": [*MEN["attributes"], *MEN["attributes"]]}], "'sex' stands there twice"),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path: Path, content: object, expected: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path / "cells.json", content)
    message = str(raised.value)
    assert expected in message and "\n" not in message and "cells.json, line 1" in message


def test_a_place_in_a_long_file(tmp_path: Path) -> None:
    text = json.dumps([MEN, {"attributes": [{"attribute": "sxe", "values": ["x"]}]}], indent="\t")
    line = text.split("\n").index('\t\t\t\t"attribute": "sxe",') + 1
    with pytest.raises(InputError, match=rf"line {line}, column \d+ \(1.attributes.0.attribute\)"):
        read(tmp_path / "cells.json", text)


@pytest.mark.parametrize("name", ["none.json", "none.yaml"])
def test_a_file_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_cells(tmp_path / name, known=KNOWN, numeric=NUMERIC)
    with pytest.raises(InputError, match=r"stand in a file \.json, \.yaml or \.yml"):
        read_cells(tmp_path / "cells.csv", known=KNOWN, numeric=NUMERIC)


def test_both_ends_of_a_range_are_in_it() -> None:
    cell = Cell("young", (Condition("age", low=18, high=34),))
    ages = [age for age in range(16, 37) if cell.holds(person("p", age=age))]
    assert ages == list(range(18, 35))
    assert not cell.holds(person("p", sex="Male"))


def test_all_conditions_must_hold() -> None:
    cell = Cell("x", (Condition("sex", ("Male",)), Condition("religion", ("a", "b"))))
    assert cell.holds(person("p", sex="Male", religion="b"))
    assert not cell.holds(person("p", sex="Male", religion="c"))
    assert not cell.holds(person("p", sex="Male"))


def test_overlaps_are_counted_once_per_person() -> None:
    crowd = [person(f"p{i}", age=20 + i, sex="Male" if i % 2 else "Female") for i in range(30)]
    men = Cell("men", (Condition("sex", ("Male",)),))
    young = Cell("young", (Condition("age", low=18, high=34),))
    old = Cell("old", (Condition("age", low=35, high=99),))
    # Odd numbers below 15, and those from 15 to 29.
    assert overlaps([men, young, old], [*crowd, *crowd]) == [
        ("men", "young", 7),
        ("men", "old", 8),
    ]


def test_disjoint_cells_that_share_people_are_refused(tmp_path: Path) -> None:
    content = {"disjoint": True, "intersections": [MEN, YOUNG]}
    with pytest.raises(InputError, match="'sex=Male' and 'age 18-34' do not exclude each other"):
        read(tmp_path / "a.json", content)
    people = [person("a", sex="Male", age=40), person("b", sex="Female", age=20)]
    assert len(read(tmp_path / "a.json", content, people)) == 2
    people += [person("c", sex="Male", age=20)]
    with pytest.raises(InputError, match="'sex=Male' and 'age 18-34' share one person; change"):
        read(tmp_path / "a.json", content, people)
    assert len(read(tmp_path / "b.json", {**content, "disjoint": False}, people)) == 2


TEXTS = st.sets(st.sampled_from(["1", "2", "3"]), min_size=1).map(sorted).map(tuple)
RANGES = st.tuples(st.integers(1, 3), st.integers(1, 3)).map(sorted)
CONDITIONS = st.one_of(
    TEXTS.map(lambda v: Condition("a", v)),
    RANGES.map(lambda r: Condition("a", low=r[0], high=r[1])),
)


@given(CONDITIONS, CONDITIONS, TEXTS, TEXTS)
def test_cells_that_exclude_each_other_share_nobody(
    one: Condition, other: Condition, b: tuple[str, ...], c: tuple[str, ...]
) -> None:
    everybody = [
        Person(f"{x}{y}", {"a": str(x), "b": str(y)}, {"a": float(x)})
        for x in range(1, 4)
        for y in range(1, 4)
    ]
    cells = [Cell("x", (one, Condition("b", b))), Cell("y", (Condition("b", c), other))]
    shared = bool(overlaps(cells, everybody))
    # All values are possible here, and every range of whole numbers holds one.
    assert shared == may_overlap(*cells)


def test_of_a_text_nobody_knows_its_number() -> None:
    old = Cell("old", (Condition("age", ("100 or older",)),))
    assert may_overlap(old, Cell("young", (Condition("age", low=18, high=34),)))
