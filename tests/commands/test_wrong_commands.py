"""What a person can get wrong: exit code 2, one line that says what to do, and nothing changed."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_line import Done, Line

from pluralens.personas.files import export_selection
from pluralens.personas.making import (
    make_balanced_of,
    make_counterfactual,
    make_pool,
    make_reality,
)
from pluralens.personas.store import EnrichmentRun, Store

HEADER = "age,gender,education,migration,origin,religion,marital_status,occupation,sexuality"
ONE = "44,female,abitur_fh,none,DE,christian,married,business_manager,heterosexual"


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a pool, a set chosen from it and its twins."""
    folder = tmp_path_factory.mktemp("stock")
    pool = make_pool("pool-a", population="de", n=100, seed=1)
    reality = make_reality(pool, "r-a", n=10)
    pairs = make_counterfactual(reality, "cf-a", ["gender"])
    with Store.open(f"sqlite:///{folder / 'store.db'}") as store:
        for selection in (pool, reality, pairs):
            store.add(selection)
    export_selection(pairs, folder / "cf-a.csv")
    return folder


@pytest.fixture
def stocked(pluralens: Line, stock: Path, tmp_path: Path) -> Line:
    shutil.copytree(stock, tmp_path, dirs_exist_ok=True)
    return pluralens


def refused(done: Done, message: str) -> None:
    lines = [line for line in done.err.splitlines() if not line.endswith(" ...")]
    assert done.code == 2, done
    assert len(lines) == 1 and lines[0].startswith("pluralens: "), done.err
    assert message in lines[0], lines[0]
    assert done.out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        # Names and selections.
        (
            "pool --population de --n 5 --name pool-a",
            "there is a selection 'pool-a' already: pool, 100 personas of de,",
        ),
        ("reality --from pool-a --n 5 --name cf-a", "selection 'cf-a' already"),
        ("balanced --population de --n 9 --name r-a", "selection 'r-a' already"),
        ("counterfactual --from r-a --attributes age --name r-a", "selection 'r-a' already"),
        ("import cf-a.csv", "selection 'cf-a' already"),
        ("import cf-a.csv --name pool-a", "selection 'pool-a' already"),
        ("pool --population de --n 5 --name no", "'no' is no usable name"),
        ("pool --population de --n 5 --name ../x", "'../x' is no usable name"),
        ("reality --from pool-b --n 5 --name x", "pool-a"),
        ("show pool-aa", "pool-a"),
        ("export poola --out x.csv", "pool-a"),
        ("check poola --out out", "pool-a"),
        ("delete poola --yes", "pool-a"),
        ("delete pool-a --yes", "r-a"),
        ("delete cf-a", "cf-a: counterfactual of 10 personas and 20 pairs: nobody can be asked "),
        ("delete cf-a --json", "delete it with --yes"),
        # Numbers and options.
        ("pool --population de --n 0 --name x", "n=0 is too small"),
        ("pool --population de --n 100000001 --name x", "at most 100,000,000"),
        (
            "pool --population de --n 99999999999999999999 --name x",
            "more than can be drawn at once",
        ),
        ("pool --population de --n many --name x", "'--n'"),
        (
            "pool --population de --n 5 --temperature 2 --name x",
            "--temperature 2.0 is not in [0, 1]",
        ),
        (
            "pool --population de --n 5 --temperature nan --name x",
            "--temperature nan is not in [0, 1]",
        ),
        ("pool --population de --n 5 --age 90-18 --name x", "90-18"),
        ("pool --population de --n 5 --age old --name x", "18-100"),
        ("pool --population de --n 5 --age 0-200 --name x", "stay within (0, 100)"),
        ("pool --population dee --n 5 --name x", "the closest id is 'de'"),
        ("pool --population de --n 5 --exclude religion --name x", "'religion' is no ATTRIBUTE=V"),
        ("pool --population de --n 5 --exclude =a --name x", "is no ATTRIBUTE=VALUE"),
        ("pool --population de --n 5 --exclude religon=a --name x", "the closest is 'religion'"),
        ("pool --population de --n 5 --exclude religion=jew --name x", "closest is 'jewish'"),
        ("pool --population de --n 5 --exclude religion=jewish, --name x", "value of religion ''"),
        (
            "pool --population de --n 5 --exclude gender=male,female,diverse --name x",
            "all values of gender are excluded",
        ),
        ("pool --population de --n 5 --attribute-temperature age --name x", "religion=0.5"),
        ("pool --population de --n 5 --attribute-temperature age=x --name x", "'x' is no number"),
        ("pool --population de --n 5 --attribute-temperature age_bin=1 --name x", "follows from a"),
        ("pool --population de --n 5 --attribute-temperature agee=1 --name x", "'age'"),
        (
            "pool --population de --n 5 --attribute-temperature age=1 "
            "--attribute-temperature age=0 --name x",
            "age is given twice",
        ),
        ("reality --from pool-a --n 101 --name x", "n=101 is more than the 100 personas"),
        ("balanced --from pool-a --n 101 --name x", "101"),
        ("balanced --from pool-a --n 9 --axes gendr --name x", "'gender'"),
        ("balanced --from pool-a --n 9 --axes gender,gender --name x", "twice"),
        ("balanced --from pool-a --n 9 --min-share 2 --name x", "min_share"),
        ("balanced --n 9 --name x", "give exactly one of them"),
        ("balanced --from pool-a --population de --n 9 --name x", "give exactly one of them"),
        ("balanced --from pool-a --n 9 --age 18-29 --name x", "--age says how personas are drawn"),
        ("balanced --from pool-a --n 9 --temperature 0 --name x", "--temperature says how"),
        ("balanced --from pool-a --n 9 --exclude age=20 --name x", "--exclude says how"),
        ("counterfactual --from r-a --attributes religon --name x", "the closest is 'religion'"),
        ("counterfactual --from r-a --attributes age_bin --name x", "change 'age'"),
        ("counterfactual --from r-a --attributes age,age --name x", "'age' is named twice"),
        ("counterfactual --from r-a --attributes , --name x", "names nothing"),
        ("counterfactual --from r-a --attributes age --per-attribute 0 --name x", "'0' is neither"),
        ("counterfactual --from r-a --attributes age --per-attribute x --name x", "'x' is neither"),
        ("counterfactual --from r-a --attributes age --order 3 --name x", "order=3"),
        ("counterfactual --from r-a --attributes age --order 2 --name x", "two or more"),
        ("counterfactual --from cf-a --attributes age --name x", "cf-a has twins already"),
        # Files.
        ("export pool-a --out pool-a.xlsx", "'.xlsx' is no format"),
        ("export pool-a --out cf-a.csv", "the file exists"),
        ("import none.csv --name x", "there is no such file"),
        ("import cf-a.csv --name x --population nowhere", "neither an id nor a folder"),
        ("import broken.csv --name x --population de", "line 3, column religion: 'cristian'"),
        ("import twice.csv --name x --population de", "stands in line 2 already"),
        ("import clash.csv --name x --population de", "other attributes"),
        ("import short.csv --name x --population de", "the column 'sexuality' is missing"),
        ("import short.csv --name x", "--population"),
        ("import short.csv --population de", "--name"),
        ("enrich-from-log none.eval", "none.eval"),
        ("check pool-a --out out --format gif", "'gif' is no format; choose of png, svg, pdf"),
        ("check pool-a --out out --theme pink", "'pink' is no theme"),
        ("check pool-a --out cf-a.csv", "cf-a.csv: this is a file; name a folder"),
        # The line itself.
        ("pool --population de --n 5", "'--name'; see pluralens personas pool --help"),
        ("pool --population de --n 5 --nam x", "--nam"),
        ("show", "'NAME'; see pluralens personas show --help"),
        ("shw pool-a", "shw"),
        ("", "Missing command; see pluralens personas --help"),
    ],
)
def test_wrong_input(stocked: Line, tmp_path: Path, words: str, message: str) -> None:
    bad = ONE.replace("christian", "cristian")
    (tmp_path / "broken.csv").write_text(f"{HEADER}\n{ONE}\n{bad}\n")
    same = f"{'a' * 16},{ONE}\n"
    (tmp_path / "twice.csv").write_text(f"persona_id,{HEADER}\n{same}{same}")
    with Store.open() as store:
        known = store.selection("pool-a").personas.ids[0]
    (tmp_path / "clash.csv").write_text(f"persona_id,{HEADER}\n{known},{ONE}\n")
    (tmp_path / "short.csv").write_text(HEADER.rpartition(",")[0] + "\n")
    files = {path: path.read_bytes() for path in tmp_path.glob("*.[cp]*")}
    refused(stocked(f"personas {words}"), message)
    # Nothing was made and nothing is gone.
    with Store.open() as store:
        assert [info.name for info in store.infos()] == ["pool-a", "r-a", "cf-a"]
    assert {path: path.read_bytes() for path in tmp_path.glob("*.[cp]*")} == files
    assert not list(tmp_path.glob("**/*.png"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("oracle://me:geheim@host/db", "oracle"),
        ("nonsense", "is no database URL"),
        ("sqlite:////nowhere/at/all/x.db", "there is no folder /nowhere/at/all"),
        ("postgresql://me:geheim@127.0.0.1:1/db", "postgresql://me:***@127.0.0.1:1/db"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        "db info",
        "db migrate --json",
        "personas list --json",
        "personas pool --population de --n 5 --name a",
    ],
)
def test_bad_databases(
    pluralens: Line, monkeypatch: pytest.MonkeyPatch, url: str, message: str, words: str
) -> None:
    monkeypatch.setenv("DB_URL", url)
    done = pluralens(words)
    refused(done, message)
    assert "geheim" not in done.err


def test_a_file_that_is_no_database(
    pluralens: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("no database " * 100)
    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path / 'notes.txt'}")
    refused(pluralens("db info"), "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "no database " * 100
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path / 'folder'}")
    refused(pluralens("db migrate"), "folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_store_that_cannot_be_written(stocked: Line, tmp_path: Path) -> None:
    (tmp_path / "store.db").chmod(0o444)
    refused(stocked("personas reality --from pool-a --n 5 --name x"), "store.db")


def test_control_characters_are_shown_as_escapes(pluralens: Line) -> None:
    done = pluralens("personas show", "\x1b[31mred\nsecond")
    refused(done, "\\x1b[31mred")
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("enrich-from-log", "nofile"), "nofile: no such file; give a log"),
        (("enrich-from-log", "nofile.eval"), "nofile.eval: no such file; give a log"),
        (("enrich-from-log", ""), "'': no such file; give a log"),
        (("enrich-from-log", "."), ".: this is a folder; name a log"),
        (("enrich-from-log", "cf-a.csv"), "cf-a.csv: is no inspect log"),
        (("pool", "--n", "5", "--name", "x", "--population", ""), "population '' is neither an id"),
        (("pool", "--n", "5", "--name", "x", "--population", "."), "folder has no population.yaml"),
        (("pool", "--n", "5", "--name", "x", "--age", "18"), "--age='18' must be youngest-oldest"),
        (("pool", "--n", "5", "--name", "x", "--temperature", "7"), "--temperature 7.0 is not in"),
        (
            ("pool", "--n", "5", "--name", "x", "--attribute-temperature", "religion=2"),
            "--attribute-temperature religion=2 is not in [0, 1]",
        ),
        (("balanced", "--n", "5", "--name", "x", "--from", "pool-a", "--axes", ""), "--axes ''"),
        (
            ("balanced", "--n", "5", "--name", "x", "--from", "pool-a", "--axes", "none"),
            "--axes 'n",
        ),
        (("check", "r-a", "--format", ","), "--format ',': names no format"),
    ],
)
def test_what_is_empty_or_elsewhere(
    stocked: Line, arguments: tuple[str, ...], message: str
) -> None:
    refused(stocked("personas", *arguments), message)


def test_a_selection_with_runs_is_deleted_with_its_enrichments(stocked: Line) -> None:
    with Store.open() as store:
        store.open_run(EnrichmentRun("cf-a-template", "cf-a", "template", None, "de"))
    refused(stocked("personas delete cf-a --yes"), "runs cf-a-template hang on it; give --enrich")
    assert stocked("personas delete cf-a --yes --enrichments").code == 0


def test_a_damaged_report_in_the_store(stocked: Line, tmp_path: Path) -> None:
    with Store.open() as store:
        store.add(make_balanced_of("b", population="de", n=20, axes=["gender", "religion"]))
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        database.execute("UPDATE selection SET report = '{}' WHERE name IN ('b', 'cf-a')")
    for name in ("b", "cf-a"):
        for command in ("show", "check"):
            done = stocked(f"personas {command} {name}")
            refused(done, f"selection '{name}': what is stored of it is damaged (report.")
        assert stocked(f"personas delete {name} --yes").code == 0
