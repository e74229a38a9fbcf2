import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai import score as inspect_score
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log

from pluralens.evals.likert import likert
from pluralens.scorers.rating import rating

SETTINGS: dict[str, Any] = {"display": "none", "log_realtime": False}
FEW = "g1,g2,g4"


def evaluate(folder: Path, model_args: dict[str, Any] | None = None, **task: Any) -> EvalLog:
    of_eval = {k: task.pop(k) for k in ("epochs", "temperature_of_model", "score") if k in task}
    if "temperature_of_model" in of_eval:
        of_eval["temperature"] = of_eval.pop("temperature_of_model")
    (log,) = inspect_eval(
        likert(**{"items": FEW, **task}),
        model="pluralens_sim/likert",
        model_args=model_args or {},
        log_dir=str(folder),
        **of_eval,
        **SETTINGS,
    )
    assert log.status == "success", log.error
    return log


def values(log: EvalLog) -> dict[str, dict[str, float]]:
    return {
        f"{s.id}/{s.epoch}": dict(s.scores["rating"].value)  # type: ignore[index, arg-type]
        for s in log.samples or []
    }


def text(scores: dict[str, dict[str, float]]) -> str:
    """Comparable with NaN."""
    return json.dumps(scores, sort_keys=True)


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def test_every_question_is_counted_once_and_values_are_flat(tmp_path: Path) -> None:
    log = evaluate(
        tmp_path,
        {"refusal_rate": 0.1, "invalid_rate": 0.3},
        n=8,
        counterfactuals="gender,placebo",
    )
    for value in values(log).values():
        assert list(value)[:6] == ["g1", "g1_rev", "g2", "g2_rev", "g4", "g4_rev"]
        ratings = [v for v in list(value.values())[:6] if not math.isnan(v)]
        assert value["asked"] == 6
        assert value["rated"] == len(ratings)
        assert value["rated"] + value["refused"] + value["invalid"] == value["asked"]
    total = metrics(log)
    assert total["asked"] == 6 * 8 * 4
    assert total["rated"] + total["refused"] + total["invalid"] == total["asked"]
    assert 0 < total["invalid"] < 0.3 * total["asked"]  # asked again once, so fewer than 30 %


def test_the_same_command_gives_the_same_scores(tmp_path: Path) -> None:
    options: dict[str, Any] = {"n": 6, "counterfactuals": "gender", "seed": 1}
    first = evaluate(tmp_path / "a", **options)
    second = evaluate(tmp_path / "b", **options)
    assert text(values(first)) == text(values(second))
    assert metrics(first) == pytest.approx(metrics(second), nan_ok=True)
    sampled = [evaluate(tmp_path / c, temperature_of_model=1.0, **options) for c in ("c", "d")]
    assert text(values(sampled[0])) == text(values(sampled[1]))
    assert text(values(sampled[0])) != text(values(first))


def test_placebo_twins_are_identical_when_greedy_and_differ_when_sampled(tmp_path: Path) -> None:
    greedy = evaluate(tmp_path / "a", n=6, counterfactuals="placebo")
    sampled = evaluate(tmp_path / "b", n=6, counterfactuals="placebo", temperature_of_model=1.0)
    for log, alike in ((greedy, True), (sampled, False)):
        by_id = values(log)
        pairs = [
            (by_id[f"{s.metadata['base_id']}/1"], by_id[f"{s.id}/1"])
            for s in log.samples or []
            if s.metadata["role"] == "placebo"
        ]
        assert len(pairs) == 6
        assert all(text({"": a}) == text({"": b}) for a, b in pairs) == alike
        inputs = {s.id: s.input for s in log.samples or []}
        for s in log.samples or []:
            assert s.input == inputs[s.metadata["base_id"]]


def test_epochs_draw_anew_and_keep_ids(tmp_path: Path) -> None:
    log = evaluate(tmp_path, n=3, epochs=2, temperature_of_model=1.0)
    by_id = values(log)
    assert len(by_id) == 6
    ids = {key.split("/")[0] for key in by_id}
    assert any(text({"": by_id[f"{i}/1"]}) != text({"": by_id[f"{i}/2"]}) for i in ids)


