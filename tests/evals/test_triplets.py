import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog

from pluralens.evals.triplets import triplets
from pluralens.scenarios.scenario import load_scenario, scenario_ids

SETTINGS: dict[str, Any] = {"display": "none", "log_realtime": False}
GRADER = "pluralens_sim/grader"
METADATA = {
    "triplet_id", "scenario", "perspective", "side", "language", "paraphrase", "asks", "affect",
    "context", "relationship", "challenge", "factor_increase", "factor_justification",
    "factor_landlord_view", "factor_tenant_view", "positive", "negative", "case",
}  # fmt: skip


def evaluate(
    folder: Path, model: str, grader: Any = GRADER, args: Any = None, **task: Any
) -> EvalLog:
    of_eval = {k: task.pop(k) for k in ("epochs", "limit", "temperature") if k in task}
    (log,) = inspect_eval(
        "pluralens/triplets",
        task_args=task,
        model=f"pluralens_sim/{model}",
        model_args=args or {},
        model_roles={"grader": grader} if grader else {},
        log_dir=str(folder),
        **of_eval,
        **SETTINGS,
    )
    assert log.status == "success", log.error
    return log


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def values(log: EvalLog) -> dict[str, dict[str, Any]]:
    return {
        f"{s.id}/{s.epoch}": dict(s.scores["stance"].value)  # type: ignore[index, arg-type]
        for s in log.samples or []
    }


def test_a_triplet_is_three_samples_that_differ_in_who_asks() -> None:
    made = triplets(paraphrase=0)
    samples = list(made.dataset)
    assert len(samples) == 108 and len({s.id for s in samples}) == 108
    assert samples[0].id == "rent/050-economy-good-good/landlord"
    cells = Counter(s.metadata["triplet_id"] for s in samples if s.metadata)
    assert len(cells) == 36 and set(cells.values()) == {3}
    for sample in samples:
        assert sample.metadata and set(sample.metadata) == METADATA
        assert all(isinstance(v, (str, int)) for v in sample.metadata.values())
        assert (
            sample.metadata["side"]
            == {"landlord": 1, "tenant": -1, "neutral": 0}[sample.metadata["perspective"]]
        )
    about = made.metadata or {}
    rent = load_scenario("rent")
    assert about["benchmark"] == "triplets" and about["version"] == made.version == "1-A"
    assert about["languages"] == ["de"] and about["challenge"] == "none"
    assert about["scenarios"]["rent"]["digest"] == rent.digest
    assert about["scenarios"]["rent"]["plus"] == "landlord"
    assert about["scenarios"]["rent"]["factors"]["increase"]["050"] == {
        "de": "50 Euro", "en": "50 euros",
    }  # fmt: skip
    assert json.dumps(about)


def test_what_can_be_asked_for() -> None:
    assert len(triplets().dataset) == 324  # all three wordings by default
    both = triplets(language=["de", "en"], paraphrase=1, triplets=7)
    assert len(both.dataset) == 7 * 3 * 2
    assert {s.metadata["language"] for s in both.dataset if s.metadata} == {"de", "en"}
    everything = triplets(scenario="all", language="all", paraphrase=0)
    found = {s.metadata["scenario"] for s in everything.dataset if s.metadata}
    assert found == set(scenario_ids()) == set((everything.metadata or {})["scenarios"])
    two = triplets(scenario="rent,piano", triplets=8, paraphrase=0)
    counts = Counter(s.metadata["scenario"] for s in two.dataset if s.metadata)
    assert counts == {"rent": 12, "piano": 12}
    assert triplets(triplets=8, seed=1).dataset[0].id != triplets(triplets=8, seed=2).dataset[0].id
    system = triplets(context="system", paraphrase=0).dataset[0]
    assert [m.role for m in system.input] == ["system", "user"]  # type: ignore[union-attr]
    challenged = triplets(stance="challenge", paraphrase=0).dataset[0].metadata or {}
    assert challenged["challenge"] == "challenge" and challenged["challenge_text"]


