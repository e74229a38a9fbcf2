"""End to end once: what is planted in the simulated personaliser is what the tasks estimate.

Rates over many studies are checked on the latent model, in tests/stats.
"""

import json
import math
from collections import defaultdict
from math import comb
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model
from persona_runs import CRITIC, asked_critic, evaluate, metrics, value, within

from pluralens.models.personaliser import load_personaliser

LEFT_OUT = ("ideology", "religion", "income", "marital_status")
ATTEMPTS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("truth")


@pytest.fixture(scope="module")
def loo(folder: Path) -> EvalLog:
    return evaluate(folder / "loo", "loo", n=100, attributes=",".join(LEFT_OUT))


def test_importances_are_recovered_in_their_order(loo: EvalLog) -> None:
    found, planted = metrics(loo), loo.eval.metadata["planted"]["importance"]  # type: ignore[index]
    assert len(loo.samples or []) == 100 * (len(LEFT_OUT) + 2)
    estimates = {name: found[f"importance({name})"] for name in LEFT_OUT}
    for name in LEFT_OUT:
        assert within(found, f"importance({name})", planted[name])
        assert found[f"importance({name}) pairs"] == 100
        assert (found[f"importance({name}) p holm"] < 0.05) == (planted[name] > 0)
    assert sorted(estimates, key=estimates.__getitem__) == sorted(LEFT_OUT, key=planted.__getitem__)


def test_importance_is_the_difference_over_the_same_pairs(loo: EvalLog) -> None:
    accepted: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in loo.samples or []:
        accepted[sample.metadata["arm"]][sample.metadata["pair"]] = value(sample)["accepted"]
    for arm, name in (
        ("none", "leave_all_out_gap"), *((f"without:{a}", f"importance({a})") for a in LEFT_OUT),
    ):  # fmt: skip
        assert set(accepted[arm]) == set(accepted["full"])
        gaps = [accepted["full"][pair] - kept for pair, kept in accepted[arm].items()]
        assert metrics(loo)[name] == pytest.approx(sum(gaps) / len(gaps))


def test_all_that_is_left_out_at_once_is_the_ceiling(loo: EvalLog) -> None:
    model = load_personaliser().model
    gaps = []
    for sample in loo.samples or []:
        if sample.metadata["arm"] == "full":
            person = sample.metadata["values"]
            rest = {name: text for name, text in person.items() if name not in LEFT_OUT}
            gaps.append(model.accepted(person) - model.accepted(rest))
    found = metrics(loo)
    assert within(found, "leave_all_out_gap", sum(gaps) / len(gaps))
    assert found["leave_all_out_gap"] >= max(found[f"importance({a})"] for a in LEFT_OUT)
    assert within(found, "accuracy", loo.eval.metadata["planted"]["accuracy"])  # type: ignore[index]


def test_every_verdict_was_about_the_full_persona(loo: EvalLog) -> None:
    prompts = 0
    for sample in loo.samples or []:
        for prompt in asked_critic(sample):
            prompts += 1
            assert f"\n{sample.metadata['persona']}\n" in prompt
    assert prompts > 580  # a few answers are unreadable


@pytest.fixture(scope="module")
def attempts(folder: Path) -> EvalLog:
    return evaluate(
        folder / "attempts", "pass_at_k", n=40, attempts=ATTEMPTS, args={"hard_share": 0.3}
    )


def test_pass_at_k_is_the_planted_curve(attempts: EvalLog) -> None:
    found, planted = metrics(attempts), attempts.eval.metadata["planted"]  # type: ignore[index]
    for k in range(1, ATTEMPTS + 1):
        assert within(found, f"pass@{k}", planted["pass_at_k"][str(k)]), k
        assert within(found, f"pass^{k}", planted["pass_all_k"][str(k)]), k
    # Pairs differ in how hard they are: independent tries of equal pairs would do better.
    assert found["pass@4"] < 1 - (1 - found["pass@1"]) ** 4 - 0.01
    assert attempts.results and attempts.results.headline
    assert attempts.results.headline.metric == f"pass@{ATTEMPTS}"


