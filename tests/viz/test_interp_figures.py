"""Tables and figures of the mechanistic analyses, against the arrays that the logs were made of."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from interp_evals import HEADS, LAYERS, arrays_of, benchmark, evaluate, noise, numbers_of
from matplotlib.figure import Figure
from persona_drawing import assert_same_bytes, table_of, texts
from scipy.stats import pearsonr, spearmanr

from pluralens.viz.interp import charts, main
from pluralens.viz.interp_figures import stability, stereoset, winogender
from pluralens.viz.interp_logs import ANALYSES, read_interp_log
from pluralens.viz.interp_studies import InterpStudy, read_studies
from pluralens.viz.style import themed

UNIT = "builtin/gender"
OCCUPATIONS = ("cook", "nurse", "welder", "clerk", "farmer", "baker")
SHARES = dict(zip(OCCUPATIONS, (38.0, 87.0, 5.0, 60.0, 26.0, 62.0), strict=True))
PLANTED = dict(zip(OCCUPATIONS, (0.5, -1.9, 2.9, -0.4, 1.0, -0.5), strict=True))


def sentences(slope: float = -0.04, **more: Any) -> dict[str, Any]:
    """Four sentences per occupation; log-odds fall with the share of women."""
    made = {}
    for name, share in SHARES.items():
        for k in range(4):
            odds = slope * (share - 50) + 0.1 * float(noise(1, key=f"{name}{k}")[0])
            value = {"male_sum": -10.0 + odds, "female_sum": -10.0, "neutral_sum": -12.0}
            value |= {"male_next": -1.0 - odds, "female_next": -1.0, "neutral_next": -3.0}
            referent = ("occupation", "participant")[k % 2]
            about = {"occupation": name, "referent": referent, "share": share}
            made[f"{name}-{k}"] = (about, value | more)
    return made


def triplets() -> dict[str, Any]:
    """gender: 3 of 4 stereotypes preferred, all sense; race: 1 of 4, half of the sense."""
    made = {}
    for domain, preferred, hits in (("gender", 3, 1.0), ("race", 1, 0.5)):
        for k in range(4):
            value = {"prefers_stereotype": float(k < preferred), "lm_hits": hits, "tied": 0.0}
            made[f"{domain}{k}"] = ({"domain": domain, "target": f"{domain}-{k}"}, value)
    return made


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A log of every task, of one checkpoint."""
    folder = tmp_path_factory.mktemp("logs")
    found = {task: evaluate(folder, task).location for task in ANALYSES}
    planted = {"kind": "toy with planted bias", "log_odds": PLANTED}
    found["winogender"] = benchmark(folder, "winogender", sentences(), planted=planted).location
    found["stereoset"] = benchmark(folder, "stereoset", triplets()).location
    return found


@pytest.fixture(scope="module")
def study(places: dict[str, str]) -> InterpStudy:
    (found,) = read_studies(list(places.values()))
    return found


def drawn(study: InterpStudy, name: str, theme: str = "light") -> tuple[pd.DataFrame, str]:
    """The table of a chart, and everything that can be read in its figure."""
    (chart,) = [one for one in charts(study) if one.name == name]
    table = chart.table()
    with themed(theme):
        figure = chart.figure(table)
        assert isinstance(figure, Figure)
        figure.canvas.draw()
        return table, texts(figure)


def test_every_task_has_its_figures(study: InterpStudy) -> None:
    names = {chart.name for chart in charts(study)}
    assert names == {
        *(f"{name}-builtin-gender" for name in (
            "ablation", "patching_denoising", "patching_noising", "patching_positions",
            "attribution", "attribution_layers", "attribution_vs_ablation", "probe", "lens",
            "lens_contributions", "faithfulness",
        )),
        "stereoset-builtin-intrasentence", "winogender-builtin", "winogender_planted-builtin",
        "stability",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("task", "file", "array"),
    [
        ("ablation", "ablation", "effect"),
        ("patching", "patching_denoising", "denoising"),
        ("patching", "patching_noising", "noising"),
        ("attribution", "attribution", "atp"),
        ("lens", "lens_contributions", "writes"),
    ],
)
def test_component_tables_are_the_arrays(
    study: InterpStudy, task: str, file: str, array: str
) -> None:
    table, shown = drawn(study, f"{file}-builtin-gender")
    arrays = arrays_of(task, UNIT)
    heads = table[table["component"] != "MLP"]
    assert len(heads) == LAYERS * HEADS and len(table) == LAYERS * (HEADS + 1)
    for row in heads.itertuples():
        cell = (row.layer, int(row.component))
        assert row.effect == arrays[f"head_{array}"][1][cell]
        assert row.significant == bool(arrays[f"head_{array}_significant"][1][cell])
        assert row.hook == f"blocks.{row.layer}.attn.hook_z"
    mlps = table[table["component"] == "MLP"].set_index("layer")
    for end, column in (("", "effect"), ("_low", "ci_low"), ("_high", "ci_high")):
        np.testing.assert_array_equal(mlps[column], arrays[f"mlp_{array}{end}"][1])
    assert "toy" in shown and UNIT in shown and "not distinguishable from 0" in shown
    assert ("n=22 pairs" if task == "patching" else "n=24 prompts in 12 groups") in shown


