"""Persona figures from logs: which people are in them, and what cannot be drawn."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai import Task, task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from undrawable import WRONG_OPTIONS, another, assert_not_drawn, unasked
from viz_logs import evaluate, rows

from pluralens.personas.making import make_pool
from pluralens.personas.persona import Persona
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.personas.store import Store
from pluralens.viz.persona_logs import find_persona_logs, read_persona_log
from pluralens.viz.personas import draw_personas, main

PEOPLE = load_population("de")
GERMANY = Path(__file__).parents[2] / "datasets" / "populations" / "de"
KINDS = [("likert", "pluralens_sim", 14), ("persona_enrichment", "none", 25)]
NAMES = ("marginals", "association", "age_pyramid")


def by_id(personas: Iterable[Persona]) -> list[Persona]:
    """A log lists its samples by id."""
    return sorted(personas, key=lambda persona: persona.persona_id)


def enriched(folder: Path, **options: Any) -> EvalLog:
    (log,) = inspect_eval(
        "pluralens/persona_enrichment",
        task_args={"selection": "pool-a", "enricher": "template"},
        log_dir=str(folder),
        display="none",
        **options,
    )
    assert log.status == "success"
    return log


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of the template enricher on a stored pool of 25."""
    folder = tmp_path_factory.mktemp("texts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DB_URL", f"sqlite:///{folder}/store.db")
        with Store.open() as store:
            store.add(make_pool("pool-a", population="de", n=25, seed=8))
        return Path(enriched(folder / "logs").location)