def test_pass_at_k_is_the_closed_form_of_counts(attempts: EvalLog) -> None:
    counts: dict[str, int] = defaultdict(int)
    firsts: dict[str, int] = defaultdict(lambda: ATTEMPTS)
    for sample in attempts.samples or []:
        pair, good = sample.metadata["pair"], value(sample)["accepted"] == 1
        counts[pair] += good
        if good:
            firsts[pair] = min(firsts[pair], sample.epoch)
        firsts[pair] = firsts[pair]
    assert len(counts) == 40 and len(set(counts.values())) > 3
    found = metrics(attempts)
    for k in range(1, ATTEMPTS + 1):
        whole = comb(ATTEMPTS, k)
        some = [1 - comb(ATTEMPTS - c, k) / whole for c in counts.values()]
        every = [comb(c, k) / whole for c in counts.values()]
        assert found[f"pass@{k}"] == pytest.approx(sum(some) / 40)
        assert found[f"pass^{k}"] == pytest.approx(sum(every) / 40)
    # Everybody is censored at the same attempt, so the restricted mean is the plain one.
    assert found["mean_attempts"] == pytest.approx(sum(firsts.values()) / 40)
    assert found["never_accepted"] == pytest.approx(sum(c == 0 for c in counts.values()) / 40)


def test_cells_have_the_planted_skill(folder: Path, tmp_path: Path) -> None:
    effects = {
        "base": 0.95,
        "weights": {"ideology": 0.5},
        "groups": {"sex": {"Female": 0.6}, "race": {"White": 0.75}},
    }
    (tmp_path / "effects.yaml").write_text(yaml.safe_dump(effects))
    cells = [
        {"name": f"{sex} {race}", "attributes": [
            {"attribute": "sex", "values": [sex]}, {"attribute": "race", "values": [race]},
        ]}
        for sex in ("Male", "Female") for race in ("White", "Asian")
    ]  # fmt: skip
    (tmp_path / "cells.json").write_text(json.dumps({"disjoint": True, "intersections": cells}))
    log = evaluate(
        folder / "cells", "intersections", intersections=str(tmp_path / "cells.json"), per_cell=25,
        args={"effects": str(tmp_path / "effects.yaml")},
    )  # fmt: skip
    found = metrics(log)
    truth = {
        "Male White": 0.95 * 0.75, "Male Asian": 0.95, "Female White": 0.95 * 0.6 * 0.75,
        "Female Asian": 0.95 * 0.6,
    }  # fmt: skip
    for name, accuracy in truth.items():
        assert found[f"cell_pairs({name})"] == 25
        assert within(found, f"cell_accuracy({name})", accuracy), name
        raw, pooled = found[f"cell_accuracy({name})"], found[f"cell_pooled({name})"]
        middle = sum(found[f"cell_accuracy({n})"] for n in truth) / 4
        assert min(raw, middle) <= pooled <= max(raw, middle)
    assert found["cell_contrasts"] == 6 and found["cell_contrasts significant"] >= 1
    assert found["largest_contrast(Female White - Male Asian)"] < -0.3
    assert log.eval.metadata and log.eval.metadata["overlaps"] == []


@pytest.fixture(scope="module")
def comparisons(folder: Path) -> dict[str, dict[str, Any]]:
    """The same answers, read by a fair critic and by one that likes what stands first."""
    critics = {"fair": get_model(CRITIC), "biased": get_model(CRITIC, position_bias=1.0)}
    found = {}
    for name, critic in critics.items():
        log = evaluate(
            folder / name, "comparison", n=60, grader=critic, args={"skill": 0.6}
        )  # fmt: skip
        found[name] = {**metrics(log), "planted": log.eval.metadata["planted"]["identification"]}  # type: ignore[index]
    return found


@pytest.mark.parametrize("critic", ["fair", "biased"])
def test_the_planted_identification_is_found(comparisons: Any, critic: str) -> None:
    found = comparisons[critic]
    assert within(found, "identification", found["planted"])
    assert found["identification p"] < 0.01 and 50 < found["comparisons"] <= 60


def test_a_position_biased_critic_is_detected_and_moves_no_accuracy(comparisons: Any) -> None:
    fair, biased = comparisons["fair"], comparisons["biased"]
    assert within(fair, "position_bias", 0.0)
    assert biased["position_bias low"] > 0.1
    # Guesses that go to one place instead of a coin's: half of them are right either way.
    assert abs(biased["identification"] - fair["identification"]) < 0.05
    assert biased["order_consistency"] < fair["order_consistency"]
    assert biased["identification_bias_free"] > biased["identification"]


def test_a_persona_blind_model_cannot_be_identified(folder: Path) -> None:
    found = metrics(evaluate(folder / "blind", "comparison", n=15, mode="baseline"))
    assert within(found, "identification", 0.5) and not math.isnan(found["identification p"])


def test_against_the_baseline_the_planted_win_rate_is_found(folder: Path) -> None:
    log = evaluate(folder / "wins", "main", n=40, protocol="pairwise", args={"base": 0.6})
    assert within(metrics(log), "accuracy", log.eval.metadata["planted"]["win_rate"])  # type: ignore[index]
