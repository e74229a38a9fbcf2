import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.personas.files import export_selection, read_selection
from pluralens.personas.files.layout import checksum
from pluralens.personas.making import make_counterfactual, make_pool
from pluralens.personas.population import Population
from pluralens.personas.selection import Selection

HEADER = "age,gender,education,migration,origin,religion,marital_status,occupation,sexuality"
ONE = "44,female,abitur_fh,none,DE,christian,married,business_manager,heterosexual"
TWO = "31,male,realschule,foreigner_immigrated,GR,unaffiliated,single,painter_decorator,bisexual"
LINKS = "persona_id,role,base_id,pair_id,changed_attribute,from_value,to_value,forced"
A, B, P = "a" * 16, "b" * 16, "c" * 16


def written(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Selection, Path]:
    pool = make_pool("pool-a", population="de", n=12, seed=1)
    made = make_counterfactual(pool, "cf-a", ["gender", "origin"], per_attribute=1)
    return made, export_selection(made, tmp_path_factory.mktemp("exported") / "cf.csv")


# -- tables made by hand --------------------------------------------------------------------------


def test_a_table_made_by_hand(tmp_path: Path, de: Population) -> None:
    path = written(tmp_path, HEADER, ONE, TWO, ONE)
    made = read_selection(path, name="mine", population="de")
    assert (made.kind, made.seed, made.parent, made.source) == ("import", None, None, "de")
    assert made.parameters["file"] == "a.csv" and len(made.parameters["sha256"]) == 64
    first, second, third = made.personas

    assert second.attributes["origin"] == "GR" and second.attributes["age"] == 31
    assert first.attributes == third.attributes
    ids = [first.persona_id, second.persona_id, third.persona_id]
    assert len(set(ids)) == 3 and all(re.fullmatch("[0-9a-f]{16}", i) for i in ids)


def test_ids_are_made_of_content(tmp_path: Path) -> None:
    def ids(*lines: str) -> list[str]:
        path = written(tmp_path, *lines)
        return [str(i) for i in read_selection(path, name="a", population="de").personas.ids]

    one, two, again = ids(HEADER, ONE, TWO, ONE)
    assert ids(HEADER, TWO, ONE) == [two, one]
    # The order of the columns is no content.
    turned = [",".join(line.split(",")[::-1]) for line in (HEADER, ONE, TWO, ONE)]
    assert ids(*turned) == [one, two, again]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + f"{HEADER}\n{ONE}\n",
        f"# a note\n#another: one\n\n{HEADER}\r\n{ONE}\r\n\r\n",
        f"{HEADER}\n{ONE}",
        f"{HEADER}\n{ONE}\n{',' * 8}\n",
        HEADER.replace(",", " , ") + "\n" + ONE.replace(",", " , "),
        HEADER + "\n" + ",".join(f'"{cell}"' for cell in ONE.split(",")),
    ],
    ids=["mark", "comments", "no-newline", "empty-row", "blanks", "quotes"],
)
def test_what_editors_and_spreadsheets_do_to_a_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    (person,) = read_selection(path, name="a", population="de").personas
    assert list(map(str, person.attributes.values())) == ONE.split(",")


def test_a_parquet_file_made_with_pandas(tmp_path: Path) -> None:
    pool = make_pool("p", population="de", n=20, seed=2)
    frame = pool.personas.to_frame(derived=False).set_index("persona_id", drop=False)
    frame.to_parquet(tmp_path / "a.parquet")
    made = read_selection(tmp_path / "a.parquet", name="a", population="de")
    assert made.kind == "import" and list(made.personas) == list(pool.personas)


def test_pairs_made_by_hand(tmp_path: Path) -> None:
    other = ONE.replace("christian", "jewish")
    path = written(
        tmp_path,
        f"{LINKS},{HEADER}",
        f"{A},base,,,,,,,{ONE}",
        f"{B},counterfactual,{A},{P},religion,christian,jewish,,{other}",
    )
    made = read_selection(path, name="a", population="de")
    (link,) = made.links
    assert (link.base_id, link.twin_id, link.pair_id) == (A, B, P)
    assert (link.attribute, link.from_value, link.to_value) == ("religion", "christian", "jewish")
    assert made.twins is not None and made.twins[0].attributes["religion"] == "jewish"


