"""Several attempts: curves, first successes and figure of pass@k logs."""

from collections.abc import Iterator
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from critique_evals import evaluate, sample, verdict
from persona_drawing import assert_same_bytes, simulated, table_of, texts

from pluralens.viz.critique_figures import attempts
from pluralens.viz.critique_logs import CritiqueLog, read_critique_log
from pluralens.viz.style import themed
from pluralens.viz.visualization_pass_at_k import charts, main

# Accepted attempts of four each; one attempt of the last pair has no verdict.
TRIES = ([0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1], [1, 0, 1, 0], [0, None, 1, 0])


def study() -> Iterator[dict[str, Any]]:
    for k, tries in enumerate(TRIES):
        yield sample(f"q{k}", f"p{k}", [verdict(one) for one in tries])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> CritiqueLog:
    folder = tmp_path_factory.mktemp("tries")
    return read_critique_log(evaluate(folder, "persona_pass_at_k", study(), epochs=4).location)


def test_the_curves_are_counts_of_combinations(log: CritiqueLog) -> None:
    table = attempts.table(log, attempts.estimate(log)).set_index("k")
    counts = [(sum(x is not None for x in one), sum(x == 1 for x in one)) for one in TRIES]
    for k in range(1, 5):
        some = [1 - comb(n - c, k) / comb(n, k) for n, c in counts if n >= k]
        every = [comb(c, k) / comb(n, k) for n, c in counts if n >= k]
        assert table.loc[k, "pass_at_k"] == pytest.approx(np.mean(some))
        assert table.loc[k, "pass_all_k"] == pytest.approx(np.mean(every))
        assert table.loc[k, "n_pairs"] == len(some)
    assert (table["ci_low"] <= table["pass_at_k"]).all()
    assert table["planted_pass_at_k"].isna().all()


def test_first_successes_are_those_of_the_life_table(log: CritiqueLog) -> None:
    table = attempts.first_success(log, attempts.estimate(log))
    # First successes at attempts 2, never, 1, 4, 1, and 2 of the three with a verdict.
    expected = [1, 4 / 6, 2 / 6, 2 / 6, 1 / 6]
    assert table["without_success"].tolist() == pytest.approx(expected)
    assert table["attempts"].tolist() == [0, 1, 2, 3, 4]
    assert set(table["n_unscored"]) == {1} and set(table["n_pairs"]) == {6}
    assert table["never"].iloc[0] == pytest.approx(1 / 6)
    assert table["mean_attempts"].iloc[0] == pytest.approx(sum(expected[:4]))


def test_the_figure_tells_n_and_the_mean(log: CritiqueLog) -> None:
    found = attempts.estimate(log)
    with themed("light"):
        drawn = attempts.figure(
            attempts.table(log, found), attempts.first_success(log, found), log.heading
        )
        shown = texts(drawn)
    assert "n = 6 pairs" in shown and "mean 2.33 (95 %" in shown
    assert "Attempts without a verdict, left out: 1." in shown
    assert "Pairs at the largest k: 5." in shown
    assert "6 persons, 4 attempts each" in shown and "planted" not in shown


@pytest.mark.parametrize("tries", [1, 2])
def test_few_attempts_and_no_verdicts_are_drawn(tmp_path: Path, tries: int) -> None:
    value = [verdict(1), verdict(0)][:tries] if tries == 1 else [verdict(None)] * 2
    samples = [sample("q", "p", value)]
    made = evaluate(tmp_path / "logs", "persona_pass_at_k", samples, epochs=tries)
    out = tmp_path / "out"
    assert main(["--log", made.location, "--out", str(out), "--format", "svg"]) == 0
    assert len(table_of(out / "pass_at_k.csv")) == (1 if tries == 1 else 0)
    told = "No attempt has a verdict (2 without)"
    assert (told in (out / "pass_at_k.svg").read_text(encoding="utf-8")) == (tries == 2)


def test_a_run_of_the_task_is_drawn_with_what_was_planted(tmp_path: Path) -> None:
    options = {"n": 20, "attempts": 5, "model_args": {"base": 0.4}}
    place = simulated(tmp_path / "logs", "persona_pass_at_k", **options)
    assert_same_bytes(main, place, tmp_path)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["first_success.csv", "pass_at_k.csv", "pass_at_k.png", "pass_at_k.svg"]
    log = read_critique_log(place)
    curve = table_of(tmp_path / "one" / "pass_at_k.csv")
    assert curve["planted_pass_at_k"].tolist() == pytest.approx(
        [log.planted["pass_at_k"][str(k)] for k in range(1, 6)]
    )
    inside = curve["planted_pass_at_k"].between(curve["ci_low"], curve["ci_high"])
    assert inside.sum() >= 4
    waiting = table_of(tmp_path / "one" / "first_success.csv")
    left = [1, *(1 - curve["planted_pass_at_k"])]
    assert waiting["planted"].tolist() == pytest.approx(left)
    picture = (tmp_path / "one" / "pass_at_k.svg").read_text(encoding="utf-8")
    assert "planted in the simulated model" in picture
    assert [chart.name for chart in charts(log)[0]] == ["pass_at_k"]
