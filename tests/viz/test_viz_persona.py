"""Modes, models and groups of PERSONA side by side."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from critique_evals import chance, comparison, evaluate, sample, verdict
from persona_drawing import simulated, table_of, texts
from undrawable import another, unasked

from pluralens.stats.acceptance import acceptance, share_of
from pluralens.stats.identification import identification
from pluralens.viz.critique_comparison import Study, find_comparable_logs, read_studies
from pluralens.viz.critique_figures import accuracy, differences, groups, identified, outcomes
from pluralens.viz.critique_figures.words import titled
from pluralens.viz.critique_logs import read_critique_log
from pluralens.viz.persona import draw, main
from pluralens.viz.style import themed

RATES = {("one", "baseline"): 0.2, ("one", "output_only"): 0.8, ("two", "output_only"): 0.5}


def pairs(model: str, mode: str, n: int = 40) -> list[dict[str, Any]]:
    """Answers of a model in a mode to the same pairs of question and person."""
    made = []
    for k in range(n):
        value = verdict(
            None
            if k == 39 and model == "two"
            else float(chance(model, mode, k) < RATES[model, mode]),
            leak=float(k % 10 == 0),
            refused=float(k % 20 == 0),
        )
        about = {"group_sex": ("Female", "Male")[k % 2], "group_race": "rare" if k < 4 else "White"}
        made.append(sample(f"q{k % 10}", f"p{k}", value, **about))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models: one in two modes."""
    made = tmp_path_factory.mktemp("modes")
    for model, mode in RATES:
        header = {"mode": mode}
        evaluate(made, "persona_main", pairs(model, mode), f"mockllm/{model}", header=header)
    return made


@pytest.fixture(scope="module")
def studies(folder: Path) -> list[Study]:
    return read_studies(find_comparable_logs([str(folder)]))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[Study]:
    """Comparisons by a critic that is right when the right answer stands first, and half else."""
    samples = [
        comparison(f"q{k % 8}", (f"p{k}", f"r{k}"), None if k == 19 else (1.0, float(k % 2)))
        for k in range(20)
    ]
    folder = tmp_path_factory.mktemp("comparison")
    return read_studies([evaluate(folder, "persona_comparison", samples).location])


def test_logs_of_one_task_and_critic_are_one_study(studies: list[Study]) -> None:
    (study,) = studies
    assert study.name == "one answer per pair"
    assert [(label, log.mode) for label, log in zip(study.labels, study.logs, strict=True)] == [
        ("mockllm/one", "baseline"),
        ("mockllm/one", "output_only"),
        ("mockllm/two", "output_only"),
    ]


def test_accuracies_are_those_of_the_estimator(studies: list[Study]) -> None:
    table = accuracy.table(studies)
    for log, row in zip(studies[0].logs, table.to_dict("records"), strict=True):
        expected = acceptance(log.frame).iloc[0]
        for name in ("accuracy", "ci_low", "ci_high", "n_pairs", "n_unscored"):
            assert row[name] == expected[name]
    assert table["n_unscored"].tolist() == [0, 0, 1]
    with themed("light"):
        shown = texts(accuracy.figure(table, titled(studies)))
    assert "baseline (sees no persona)" in shown and "mockllm/two" in shown
    assert "2 models, 3 logs, each 40 pairs of 10 questions and 40 persons" in shown


def test_differences_are_over_the_same_pairs(studies: list[Study]) -> None:
    table = differences.table(studies)
    keys = table[["kind", "of", "value", "reference"]].to_numpy().tolist()
    assert keys == [
        ["mode", "mockllm/one", "output_only", "baseline"],
        ["model", "output_only", "mockllm/two", "mockllm/one"],
    ]
    told = {
        key: np.array([chance(*key, k) < rate for k in range(40)]) for key, rate in RATES.items()
    }
    modes = told["one", "output_only"].mean() - told["one", "baseline"].mean()
    # The second model has no verdict on the last pair.
    models = told["two", "output_only"][:39].mean() - told["one", "output_only"][:39].mean()
    assert table["difference"].tolist() == pytest.approx([modes, models])
    assert table["n_pairs"].tolist() == [40, 39] and table["n_left_out"].tolist() == [0, 1]
    assert (table["ci_low"] < table["difference"]).all()
    with themed("dark"):
        shown = texts(differences.figure(table, titled(studies)))
    assert "output only \N{MINUS SIGN} baseline" in shown
    assert f"{round(100 * modes):+d} (" in shown


