"""Only like is compared with like: graders, settings, prompts."""

from inspect import signature
from pathlib import Path

import pytest
from inspect_ai import score
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import get_model
from triplet_drawing import draw, edited
from triplet_evals import evaluate, scripted
from triplet_tellers import contrary
from viz_logs import rows

from pluralens.scorers.stance import stance
from pluralens.viz.triplet_grading import DEFAULTS
from pluralens.viz.triplets import main


def test_an_added_score_is_compared_by_its_own_graders(
    other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def scored(name: str, *graders: str) -> Path:
        log = read_eval_log(str(other))
        log.eval.model = f"mockllm/{name}"
        for given in graders:
            log = score(log, scripted(graders=(given,)), action="append", display="none")
        write_eval_log(log, str(tmp_path / f"{name}.eval"))
        return tmp_path / f"{name}.eval"

    one, two = scored("one", "a/x", "a/y"), scored("two", "a/x", "a/z")
    assert draw(tmp_path / "out", one, two) == 0
    logs = ["--log", str(one), "--log", str(two), "--format", "svg", "--out", str(tmp_path / "o")]
    capsys.readouterr()
    # `scripted` is scored with its graders as an option, too, but names are what is told first.
    assert main([*logs, "--score", "stance1"]) == 0
    assert "; graded by a/x (graders=" in capsys.readouterr().out
    assert "graded by a/x" in (tmp_path / "o" / "slope.svg").read_text(encoding="utf-8")
    assert main([*logs, "--score", "stance2"]) == 2
    shown = capsys.readouterr().err
    assert f"{two}: is graded by a/z, {one} by a/y; score them with the same grader" in shown
    assert "--action append" in shown


def test_graders_of_other_settings_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = []
    for number, bias in enumerate((0.0, 0.0, 0.5)):
        grader = get_model("pluralens_sim/grader", bias=bias, memoize=False)
        log = evaluate(tmp_path, contrary, f"mockllm/{number}", model_roles={"grader": grader})
        places.append(log.location)
    assert draw(tmp_path / "out", *places[:2]) == 0
    assert "; graded by pluralens_sim/grader\n" in capsys.readouterr().out
    assert draw(tmp_path / "no", *places[1:]) == 2
    assert "its grader pluralens_sim/grader has bias=0.5, that of " in capsys.readouterr().err


def test_a_model_that_lacks_samples_is_still_drawn(other: Path, tmp_path: Path) -> None:
    def lost(log: EvalLog) -> None:
        log.samples = (log.samples or [])[3:]

    place = edited(other, tmp_path / "lost.eval", lost)
    assert draw(tmp_path / "out", other, place) == 0
    counts = {row["model"]: row["n"] for row in rows(tmp_path / "out" / "summary.csv")}
    assert counts == {"mockllm/edited": "33", "mockllm/other": "36"}


def test_threshold_and_margin_are_used_and_named(simulated: Path, tmp_path: Path) -> None:
    options = ["--threshold", "0.25", "--margin", "0.7", "--format", "svg", "--out", str(tmp_path)]
    assert main(["--log", str(simulated), *options]) == 0
    (row,) = rows(tmp_path / "summary.csv")
    # The landlord hears 0.3, and 0.1 at the third of the triplets with 500 euros.
    assert float(row["landlord_agree_p"]) == pytest.approx(2 / 3)
    (found,) = rows(tmp_path / "gap.csv")
    assert found["margin"] == "0.7" and found["equivalent"] == "True"
    assert {r["threshold"] for r in rows(tmp_path / "distribution.csv")} == {"0.25"}
    assert "> 0.25" in (tmp_path / "distribution.svg").read_text().replace("&gt;", ">")
    assert "gaps below 0.7" in " ".join((tmp_path / "gap.svg").read_text().split())


def test_the_options_of_the_scorer_are_known() -> None:
    parameters = signature(stance).parameters
    assert {name: one.default for name, one in parameters.items()} == DEFAULTS