def test_positions_are_recoveries_by_layer_and_place(study: InterpStudy) -> None:
    table, shown = drawn(study, "patching_positions-builtin-gender")
    cells = arrays_of("patching", UNIT)["resid_by_position"][1]
    for row in table.itertuples():
        expected = cells[-1 - row.position, row.layer]
        assert row.recovery == pytest.approx(expected, nan_ok=True)
    assert table["position"].tolist()[:5] == [-5, -4, -3, -2, -1]
    # One prompt was too short for one place.
    assert table["recovery"].isna().sum() == 1 and "Empty: prompts are shorter" in shown


def test_layers_sum_their_heads(study: InterpStudy) -> None:
    table, shown = drawn(study, "attribution_layers-builtin-gender")
    arrays = arrays_of("attribution", UNIT)
    for method, name in (("atp", "attribution patching"), ("ig", "integrated gradients")):
        own = table[table["method"] == method]
        attention = own[own["kind"].str.startswith("attention")].set_index("layer")["score"]
        np.testing.assert_allclose(attention, arrays[f"head_{method}"][1].sum(axis=1))
        assert name in shown
    assert set(table["kind"]) == {"attention (sum of heads)", "MLP", "residual stream"}


def test_the_residual_stream_is_left_out_between_twins(tmp_path: Path) -> None:
    (log,) = read_studies([evaluate(tmp_path, "attribution").location])
    unit = log.logs[0].units[0]
    unit.about["baseline"] = "twin"  # type: ignore[index]
    table, _ = drawn(log, "attribution_layers-builtin-gender")
    assert set(table["kind"]) == {"attention (sum of heads)", "MLP"}


def test_the_scatter_holds_attribution_against_exact_ablation(study: InterpStudy) -> None:
    table, shown = drawn(study, "attribution_vs_ablation-builtin-gender")
    exact, scores = (arrays_of(task, UNIT) for task in ("ablation", "attribution"))
    removed = -np.concatenate([exact["head_effect"][1].ravel(), exact["mlp_effect"][1]])
    for method in ("atp", "ig", "grad_x_act"):
        own = table[table["method"] == method]
        given = [scores[f"{site}_{method}"][1].ravel() for site in ("head", "mlp")]
        np.testing.assert_array_equal(own["score"], np.concatenate(given))
        np.testing.assert_array_equal(own["removed"], removed)
        r, rho = pearsonr(own["score"], removed)[0], spearmanr(own["score"], removed)[0]
        assert f"r = {r:.2f}, rho = {rho:.2f}" in shown
    assert "fidelity 0.95" in shown and "LOW" not in shown


def test_low_fidelity_is_said(tmp_path: Path) -> None:
    made = [
        evaluate(tmp_path, "attribution", fidelity=0.4),
        evaluate(tmp_path, "ablation"),
    ]
    (found,) = read_studies([log.location for log in made])
    assert (
        "fidelity 0.40 LOW: no ranking" in drawn(found, "attribution_vs_ablation-builtin-gender")[1]
    )
    shown = drawn(found, "attribution-builtin-gender")[1]
    assert "fidelity low (r=0.40)" in shown and "too low for a ranking" in shown


def test_attribution_is_held_against_the_same_unit_only(tmp_path: Path) -> None:
    made = [
        evaluate(tmp_path, "attribution", ["stereoset/race"]),
        evaluate(tmp_path, "ablation", ["builtin/gender"]),
        evaluate(tmp_path, "ablation", ["stereoset/race"], about={"parameters_sha256": "another"}),
    ]
    for found in read_studies([log.location for log in made]):
        assert not any("_vs_" in chart.name for chart in charts(found))


