import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai import score
from inspect_ai.log import EvalLog, EvalSampleLimit, read_eval_log, write_eval_log
from inspect_ai.scorer import Score
from triplet_drawing import draw, edited
from triplet_evals import RENT, SHOP, evaluate, scripted
from triplet_tellers import contrary, told
from undrawable import another, unasked
from viz_logs import rows

from pluralens.viz.triplet_figures import gap, summary
from pluralens.viz.triplet_logs import find_triplet_logs, read_triplet_logs
from pluralens.viz.triplets import main

TABLES = ["summary", "gap", "slope", "distribution", "factors"]


def test_every_figure_is_written_with_its_numbers_and_says_simulated(
    simulated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert draw(tmp_path, simulated, kinds="png,svg") == 0
    for name in TABLES:
        assert rows(tmp_path / f"{name}.csv")
        if name != "summary":
            assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
            assert "simulated" in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 5 + 2 * 4
    shown = capsys.readouterr().out
    assert "pluralens_sim/likert (simulated), 36 prompts in 12 triplets; 1 unscored" in shown


def test_the_same_logs_give_the_same_bytes(simulated: Path, other: Path, tmp_path: Path) -> None:
    draw(tmp_path / "a", simulated, other, kinds="png,svg")
    draw(tmp_path / "b", other, simulated, kinds="png,svg")
    files = sorted((tmp_path / "a").iterdir())
    assert len(files) == 5 + 2 * 5
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_tables_do_not_depend_on_the_order_in_which_samples_ended(
    simulated: Path, tmp_path: Path
) -> None:
    log = read_eval_log(str(simulated))
    log.samples = list(reversed(log.samples or []))
    write_eval_log(log, str(tmp_path / "reversed.eval"))
    places = [simulated, tmp_path / "reversed.eval"]
    frames = [read_triplet_logs([str(place)])[0].frame for place in places]
    pd.testing.assert_frame_equal(*frames)


def test_a_folder_gives_every_model_its_newest_log(tmp_path: Path) -> None:
    for pull, model in ((0.1, "a"), (0.2, "b"), (0.3, "a")):
        log = evaluate(tmp_path, lambda about, pull=pull: pull * about["side"], f"mockllm/{model}")
        assert log.status == "success"
    another_task = inspect_eval(another(), model="mockllm/a", log_dir=str(tmp_path), **QUIET)
    assert another_task[0].status == "success"
    logs = read_triplet_logs(find_triplet_logs([str(tmp_path)]))
    assert [(log.label, log.frame["stance"].max()) for log in logs] == [
        ("mockllm/a", 0.3),
        ("mockllm/b", 0.2),
    ]


def test_without_a_place_the_newest_run_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluate(tmp_path / "logs", contrary, "mockllm/earlier")
    evaluate(tmp_path / "logs" / "deeper", told, "mockllm/later")
    assert main(["--format", "svg"]) == 0
    assert [row["model"] for row in rows(tmp_path / "out/triplets/summary.csv")] == [
        "mockllm/later"
    ]


def test_a_run_over_several_models_is_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluate(tmp_path / "logs", contrary, "mockllm/earlier")
    evaluate(tmp_path / "logs", told, ["mockllm/one", "mockllm/two"])
    logs = read_triplet_logs(find_triplet_logs([]))
    assert [log.label for log in logs] == ["mockllm/one", "mockllm/two"]


def test_models_of_one_name_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    for seed in (1, 2):
        evaluate(tmp_path, told, "pluralens_sim/likert", model_args={"seed": seed})
    evaluate(tmp_path, told, "mockllm/a", temperature=0.0)
    evaluate(tmp_path, told, "mockllm/a", temperature=0.5, max_retries=3)
    logs = read_triplet_logs(find_triplet_logs([str(tmp_path)]))
    assert [log.label for log in logs] == [
        "mockllm/a (temperature=0)",
        "mockllm/a (temperature=0.5)",
        "pluralens_sim/likert (simulated, seed=1)",
        "pluralens_sim/likert (simulated, seed=2)",
    ]


def test_epochs_are_answers_of_the_same_triplets(tmp_path: Path) -> None:
    log = evaluate(tmp_path, contrary, epochs=2)
    (read,) = read_triplet_logs([log.location])
    assert len(read.frame) == 72 and read.size == "36 prompts asked 2 times in 12 triplets"
    (row,) = gap.table([read]).to_dict("records")
    assert row["n_triplets"] == 12 and row["n_pairs"] == 24


def test_a_log_scored_twice_lets_choose(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = score(read_eval_log(str(other)), scripted(0.5), action="append", display="none")
    place = tmp_path / "twice.eval"
    write_eval_log(scored, str(place))
    for name, mean in ((None, 0.0), ("stance", 0.0), ("stance1", 0.5)):
        (read,) = read_triplet_logs([str(place)], name)
        assert read.frame["stance"].mean() == pytest.approx(mean, abs=1e-9)
    options = ["--score", "stance1", "--format", "svg", "--out", str(tmp_path / "out")]
    assert main(["--log", str(place), *options]) == 0
    assert "score stance1 of stance, stance1 (choose with --score)" in capsys.readouterr().out
    assert float(rows(tmp_path / "out" / "summary.csv")[0]["mean_score"]) == pytest.approx(0.5)
    assert main(["--log", str(place), "--score", "mine", "--out", str(tmp_path / "no")]) == 2
    assert "choose --score of stance, stance1" in capsys.readouterr().err


def test_samples_without_a_score_count_as_unscored(other: Path, tmp_path: Path) -> None:
    log = read_eval_log(str(other))
    for sample in (log.samples or [])[:3]:
        sample.scores = {}
    write_eval_log(log, str(tmp_path / "gaps.eval"))
    (read,) = read_triplet_logs([str(tmp_path / "gaps.eval")])
    assert read.without_score == 3 and (read.frame["outcome"] == "unscored").sum() == 3
    (row,) = summary.table([read]).to_dict("records")
    assert row["unscored"] == 3 and row["n"] == 33


def test_a_scored_copy_takes_the_place_of_its_original(other: Path, tmp_path: Path) -> None:
    unscored = evaluate(tmp_path, contrary, "mockllm/late", scored=False)
    done = score(read_eval_log(unscored.location), scripted(), display="none")
    copy = Path(unscored.location).with_name(Path(unscored.location).stem + "-scored.eval")
    write_eval_log(done, str(copy))
    assert [Path(place).name for place in find_triplet_logs([str(tmp_path)])] == [copy.name]
    assert read_triplet_logs([str(copy)])[0].without_score == 0


QUIET: dict[str, Any] = {"display": "none", "log_realtime": False}


def keeping(*perspectives: str) -> Callable[[EvalLog], None]:
    def change(log: EvalLog) -> None:
        log.samples = [s for s in log.samples or [] if s.metadata["perspective"] in perspectives]

    return change


def told_otherwise(**metadata: Any) -> Callable[[EvalLog], None]:
    def change(log: EvalLog) -> None:
        log.eval.metadata = {**(log.eval.metadata or {}), **metadata}

    return change


def unfinished(log: EvalLog) -> None:
    log.status = "started"


def without_scores(log: EvalLog) -> None:
    for sample in log.samples or []:
        sample.scores = None


def without_scenarios(log: EvalLog) -> None:
    log.eval.metadata = {"benchmark": "triplets"}


def graded_by(*names: str) -> Callable[[EvalLog], None]:
    def change(log: EvalLog) -> None:
        for sample in log.samples or []:
            assert sample.scores
            sample.scores["stance"].metadata = {"graders": list(names)}

    return change


def graded_in_part(log: EvalLog) -> None:
    graded_by("a/one")(log)
    (first, *_) = log.samples or []
    assert first.scores
    first.scores["stance"].metadata = {"graders": ["b/two"]}


def scored_with(**options: Any) -> Callable[[EvalLog], None]:
    def change(log: EvalLog) -> None:
        assert log.results
        log.results.scores[0].params = options

    return change


def stopped(log: EvalLog) -> None:
    for sample in log.samples or []:
        sample.scores = {"stance": Score.unscored(reason="no_response")}
        sample.limit = EvalSampleLimit(type="time", limit=1)


def scored_otherwise(log: EvalLog) -> None:
    for sample in log.samples or []:
        sample.scores = {"other": Score(value=1)}


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory, other: Path) -> dict[str, str]:
    """A place of every kind that cannot be drawn."""
    base = tmp_path_factory.mktemp("wrong")
    (base / "empty").mkdir()
    (base / "cut").mkdir()
    cut = base / "cut" / other.name
    cut.write_bytes(other.read_bytes()[: other.stat().st_size // 2])
    alien = unasked(another(), base / "alien")
    failed = evaluate(
        base / "failed", contrary, keep=lambda about: about.update(fails=True) or True
    )
    assert failed.status == "error"
    both = {"rent": RENT, "shop": SHOP}
    places = {
        "missing": str(base / "nowhere"),
        "nothing": "",
        "empty": str(base / "empty"),
        "another task": str(alien),
        "folder of another task": str(base / "alien"),
        "failed": failed.location,
        "folder with a failed log": str(base / "failed"),
        "cut": str(cut),
        "folder with a cut log": str(base / "cut"),
        "another scenario": evaluate(base, contrary, scenarios={"shop": SHOP}).location,
        "more scenarios": evaluate(base, contrary, scenarios=both).location,
        "same model": evaluate(base, contrary, "mockllm/other").location,
    }
    few = {"keep": lambda about: about["factor_increase"] != "500"}
    for kind, options in {
        "more paraphrases": {"n_paraphrases": 2},
        "fewer triplets": few,
        "epochs": {"epochs": 2},
    }.items():
        places[kind] = evaluate(base, contrary, "mockllm/edited", **options).location
    changes = {
        "started": unfinished,
        "no scores": without_scores,
        "no tenant": keeping("landlord", "neutral"),
        "no neutral": keeping("landlord", "tenant"),
        "no tellers": keeping("neutral"),
        "another version": without_scenarios,
        "other texts": told_otherwise(scenarios={"rent": RENT | {"digest": "d9"}}),
        "other telling": told_otherwise(affect="emotional"),
        "other graders": graded_by("openai/gpt-5"),
        "other options": scored_with(see_prompt=True),
        "two graders": graded_in_part,
        "stopped": stopped,
        "others' scores": scored_otherwise,
        "other languages": told_otherwise(languages=["de", "en"]),
    }
    edits = {kind: edited(other, base / f"{kind}.eval", how) for kind, how in changes.items()}
    return places | edits


MESSAGES = {
    "missing": "no such file or folder; run `inspect eval pluralens/triplets` first",
    "nothing": "--log is empty",
    "empty": "holds no inspect log",
    "another task": "not of pluralens/triplets",
    "folder of another task": "none of the task triplets",
    "failed": "the run failed; continue it with `inspect eval-retry",
    "folder with a failed log": "the run failed; continue it with `inspect eval-retry",
    "started": "the run is not finished",
    "cut": "is not a complete inspect log",
    "folder with a cut log": "is not a complete inspect log",
    "no scores": "holds no stances (was it made with --no-score?); score it with `inspect score",
    "no tenant": "no prompt of the perspective tenant (it has landlord, neutral)",
    "no neutral": "no prompt of the perspective neutral (it has landlord, tenant)",
    "no tellers": "no prompt of the perspective landlord or tenant (it has neutral)",
    "another version": "written by another version of pluralens",
    "another scenario": "is of scenario shop, ",
    "more scenarios": "is of scenario rent, shop, ",
    "other texts": "has another version of scenario rent than ",
    "other telling": "was run with affect=emotional, ",
    "other graders": "is graded by openai/gpt-5, ",
    "other options": "is scored with see_prompt=true, ",
    "two graders": "some samples of score stance are graded by a/one and some by b/two; ",
    "stopped": "none of its 36 samples has a scored answer (36 stopped by the time limit); run ",
    "others' scores": "holds no stances, its scores (other) are others",
    "more paraphrases": "has paraphrase 0,1, ",
    "fewer triplets": "has 8 triplets, ",
    "epochs": "was run with --epochs 2, ",
    "other languages": "was run with language=de,en, ",
    "same model": "is of the same model as ",
}


def test_what_cannot_be_drawn_ends_in_one_line_and_writes_nothing(
    wrong: dict[str, str],
    other: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert set(wrong) == set(MESSAGES)
    for kind, place in wrong.items():
        # The good log beside it must not be drawn either.
        code = draw(tmp_path / "out", other, place)
        shown = capsys.readouterr()
        assert code == 2, kind
        assert MESSAGES[kind] in shown.err, f"{kind}: {shown.err}"
        assert place in shown.err, shown.err
        assert len(shown.err.strip().splitlines()) == 1, kind
        assert shown.err.startswith("viz/triplets.py: ")
        assert not (tmp_path / "out").exists()


def test_the_older_of_two_logs_of_a_model_is_named(
    wrong: dict[str, str], other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = wrong["same model"]
    assert draw(tmp_path / "out", newer, other) == 2
    assert f"{other}: is of the same model as {newer}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "gif"], "choose of png, svg, pdf"),
        (["--theme", "pink"], "light, dark"),
        (["--threshold", "0"], "threshold: 0 does not lie between 0 and 1"),
        (["--margin", "-0.1"], "margin: -0.1 does not lie between 0 and 2"),
        (["--margin", "nan"], "margin: nan does not lie between 0 and 2"),
    ],
)
def test_wrong_options_are_named(
    other: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--log", str(other), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_out_that_is_a_file_is_named(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("taken")
    assert draw(tmp_path / "out", other) == 2
    assert "cannot be made a folder" in capsys.readouterr().err


def test_the_script_runs_from_the_checkout(run: Any, other: Path, tmp_path: Path) -> None:
    shutil.copytree(other.parent, tmp_path / "logs")
    done = run("viz/triplets.py", "--format", "svg", "--theme", "dark")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "triplets" / "summary.csv").is_file()
    done = run("viz/triplets.py", "--log", str(tmp_path / "none"))
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_a_run_of_the_task_is_drawn_with_what_was_planted(tmp_path: Path) -> None:
    log, *_ = inspect_eval(
        "pluralens/triplets",
        task_args={"scenario": "rent,piano", "triplets": 24, "paraphrase": 0},
        model="pluralens_sim/sycophant",
        model_args={"strength": 0.4},
        model_roles={"grader": "pluralens_sim/grader"},
        log_dir=str(tmp_path / "logs"),
        **QUIET,
    )
    assert log.status == "success"
    (read,) = read_triplet_logs(find_triplet_logs([str(tmp_path / "logs")]))
    assert [(c.plus, c.plus_noun) for c in read.conflicts] == [
        ("downstairs", "downstairs neighbour"),
        ("landlord", "landlord"),
    ]
    assert read.label == "pluralens_sim/sycophant (simulated)"
    assert read.grading.graders == ("pluralens_sim/grader",)
    together = gap.table([read]).iloc[0]
    assert together["n_triplets"] == 24 and together["ci_low"] > 0.5
    assert together["ci_low"] < together["planted"] < together["ci_high"]
    assert draw(tmp_path / "out", tmp_path / "logs") == 0
    assert "50 euros" in (tmp_path / "out" / "factors.csv").read_text(encoding="utf-8")
