"""Reading logs of PERSONA: values, header, and what cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from critique_evals import comparison, evaluate, sample, verdict
from inspect_ai.log import EvalLog, EvalSampleLimit, read_eval_log, write_eval_log
from inspect_ai.scorer import Score
from undrawable import WRONG_OPTIONS, another, assert_not_drawn, unasked

from pluralens.errors import InputError
from pluralens.viz.critique_logs import find_critique_logs, losses, read_critique_log
from pluralens.viz.visualization_loo import main


def pairs() -> list[dict[str, Any]]:
    """Five pairs of two arms; one answer is unreadable and one has no verdict."""
    values = [verdict(1), verdict(0), verdict(1), verdict(0, invalid=1), verdict(None)]
    whole = [sample(f"q{k}", f"p{k}", v, topic="t") for k, v in enumerate(values)]
    without = [sample(f"q{k}", f"p{k}", verdict(0), arm="without:sex") for k in range(5)]
    return whole + without


HEADER = {"attributes": ["sex"], "missing": {"sex": 0}}


@pytest.fixture(scope="module")
def loo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = evaluate(tmp_path_factory.mktemp("loo"), "persona_loo", pairs(), header=HEADER)
    return Path(log.location)


def edited(source: Path, target: Path, change: Callable[[EvalLog], None]) -> Path:
    log = read_eval_log(str(source))
    change(log)
    write_eval_log(log, str(target))
    return target


def test_the_frame_holds_every_sample_with_its_outcome(loo: Path) -> None:
    log = read_critique_log(str(loo))
    full = log.frame[log.frame["arm"] == "full"].set_index("pair")
    assert len(log.frame) == 10 and log.without_score == 0
    expected = {"q0/p0": 1, "q1/p1": 0, "q2/p2": 1, "q3/p3": 0, "q4/p4": np.nan}
    assert full["accepted"].to_dict() == pytest.approx(expected, nan_ok=True)
    assert full["outcome"].tolist() == ["scored"] * 3 + ["invalid", "unscored"]
    assert set(full["topic"]) == {"t"} and set(log.frame["left_out"]) == {"", "sex"}
    assert len(log.main_arm) == 5


def test_the_header_is_told_in_words(loo: Path) -> None:
    log = read_critique_log(str(loo))
    assert (log.task, log.mode, log.model) == ("persona_loo", "output_only", "mockllm/model")
    assert log.judging.graders == ("mockllm/critic",) and log.judging.score == "critique"
    assert log.heading.splitlines() == [
        "mockllm/model",
        "mode output only, 5 pairs of 5 questions and 5 persons",
        "judged by mockllm/critic (protocol debate)",
    ]
    assert losses(log).startswith(f"{loo}: mockllm/model, persona_loo, 5 pairs of 5 questions")
    assert "; 1 invalid; 1 unscored; judged by mockllm/critic" in losses(log)
    assert not log.simulated and log.planted == {} and np.isnan(log.planted_accuracy)


def test_a_sample_without_a_score_is_unscored(loo: Path, tmp_path: Path) -> None:
    def lose(log: EvalLog) -> None:
        for one in (log.samples or [])[:2]:
            one.scores = {}

    log = read_critique_log(str(edited(loo, tmp_path / "gaps.eval", lose)))
    assert log.without_score == 2 and len(log.frame) == 10
    assert "(2 of them samples without a score)" in losses(log)


def test_tables_do_not_depend_on_the_order_in_which_samples_ended(
    loo: Path, tmp_path: Path
) -> None:
    def turn(log: EvalLog) -> None:
        log.samples = list(reversed(log.samples or []))

    turned = edited(loo, tmp_path / "turned.eval", turn)
    frames = [read_critique_log(str(place)).frame for place in (loo, turned)]
    pd.testing.assert_frame_equal(*frames)


def test_attempts_are_counted(tmp_path: Path) -> None:
    tries = [[verdict(0), verdict(1), verdict(None)], [verdict(1)] * 3]
    samples = [sample(f"q{k}", f"p{k}", own) for k, own in enumerate(tries)]
    place = evaluate(tmp_path, "persona_pass_at_k", samples, epochs=3).location
    log = read_critique_log(place)
    assert log.size == "2 pairs of 2 questions and 2 persons, 3 attempts each"
    assert log.frame["epoch"].tolist() == [1, 2, 3] * 2
    assert log.frame["accepted"].tolist() == pytest.approx([0, 1, np.nan, 1, 1, 1], nan_ok=True)


def test_a_comparison_has_two_persons_and_no_protocol(tmp_path: Path) -> None:
    samples = [comparison("q0", ("p0", "p1"), (1, 0.5)), comparison("q1", ("p0", "p2"), None)]
    log = read_critique_log(evaluate(tmp_path, "persona_comparison", samples).location)
    assert log.size == "2 comparisons of 2 questions and 3 persons"
    assert log.judging.words == "judged by mockllm/critic"
    assert log.frame["identified"].tolist() == pytest.approx([0.75, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, 0.8),
        ({"mode": "baseline"}, 0.1),
        ({"protocol": "pairwise"}, 0.85),
        ({"planted_for": {"model": "mockllm/another", "model_args": {}}}, np.nan),
    ],
)
def test_planted_truth_is_that_of_the_mode_and_protocol(
    tmp_path: Path, header: dict[str, Any], expected: float
) -> None:
    planted = {"accuracy": 0.8, "baseline": 0.1, "win_rate": 0.85}
    samples = [sample("q", "p", verdict(1))]
    made = evaluate(tmp_path, "persona_main", samples, header={"planted": planted, **header})
    assert read_critique_log(made.location).planted_accuracy == pytest.approx(expected, nan_ok=True)


def test_a_log_scored_twice_lets_choose(loo: Path, tmp_path: Path) -> None:
    def again(log: EvalLog) -> None:
        for one in log.samples or []:
            scores = one.scores or {}
            about = {"graders": ["mockllm/second"], "protocol": "rubric", "threshold": 3}
            scores["critique1"] = Score(value=verdict(1), metadata=about)

    place = str(edited(loo, tmp_path / "twice.eval", again))
    first, second = read_critique_log(place), read_critique_log(place, score="critique1")
    assert first.judging.scores == ("critique", "critique1")
    assert "score critique of critique, critique1 (choose with --score)" in losses(first)
    assert first.frame["accepted"].mean() < second.frame["accepted"].mean() == 1
    assert second.judging.words == "judged by mockllm/second (protocol rubric, accepted from 3)"
    with pytest.raises(InputError, match="has no score 'mine' .* choose --score of critique, crit"):
        read_critique_log(place, score="mine")


def test_a_folder_gives_its_newest_log_of_the_task(loo: Path, tmp_path: Path) -> None:
    for name in ("2020-01-01T00-00-00-00-00_persona-loo_a", "2026-01-01T00-00-00-00-00_x_b"):
        (tmp_path / f"{name}.eval").write_bytes(loo.read_bytes())
    (found,) = find_critique_logs([str(tmp_path)], "persona_loo")
    assert found.endswith("_b.eval")
    with pytest.raises(InputError, match="none of the task persona_main"):
        find_critique_logs([str(tmp_path)], "persona_main")


def no_scores(log: EvalLog) -> None:
    for one in log.samples or []:
        one.scores = None


def others(log: EvalLog) -> None:
    for one in log.samples or []:
        one.scores = {"rating": Score(value=1)}


def stopped(log: EvalLog) -> None:
    no_scores(log)
    for one in log.samples or []:
        one.limit = EvalSampleLimit(type="time", limit=1)


def two_critics(log: EvalLog) -> None:
    (first, *_) = log.samples or []
    assert first.scores
    first.scores["critique"].metadata = {"graders": ["mockllm/another"]}


def no_samples(log: EvalLog) -> None:
    log.samples = []


def no_persons(log: EvalLog) -> None:
    for one in log.samples or []:
        del one.metadata["persona_id"]


def started(log: EvalLog) -> None:
    log.status = "started"


def no_full_arm(log: EvalLog) -> None:
    log.samples = [s for s in log.samples or [] if s.id != "q0-p0"]


CHANGES = {
    "no scores": no_scores,
    "others' scores": others,
    "stopped": stopped,
    "two critics": two_critics,
    "no samples": no_samples,
    "no persons": no_persons,
    "started": started,
    "no full arm": no_full_arm,
}
MESSAGES = {
    "missing": "no such file or folder; run `inspect eval pluralens/persona_loo` first",
    "nothing": "--log is empty",
    "empty": "holds no inspect log",
    "another task": "not of pluralens/persona_loo",
    "folder of another task": "none of the task persona_loo",
    "persona_main": "is a log of persona_main, not of pluralens/persona_loo",
    "failed": "the run failed; continue it with `inspect eval-retry",
    "cut": "is not a complete inspect log",
    "no scores": "no verdicts of the scorer critique (was it made with --no-score?); score it with",
    "others' scores": "no verdicts of the scorer critique (its scores (rating) are others); score",
    "stopped": "none of its 10 samples has a scored answer (10 stopped by the time limit); run",
    "two critics": "some samples of score critique are judged by mockllm/another and some judged",
    "no samples": "holds no samples; run the task again",
    "no persons": "no metadata persona_id; this is no log of the PERSONA tasks; run the task again",
    "started": "the run is not finished",
    "no full arm": "pair q0/p0 has no arm 'full' (1 such pairs)",
}


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory, loo: Path) -> dict[str, Any]:
    """A place of every kind that cannot be drawn."""
    base = tmp_path_factory.mktemp("wrong")
    (base / "empty").mkdir()
    cut = base / "cut.eval"
    cut.write_bytes(loo.read_bytes()[: loo.stat().st_size // 2])
    failing = [sample("q", "p", verdict(1), fails=True)]
    places: dict[str, Any] = {
        "missing": base / "nowhere",
        "nothing": "",
        "empty": base / "empty",
        "another task": unasked(another(), base / "another"),
        "folder of another task": base / "another",
        "persona_main": evaluate(
            base / "main", "persona_main", [sample("q", "p", verdict(1))]
        ).location,
        "failed": evaluate(base / "failed", "persona_loo", failing).location,
        "cut": cut,
    }
    return places | {kind: edited(loo, base / f"{kind}.eval", how) for kind, how in CHANGES.items()}


def test_what_cannot_be_drawn_ends_in_one_line_and_writes_nothing(
    wrong: dict[str, Any], loo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_not_drawn(main, loo, wrong, MESSAGES, tmp_path / "out", capsys)


@pytest.mark.parametrize(("arguments", "message"), WRONG_OPTIONS)
def test_wrong_options_are_named(
    loo: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--log", str(loo), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_score_that_is_not_there_is_named(loo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--log", str(loo), "--score", "mine"]) == 2
    assert "choose --score of critique" in capsys.readouterr().err