def test_probes_have_their_controls(study: InterpStudy) -> None:
    table, shown = drawn(study, "probe-builtin-gender")
    arrays = arrays_of("probe", UNIT)
    for name in ("accuracy", "shuffled", "random_accuracy", "chance_high", "auc", "gain_low"):
        for place, column in (("last", 0), ("mean", 1)):
            own = table[table["place"] == place].sort_values("layer")
            np.testing.assert_array_equal(own[name], arrays[name][1][:, column])
    for word in ("chance band", "shuffled labels, mean", "random weights", "last token"):
        assert word in shown
    assert "n=24 texts in 12 groups" in shown and "do mostly men work" in shown


def test_the_lens_is_bias_by_layer(study: InterpStudy) -> None:
    table, shown = drawn(study, "lens-builtin-gender")
    np.testing.assert_array_equal(table["bias"], arrays_of("lens", UNIT)["lens"][1])
    assert table["layer"].tolist() == list(range(LAYERS + 1)) and "0 = embeddings" in shown


def test_faithfulness_has_bias_and_cost_beside_random_heads(study: InterpStudy) -> None:
    table, shown = drawn(study, "faithfulness-builtin-gender")
    arrays = arrays_of("faithfulness", UNIT)
    bias = table[table["measure"] == "bias"]
    assert bias["k"].tolist() == [0, 1, 4] and bias["value"].tolist() == [1.0, 0.4, 0.1]
    np.testing.assert_allclose(bias["random_mean"], arrays["random_bias"][1].mean(axis=0))
    cost = table[table["measure"] == "perplexity"]
    np.testing.assert_allclose(cost["value"], np.exp([2.0, 2.1, 2.5]))
    np.testing.assert_allclose(cost["ci_low"], np.exp([1.8, 1.9, 2.3]))
    assert (cost["ci_low"] < cost["value"]).all() and (cost["value"] < cost["ci_high"]).all()
    draws = np.exp(-arrays["random_log_prob"][1])
    np.testing.assert_allclose(cost["random_high"], draws.max(axis=0))
    assert "random heads, range" in shown and "perplexity" in shown


def test_stability_has_tau_and_overlaps(tmp_path: Path) -> None:
    ks = {
        "stability_k": (("k",), np.array([3, 5, 15])),
        "stability_jaccard": (("k",), np.array([0.5, 0.6, 1.0])),
        "stability_jaccard_low": (("k",), np.array([0.3, 0.4, 1.0])),
        "stability_jaccard_high": (("k",), np.array([0.7, 0.8, 1.0])),
    }
    arrays = arrays_of("ablation", UNIT) | ks
    made = evaluate(tmp_path, "ablation", {UNIT: {"arrays": arrays}})
    (found,) = read_studies([made.location, evaluate(tmp_path, "probe").location])
    table, shown = drawn(found, "stability")
    # All 15 components overlap with themselves.
    assert table[["measure", "k"]].to_numpy().tolist() == [
        ["tau", 0],
        ["jaccard", 3],
        ["jaccard", 5],
    ]
    assert table["value"].tolist() == [0.8, 0.5, 0.6]
    assert table["ci_low"].tolist() == [0.6, 0.3, 0.4]
    assert (table["components"] == LAYERS * (HEADS + 1)).all() and "k = 3 k = 5" in shown


def test_without_overlaps_tau_stands_alone(tmp_path: Path) -> None:
    numbers = {k: v for k, v in numbers_of("lens").items() if "jaccard" not in k}
    made = evaluate(tmp_path, "lens", {UNIT: {"numbers": numbers}})
    (found,) = read_studies([made.location])
    table, shown = drawn(found, "stability")
    assert len(table) == 1 and "Jaccard" not in shown
    nothing = evaluate(tmp_path, "lens", {UNIT: {"numbers": {}}})
    assert not stability.has_any(read_studies([nothing.location])[0])


def test_stereoset_scores_are_shares(places: dict[str, str], study: InterpStudy) -> None:
    table = stereoset.table(read_interp_log(places["stereoset"]))
    macro = table[table["weighting"] == "macro"].set_index("domain")
    assert macro["ss"].to_dict() == {"overall": 50, "gender": 75, "race": 25}
    assert macro["lms"].to_dict() == {"overall": 75, "gender": 100, "race": 50}
    assert macro["icat"].to_dict() == {"overall": 75, "gender": 50, "race": 25}
    _, shown = drawn(study, "stereoset-builtin-intrasentence")
    assert "50 is no preference" in shown and "gender" in shown and "items count once" in shown


