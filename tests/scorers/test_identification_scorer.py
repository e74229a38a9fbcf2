"""The scorer of two answers for two people, with scripted graders."""

import itertools
import math
from pathlib import Path
from typing import Any

import click
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage
from scripted_critics import (
    PERSONA,
    QUESTION,
    answered,
    block_of,
    details,
    identify,
    judged,
    score_of,
    value,
)
from scripted_graders import Script, scripted

from pluralens.scorers.identification import identification

NAN = math.nan
ONE, OTHER = "Pray on it first.", "Look at the evidence."
BOTH = [
    {"key": "first", "text": ONE, "outcome": "answer"},
    {"key": "second", "text": OTHER, "outcome": "answer"},
]
SUMMARY = ("identified", "hits_first", "hits_second", "first_chosen", "consistent")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    return answered(tmp_path_factory.mktemp("pair"), BOTH)


def place_of(messages: list[ChatMessage], text: str) -> str:
    return "first" if block_of(messages, "first") == text else "second"


def knows(messages: list[ChatMessage]) -> str:
    """A grader that reads for whom each answer was written."""
    reader = block_of(messages, "persona")
    return identify(place_of(messages, ONE if reader == PERSONA else OTHER))(messages)


def mistakes(messages: list[ChatMessage]) -> str:
    reader = block_of(messages, "persona")
    return identify(place_of(messages, OTHER if reader == PERSONA else ONE))(messages)


GRADERS: list[tuple[str, Script, tuple[float, ...]]] = [
    ("knows", knows, (1, 1, 1, 0.5, 1)),
    ("mistakes", mistakes, (0, 0, 0, 0.5, 1)),
    ("likes the first", identify("first"), (0.5, 1, 0, 1, 0)),
    ("likes the second", identify("second"), (0.5, 0, 1, 0, 0)),
    ("likes one answer", lambda m: identify(place_of(m, ONE))(m), (0.5, 0.5, 0.5, 0.5, 1)),
]


@pytest.mark.parametrize(("name", "grader", "expected"), GRADERS, ids=[g[0] for g in GRADERS])
def test_four_verdicts(
    log: EvalLog, name: str, grader: Script, expected: tuple[float, ...]
) -> None:
    (sample,) = judged(log, identification(), scripted(grader))
    found = value(sample)
    assert tuple(found[key] for key in SUMMARY) == expected
    assert (found["invalid"], found["unscored"], found["self_judged"], found["votes"]) == (
        0, 0, 0, 1,
    )  # fmt: skip
    assert set(found) == {*SUMMARY, "invalid", "unscored", "leak", "self_judged", "votes"}
    assert found["leak"] == 0


def test_an_answer_that_quotes_its_own_person_is_counted(tmp_path: Path) -> None:
    told = [
        # The first person is 34 and Catholic, the second's religion is Atheist.
        {"key": "first", "text": "As a Catholic, pray on it.", "outcome": "answer"},
        {"key": "second", "text": "No Catholic would.", "outcome": "answer"},
    ]
    run = answered(tmp_path, told, values_second={"religion": "Atheist"})
    (sample,) = judged(run, identification(), scripted(identify("first")))
    assert value(sample)["leak"] == 0.5
    assert details(sample)["quoted"] == {"first": ["religion"], "second": []}


def test_both_people_are_asked_for_in_both_orders(log: EvalLog) -> None:
    seen: list[tuple[str, ...]] = []

    def reply(messages: list[ChatMessage]) -> str:
        assert block_of(messages, "question") == QUESTION
        seen.append(tuple(block_of(messages, k) for k in ("persona", "first", "second")))
        return identify("first")(messages)

    judged(log, identification(), scripted(reply))
    people, orders = (PERSONA, "Religion: None"), ((ONE, OTHER), (OTHER, ONE))
    assert sorted(seen) == sorted((p, *order) for p, order in itertools.product(people, orders))


def test_what_a_score_keeps(log: EvalLog) -> None:
    (sample,) = judged(log, identification(), scripted(knows))
    kept, told = details(sample), str(score_of(sample).explanation)
    assert (kept["persona_id"], kept["persona_id_second"], kept["epoch"]) == ("p1", "p2", 1)
    verdicts = [vote["verdict"] for (vote,) in kept["verdicts"]]
    # For the first person, then for the second, the right answer first and then second.
    assert verdicts == ["first", "second", "first", "second"] == [t["right"] for t in kept["turns"]]
    assert [t["target"] for t in kept["turns"]] == ["first", "first", "second", "second"]
    assert told.startswith("identified 1\n") and "whose answer stands second" in told
    assert "Truck driver" not in str(score_of(sample).model_dump())


