import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.questions.cells import Cell, Condition
from pluralens.questions.sources import load_source

QUESTIONS = [
    {"id": "tax", "topic": "money", "question": "Is tax, as such, theft?", "language": "en"},
    {"id": "vote", "topic": "state", "question": 'Is voting "a duty"?', "language": "en"},
    {"id": "wahl", "topic": "state", "question": "Ist Wählen Pflicht?", "language": "de"},
]
PERSONAS = [
    {"persona_id": "ann", "Household Language": "Spanish", "age": 42, "zip": 2139, "income": 1.5},
    {"persona_id": "bob", "Household Language": None, "age": 43, "zip": None, "income": 2.0},
    {"persona_id": "cem", "Household Language": "Turkish,\n German", "age": None, "zip": 99,
     "income": None},
]  # fmt: skip
ENDINGS = ("csv", "jsonl", "parquet")


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    frame = pd.DataFrame(list(rows))
    for name in frame.select_dtypes("float"):
        if (frame[name].dropna() % 1 == 0).all():
            frame[name] = frame[name].astype("Int64")
    if path.suffix.lower() == ".csv":
        path.write_text("# ours\n" + frame.to_csv(index=False), "utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n\n" for row in rows), "utf-8")
    else:
        frame.to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("other", ENDINGS)
def test_every_format_says_the_same(tmp_path: Path, ending: str, other: str) -> None:
    asked = write(tmp_path / f"asked.{ending}", QUESTIONS)
    people = write(tmp_path / f"people.{other}", PERSONAS)
    source = load_source(f"{asked},{people}")
    assert [(q.id, q.topic, q.text) for q in source.questions] == [
        ("tax", "money", "Is tax, as such, theft?"),
        ("vote", "state", 'Is voting "a duty"?'),
    ]
    assert source.attributes == ("household_language", "age", "zip", "income")
    assert source.numeric == {"age", "zip", "income"}
    found = {p.id: (dict(p.attributes), dict(p.numbers)) for p in source.people(3, 0)}
    assert found["ann"][1] == {"age": 42.0, "zip": 2139.0, "income": 1.5}
    assert found["bob"] == (
        {"age": "43", "income": found["bob"][0]["income"]}, {"age": 43.0, "income": 2.0}
    )  # fmt: skip
    assert found["cem"] == ({"household_language": "Turkish, German", "zip": "99"}, {"zip": 99.0})
    turned = load_source([people, str(asked)])
    assert turned.questions == source.questions
    assert turned.about["personas_digest"] == source.about["personas_digest"]
    (german,) = load_source(f"{asked},{people}", language="de").questions
    assert german.text == "Ist Wählen Pflicht?"


def test_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "questions.CSV", QUESTIONS)
    write(tmp_path / "personas.jsonl", PERSONAS)
    (tmp_path / "notes.txt").write_text("not ours", "utf-8")
    source = load_source(str(tmp_path))
    assert source.name == str(tmp_path)
    assert (source.about["questions"], source.about["personas"]) == (2, 3)
    assert source.about["questions_file"] == "questions.CSV"


def test_questions_alone_are_put_to_the_built_in_people(tmp_path: Path) -> None:
    source = load_source(write(tmp_path / "asked.csv", QUESTIONS))
    builtin = load_source()
    assert source.people(2, 1) == builtin.people(2, 1)
    assert source.attributes == builtin.attributes
    assert source.about["population_digest"] == builtin.about["population_digest"]
    assert [q.id for q in source.questions] == ["tax", "vote"]


