import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import Done, Line
from inspect_ai import eval as inspect_eval

from pluralens.commands.personas import COMMANDS
from pluralens.personas.making import (
    make_balanced_from,
    make_counterfactual,
    make_pool,
    make_reality,
)
from pluralens.personas.persona import Personas
from pluralens.personas.store import EnrichmentRun, Store

POOL = "personas pool --population de --n 300 --seed 4 --name pool-a"


def test_commands_make_what_python_makes(
    pluralens: Line, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_URL", database)
    assert pluralens(
        "personas pool --population de --n 300 --temperature 0.25 --seed 4 --name pool-a "
        "--age 16-90 --exclude religion=jewish,other --exclude age=50 --exclude religion=hindu "
        "--attribute-temperature gender=1"
    ) == Done(
        0,
        "pool-a: pool of 300 personas\n",
        "drawing 300 personas ...\nstoring 300 personas ...\n",
    )
    assert pluralens("personas reality --from pool-a --n 40 --seed 5 --name r-a").code == 0
    assert (
        pluralens(
            "personas balanced --from pool-a --n 30 --seed 6 --axes gender,religion "
            "--min-share 0.02 --name b-a"
        ).code
        == 0
    )
    assert (
        pluralens(
            "personas counterfactual --from r-a --attributes gender,religion,placebo --order 2 "
            "--per-attribute 1 --seed 7 --name cf-a"
        ).code
        == 0
    )
    names = ("age", "gender", "education", "migration", "origin", "religion", "marital_status",
             "occupation", "sexuality")  # fmt: skip
    pool = make_pool(
        "pool-a",
        population="de",
        n=300,
        seed=4,
        temperature={**dict.fromkeys(names, 0.25), "gender": 1.0},
        age=(16, 90),
        exclude={"religion": ["jewish", "other", "hindu"], "age": [50]},
    )
    reality = make_reality(pool, "r-a", n=40, seed=5)
    made = [
        pool,
        reality,
        make_balanced_from(pool, "b-a", n=30, seed=6, axes=["gender", "religion"], min_share=0.02),
        make_counterfactual(
            reality, "cf-a", ["gender", "religion", "placebo"], per_attribute=1, order=2, seed=7
        ),
    ]
    with Store.open(database) as store:
        for selection in made:
            info = store.info(selection.name)
            assert info.digest == selection.digest()
            assert (info.parent, info.seed) == (selection.parent, selection.seed)
            assert info.parameters == selection.parameters and info.report == selection.report
    tables = pluralens("personas show b-a").out
    assert re.search(r"gender +\d+ +\d+\.\d\d +\d+\.\d\d +\d\.\d\d +religion", tables)
    listed = pluralens("personas list").out
    assert [line.split()[0] for line in listed.splitlines()[3:-1]] == [
        "pool-a", "r-a", "b-a", "cf-a",
    ]  # fmt: skip


def test_every_example_of_the_help_runs(pluralens: Line, tmp_path: Path) -> None:
    pool = make_pool("p", population="de", n=5)
    frame = pool.personas.to_frame(derived=False)
    frame.to_csv(tmp_path / "respondents.csv", index=False)
    for command, _, *lines in COMMANDS:
        shown = pluralens(f"personas {command} --help").out
        for line in lines:
            # Whole, on one line, so that it can be copied.
            assert f"  pluralens personas {line}\n" in shown
            if command == "enrich-from-log":
                continue
            # A tenth of everybody is enough here.
            done = pluralens("personas " + re.sub(r"--n (\d+)0\b", r"--n \1", line))
            assert done.code == 0, (line, done)
    assert (tmp_path / "out/balanced-a/marginals.svg").exists()
    for command in ("migrate", "info"):
        assert f"pluralens db {command}" in pluralens(f"db {command} --help").out


def test_json_is_all_there_is(pluralens: Line) -> None:
    made = pluralens(POOL, "--json").json
    assert (made["name"], made["n"], made["kind"], made["seed"]) == ("pool-a", 300, "pool", 4)
    made = pluralens(
        "personas balanced --population de --n 60 --axes gender,religion --name b --json"
    ).json
    assert made["report"]["axes"]["gender"]["groups"] == {"female": 20, "male": 20, "diverse": 20}
    assert pluralens("personas reality --from b --n 20 --name r --json").json["parent"] == "b"
    pairs = pluralens("personas counterfactual --from r --attributes gender --name c --json").json
    assert (pairs["n"], pairs["pairs"], pairs["report"]["skipped"]) == (20, 40, [])
    listed = pluralens("personas list --json").json
    assert [one["name"] for one in listed] == ["pool-a", "b", "r", "c"]
    shown = pluralens("personas show r --json").json
    assert (shown["parent"], shown["children"], shown["runs"]) == ("b", ["c"], [])
    assert len(shown["first"]) == 5 and len(shown["first"][0]["persona_id"]) == 16
    written = pluralens("personas export c --out c.csv --json").json
    assert written == {"name": "c", "file": "c.csv", "n": 20, "pairs": 40}
    read = pluralens("personas import c.csv --name d --json").json
    assert read["digest"] == pairs["digest"] and read["parent"] == "r"
    files = pluralens("personas check r --out figures --json").json["files"]
    assert files and all(Path(file).stat().st_size for file in files)
    assert pluralens("personas runs --json").json == []
    gone = pluralens("personas delete d --yes --json").json
    assert gone == {"deleted": "d", "n": 20, "pairs": 40}
    found = pluralens("db info --json").json
    assert (found["engine"], found["selections"], found["pairs"]) == ("sqlite", 4, 40)
    assert found["personas"] == 300 + 60 + 20 + 20 + 40
    assert pluralens("db migrate --json").json["schema_version"] == found["schema_version"]


def test_skipped_pairs_are_counted_and_listed(pluralens: Line) -> None:
    pluralens("personas pool --population de --n 200 --seed 1 --age 0-100 --name all")
    done = pluralens("personas counterfactual --from all --attributes sexuality --name cf")
    shown = pluralens("personas show cf --json").json
    skipped = shown["report"]["skipped"]
    assert skipped and shown["pairs"] == 2 * (200 - len(skipped))
    assert f"skipped {len(skipped)} in sexuality: sexuality does not apply" in done.out
    assert set(skipped[0]) == {"base_id", "attribute", "reason"}


def test_files_there_and_back(pluralens: Line, tmp_path: Path) -> None:
    pluralens(POOL)
    digest = pluralens("personas show pool-a --json").json["digest"]
    for ending in ("csv", "parquet"):
        assert pluralens(f"personas export pool-a --out new/a.{ending}").out == (
            f"new/a.{ending}: 300 personas, 0 pairs\n"
        )
        assert pluralens(f"personas import new/a.{ending} --name {ending}").code == 0
        assert pluralens(f"personas show {ending} --json").json["digest"] == digest
    assert len(pd.read_csv(tmp_path / "new/a.csv", comment="#", keep_default_na=False)) == 300
    assert pluralens("personas export pool-a --out new/a.csv").code == 2
    assert pluralens("personas export pool-a --out new/a.csv --force").code == 0


def test_an_import_says_that_its_parent_is_missing(
    pluralens: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pluralens(POOL)
    pluralens("personas reality --from pool-a --n 9 --name r")
    pluralens("personas export r --out r.csv")
    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path / 'other.db'}")
    done = pluralens("personas import r.csv")
    assert done.out == (
        "r: reality of 9 personas, from r.csv\n"
        "the selection it was made from, pool-a, is not in this store, or cannot be read as "
        "the same one; it is kept as original_parent\n"
    )


def test_runs_are_counted(pluralens: Line) -> None:
    pluralens(POOL)
    with Store.open() as store:
        ids = [str(i) for i in store.selection("pool-a").personas.ids]
        store.open_run(EnrichmentRun("texts", "pool-a", "model", "x/[red]y", "de"))
        store.record("texts", ids[0], {"name": "Ä"})
        store.record("texts", ids[1], {"name": "B"})
        store.record_failure("texts", ids[2], "too long")
    (run,) = pluralens("personas runs --json").json
    assert (run["enriched"], run["failed"], run["of"]) == (2, 1, 300)
    assert "x/[red]y" in pluralens("personas runs").out
    assert pluralens("personas show pool-a --json").json["runs"] == ["texts"]
    assert pluralens("personas delete pool-a --yes").code == 2
    assert pluralens("personas delete pool-a --yes --enrichments").code == 0
    assert pluralens("personas list --json").json == []


def test_texts_from_a_log_of_another_store(
    pluralens: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pluralens("personas pool --population de --n 4 --seed 4 --name pool-a")
    pluralens("personas export pool-a --out pool-a.csv")
    (log,) = inspect_eval(
        "pluralens/persona_enrichment",
        task_args={"selection": "pool-a", "enricher": "template"},
        model=None,
        log_dir=str(tmp_path / "logs"),
        display="none",
    )
    assert log.status == "success"
    with Store.open() as store:
        (run,) = store.runs()
        texts = store.texts(run.name)
    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert pluralens(f"personas enrich-from-log {log.location}").code == 2
    assert pluralens("personas import pool-a.csv").code == 0
    found = pluralens(f"personas enrich-from-log {log.location} --json").json
    assert (found["written"], found["kept"], found["failed"], found["differing"]) == (4, 0, 0, 0)
    done = pluralens(f"personas enrich-from-log {log.location}")
    assert ": 0 personas with new texts, 4 that the store had, 0 without\n" in done.out
    with Store.open() as store:
        assert store.texts(run.name) == texts and len(texts) == 4


def test_figures_know_how_the_personas_were_chosen(
    pluralens: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn: dict[str, Any] = {}

    def draw(personas: Personas, out: Path, *_: object, title: str, **known: Any) -> list[Path]:
        drawn[title] = (len(personas), known)
        return []

    for words in (
        "pool --population de --n 300 --age 20-80 --temperature 0.5 --name pool-a",
        "reality --from pool-a --n 50 --name r",
        "balanced --from r --n 20 --min-share 0.2 --name b",
        "counterfactual --from b --attributes gender --per-attribute 1 --name cf",
        "export r --out r.csv",
    ):
        assert pluralens(f"personas {words}").code == 0
    monkeypatch.setattr("pluralens.viz.personas.draw_personas", draw)
    for name in ("pool-a", "r", "b", "cf"):
        assert pluralens(f"personas check {name}").code == 0
    random = {"axes": (), "merged": {}, "at_random": True, "ages": (20, 80)}
    assert drawn["pool-a"] == (300, random) and drawn["r"] == (50, random)
    size, known = drawn["b"]
    assert size == 20 and not known["at_random"] and known["ages"] == (20, 80)
    assert "gender" in known["axes"] and known["merged"].keys() == {"origin_subregion"}
    # The bases are the balanced set.
    assert drawn["cf"] == drawn["b"]
    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path / 'other.db'}")
    pluralens("personas import r.csv")
    pluralens("personas check r")
    # Nobody knows what it was chosen from.
    assert drawn["r"] == (50, {**random, "at_random": False, "ages": None})


def test_deleting_asks_on_a_terminal(pluralens: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    pluralens(POOL)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked = []

    def answer(reply: bool) -> None:
        def confirm(question: str, **_: object) -> bool:
            asked.append(question)
            return reply

        monkeypatch.setattr("typer.confirm", confirm)

    answer(False)
    done = pluralens("personas delete pool-a")
    assert (done.code, done.out) == (1, "nothing was deleted\n")
    assert pluralens("personas show pool-a").code == 0
    answer(True)
    assert pluralens("personas delete pool-a").out == "deleted pool-a: pool of 300 personas\n"
    assert pluralens("personas show pool-a").code == 2
    assert asked[0].startswith("Delete pool-a: pool of 300 personas from sqlite:///")


def test_an_empty_store(pluralens: Line) -> None:
    assert "holds no selections" in pluralens("personas list").out
    assert "holds no enrichment runs" in pluralens("personas runs").out
    assert pluralens("personas list --json").out == "[]\n"
