"""What leaving attributes out does: table and figure of leave-one-out logs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from critique_evals import chance, evaluate, sample, verdict
from persona_drawing import assert_same_bytes, simulated, table_of, texts

from pluralens.stats.acceptance import acceptance
from pluralens.stats.attribute_importance import attribute_importance
from pluralens.viz.critique_figures import importance
from pluralens.viz.critique_logs import CritiqueLog, read_critique_log
from pluralens.viz.style import themed
from pluralens.viz.visualization_loo import main

HEADER = {"attributes": ["sex", "income", "height"], "missing": {"height": 24, "income": 6}}


def study() -> Iterator[dict[str, Any]]:
    """24 pairs: without sex nothing is accepted, income matters little, nobody has a height."""
    for k in range(24):
        who = f"q{k % 8}", f"p{k}"
        yield sample(*who, verdict(float(k % 4 > 0)))
        yield sample(*who, verdict(0), arm="without:sex")
        if k >= 6:
            lost = k == 23
            value = verdict(None if lost else float(chance(k) < 0.7))
            yield sample(*who, value, arm="without:income")
        yield sample(*who, verdict(0), arm="none")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> CritiqueLog:
    made = evaluate(tmp_path_factory.mktemp("loo"), "persona_loo", study(), header=HEADER)
    return read_critique_log(made.location)


def test_the_table_counts_by_hand(log: CritiqueLog) -> None:
    table = importance.table(log).set_index("arm")
    assert table.index.tolist() == [
        "full",
        "without:sex",
        "without:income",
        "without:height",
        "none",
    ]
    assert table.loc["full", "accuracy"] == 18 / 24 and table.loc["none", "accuracy"] == 0
    assert table.loc["without:sex", "importance"] == table.loc["none", "importance"] == 18 / 24
    kept = [k for k in range(6, 23)]
    difference = [float(k % 4 > 0) - float(chance(k) < 0.7) for k in kept]
    income = table.loc["without:income"]
    assert income["importance"] == pytest.approx(sum(difference) / len(kept))
    counts = income[["n_pairs", "n_unscored", "n_absent"]].tolist()
    assert counts == [17, 1, 6]
    nobody = table.loc["without:height"]
    assert nobody[["n_pairs", "n_unscored", "n_absent"]].tolist() == [0, 0, 24]
    assert nobody[["importance", "accuracy"]].isna().all()
    assert table["label"].tolist()[1:3] == ["Sex", "Income"]


def test_estimates_are_those_of_the_estimators(log: CritiqueLog) -> None:
    table = importance.table(log).set_index("attribute")
    found = attribute_importance(log.frame).table.set_index("attribute")
    for name in ("importance", "ci_low", "ci_high", "p", "p_holm", "p_bh", "accuracy_without"):
        expected = found.loc[["sex", "income"], name].tolist()
        assert table.loc[["sex", "income"], name].tolist() == pytest.approx(expected)
    arms = acceptance(log.frame, "arm").set_index("value")
    ends = table.loc["income", ["accuracy", "accuracy_low", "accuracy_high"]].tolist()
    assert ends == arms.loc["without:income", ["accuracy", "ci_low", "ci_high"]].tolist()


def test_the_figure_says_what_is_known_and_what_is_not(log: CritiqueLog) -> None:
    with themed("light"):
        drawn = importance.figure(importance.table(log), log.heading)
        shown = texts(drawn)
        left, right = drawn.axes
        lines = [line for line in left.lines if list(line.get_xdata()) == [0.0, 0.0]]
        references = {line.get_xdata()[0] for line in right.lines if len(line.get_ydata()) == 2}  # type: ignore[index]
    assert lines and {75.0, 0.0} <= references
    assert "Sex *" in shown and "Income *" not in shown
    assert "Height (nobody has it)" in shown and "all of these at once *" in shown
    assert "everything shown: 75 %" in shown and "none of these: 0 %" in shown
    assert "percentage points" in shown and "24 pairs of 8 questions and 24 persons" in shown
    assert "planted" not in shown


def test_long_names_do_not_overlap(tmp_path: Path) -> None:
    names = [
        f"an_attribute_with_a_name_that_takes_several_lines_to_write_down_{k}" for k in range(9)
    ]
    samples = [
        sample(f"q{k}", f"p{k}", verdict(float(arm == "full")), arm=arm)
        for k in range(6)
        for arm in ("full", *(f"without:{name}" for name in names))
    ]
    made = evaluate(tmp_path, "persona_loo", samples, header={"attributes": names})
    log = read_critique_log(made.location)
    with themed("light"):
        drawn = importance.figure(importance.table(log), log.heading)
        drawn.canvas.draw()
        boxes = sorted(
            (label.get_window_extent() for label in drawn.axes[0].get_yticklabels()),
            key=lambda box: box.y0,
        )
    assert len(boxes) == 10
    assert all(low.y1 <= high.y0 for low, high in zip(boxes, boxes[1:], strict=False))


def test_a_run_of_the_task_is_drawn_with_what_was_planted(tmp_path: Path) -> None:
    some = {"n": 40, "attributes": "ideology,marital_status,veteran_status", "seed": 3}
    place = simulated(tmp_path / "logs", "persona_loo", **some)
    assert_same_bytes(main, place, tmp_path)
    table = table_of(tmp_path / "one" / "importance.csv").set_index("arm")
    planted = read_critique_log(place).planted
    assert table.loc["without:ideology", "planted"] == pytest.approx(
        planted["importance"]["ideology"]
    )
    # It is nothing that the simulated model looks at; and others than these three are.
    assert table.loc["without:veteran_status", "planted"] == 0
    assert table["planted"].isna()[["full", "none"]].all()
    row = table.loc["without:ideology"]
    assert row["ci_low"] < row["planted"] < row["ci_high"] and row["p_holm"] < 0.05
    picture = (tmp_path / "one" / "importance.svg").read_text(encoding="utf-8")
    assert "personaliser (simulated)" in picture and "planted in the simulated model" in picture


def test_the_gap_is_planted_where_everything_that_matters_is_left_out(log: CritiqueLog) -> None:
    from dataclasses import replace

    planted = {"importance": {"Sex": 0.5}, "weights": {"Sex": 0.6, "age": 0.0}, "groups": {}}
    known = replace(log, planted={**planted, "none_gap": 0.7})
    assert importance.table(known).set_index("arm").loc["none", "planted"] == 0.7
    assert importance.table(known).set_index("arm").loc["without:sex", "planted"] == 0.5
    more = replace(known, planted={**known.planted, "weights": {"Sex": 0.6, "age": 0.1}})
    assert importance.table(more).set_index("arm")["planted"].isna()["none"]


def test_the_script_runs_from_the_checkout_on_the_newest_log(
    run: Any, log: CritiqueLog, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / Path(log.path).name).write_bytes(Path(log.path).read_bytes())
    done = run("viz/visualization_loo.py", "--theme", "dark")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "out" / "persona_loo").iterdir())
    assert names == ["importance.csv", "importance.png", "importance.svg"]
    done = run("viz/visualization_loo.py", "--log", str(tmp_path / "none"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