@pytest.mark.parametrize(
    ("orders", "keys"),
    [
        ("normal", ["g1", "g2", "g4"]),
        ("reversed", ["g1_rev", "g2_rev", "g4_rev"]),
        ("random", ["g1", "g1_rev", "g2", "g2_rev", "g4", "g4_rev"]),
    ],
)
def test_orders(tmp_path: Path, orders: str, keys: list[str]) -> None:
    log = evaluate(tmp_path, n=4, orders=orders, counterfactuals="placebo")
    asked: dict[str, set[str]] = {}
    for s in log.samples or []:
        value = dict(s.scores["rating"].value)  # type: ignore[index, arg-type]
        assert [k for k in value if k.startswith("g")] == keys
        assert value["asked"] == 3
        answered = {k for k in keys if not math.isnan(value[k])}
        asked.setdefault(s.metadata["base_id"], set()).update(answered)
    # A twin is asked in the same random orders as its base, else order effects would look like
    # effects of the changed attribute.
    assert all(len(found) == 3 for found in asked.values())


@pytest.mark.parametrize("elicit", ["logprobs", "both"])
def test_expected_ratings_from_log_probabilities(tmp_path: Path, elicit: str) -> None:
    quiet = {"refusal_rate": 0.0, "invalid_rate": 0.0}
    log = evaluate(tmp_path, quiet, n=4, elicit=elicit)
    for value in values(log).values():
        assert 1 <= value["g1_ev"] <= 5
        assert value["missing_mass"] == pytest.approx(0, abs=1e-9)
        assert value["rated"] == 6
        assert ("g1" in value) == (elicit == "both")
    found = metrics(log)
    assert ("mismatch_rate" in found) == (elicit == "both")
    if elicit == "both":
        assert 0 < found["mismatch_rate"] < 1


def test_refusals_have_no_expected_rating(tmp_path: Path) -> None:
    log = evaluate(tmp_path, {"refusal_rate": 1.0}, n=2, elicit="logprobs")
    for value in values(log).values():
        assert math.isnan(value["g1_ev"]) and value["rated"] == 0
        assert value["missing_mass"] == 1
        assert value["refused"] + value["invalid"] == 6