@pytest.fixture(scope="module")
def drawn(finished: Path, texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder of figures for each kind of log."""
    out = tmp_path_factory.mktemp("drawn")
    assert main(["--log", str(finished), "--log", str(texts), "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize(("kind", "model", "size"), KINDS)
def test_every_figure_is_written_with_its_numbers(
    kind: str, model: str, size: int, drawn: Path
) -> None:
    (folder,) = [f for f in drawn.iterdir() if f.name.startswith(model)]
    assert len(list(drawn.iterdir())) == len(KINDS) and len(list(folder.iterdir())) == 9
    for name in NAMES:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        picture = (folder / f"{name}.svg").read_text(encoding="utf-8")
        assert f"population de ({kind} log), n = {size}" in picture
        assert rows(folder / f"{name}.csv")


def test_the_personas_are_those_that_were_drawn(finished: Path, texts: Path) -> None:
    # `evaluate` draws 14 with seed 3 and gives each three twins, which do not count.
    expected = sample(PEOPLE, 14, seed=3)
    assert by_id(read_persona_log(str(finished)).personas) == by_id(expected)
    log = read_persona_log(str(texts))
    assert by_id(log.personas) == by_id(sample(PEOPLE, 25, seed=8))
    assert log.selection == "pool-a" and log.design.at_random


def test_epochs_count_once(tmp_path: Path) -> None:
    log = evaluate(tmp_path, epochs=2, n=5, counterfactuals=None)
    found = read_persona_log(log.location).personas
    assert by_id(found) == by_id(sample(PEOPLE, 5, seed=3))


def test_pairs_of_a_balanced_selection_are_drawn_as_balanced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pluralens.personas.making import make_balanced_of, make_counterfactual

    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path}/people.db")
    balanced = make_balanced_of("bal", population="de", n=24, axes=["gender", "origin_subregion"])
    with Store.open() as store:
        store.add(balanced)
        store.add(make_counterfactual(balanced, "pairs", ["gender"], per_attribute=1))
    log = evaluate(tmp_path, n=None, counterfactuals=None, selection="pairs")
    design = read_persona_log(log.location).design
    assert design.axes == ("gender", "origin_subregion") and not design.at_random
    assert set(design.merged["origin_subregion"]) and design.ages == (18, 100)
    out = tmp_path / "out"
    assert main(["--log", log.location, "--out", str(out), "--format", "svg"]) == 0
    table = rows(out / "marginals.csv")
    assert {r["ci_low"] for r in table} == {""}
    assert {r["n"] for r in table if r["attribute"] == "gender"} == {"8"}
    picture = (out / "marginals.svg").read_text(encoding="utf-8")
    assert "selection pairs of" in picture and "The set was balanced" in picture
    assert "Subregion of origin, merged" in picture


def test_the_same_log_gives_the_same_bytes(drawn: Path, finished: Path, tmp_path: Path) -> None:
    assert main(["--log", str(finished), "--out", str(tmp_path)]) == 0
    (folder,) = [f for f in drawn.iterdir() if f.name.startswith("pluralens_sim")]
    assert len(list(tmp_path.iterdir())) == 9
    for file in folder.iterdir():
        assert file.read_bytes() == (tmp_path / file.name).read_bytes(), file.name


def test_a_folder_gives_its_newest_log_of_either_task(
    finished: Path, texts: Path, tmp_path: Path
) -> None:
    shutil.copy(finished, tmp_path / "2020-01-01T00-00-00-00-00_likert_old.eval")
    shutil.copy(texts, tmp_path / "2026-01-01T00-00-00-00-00_persona-enrichment_new.eval")
    (found,) = find_persona_logs([str(tmp_path)])
    assert found.endswith("_new.eval")


def test_an_own_population_is_found_and_refused_once_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(GERMANY, tmp_path / "mine"))
    log = evaluate(tmp_path / "logs", n=6, counterfactuals=None, population=str(folder))
    out = tmp_path / "out"
    command = ["--log", log.location, "--format", "svg", "--out", str(out)]
    assert len(read_persona_log(log.location).personas) == 6

    manifest = folder / "population.yaml"
    content = yaml.safe_load(manifest.read_text("utf-8"))
    manifest.write_text(yaml.safe_dump({**content, "version": "2"}, sort_keys=False), "utf-8")
    assert main(command) == 2
    (shown,) = capsys.readouterr().err.strip().splitlines()
    assert "the tables of population de at" in shown and "are not those of the run" in shown

    shutil.move(folder, tmp_path / "moved")
    assert main(command) == 2
    (shown,) = capsys.readouterr().err.strip().splitlines()
    assert "its population de is not found; name its folder with --population" in shown
    assert not out.exists()
    again = str(shutil.copytree(GERMANY, tmp_path / "again"))
    assert len(read_persona_log(log.location, again).personas) == 6


@task(name="likert")
def nobody() -> Task:
    metadata = {"population": {"id": "de", "digest": PEOPLE.digest}}
    return Task(dataset=[Sample(input="x", metadata={"role": "counterfactual"})], metadata=metadata)


@task(name="likert")
def not_whole() -> Task:
    metadata = {"population": {"id": "de", "digest": PEOPLE.digest}}
    return Task(
        dataset=[Sample(input="x", metadata={"persona_id": "p1", "age": 30})], metadata=metadata
    )


@task(name="likert")
def without_population() -> Task:
    return Task(dataset=[Sample(input="x")])


@pytest.fixture
def wrong(tmp_path: Path, finished: Path) -> dict[str, Path]:
    """One place of every kind that cannot be drawn."""
    places = {"missing": tmp_path / "nowhere", "empty": tmp_path / "empty"}
    places["empty"].mkdir()
    for name, made in (
        ("another task", another),
        ("nobody", nobody),
        ("not whole", not_whole),
        ("no population", without_population),
    ):
        places[name] = unasked(made(), tmp_path / name)
    whole = finished.read_bytes()
    places["cut"] = tmp_path / "cut.eval"
    places["cut"].write_bytes(whole[: len(whole) // 2])
    return places


MESSAGES = {
    "missing": "no such file or folder; run `inspect eval pluralens/likert` first",
    "empty": "holds no inspect log",
    "another task": "not of pluralens/likert or pluralens/persona_enrichment",
    "nobody": "holds no base persona",
    "not whole": "persona p1 has no gender",
    "no population": "lacks the population in its metadata",
    "cut": "is not a complete inspect log",
}


def test_what_cannot_be_drawn_ends_in_one_line_and_writes_nothing(
    wrong: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], finished: Path
) -> None:
    assert_not_drawn(main, finished, wrong, MESSAGES, tmp_path / "out", capsys)


@pytest.mark.parametrize(("arguments", "message"), WRONG_OPTIONS)
def test_wrong_options_are_named(
    finished: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--log", str(finished), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_chart_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pluralens.viz.persona_figures import age_pyramid

    def fail(*_: Any) -> None:
        raise RuntimeError("no figure")

    monkeypatch.setattr(age_pyramid, "figure", fail)
    with pytest.raises(RuntimeError, match="no figure"):
        draw_personas(sample(PEOPLE, 30), tmp_path / "out", ["png"], title="x")
    assert not (tmp_path / "out").exists()


def test_the_script_runs_from_the_checkout(run: Any, finished: Path, tmp_path: Path) -> None:
    done = run("viz/personas.py", "--log", str(finished), "--format", "svg")
    assert done.returncode == 0, done.stderr
    written = re.findall(r"wrote (\S+)", done.stdout)
    assert len(written) == 6 and all((tmp_path / w).exists() for w in written)
    done = run("viz/personas.py", "--log", str(tmp_path / "none"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