def test_one_missing_verdict_leaves_the_sample_unscored(log: EvalLog) -> None:
    def silent(messages: list[ChatMessage]) -> str:
        reader, first = block_of(messages, "persona"), block_of(messages, "first")
        return "" if (reader, first) == (PERSONA, ONE) else knows(messages)

    (sample,) = judged(log, identification(), scripted(silent))
    found = value(sample)
    assert all(math.isnan(found[key]) for key in SUMMARY)
    assert (found["unscored"], found["invalid"], found["votes"]) == (1, 0, 0)
    assert score_of(sample).reason == "grader_failed" and "empty" in details(sample)["why"]
    # A tie is no choice here.
    (sample,) = judged(log, identification(), scripted(identify("tie")))
    assert value(sample)["unscored"] == 1 and "no choice" in details(sample)["why"]


PANELS: list[tuple[tuple[Script | str, ...], float, tuple[float, ...]]] = [
    ((knows, knows, mistakes), 1, (1, 1, 0)),
    ((knows, "", mistakes, knows), 1, (1, NAN, 0, 1)),
    ((knows, mistakes), NAN, (1, 0)),
    ((knows, ""), NAN, (1, NAN)),
    ((knows, identify("first"), identify("second")), 1, (1, 0.5, 0.5)),
]


@pytest.mark.parametrize(("graders", "identified", "each"), PANELS)
def test_most_of_a_panel_decide_each_verdict(
    log: EvalLog, graders: tuple[Script | str, ...], identified: float, each: tuple[float, ...]
) -> None:
    panel = [scripted(grader, f"grader-{k}") for k, grader in enumerate(graders)]
    (sample,) = judged(log, identification(), panel)
    found = value(sample)
    assert found["identified"] == pytest.approx(identified, nan_ok=True)
    votes = [found[f"vote_{k + 1}"] for k in range(len(panel))]
    assert votes == pytest.approx(list(each), nan_ok=True)
    assert found["votes"] == sum(not math.isnan(vote) for vote in each)
    assert found["unscored"] == math.isnan(identified)


@pytest.mark.parametrize(
    ("answers", "reason", "why"),
    [
        ([], "no_response", "first: the sample was stopped before an answer; second: "),
        (BOTH[:1], "no_response", "second: the sample was stopped before an answer"),
        (
            [BOTH[0], {"key": "second", "outcome": "invalid", "reason": "no object"}],
            "invalid_response_format",
            "second: no object",
        ),
    ],
)
def test_two_answers_are_needed(
    tmp_path: Path, answers: list[dict[str, Any]], reason: str, why: str
) -> None:
    (sample,) = judged(answered(tmp_path, answers), identification(), scripted("never asked"))
    found = value(sample)
    assert all(math.isnan(found[key]) for key in SUMMARY)
    assert (found["invalid"], found["unscored"], found["votes"]) == (1, 0, 0)
    assert score_of(sample).reason == reason and details(sample)["why"].startswith(why)


def test_a_model_that_identifies_its_own_answers_is_flagged(
    log: EvalLog, caplog: pytest.LogCaptureFixture
) -> None:
    (sample,) = judged(log, identification(), scripted(knows, "writer"))
    assert value(sample)["self_judged"] == 1
    assert [r for r in caplog.records if "judges itself" in r.getMessage()]


def test_wrong_uses(tmp_path: Path, log: EvalLog) -> None:
    with pytest.raises(click.ClickException, match="^seed="):
        identification(seed="a")  # type: ignore[arg-type]
    with pytest.raises(click.ClickException, match="use pluralens/critique"):
        judged(answered(tmp_path, "One answer."), identification(), scripted(knows))
    with pytest.raises(click.ClickException, match="no text 'persona_second'"):
        lacking = answered(tmp_path, BOTH, persona_second=None)
        judged(lacking, identification(), scripted(knows))
    with pytest.raises(click.ClickException, match="add --model-role grader="):
        judged(log, identification(), None)