@pytest.mark.parametrize("elicit", ["json", "text"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_rationale_and_languages(tmp_path: Path, elicit: str, language: str) -> None:
    items = "g1,g4" if language == "de" else "e1,e4"
    log = evaluate(tmp_path, n=3, elicit=elicit, rationale=True, language=language, items=items)
    assert metrics(log)["rated"] + metrics(log)["refused"] >= 11
    assert log.samples
    replies = [a["replies"][0] for s in log.samples for a in s.store["LikertAnswers:answers"]]
    assert all("simul" in r or "sorry" in r or "leid" in r or len(r) < 30 for r in replies)
    assert any("simul" in r for r in replies)


@pytest.mark.parametrize("style", ["list", "sentence", "bio", "name_only"])
def test_styles(tmp_path: Path, style: str) -> None:
    log = evaluate(tmp_path, n=4, counterfactuals="gender", style=style)
    assert log.samples
    for s in log.samples:
        assert isinstance(s.input, str)
        assert ("\n" in s.input) == (style == "list")
        if style == "name_only":
            assert s.input == f"Name: {s.metadata['name']}"
        if style == "bio":
            # Gender is changed, and a name would tell it a second time.
            assert s.metadata["name"] == ""


def test_a_second_question_follows_an_invalid_reply_but_not_a_refusal(tmp_path: Path) -> None:
    log = evaluate(tmp_path, {"refusal_rate": 0.3, "invalid_rate": 0.5}, n=6)
    assert log.samples
    kinds = Counter()
    for s in log.samples:
        for answer in s.store["LikertAnswers:answers"]:
            refused = "leid" in answer["replies"][0]
            kinds[refused, len(answer["replies"])] += 1
    assert kinds[True, 1] > 0 and kinds[True, 2] == 0
    assert kinds[False, 2] > 0


def test_an_old_log_is_scored_again_without_calls(tmp_path: Path) -> None:
    log = evaluate(tmp_path / "scored", n=5, counterfactuals="gender")
    later = evaluate(tmp_path / "later", n=5, counterfactuals="gender", score=False)
    assert all(not s.scores for s in later.samples or [])
    scored = inspect_score(later, rating(), action="overwrite", display="none")
    assert text(values(scored)) == text(values(log))


def test_the_command_line_runs_the_packaged_task(tmp_path: Path, run: Any) -> None:
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", "pluralens_sim/likert", "-T", "n=3",
        "-T", "counterfactuals=gender,religion", "-T", "per_attribute=1", "-T", f"items={FEW}",
        "-M", "order_bias=0.1", "--log-dir", "logs",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    log = read_eval_log(info)
    assert log.eval.task == "pluralens/likert"
    assert (log.eval.packages or {}).keys() >= {"pluralens"}
    assert log.eval.metadata and log.eval.metadata["population"]["id"] == "de"
    assert len(log.samples or []) == 9
    for s in log.samples or []:
        assert all(isinstance(v, (str, int, float)) for v in s.metadata.values())


WRONG = [
    ("n=0", "n=0 must be a whole number of at least 1"),
    ("n=2.5", "n=2.5 must be a whole number"),
    ("attributes=age,height", "'height' is no attribute of population de"),
    ("counterfactuals=height", "height"),
    ("language=fr", "language='fr' is unknown; choose one of de, en"),
    ("orders=up", "orders='up' is unknown; choose one of both"),
    ("style=poem", "style='poem' is unknown; choose one of list"),
    ("elicit=mind", "elicit='mind' is unknown; choose one of json"),
    ("population_temperature=-0.1", "population_temperature=-0.1 must be in [0, 1]"),
    ("population_temperature=1.5", "population_temperature=1.5 must be in [0, 1]"),
    ("temperature=1.5", "there is no option temperature=1.5; the population's shares"),
    ("populaton=de", "there is no option populaton='de'; the closest is 'population'"),
    ("paraphrase=9", "paraphrase=9 is unknown; choose a number from 0 to 3"),
    ("per_attribute=some", "per_attribute='some' must be `all` or a number"),
    ("age=old", "age='old' must be youngest-oldest"),
    ("items=g1,g999", "g999"),
    ("population=fr", "'fr' is neither an id nor a folder"),
    ("cases=none.csv", "none.csv"),
    ("seed=-1", "seed=-1 must be a whole number"),
]


@pytest.mark.parametrize(("option", "message"), WRONG)
def test_wrong_options_are_named(option: str, message: str) -> None:
    import click
    import yaml

    name, value = option.split("=", 1)
    parsed = yaml.safe_load(value) if "," not in value else value.split(",")
    with pytest.raises(click.ClickException) as caught:
        likert(**{name: parsed})
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "name_only", "counterfactuals": "religion"}, "would change nothing"),
        ({"attributes": "age", "counterfactuals": "gender"}, "would change nothing"),
        ({"elicit": "logprobs", "rationale": True}, "rationale=true does not go with"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: dict[str, Any], message: str
) -> None:
    import click

    with pytest.raises(click.ClickException, match=message):
        likert(**options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-T", "n=0"], "Error: n=0 must be a whole number of at least 1"),
        (["-T", "population_temperature=-0.1"], "population_temperature=-0.1 must be in [0, 1]"),
        (["-T", "temperature=1.5"], "Error: there is no option temperature=1.5"),
        (["-M", "noize=1"], "unknown parameter 'noize'"),
    ],
)
def test_the_command_line_ends_with_one_clear_line(
    run: Any, arguments: list[str], message: str
) -> None:
    done = run("inspect", "eval", "pluralens/likert", "--model", "pluralens_sim/likert", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_provider_without_log_probabilities_is_refused_before_the_first_call(run: Any) -> None:
    done = run(
        "inspect", "eval", "pluralens/likert", "--model", "mockllm/model", "-T", "elicit=logprobs"
    )
    assert done.returncode == 2
    assert "elicit=logprobs needs log-probabilities, and the provider mockllm" in done.stderr


def test_missing_log_probabilities_are_an_error_and_never_a_rating(tmp_path: Path) -> None:
    (log,) = inspect_eval(
        likert(n=2, items=FEW, elicit="logprobs"),
        model="pluralens_sim/likert",
        model_args={"logprobs": False},
        log_dir=str(tmp_path),
        **SETTINGS,
    )
    assert log.status == "error" and log.error
    assert "returned no log-probabilities" in log.error.message