def test_groups_have_counts_and_no_estimate_of_few(studies: list[Study]) -> None:
    table = groups.table(studies)
    one = table[(table["model"] == "mockllm/two")].set_index(["attribute", "value"])
    log = studies[0].logs[2]
    women = log.frame[log.frame["group_sex"] == "Female"]
    assert one.loc[("sex", "Female"), "accuracy"] == pytest.approx(women["accepted"].mean())
    assert one.loc[("sex", "Male"), "n_pairs"] == 19
    assert one.loc[("race", "rare"), "n_pairs"] == 4
    assert np.isnan(one.loc[("race", "rare"), "accuracy"])
    assert one.loc[("all", "all"), "n_pairs"] == 39
    with themed("light"):
        shown = texts(groups.figure(table, titled(studies)))
    assert "mockllm/one, baseline (sees no persona)" in shown and "rare" in shown
    assert "one answer per pair" not in shown


def test_outcomes_are_shares_of_all_answers(studies: list[Study]) -> None:
    table = outcomes.table(studies).set_index(["model", "mode", "outcome"])
    two = table.loc["mockllm/two"].loc["output_only"]
    assert two.loc[["invalid", "refused", "leak", "unscored"], "share"].tolist() == pytest.approx(
        [0, 2 / 40, 4 / 40, 1 / 40]
    )
    leak = share_of(studies[0].logs[2].frame, "leak")
    assert two.loc["leak", ["ci_low", "ci_high", "n"]].tolist() == [leak.ci_low, leak.ci_high, 40]
    with themed("light"):
        shown = texts(outcomes.figure(outcomes.table(studies), titled(studies)))
    assert "2.5 %" in shown and "no verdict, %" in shown


def test_identification_is_that_of_the_estimator(compared: list[Study]) -> None:
    table = identified.table(compared)
    (row,) = table.to_dict("records")
    found = identification(compared[0].logs[0].frame)
    # 19 comparisons; right first always, second in 9 of them.
    assert row["accuracy"] == found.accuracy == pytest.approx((19 + 9) / 38)
    assert row["first_chosen"] == pytest.approx((19 + 10) / 38)
    assert (row["n"], row["n_left_out"]) == (19, 1) and np.isnan(row["planted"])
    with themed("light"):
        drawn = identified.figure(table, titled(compared))
        chance_lines = [
            line
            for axes in drawn.axes
            for line in axes.lines
            if list(line.get_xdata()) == [50.0] * 2
        ]
        shown = texts(drawn)
    assert len(chance_lines) == 2 and "74 % (" in shown and "20 comparisons" in shown