def test_people_are_a_part_of_the_list_by_chance(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.csv", QUESTIONS)
    crowd = [{"id": f"p{i}", "age": 20 + i} for i in range(50)]
    people = write(tmp_path / "people.csv", crowd)
    source = load_source(f"{asked},{people}")
    found = [p.id for p in source.people(20, 1)]
    assert len(set(found)) == 20 and found[:5] == [p.id for p in source.people(5, 1)]
    assert found != [p.id for p in source.people(20, 2)]
    assert found != [f"p{i}" for i in range(20)]
    # Neither the order of the file nor anybody added moves the others.
    write(people, [*crowd[::-1], {"id": "new", "age": 1}])
    longer = [p.id for p in load_source(f"{asked},{people}").people(51, 1)]
    assert [key for key in longer if key != "new"][:20] == found
    with pytest.raises(InputError, match="there are 50 people, not 51; take at most 50"):
        source.people(51, 0)
    with pytest.raises(InputError, match="0 people cannot be taken"):
        source.people(0, 0)


def test_everybody_on_the_list_who_is_in_a_cell(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.csv", QUESTIONS)
    people = write(tmp_path / "people.csv", [{"id": f"p{i}", "age": 20 + i} for i in range(50)])
    source = load_source(f"{asked},{people}")
    cell = Cell("thirties", (Condition("age", low=30, high=39),))
    assert [p.id for p in source.people_in(cell, 3, 0)] == [f"p{i}" for i in range(10, 20)]
    file = tmp_path / "cells.json"
    thirties = {"attributes": [{"attribute": "age", "range": [30, 39]}]}
    forties = {"attributes": [{"attribute": "age", "range": [39, 49]}]}
    file.write_text(json.dumps({"disjoint": True, "intersections": [thirties, forties]}), "utf-8")
    with pytest.raises(InputError, match="'age 30-39' and 'age 39-49' share one person"):
        source.read_cells(file)
    file.write_text('[{"attributes": [{"attribute": "age", "values": [99]}]}]', "utf-8")
    with pytest.raises(InputError, match="no age is '99'; choose from 20, 21, 22"):
        source.read_cells(file)


def test_keys_are_made_of_content_where_there_are_none(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.csv", [{"question": "A?"}, {"question": "B?"}])
    people = write(tmp_path / "people.csv", [{"age": 1, "sex": "x"}, {"age": 2, "sex": "x"}])
    source = load_source(f"{asked},{people}")
    write(asked, [{"question": "B?", "topic": "t"}, {"question": "A?", "topic": "t"}])
    write(people, [{"sex": "x", "age": 2}, {"sex": "x", "age": 1}])
    other = load_source(f"{asked},{people}")
    assert {q.text: q.id for q in source.questions} == {q.text: q.id for q in other.questions}
    assert {p.id: dict(p.attributes) for p in source.people(2, 0)} == {
        p.id: dict(p.attributes) for p in other.people(2, 0)
    }
    assert source.questions[0].topic == "other"


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.csv", QUESTIONS)
    people = write(tmp_path / "people.csv", PERSONAS)
    before = load_source(f"{asked},{people}").about
    write(asked, [{**QUESTIONS[0], "question": "Is tax theft?"}, *QUESTIONS[1:]])
    write(people, [{**PERSONAS[0], "age": 41}, *PERSONAS[1:]])
    after = load_source(f"{asked},{people}").about
    assert before["questions_digest"] != after["questions_digest"]
    assert before["personas_digest"] != after["personas_digest"]


FINE = "age\n42\n"
ASKED = "question\nA?\n"


@pytest.mark.parametrize(
    ("name", "asked", "people", "expected"),
    [
        ("a.csv", "topic\nx\n", FINE, "no file has the column 'question'"),
        ("a.csv", ASKED, "question,age\nB?,42\n", "both files have the column 'question'"),
        ("a.csv", "question,answer,x\nA?,no,1\n", FINE, "unknown columns answer, x; "),
        ("a.csv", "question\n", FINE, "there are no rows"),
        ("a.csv", "", FINE, "the file has no header"),
        ("a.csv", "question;topic\nA?;x\n", FINE, "separated by semicolons; use commas"),
        ("a.csv", "question,topic\nA?\n", FINE, "line 2: 1 cells for 2 columns"),
        ("a.csv", "question,Question \nA?,B?\n", FINE, "have the same name"),
        ("a.csv", "question,\nA?,\n", FINE, "a column is called ''"),
        ("a.csv", "id,question\nx,A?\nx,B?\n", FINE, "line 3, column id: the id 'x' stands"),
        ("a.csv", "id,question\nx y,A?\n", FINE, "'x y' is no id"),
        ("a.csv", "id,question\n,A?\n", FINE, "'' is no id"),
        ("a.csv", "id,question\nx,A?\ny,\n", FINE, "line 3, column question: the cell is empty"),
        ("a.csv", "question\nA?\nB?\nA?\n", FINE, "line 4, column question: line 2 asks"),
        ("a.csv", "question,language\nA?,de\n", FINE, "is in language 'en'; choose from de"),
        ("a.csv", ASKED, "id\nx\n", "people have no attributes"),
        ("a.csv", ASKED, "id,age\nx,1\nx,2\n", "line 3, column id: the id 'x' stands in"),
        ("a.csv", ASKED, "id,persona_id,age\nx,x,2\n", "id and persona_id are both keys"),
        ("a.csv", ASKED, "id,age,sex\nx,,\n", "line 2, column age: the person has no attributes"),
        ("a.csv", ASKED, "age\n1\n2\n1\n", "line 4, column id: the row stands in line 2 too"),
        ("a.jsonl", '{"question": "A?"\n', FINE, "a.jsonl, line 1: not valid JSON"),
        ("a.jsonl", '{"question": "A?", "question": "B?"}\n', FINE, "stands there twice"),
        ("a.jsonl", '\n["question"]\n', FINE, "a.jsonl, line 2: this is no object"),
        ("a.jsonl", '{"question": ["A?"]}\n', FINE, "list is neither text nor number"),
        ("a.jsonl", "\n", FINE, "there are no rows"),
        ("a.parquet", "PAR1 no", FINE, "this is no Parquet file, or a damaged one"),
        ("a.xlsx", ASKED, FINE, "nor a file of a known ending; convert it to one of .csv, .jsonl"),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path: Path, name: str, asked: str, people: str, expected: str) -> None:
    (tmp_path / name).write_text(asked, "utf-8")
    (tmp_path / "people.csv").write_text(people, "utf-8")
    with pytest.raises(InputError) as raised:
        load_source(f"{tmp_path / name},{tmp_path / 'people.csv'}")
    message = str(raised.value)
    assert expected in message and "\n" not in message


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_that_cannot_be_read(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_source(str(tmp_path / f"none.{ending}"))
    (tmp_path / f"latin.{ending}").write_bytes(b"question\nIst W\xe4hlen Pflicht?\n")
    with pytest.raises(InputError, match="line 2: byte 0xe4 is not UTF-8|no Parquet file"):
        load_source(str(tmp_path / f"latin.{ending}"))
    (tmp_path / f"folder.{ending}").mkdir()
    with pytest.raises(InputError, match="this folder has no file questions.csv, questions.jsonl"):
        load_source(str(tmp_path / f"folder.{ending}"))
    two = f"{tmp_path / f'folder.{ending}'},{tmp_path / f'latin.{ending}'}"
    with pytest.raises(InputError, match="this is a folder|there is no such file"):
        load_source(two)


def test_a_folder_with_two_files_of_questions(tmp_path: Path) -> None:
    write(tmp_path / "questions.csv", QUESTIONS)
    write(tmp_path / "questions.jsonl", QUESTIONS)
    with pytest.raises(InputError, match=r"questions.csv, questions.jsonl are all questions; keep"):
        load_source(str(tmp_path))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("bultin", "is neither builtin, hf nor a file of a known ending; did you mean builtin?"),
        ("", "source names 0 files"),
        ("a.csv,b.csv,c.csv", "source names 3 files"),
        (None, "source=None is no source"),
        ([1], "is no source"),
    ],
)
def test_sources_that_are_none(source: object, expected: str) -> None:
    with pytest.raises(InputError) as raised:
        load_source(source)  # type: ignore[arg-type]
    assert expected in str(raised.value)