def test_winogender_correlates_with_the_labour_market(
    places: dict[str, str], study: InterpStudy
) -> None:
    table, shown = drawn(study, "winogender-builtin")
    frame = pd.DataFrame(
        [{**about, "odds": v["male_sum"] - v["female_sum"]} for about, v in sentences().values()]
    )
    means = frame.groupby("occupation")["odds"].mean()
    whole = table[table["variant"] == "sum"].set_index("occupation")
    np.testing.assert_allclose(whole["log_odds"], means[whole.index])
    shares = [SHARES[name] for name in whole.index]
    r = pearsonr(whole["log_odds"], shares)[0]
    assert r < -0.9 and f"r = {r:.2f}".replace("-", "\N{MINUS SIGN}") in shown
    # By next token the same numbers have the other sign.
    other = table[table["variant"] == "next"].set_index("occupation")["log_odds"]
    np.testing.assert_allclose(other[whole.index], -whole["log_odds"])
    assert (whole["ci_low"] < whole["log_odds"]).all() and "n=24 sentences" in shown
    assert "planted" in shown and "toy with planted bias" in shown


def test_planted_log_odds_stand_beside_measured_ones(study: InterpStudy) -> None:
    table, shown = drawn(study, "winogender_planted-builtin")
    whole = table[table["variant"] == "sum"].set_index("occupation")
    assert whole["planted"].to_dict() == PLANTED
    r = pearsonr(whole["planted"], whole["log_odds"])[0]
    assert winogender.planted_correlation(table) == pytest.approx(r) and f"r = {r:.3f}" in shown


def test_without_planted_log_odds_there_is_no_such_figure(tmp_path: Path) -> None:
    place = benchmark(tmp_path, "winogender", sentences()).location
    (found,) = read_studies([place])
    assert [chart.name for chart in charts(found)] == ["winogender-builtin"]
    assert "planted" not in drawn(found, "winogender-builtin")[1]


def test_unusable_sentences_are_counted_not_averaged(tmp_path: Path) -> None:
    samples = sentences()
    lost = dict.fromkeys(samples["cook-0"][1], float("nan"))
    samples["cook-0"] = (samples["cook-0"][0], lost)
    (found,) = read_studies([benchmark(tmp_path, "winogender", samples).location])
    table, shown = drawn(found, "winogender-builtin")
    cook = table[(table["variant"] == "sum") & (table["occupation"] == "cook")].iloc[0]
    assert cook["n_items"] == 3 and "1 more are unusable" in shown


def test_units_and_checkpoints_have_files_of_their_own(tmp_path: Path) -> None:
    units = ["builtin/gender", "stereoset/race"]
    one = evaluate(tmp_path / "logs", "ablation", units).location
    other = evaluate(tmp_path / "logs", "ablation", about={"parameters_sha256": "b" * 9}).location
    arguments = ["--log", one, "--log", other, "--out", str(tmp_path / "out"), "--format", "png"]
    assert main(arguments) == 0
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png")}
    assert names == {
        "toy-c0ffeec0/ablation-builtin-gender.png",
        "toy-c0ffeec0/ablation-stereoset-race.png",
        "toy-c0ffeec0/stability.png",
        "toy-bbbbbbbb/ablation-builtin-gender.png",
        "toy-bbbbbbbb/stability.png",
    }


def test_every_figure_has_its_table_and_two_runs_are_alike(
    places: dict[str, str], tmp_path: Path
) -> None:
    for task in ("ablation", "winogender"):
        assert_same_bytes(main, places[task], tmp_path / task)
    table = table_of(tmp_path / "ablation" / "one" / "ablation-builtin-gender.csv")
    assert len(table) == LAYERS * (HEADS + 1)
    assert (tmp_path / "winogender" / "one" / "winogender_scores-builtin.csv").is_file()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_of_a_large_network_are_drawn(tmp_path: Path, theme: str) -> None:
    own = {"arrays": arrays_of("ablation", UNIT, (24, 16))}
    (found,) = read_studies([evaluate(tmp_path, "ablation", {UNIT: own}).location])
    table, _ = drawn(found, "ablation-builtin-gender", theme)
    assert len(table) == 24 * 17


def test_drawing_needs_no_torch(places: dict[str, str], tmp_path: Path) -> None:
    program = (
        "import sys; from pluralens.viz.interp import main; code = main(sys.argv[1:]);"
        "heavy = [m for m in ('torch', 'transformers', 'pluralens.interp') if m in sys.modules];"
        "sys.exit(code or ', '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--log", places["lens"], "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lens-builtin-gender.svg").is_file()