def test_an_edited_file_is_a_new_selection_without_its_metadata(
    exported: tuple[Selection, Path], tmp_path: Path
) -> None:
    made, path = exported
    lines = [x for x in path.read_text("utf-8").splitlines() if not x.startswith("#")]
    again = read_selection(written(tmp_path, *lines), name="a", population="de")
    assert again.kind == "import" and again.digest() == made.digest()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER,), "there are no personas; add a row for each"),
        ((), "the file has no header"),
        (("# only", "# notes"), "the file has no header"),
        ((HEADER.replace("religion,", ""), ONE), "line 2: 9 cells for 8 columns"),
        (
            (HEADER.replace("religion,", ""), ONE.replace("christian,", "")),
            "the column 'religion' is missing; a file of population de needs age, gender",
        ),
        (
            (HEADER.replace("religion", "religon"), ONE),
            "column 'religon': population de has no such attribute; the closest is 'religion'",
        ),
        ((f"{HEADER},age_bin", f"{ONE},30-44"), "column age_bin: it follows from age; delete"),
        ((f"{HEADER},age", f"{ONE},44"), "line 1: the column 'age' occurs twice"),
        (
            (HEADER, ONE, ONE.replace("christian", "cristian")),
            "line 3, column religion: 'cristian' is no value; the closest is 'christian'",
        ),
        ((HEADER, ONE.replace("44", "44.0")), "line 2, column age: '44.0' is no value"),
        ((HEADER, ONE.replace("44", "044")), "line 2, column age: '044' is no value"),
        ((HEADER, ONE.replace("44", "444")), "line 2, column age: '444' is no value; the closest"),
        ((HEADER, ONE.replace("44", "")), "line 2, column age: the value is missing; fill it in"),
        ((HEADER, ONE.replace("44", "4\x1b[31m")), r"column age: '4\\x1b\[31m' is no value"),
        ((HEADER, ONE.replace("christian", "x" * 9999)), r"'xxx+\.\.\.' is no value"),
        ((HEADER, ONE.replace("christian", "x" * 140_000)), "line 2: the line is no CSV .field"),
        ((HEADER, ONE.replace("christian", '"christian')), "the line is no CSV"),
        ((HEADER, ONE, "44,female"), "line 3: 2 cells for 9 columns"),
        (
            (HEADER.replace(",", ";"), ONE.replace(",", ";")),
            "line 1: the columns are separated by semicolons; use commas",
        ),
        (
            (HEADER, "# note", "", ONE),
            "line 2: 1 cells for 9 columns",
        ),
        (
            ("# note", "", HEADER, ONE, "", ONE.replace("44", "x")),
            "line 6, column age: 'x' is no value",
        ),
        (
            (HEADER, ONE, ONE.replace("44", "7")),
            "line 3, column age: nobody can be like this: .+; correct the values or delete the row",
        ),
        (
            (f"persona_id,{HEADER}", f"{A},{ONE}", f"{B},{TWO}", f"{A},{TWO}"),
            f"line 4, column persona_id: {A} stands in line 2 already; delete one of them",
        ),
        ((f"persona_id,{HEADER}", f"p1,{ONE}"), "column persona_id: 'p1' is no id; an id is 16"),
        ((f"persona_id,{HEADER}", f"{A.upper()},{ONE}"), "is no id"),
        ((f"role,{HEADER}", f"base,{ONE}"), "the column 'persona_id' is missing"),
        ((f"{LINKS},{HEADER}", f"{A},boss,,,,,,,{ONE}"), "column role: 'boss' is no role"),
        ((f"{LINKS},{HEADER}", f"{A},base,{B},,,,,,{ONE}"), "a base persona has another base"),
        ((f"{LINKS},{HEADER}", f"{A},base,,{P},,,,,{ONE}"), "a base persona has no pair of its"),
    ],
)
def test_wrong_tables(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(InputError, match=message) as caught:
        read_selection(path, name="a", population="de")
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text and ";" in text and text.isprintable()
    assert len(text) < 600


TWIN = ONE.replace("christian", "jewish")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            f"{B},counterfactual,{B},{P},religion,christian,jewish,,{TWIN}",
            f"column base_id: there is no base persona '{B}' for this twin; add its row",
        ),
        (
            f"{B},counterfactual,{A},p1,religion,christian,jewish,,{TWIN}",
            "column pair_id: 'p1' is no id",
        ),
        (
            f"{B},counterfactual,{A},{P},religon,christian,jewish,,{TWIN}",
            "'religon' is no attribute of population de; write age, gender, .+placebo",
        ),
        (
            f"{B},counterfactual,{A},{P},religion+religion,christian,jewish,,{TWIN}",
            "is no attribute",
        ),
        (
            f"{B},counterfactual,{A},{P},,,,,{TWIN}",
            "column changed_attribute: '' is no attribute",
        ),
        (
            f"{B},counterfactual,{A},{P},religion,christian,jewish,,{ONE}",
            "column religion: the twin has the value of its base",
        ),
        (
            f"{B},counterfactual,{A},{P},religion,christian,muslim,,{TWIN}",
            "column to_value: 'muslim' is not what the personas have; write 'jewish'",
        ),
        (
            f"{B},counterfactual,{A},{P},religion,,jewish,,{TWIN}",
            "column from_value: '' is not what the personas have; write 'christian'",
        ),
        (
            f"{B},counterfactual,{A},{P},religion,christian,jewish,,"
            + TWIN.replace("married", "single"),
            "column marital_status: the twin has 'single' and its base 'married', though "
            "marital_status is neither changed nor forced",
        ),
        (
            f"{B},counterfactual,{A},{P},placebo,,,,{TWIN}",
            "column religion: the twin has 'jewish' and its base 'christian', though religion",
        ),
        (
            f"{B},counterfactual,{A},{P},religion,christian,jewish,age: 44 -> 45,{TWIN}",
            "column forced: 'age: 44 -> 45' is not how the personas differ; empty the cell",
        ),
        (
            f"{B},counterfactual,{A},{P},religion,christian,jewish,marital_status: x -> single,"
            + TWIN.replace("married", "single"),
            "column forced: .+ differ; write 'marital_status: married -> single'",
        ),
    ],
)
def test_wrong_pairs(tmp_path: Path, row: str, message: str) -> None:
    path = written(tmp_path, f"{LINKS},{HEADER}", f"{A},base,,,,,,,{ONE}", row)
    with pytest.raises(InputError, match=message) as caught:
        read_selection(path, name="a", population="de")
    assert str(caught.value).startswith(f"{path}, line 3, column ")