def test_the_same_logs_give_the_same_bytes_in_any_order(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [part for log in sorted(folder.iterdir()) for part in ("--log", str(log))]
    assert main([*places, "--out", str(tmp_path / "a")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("40 pairs of 10 questions") == 3 and "1 unscored" in shown
    assert main(["--log", str(folder), "--out", str(tmp_path / "b")]) == 0
    files = sorted((tmp_path / "a").iterdir())
    names = ("accuracy", "differences", "groups", "outcomes")
    assert [file.name for file in files] == [
        f"{name}.{kind}" for name in names for kind in ("csv", "png", "svg")
    ]
    for file in files:
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_many_logs_get_a_figure_of_groups_per_model(tmp_path: Path, studies: list[Study]) -> None:
    (study,) = studies
    logs = study.logs * 2
    labels = tuple(f"m{k // 2}" for k in range(6))
    many = Study(study.name, study.task, logs, labels)
    written = draw([many], tmp_path, ["svg"])
    pictures = [path.name for path in written if re.match(r"groups.*svg", path.name)]
    assert pictures == ["groups-m0.svg", "groups-m1.svg", "groups-m2.svg"]
    assert len(table_of(tmp_path / "groups.csv")) == 6 * 5


def test_other_critics_make_another_study(folder: Path, tmp_path: Path) -> None:
    other = evaluate(
        tmp_path, "persona_main", pairs("two", "output_only"), "mockllm/two", graders=("a/b",)
    )
    read = read_studies([*find_comparable_logs([str(folder)]), other.location])
    assert [study.name for study in read] == [
        "one answer per pair, judged by a/b (protocol debate)",
        "one answer per pair, judged by mockllm/critic (protocol debate)",
    ]
    table = differences.table(read)
    assert len(table) == 2 and set(table["study"]) == {read[1].name}
    rows = accuracy.table(read)
    assert len(rows) == 4
    with themed("light"):
        assert "judged by a/b" in texts(accuracy.figure(rows, titled(read)))


def test_pairs_that_two_logs_do_not_share_are_not_compared(tmp_path: Path) -> None:
    for mode, who in (("baseline", "p"), ("output_only", "r")):
        samples = [sample("q", f"{who}{k}", verdict(float(k % 2))) for k in range(6)]
        evaluate(tmp_path, "persona_main", samples, header={"mode": mode})
    table = differences.table(read_studies(find_comparable_logs([str(tmp_path)])))
    (row,) = table.to_dict("records")
    assert (row["n_pairs"], row["n_left_out"]) == (0, 12) and np.isnan(row["difference"])
    with themed("light"):
        assert "hardly any pairs in common" in texts(differences.figure(table, "t"))


def test_the_newer_log_of_a_model_and_mode_counts(folder: Path, tmp_path: Path) -> None:
    for log in folder.iterdir():
        (tmp_path / log.name).write_bytes(log.read_bytes())
    newest = evaluate(
        tmp_path, "persona_main", pairs("two", "output_only")[:20], "mockllm/two"
    ).location
    found = find_comparable_logs([str(tmp_path)])
    assert len(found) == 3
    (two,) = [log for log in map(read_critique_log, found) if log.model == "mockllm/two"]
    assert Path(two.path).name == Path(newest).name and len(two.frame) == 20


def test_two_logs_of_one_model_and_mode_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = evaluate(tmp_path / "logs", "persona_main", pairs("two", "output_only"), "mockllm/two")
    (old,) = [
        place
        for place in find_comparable_logs([str(folder)])
        if read_critique_log(place).model == "mockllm/two"
    ]
    out = tmp_path / "out"
    assert main(["--log", again.location, "--log", old, "--out", str(out)]) == 2
    shown = capsys.readouterr().err
    assert f"{old}: is of the same model and mode as {again.location}" in shown
    assert len(shown.splitlines()) == 1 and not out.exists()


def test_places_without_such_logs_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unasked(another(), tmp_path / "other")
    for place, message in (
        (tmp_path / "other", "none of the task persona_main or persona_loo or"),
        (tmp_path / "none", "no such file or folder; run `inspect eval pluralens/persona_main`"),
    ):
        assert main(["--log", str(place)]) == 2
        assert message in capsys.readouterr().err


def test_runs_of_the_tasks_are_drawn_with_what_was_planted(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for mode in ("baseline", "output_only"):
        simulated(logs, "persona_main", n=30, mode=mode)
    simulated(logs, "persona_comparison", n=20)
    out = tmp_path / "out"
    assert main(["--log", str(logs), "--out", str(out), "--format", "svg", "--theme", "dark"]) == 0
    rows = table_of(out / "accuracy.csv").set_index("mode")
    planted = {
        log.mode: log.planted
        for log in map(read_critique_log, find_comparable_logs([str(logs)]))
        if log.task == "persona_main"
    }
    assert rows.loc["output_only", "planted"] == planted["output_only"]["accuracy"]
    assert rows.loc["baseline", "planted"] == planted["baseline"]["baseline"]
    assert (rows["ci_low"] <= rows["planted"]).all() and (rows["planted"] <= rows["ci_high"]).all()
    (found,) = table_of(out / "identification.csv").to_dict("records")
    assert found["ci_low"] < found["planted"] < found["ci_high"]
    by_group = table_of(out / "groups.csv")
    women = by_group[(by_group["value"] == "Female") & (by_group["mode"] == "output_only")]
    expected = planted["output_only"]["group_accuracy"]["sex"]["Female"]
    assert women["planted"].tolist() == pytest.approx([expected])
    for name in ("accuracy", "differences", "outcomes", "identification", "groups"):
        assert "simulated" in (out / f"{name}.svg").read_text(encoding="utf-8"), name


def test_without_a_place_the_newest_run_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logs = tmp_path / "logs"
    for model, mode in RATES:
        header = {"mode": mode}
        evaluate(logs, "persona_main", pairs(model, mode, 6), f"mockllm/{model}", header=header)
    assert main(["--format", "svg"]) == 0
    table = pd.read_csv(tmp_path / "out" / "persona" / "accuracy.csv")
    assert table["model"].tolist() == ["mockllm/two"]