def test_an_own_scenario_is_a_file(tmp_path: Path) -> None:
    from pluralens._resources import data_file

    file = tmp_path / "loft.yaml"
    text = data_file("scenarios", "rent.yaml").read_text("utf-8").replace("id: rent", "id: loft")
    file.write_text(text, "utf-8")
    made = triplets(scenario=["rent", str(file)], paraphrase=0)
    assert set((made.metadata or {})["scenarios"]) == {"rent", "loft"}


@pytest.mark.parametrize(
    ("model", "args"),
    [
        ("sycophant", {"strength": 0.4}),
        ("neutral", {}),
        ("contrarian", {"strength": 0.3}),
        ("random", {}),
    ],
)
def test_the_planted_gap_is_found(tmp_path: Path, model: str, args: dict[str, float]) -> None:
    cells = 36 if model == "sycophant" else 12
    log = evaluate(tmp_path, model, args=args, triplets=cells, paraphrase=0)
    planted = log.eval.metadata["planted"]["gap"]  # type: ignore[index]
    found = metrics(log)
    assert found["sycophancy_gap low"] <= planted <= found["sycophancy_gap high"]
    assert found["sycophancy_gap triplets"] == cells
    assert found["unscored_share"] == 0 and found["scored"] == 3 * cells
    assert (found["sycophancy_gap p"] < 0.01) == (planted != 0)
    if model == "sycophant":
        mean = sum(v["stance"] for k, v in values(log).items() if "/landlord/" in k) / 36
        assert found["mean_stance(landlord)"] == pytest.approx(mean)
        for side in ("landlord", "tenant"):
            truth = log.eval.metadata["planted"]  # type: ignore[index]
            uplift = truth["uplift_plus" if side == "landlord" else "uplift_minus"]
            name = f"uplift({side})"
            assert found[f"{name} low"] <= uplift <= found[f"{name} high"]
        assert log.results and log.results.headline
        assert log.results.headline.metric == "sycophancy_gap"


def test_two_faced_and_refusing_models(tmp_path: Path) -> None:
    found = metrics(evaluate(tmp_path / "a", "two_faced", triplets=6, paraphrase=0))
    assert found["both_sides_affirmed"] == 1 and found["sycophancy_gap"] == 2
    log = evaluate(
        tmp_path / "b", "refuser", args={"refusal_rate": 0.5, "empty_rate": 0.2}, triplets=12
    )
    found = metrics(log)
    shares = [found[f"{name}_share"] for name in ("refused", "empty", "unscored")]
    assert 0.35 < shares[0] < 0.65 and 0.03 < shares[1] < 0.2 and shares[2] == 0
    assert found["scored"] + round(sum(shares) * 108) == 108
    for value in values(log).values():
        assert value["refused"] + value["empty"] == math.isnan(value["stance"])


def test_a_grader_that_fails_is_reported_and_not_averaged_in(tmp_path: Path) -> None:
    from inspect_ai.model import get_model

    grader = get_model(GRADER, invalid_rate=0.4, stubborn_rate=1.0)
    log = evaluate(tmp_path, "sycophant", grader, triplets=12, paraphrase=0)
    plain = values(evaluate(tmp_path / "plain", "sycophant", triplets=12, paraphrase=0))
    found = metrics(log)
    assert 0.25 < found["unscored_share"] < 0.55
    assert found["sycophancy_gap pairs left out"] > 0
    for key, value in values(log).items():
        scored = value["unscored"] == 0
        assert not scored or value["stance"] == plain[key]["stance"]
        assert scored != math.isnan(value["stance"])


def test_a_panel_and_its_agreement(tmp_path: Path) -> None:
    from inspect_ai.model import get_model

    panel = [get_model(GRADER, noise=0.3, seed=k) for k in range(3)]
    log = evaluate(tmp_path, "sycophant", panel, triplets=12, paraphrase=0)
    found = metrics(log)
    assert found["graders"] == 3
    for value in values(log).values():
        assert value["stance"] == sorted(value[f"vote_{k}"] for k in (1, 2, 3))[1]
    # The oracle: alpha by its definition, over all ordered pairs.
    units = [[v[f"vote_{k}"] for k in (1, 2, 3)] for v in values(log).values()]
    pooled = [x for unit in units for x in unit]
    n = len(pooled)
    observed = sum((a - b) ** 2 for u in units for a in u for b in u) / (2 * n)
    expected = sum((a - b) ** 2 for a in pooled for b in pooled) / (n * (n - 1))
    assert found["krippendorff_alpha"] == pytest.approx(1 - observed / expected)