def test_twins_alone_and_pairs_twice(tmp_path: Path) -> None:
    twin = f"counterfactual,{A},{P},religion,christian,jewish,,{TWIN}"
    path = written(tmp_path, f"{LINKS},{HEADER}", f"{B},{twin}")
    with pytest.raises(InputError, match="there is no base persona"):
        read_selection(path, name="a", population="de")
    rows = (f"{A},base,,,,,,,{ONE}", f"{B},{twin}", f"{'d' * 16},{twin}")
    path = written(tmp_path, f"{LINKS},{HEADER}", *rows)
    with pytest.raises(InputError, match=f"line 4, column pair_id: {P} stands in line 3 already"):
        read_selection(path, name="a", population="de")


# -- exported files -------------------------------------------------------------------------------


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def sealed(old: str, new: str) -> Callable[[str], str]:
    """A file that really was exported so."""

    def change(text: str) -> str:
        text = replaced(old, new)(text)
        top = (line[2:].split(": ", 1) for line in text.split("\n")[1:] if line.startswith("# "))
        seal = checksum({key: json.loads(value) for key, value in top})
        return re.sub('# checksum: ".*"', f'# checksum: "{seal}"', text)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "\n".join(t.splitlines()[:-1]) + "\n", "the rows are not those that were exp"),
        (replaced("# format: 1", "# format: 2"), "the file's format is 2, and this pluralens kno"),
        (replaced("# format: 1\n", ""), "the file's format is None"),
        (replaced('# kind: "counterfactual"', '# kind: "odd"'), "kind: 'odd' in the file's met"),
        (replaced('# kind: "counterfactual"\n', ""), "kind: None in the file's metadata is damag"),
        (replaced("# seed: 0", "# seed: 1"), "metadata is not what was exported .another name"),
        (replaced('name: "cf-a"', 'name: "cf-b"'), "metadata is not what was exported"),
        (replaced('"pairs": {', '"pairs": {"age": 3, '), "metadata is not what was exported"),
        (replaced("# seed: 0", "# seed: true"), "seed: True in the file's metadata"),
        (replaced("# seed: 0", "# seed: 0\n# seed: 0"), "line 6: this is no line"),
        (replaced("# seed: 0", "# seed: 0\n# more: 0"), "more: 0 in the file's metadata"),
        (replaced("# seed: 0", "# seed: 0x"), "line 5: this is no line `# key: JSON value`"),
        (replaced("# seed: 0", "# seed"), "line 5: this is no line `# key: JSON value`"),
        (replaced('parent: "pool-a"', 'parent: "no"'), "the parent 'no' is no usable name"),
        (replaced("# parameters: {", "# parameters: [{").__call__, "this is no line"),
        (sealed('name: "cf-a"', 'name: "-rf"'), "selection '-rf' is no usable name"),
        (sealed('population: "de"', 'population: "us"'), "of population 'us', not 'de'"),
        (sealed('source: "de"', 'source: "/nowhere"'), "neither an id nor a folder"),
        (
            sealed('population_digest: "', 'population_digest: "0'),
            "drawn from other tables of population de .version '1', digest '0",
        ),
    ],
)
def test_damaged_exports(
    exported: tuple[Selection, Path],
    tmp_path: Path,
    change: Callable[[str], str],
    message: str,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(change(exported[1].read_text("utf-8")), "utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_selection(path)
    assert "\n" not in str(caught.value)


def test_a_population_whose_tables_have_changed(
    exported: tuple[Selection, Path], copy_of_de: Path
) -> None:
    text = (copy_of_de / "religion.csv").read_text("utf-8")
    (copy_of_de / "religion.csv").write_text(text.replace("56.23", "57"), "utf-8")
    with pytest.raises(InputError, match="drawn from other tables of population de"):
        read_selection(exported[1], population=str(copy_of_de))


def test_what_is_no_such_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "text.parquet").write_text("age\n1\n")
    (tmp_path / "utf16.csv").write_bytes("age\n".encode("utf-16"))
    (tmp_path / "latin.csv").write_bytes("age\nKöln\n".encode("latin-1"))
    (tmp_path / "a.xlsx").write_text("")
    (tmp_path / "empty.parquet").write_bytes(b"")
    for name, message in {
        "none.csv": "there is no such file",
        "folder.csv": "this is a folder",
        "text.parquet": "this is no Parquet file, or a damaged one",
        "empty.parquet": "this is no Parquet file, or a damaged one",
        "utf16.csv": "line 1: the file is UTF-16",
        "latin.csv": "line 2: byte 0xf6 is not UTF-8",
        "a.xlsx": "must be .csv or .parquet",
    }.items():
        with pytest.raises(InputError, match=message):
            read_selection(tmp_path / name, name="a", population="de")


def test_a_parquet_file_cut_off_or_changed(
    exported: tuple[Selection, Path], tmp_path: Path
) -> None:
    path = export_selection(exported[0], tmp_path / "a.parquet")
    raw = path.read_bytes()
    # Wherever a byte is other, it is an error or the same selection, and never another one.
    for place in range(4, len(raw), len(raw) // 40):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 255]) + raw[place + 1 :])
        try:
            assert read_selection(path).digest() == exported[0].digest()
        except InputError as error:
            assert "\n" not in str(error)
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match="no Parquet file, or a damaged one"):
        read_selection(path)


def test_wrong_values_in_parquet(tmp_path: Path) -> None:
    pool = make_pool("p", population="de", n=5)
    frame = pool.personas.to_frame(derived=False)
    for values, message in (
        ([30.5] * 5, "row 1, column age: '30.5' is no value"),
        ([30, 31, None, 32, 33], "column age: '30.0' is no value"),
        ([True] * 5, "row 1, column age: 'True' is no value"),
    ):
        frame.assign(age=values).to_parquet(tmp_path / "a.parquet")
        with pytest.raises(InputError, match=message):
            read_selection(tmp_path / "a.parquet", name="a", population="de")
    whole = pd.array([30, 31, None, 32, 33], dtype="Int64")
    frame.assign(age=whole).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="row 3, column age: the value is missing"):
        read_selection(tmp_path / "a.parquet", name="a", population="de")


def test_what_has_to_be_said_of_a_table(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER, ONE)
    with pytest.raises(InputError, match="of which population .+ --population"):
        read_selection(path, name="a")
    with pytest.raises(InputError, match="needs a name; give it with --name"):
        read_selection(path, population="de")
    with pytest.raises(InputError, match="'a b' is no usable name"):
        read_selection(path, name="a b", population="de")
    with pytest.raises(InputError, match="'dee' is neither an id"):
        read_selection(path, name="a", population="dee")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"report": {}}, "damaged .report.pairs: Field required"),
        ({"report": {"pairs": {}, "skipped": 3}}, "damaged .report.skipped: "),
        ({"parameters": {"age": "x"}}, "damaged .parameters.age: "),
    ],
)
def test_metadata_of_another_form(
    exported: tuple[Selection, Path], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = export_selection(replace(exported[0], **change), tmp_path / "x.csv")
    with pytest.raises(InputError, match=message) as refused:
        read_selection(path)
    assert "\n" not in str(refused.value)
