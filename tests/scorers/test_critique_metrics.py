"""The metrics of the PERSONA tasks, as the log will show them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState, solver

from pluralens.errors import InputError
from pluralens.scorers.metrics.critique import (
    critique_accuracy,
    critique_cells,
    critique_importance,
    critique_pass_at_k,
    identification_rates,
)

ALL = (
    critique_accuracy,
    critique_cells,
    identification_rates,
    critique_importance,
    critique_pass_at_k,
)
VALUE = {"accepted": 1, "invalid": 0, "refused": 0, "unscored": 0, "leak": 0, "length": 100}
VALUE |= {"self_judged": 0, "votes": 1}


def score(
    question: object,
    person: object,
    accepted: float,
    *,
    arm: str = "full",
    epoch: int = 1,
    about: Mapping[str, Any] | None = None,
    **value: float,
) -> SampleScore:
    metadata = {"question_id": f"q{question}", "persona_id": f"p{person}", "arm": arm}
    metadata |= {"pair": f"q{question}/p{person}", **(about or {})}
    return SampleScore(
        score=Score(value={**VALUE, "accepted": accepted, **value}, metadata={"epoch": epoch}),
        sample_id=f"q{question}/p{person}/{arm}",
        sample_metadata=metadata,
    )


def numbers(make: Callable[[], Metric], scores: Sequence[SampleScore]) -> dict[str, float]:
    value: Any = make()(list(scores))  # type: ignore[call-arg, arg-type]
    assert all(isinstance(number, int | float) for number in value.values())
    assert not any(set("[]") & set(key) for key in value)
    return dict(value)


@pytest.mark.parametrize("make", ALL)
def test_nothing_is_nan(make: Callable[[], Metric]) -> None:
    value = numbers(make, [])
    assert math.isnan(next(iter(value.values())))
    assert all(math.isnan(x) or x == 0 for x in value.values())


@pytest.mark.parametrize("make", ALL)
def test_a_single_sample_while_the_task_runs(make: Callable[[], Metric]) -> None:
    numbers(make, [score(0, 0, 1, about={"cells": "young"})])


def test_accuracy_counts_invalid_answers_and_leaves_out_unscored_ones() -> None:
    scores = [score(i, i, i % 2) for i in range(16)]
    scores += [score(16, 16, 0, invalid=1, leak=math.nan), score(17, 17, 0, invalid=1)]
    scores += [score(18, 18, math.nan, unscored=1), score(19, 19, 1, refused=1, leak=1)]
    value = numbers(critique_accuracy, scores)
    assert value["accuracy"] == pytest.approx(9 / 19)
    assert value["accuracy_valid"] == pytest.approx(9 / 17)
    assert value["accuracy low"] < 9 / 19 < value["accuracy high"]
    assert value["answers"] == 19
    assert value["invalid_share"] == pytest.approx(0.1)
    assert value["refused_share"] == value["unscored_share"] == pytest.approx(0.05)
    assert value["leak_rate"] == pytest.approx(1 / 19)
    assert "personalization" not in value and "krippendorff_alpha" not in value
    assert not any(key.startswith("accuracy(") for key in value)


def test_accuracy_of_groups_and_the_least_number_of_pairs() -> None:
    scores = [score(i, i, i < 9, about={"group_sex": "Female"}) for i in range(12)]
    scores += [score(i, i, 1, about={"group_sex": "[Male]"}) for i in range(20, 29)]
    scores += [score(40, 40, 1)]
    value = numbers(critique_accuracy, scores)
    assert value["accuracy(sex/Female)"] == pytest.approx(0.75)
    assert value["pairs(sex/Female)"] == 12
    assert math.isnan(value["accuracy(sex/(Male))"]) and value["pairs(sex/(Male))"] == 9


def test_accuracy_of_several_arms_is_that_of_the_full_one() -> None:
    scores = [score(i, i, 1) for i in range(10)]
    scores += [score(i, i, 0, arm="without:age") for i in range(8)]
    value = numbers(critique_accuracy, scores)
    assert value["accuracy"] == value["accuracy(full)"] == 1
    assert value["accuracy(without:age)"] == 0 and value["pairs(without:age)"] == 8


def test_panel_agreement_by_hand() -> None:
    """Nominal alpha = 1 - (n - 1) * disagreements / (n0 * n1), with n = 8 votes, n1 = 5."""
    votes = [(1, 1), (0, 0), (1, 0), (1, 1)]
    scores = [score(i, i, max(v), vote_1=v[0], vote_2=v[1]) for i, v in enumerate(votes)]
    value = numbers(critique_accuracy, scores)
    assert value["krippendorff_alpha"] == pytest.approx(1 - 7 * 1 / (3 * 5))
    assert value["graders"] == 2


def leave_one_out() -> list[SampleScore]:
    """Age matters in 6 of 12 pairs, income in none; pair 11 has no income."""
    scores = []
    for i in range(12):
        scores += [
            score(i, i, 1),
            score(i, i, i % 2, arm="without:age"),
            score(i, i, 0, arm="none"),
        ]
        scores += [score(i, i, 1, arm="without:income")] if i < 11 else []
    return scores


def test_importance() -> None:
    value = numbers(critique_importance, leave_one_out())
    assert value["importance(age)"] == 0.5 and value["importance(income)"] == 0
    assert value["importance(age) low"] < 0.5 < value["importance(age) high"]
    # Six differences of 1: 2 of 2^6 sign vectors are as extreme.
    assert value["importance(age) p"] == pytest.approx(2 / 64, abs=0.01)
    assert value["importance(age) p holm"] == pytest.approx(2 * value["importance(age) p"])
    assert value["importance(income) p"] == 1
    assert (value["importance(age) pairs"], value["importance(income) pairs"]) == (12, 11)
    assert value["importance(income) absent"] == 1
    assert value["leave_all_out_gap"] == 1 and value["leave_all_out_gap pairs"] == 12
    assert value["pairs without full arm"] == 0


def test_importance_refuses_a_broken_pairing_and_names_the_pair() -> None:
    with pytest.raises(InputError, match=r"pair q3/p3 has arm without:age more than once"):
        numbers(critique_importance, [*leave_one_out(), score(3, 3, 1, arm="without:age")])
    wrong = score(4, 4, 1, arm="without:sex", about={"persona_id": "p5"})
    with pytest.raises(InputError, match=r"pair q4/p4 has more than one persona_id"):
        numbers(critique_importance, [*leave_one_out(), wrong])


def test_importance_while_full_arms_are_still_missing() -> None:
    late = [s for s in leave_one_out() if s.sample_id not in ("q0/p0/full", "q1/p1/full")]
    value = numbers(critique_importance, late)
    assert value["pairs without full arm"] == 2 and value["importance(age) pairs"] == 10
    none_yet = [s for s in leave_one_out() if "full" not in str(s.sample_id)]
    value = numbers(critique_importance, none_yet)
    assert math.isnan(value["importance(age)"]) and value["pairs without full arm"] == 12


def test_cells_overlap_and_their_contrasts() -> None:
    scores = [score(i, i, i % 5 > 0, about={"cells": "young|all"}) for i in range(30)]
    scores += [score(i, i, i % 5 == 0, about={"cells": "old|all"}) for i in range(30, 60)]
    scores += [score(60, 60, 1, about={"cells": ""})]
    value = numbers(critique_cells, scores)
    assert value["cell_accuracy(young)"] == pytest.approx(0.8)
    assert value["cell_accuracy(old)"] == pytest.approx(0.2)
    assert value["cell_accuracy(all)"] == pytest.approx(0.5)
    assert value["cell_pairs(all)"] == 60 and value["cell_pairs(old)"] == 30
    assert 0.2 < value["cell_pooled(old)"] < 0.5 < value["cell_pooled(young)"] < 0.8
    assert value["cell_contrasts"] == 3
    name = "largest_contrast(old - young)"
    assert value[name] == pytest.approx(-0.6)
    assert value[f"{name} low"] < -0.6 < value[f"{name} high"] < 0
    assert value[f"{name} p holm"] < 0.001 and value["cell_contrasts significant"] >= 1


def test_pass_at_k() -> None:
    """Pair i has i successes in 4 attempts."""
    scores = [score(i, i, epoch > 4 - i, epoch=epoch) for i in range(5) for epoch in (1, 2, 3, 4)]
    value = numbers(critique_pass_at_k, scores)
    assert value["pass@1"] == value["pass^1"] == pytest.approx(0.5)
    assert value["pass@2"] == pytest.approx((0 + 3 / 6 + 5 / 6 + 1 + 1) / 5)
    assert value["pass^2"] == pytest.approx((0 + 0 + 1 / 6 + 3 / 6 + 1) / 5)
    assert value["pass@4"] == pytest.approx(0.8) and value["pass^4"] == pytest.approx(0.2)
    # First successes at 4, 3, 2, 1, and never in 4.
    assert value["mean_attempts"] == pytest.approx((4 + 4 + 3 + 2 + 1) / 5)
    assert value["never_accepted"] == pytest.approx(0.2)
    assert value["pairs"] == 5 and "pass@5" not in value


def test_identification_shows_the_position_bias_and_is_free_of_it() -> None:
    scores = []
    for i in range(20):
        told = {"identified": 0.5, "hits_first": 1.0, "hits_second": 0.0, "first_chosen": 1.0}
        about = {"persona_id_second": f"r{i}"}
        told["leak"] = 0.5 if i < 10 else 0.0
        scores.append(score(i, i, math.nan, about=about, consistent=0.0, **told))
        del scores[-1].score.value["accepted"]  # type: ignore[union-attr]
    value = numbers(identification_rates, scores)
    assert value["identification"] == 0.5 and value["identification p"] == 1
    assert value["identification_bias_free"] == pytest.approx(0.5)
    assert value["position_bias"] == 0.5 and value["position_bias low"] > 0.2
    assert value["order_consistency"] == 0
    assert value["comparisons"] == 20 and value["comparisons left out"] == 0
    assert value["leak_rate"] == 0.25 and value["leak_rate low"] < 0.25 < value["leak_rate high"]


def test_another_log_is_refused() -> None:
    with pytest.raises(InputError, match="no metadata question_id; this is no log of the PERSONA"):
        numbers(critique_accuracy, [SampleScore(score=Score(value=VALUE), sample_id="x")])


@solver
def silent() -> Any:
    async def solve(state: TaskState, generate: object) -> TaskState:
        return state

    return solve


# The metrics of the scorer `critique`; identification is another scorer's.
@scorer(metrics=[make() for make in ALL if make is not identification_rates])
def every_second_attempt() -> Scorer:
    async def judge(state: TaskState, target: Target) -> Score:
        value = {**VALUE, "accepted": float(state.epoch % 2)}
        return Score(value=value, metadata={"epoch": state.epoch})

    return judge


def test_in_a_log_after_the_real_reducer() -> None:
    """Attempts are neither averaged nor lost, and no two metrics share a name."""
    samples = [
        Sample(
            id=f"q{i}/p{i}",
            input="?",
            metadata={"question_id": f"q{i}", "persona_id": f"p{i}", "cells": f"c{i % 2}"},
        )
        for i in range(12)
    ]
    task = Task(dataset=samples, solver=silent(), scorer=every_second_attempt(), epochs=4)
    (log,) = eval(task, model="mockllm/model", display="none", log_samples=False)
    assert log.status == "success" and log.results is not None
    got = {name: m.value for one in log.results.scores for name, m in one.metrics.items()}
    assert got["accuracy"] == 0.5 and got["answers"] == 48
    assert got["pass@1"] == pytest.approx(0.5) and got["pass@2"] == pytest.approx(1 - 1 / 6)
    assert got["pass^2"] == pytest.approx(1 / 6) and got["pass@4"] == 1 and got["pass^4"] == 0
    assert got["mean_attempts"] == 1 and got["cell_accuracy(c1)"] == 0.5
    # One arm says nothing of what was left out.
    assert "self_judged" in got and "leave_all_out_gap" not in got
    assert not any(name[-1].isdigit() and name[:-1] in got for name in got)