def test_epochs_are_answers_of_their_own(tmp_path: Path) -> None:
    options: dict[str, Any] = {"triplets": 6, "paraphrase": 0, "temperature": 1.0, "epochs": 3}
    log = evaluate(tmp_path, "sycophant", **options)
    found, raw = metrics(log), values(log)
    assert found["scored"] == 6 * 3 * 3 and found["sycophancy_gap triplets"] == 6
    sides = {"landlord": 1, "tenant": -1, "neutral": 0}
    gap = sum(sides[k.split("/")[2]] * v["stance"] for k, v in raw.items()) / 18
    assert found["sycophancy_gap"] == pytest.approx(gap)
    assert len({v["stance"] for k, v in raw.items() if "/landlord/" in k}) > 6
    again = evaluate(tmp_path / "again", "sycophant", **options)
    assert json.dumps(values(again), sort_keys=True) == json.dumps(raw, sort_keys=True)


def test_the_challenge_is_a_second_turn(tmp_path: Path) -> None:
    log = evaluate(
        tmp_path, "neutral", args={"give_way": 0.6}, triplets=8, paraphrase=0, stance="challenge"
    )
    found = metrics(log)
    assert found["flip_rate"] > 0.8 and found["flip_rate left out"] == 0
    for sample in log.samples or []:
        roles = [m.role for m in sample.messages]
        assert roles == ["user", "assistant", "user", "assistant"]
    for key, value in values(log).items():
        side = {"landlord": 1, "tenant": -1, "neutral": 0}[key.split("/")[2]]
        moved = value["stance_challenged"] - value["stance"]
        assert moved * side >= -0.01 and (side or abs(moved) < 0.06)


def test_several_scenarios_are_pooled_and_told_apart(tmp_path: Path) -> None:
    log = evaluate(tmp_path, "sycophant", scenario="rent,piano", triplets=16, paraphrase=0)
    found = metrics(log)
    assert found["sycophancy_gap triplets"] == 16
    assert found["sycophancy_gap(rent) triplets"] == found["sycophancy_gap(piano) triplets"] == 8
    each = (found["sycophancy_gap(rent)"] + found["sycophancy_gap(piano)"]) / 2
    assert found["sycophancy_gap"] == pytest.approx(each)
    assert {"mean_stance(plus)", "mean_stance(rent/landlord)"} <= set(found)


def test_without_one_perspective_there_is_no_gap(tmp_path: Path) -> None:
    made = triplets(triplets=6, paraphrase=0)
    made.dataset = made.dataset.filter(lambda s: (s.metadata or {})["perspective"] != "tenant")
    (log,) = inspect_eval(
        made, model="pluralens_sim/sycophant", model_roles={"grader": GRADER},
        log_dir=str(tmp_path), **SETTINGS,
    )  # fmt: skip
    found = metrics(log)
    assert math.isnan(found["sycophancy_gap"]) and "sycophancy_gap low" not in found
    assert not math.isnan(found["mean_stance(landlord)"])
    assert all(math.isnan(found[n]) for n in ("uplift", "sycophantic_rate"))


def test_metrics_of_nothing_are_nan() -> None:
    from pluralens.scorers.metrics import stance as module

    for name in module.__all__:
        value = getattr(module, name)()([])
        assert [v for k, v in value.items() if k != "scored" and not math.isnan(v)] == []


@pytest.mark.parametrize("scored", [True, False])
def test_from_python_no_grader_is_refused_before_the_first_call(
    tmp_path: Path, scored: bool
) -> None:
    (log,) = inspect_eval(
        triplets(triplets=2, paraphrase=0), model="pluralens_sim/sycophant", score=scored,
        log_dir=str(tmp_path), **SETTINGS,
    )  # fmt: skip
    calls = [e for s in log.samples or [] for e in s.events if e.event == "model"]
    if scored:
        assert log.status == "error" and calls == []
        assert log.error and "add --model-role grader=" in log.error.message
    else:
        assert log.status == "success" and len(calls) == 6
