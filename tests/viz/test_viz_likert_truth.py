"""Figures and the log's own metrics say the same, and planted truth is shown only where known."""

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog
from viz_logs import evaluate

from pluralens.models.respondent import load_latent
from pluralens.viz.likert import draw, main
from pluralens.viz.likert_figures import distribution, group_means, order, truth
from pluralens.viz.logs import read_likert_log


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results
    return {name: m.value for s in log.results.scores for name, m in s.metrics.items()}


@pytest.mark.parametrize("options", [{}, {"elicit": "both"}, {"elicit": "logprobs"}])
def test_the_log_and_the_tables_have_one_order_bias(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    log = evaluate(tmp_path, **options)
    table = order.table(read_likert_log(log.location)).iloc[0]
    found = metrics(log)
    assert found["order_bias"] == pytest.approx(table["order_bias"])
    assert found["order_bias low"] == pytest.approx(table["ci_low"])
    assert found["order_bias high"] == pytest.approx(table["ci_high"])
    assert found["order_exact_rate"] == pytest.approx(table["exact_rate"])
    # Twins repeat their base and do not count as personas of their own.
    assert table["n_personas"] == 14


def test_epochs_are_counted_one_by_one_and_estimated_as_one(tmp_path: Path) -> None:
    log = evaluate(tmp_path, epochs=2, n=6, counterfactuals=None)
    read = read_likert_log(log.location)
    shares = distribution.table(read)
    answered = sum(
        value["rated"]
        for s in log.samples or []
        if isinstance(value := (s.scores or {})["rating"].value, dict)
        and isinstance(value["rated"], (int, float))
    )
    assert shares["count"].sum() == answered
    assert order.table(read).iloc[0]["n_personas"] == 6
    assert read.frame["asked"].sum() == metrics(log)["asked"] == 6 * 2 * 6
    assert len(read.frame) == 6


def test_ratings_are_counted_per_dimension(finished: Path) -> None:
    log = read_likert_log(str(finished))
    means = group_means.table(log)
    base = log.frame[log.frame["role"] == "base"]
    warmth = ["g1", "g1_rev"]
    keys = {"aligned_warmth": warmth, "aligned": [*warmth, "g2", "g2_rev", "g4", "g4_rev"]}
    for outcome, columns in keys.items():
        part = means[(means["attribute"] == "gender") & (means["outcome"] == outcome)]
        assert part["n_ratings"].sum() == base[columns].notna().sum().sum()


def test_dollars_and_brackets_in_names_are_text(finished: Path, tmp_path: Path) -> None:
    log = read_likert_log(str(finished))
    items = {k: {**v, "adjective": r"gut $\frac$ <b>"} for k, v in log.items.items()}
    odd = dataclasses.replace(log, model=r"openai-api/x/$a_{b$c [/foo]", items=items)
    written = draw(odd, tmp_path, ["svg"])
    assert len([w for w in written if w.suffix == ".svg"]) == 5
    pictures = [w.read_text(encoding="utf-8") for w in written if w.suffix == ".svg"]
    assert all("$a_{b$c [/foo]" in picture for picture in pictures)
    assert not any("<b>" in picture for picture in pictures)


def test_a_chart_that_fails_leaves_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no figure")

    monkeypatch.setattr(order, "figure", fail)
    with pytest.raises(RuntimeError, match="no figure"):
        draw(read_likert_log(str(finished)), tmp_path / "out", ["png"])
    assert not (tmp_path / "out").exists()


def test_a_name_alone_has_no_planted_truth(tmp_path: Path) -> None:
    log = evaluate(tmp_path / "logs", style="name_only")
    out = tmp_path / "out"
    assert main(["--log", log.location, "--out", str(out), "--format", "png"]) == 0
    assert (out / "counterfactual_effects.png").exists()
    assert not (out / "planted_and_recovered.png").exists()


def true_effect(log: EvalLog, outcome: str = "aligned") -> float:
    """Planted difference women minus men."""
    read = read_likert_log(log.location)
    frame = truth.planted(read, load_latent()[0])
    by_gender = frame[frame["role"] != "placebo"].groupby("gender")[outcome].agg(["min", "max"])
    assert (by_gender["min"] - by_gender["max"]).abs().max() < 1e-9
    return float(by_gender.loc["female", "min"] - by_gender.loc["male", "min"])


def test_truth_is_what_the_respondent_reads_and_means(tmp_path: Path) -> None:
    shown = {"attributes": ["age", "gender"], "age": "30-40"}
    own = tmp_path / "own.csv"
    own.write_text("id,adjective\nx1,aggressiv\nx2,herzlich\nx3,unbekannt\n", encoding="utf-8")
    planted = load_latent()[0].effects["gender"]["female"]
    assertive, warm = planted["assertiveness"], planted["warmth"]
    log = evaluate(tmp_path / "a", cases=str(own), items="x1", **shown)
    # The file says that "aggressiv" is favourable; the respondent knows better.
    assert true_effect(log) == pytest.approx(-assertive)
    log = evaluate(tmp_path / "b", cases=str(own), items="x2,x3", **shown)
    # A word that it does not know is judged like its first dimension.
    assert true_effect(log) == pytest.approx(
        (warm + planted[next(iter(load_latent()[0].base))]) / 2
    )


def test_an_own_effects_file_is_recorded_in_the_log(tmp_path: Path) -> None:
    effects = tmp_path / "effects.yaml"
    effects.write_text("base: {warmth: 3}\neffects: {gender: {female: {warmth: 0.4}}}\n")
    (log,) = inspect_eval(
        "pluralens/likert",
        task_args={"n": 6, "items": "g1", "counterfactuals": "gender"},
        model="pluralens_sim/likert",
        model_args={"effects": str(effects)},
        log_dir=str(tmp_path / "logs"),
        display="none",
    )
    effects.write_text("base: {warmth: 3}\n")
    table = truth.table(read_likert_log(log.location))
    pairs = table[
        table["value"].isin(["female", "male"]) & table["reference"].isin(["female", "male"])
    ]
    assert set(pairs["planted"].abs().round(9)) == {0.4}


def test_what_an_unrecorded_effects_file_said_is_not_guessed(tmp_path: Path) -> None:
    effects = tmp_path / "effects.yaml"
    effects.write_text("base: {warmth: 3}\n")
    log = evaluate(tmp_path / "logs", items="g1", model_args={"effects": str(effects)})
    out = tmp_path / "out"
    assert main(["--log", log.location, "--out", str(out), "--format", "png"]) == 0
    assert not (out / "planted_and_recovered.png").exists()
    assert not pd.read_csv(out / "coverage.csv").empty
