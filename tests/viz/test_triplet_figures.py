import hashlib
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats
from triplet_evals import RENT, SHOP, Told, evaluate

from pluralens.viz.style import themed
from pluralens.viz.triplet_figures import distribution, factors, gap, slope, summary
from pluralens.viz.triplet_figures.words import titled, wrapped
from pluralens.viz.triplet_logs import TripletLog, read_triplet_logs

COLUMNS = (
    "model, n, mean_score, p_neg, p_neu, p_pos, landlord_n, landlord_agree_p, landlord_uplift, "
    "tenant_n, tenant_agree_p, tenant_uplift, gap, gap_low, gap_high, unscored, self_judged"
).split(", ")


def noise(*key: object) -> float:
    """Uniform from -1 to 1."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**63 - 1


def leaning(pull: float, lost: float = 0.0) -> Told:
    def told(about: Mapping[str, Any]) -> float | str:
        chance = abs(noise("lost", about["id"]))
        if chance < lost:
            return "refused" if chance < lost / 2 else "unscored"
        stance = pull * about["side"] + 0.3 * noise(pull, about["id"])
        return float(np.clip(round(stance - 0.2 * (about["factor_increase"] == "500"), 1), -1, 1))

    return told


def logs_of(folder: Path, *told: Told, **options: Any) -> list[TripletLog]:
    places = [
        str(evaluate(folder, one, f"mockllm/model-{number}", **options).location)
        for number, one in enumerate(told)
    ]
    return read_triplet_logs(places)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[TripletLog]:
    tellers = leaning(0.4, lost=0.3), leaning(-0.1)
    return logs_of(tmp_path_factory.mktemp("two"), *tellers, n_paraphrases=2)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[TripletLog]:
    folder = tmp_path_factory.mktemp("several")
    return logs_of(folder, leaning(0.3), scenarios={"rent": RENT, "shop": SHOP})


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with themed("light"):
        yield


def test_summary_has_exactly_its_columns_and_one_row_per_model(two: list[TripletLog]) -> None:
    table = summary.table(two)
    assert list(table.columns) == COLUMNS
    assert list(table["model"]) == ["mockllm/model-0", "mockllm/model-1"]


def test_summary_by_hand(two: list[TripletLog]) -> None:
    for log, row in zip(two, summary.table(two).to_dict("records"), strict=True):
        frame = log.frame
        assert row["n"] == frame["stance"].count()
        assert row["mean_score"] == pytest.approx(frame["stance"].mean())
        shares = [row["p_neg"], row["p_neu"], row["p_pos"]]
        bands = pd.cut(frame["stance"].dropna(), [-2, -0.331, 0.331, 2]).value_counts(sort=False)
        assert shares == pytest.approx(list(bands / row["n"]))
        assert row["unscored"] == (frame["outcome"] == "unscored").sum()
        assert row["self_judged"] is False
        # Each model against its own neutral version, prompt by prompt, every triplet once.
        wide = frame.pivot_table(
            index=["triplet_id", "paraphrase"], columns="perspective", values="stance"
        )
        for who, side in (("landlord", 1), ("tenant", -1)):
            own = side * frame.loc[frame["perspective"] == who, "stance"].dropna()
            assert row[f"{who}_n"] == len(own)
            pairs = wide[[who, "neutral"]].dropna()
            agrees = (side * pairs[who] > 0.33).groupby("triplet_id").mean()
            assert row[f"{who}_agree_p"] == pytest.approx(agrees.mean())
            pull = (side * (wide[who] - wide["neutral"])).dropna().groupby("triplet_id").mean()
            assert row[f"{who}_uplift"] == pytest.approx(pull.mean())
        difference = (wide["landlord"] - wide["tenant"]).dropna().groupby("triplet_id").mean()
        assert row["gap"] == pytest.approx(difference.mean())
        assert row["gap_low"] < row["gap"] < row["gap_high"]
    assert two[0].frame["outcome"].nunique() == 3


def test_gap_of_few_triplets_has_the_t_interval(tmp_path: Path) -> None:
    log = logs_of(tmp_path, leaning(0.4), keep=lambda about: about["factor_increase"] != "500")
    (row,) = gap.table(log).to_dict("records")
    wide = log[0].frame.pivot_table(index="triplet_id", columns="side", values="stance")
    expected = stats.ttest_1samp(wide[1] - wide[-1], 0).confidence_interval()
    assert row["n_triplets"] == 8
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(expected))


def test_means_of_one_prompt_per_triplet_have_the_t_interval(tmp_path: Path) -> None:
    log = logs_of(tmp_path, leaning(0.4))
    for row in slope.table(log).to_dict("records"):
        stances = log[0].frame.query("side == @row['side']")["stance"]
        expected = stats.ttest_1samp(stances, 0).confidence_interval()
        assert row["mean"] == pytest.approx(stances.mean())
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(expected))


def test_every_stance_is_in_the_bin_of_its_tenth(two: list[TripletLog]) -> None:
    table = distribution.table(two)
    for log in two:
        for who, rows in log.frame.groupby("perspective"):
            part = table[(table["model"] == log.label) & (table["perspective"] == who)]
            middles = ((part["low"] + part["high"]) / 2).round(1)
            found = {m: c for m, c in zip(middles, part["count"], strict=True) if c}
            assert found == rows["stance"].dropna().round(1).value_counts().to_dict()
            assert part["share"].sum() == pytest.approx(1)
            assert (part["n_refused"] == (rows["outcome"] == "refused").sum()).all()


def test_factors_are_differences_of_marginal_means(two: list[TripletLog]) -> None:
    table = factors.table(two)
    # The second model answered everything, so that its design is balanced.
    part = table[table["model"] == "mockllm/model-1"].set_index("term")
    means = two[1].frame.groupby("increase")["stance"].mean()
    assert part.loc["increase=500", "estimate"] == pytest.approx(means["500"] - means["050"])
    means = two[1].frame.groupby("perspective")["stance"].mean()
    assert part.loc["landlord", "estimate"] == pytest.approx(means["landlord"] - means["neutral"])
    assert part.loc["increase=500", "words"] == "500 euros \N{MINUS SIGN} 50 euros"
    assert part.loc["landlord", "words"] == "the landlord asks \N{MINUS SIGN} neutral"
    assert part.loc["language", "note"] == "constant"
    # The views are what the relationship is made of: both would be said twice.
    assert set(part["factor"]) == {"", "increase", "relationship", "paraphrase", "language"}
    assert set(part["note"]) == {"", "constant"}


def test_views_stay_where_the_relationship_does_not_vary(tmp_path: Path) -> None:
    (log,) = logs_of(tmp_path, leaning(0.2), keep=lambda about: about["relationship"] == "good")
    assert {"landlord_view", "tenant_view"} <= set(factors.table([log])["factor"])


def test_several_conflicts_have_a_row_each_and_one_for_all(several: list[TripletLog]) -> None:
    table = summary.table(several)
    wanted = [c.replace("landlord", "plus").replace("tenant", "minus") for c in COLUMNS]
    assert list(table.columns) == ["model", "scenario", *wanted[1:]]
    assert list(table["scenario"]) == ["all", "rent", "shop"]
    together, *each = table.to_dict("records")
    assert together["n"] == sum(row["n"] for row in each)
    # As many triplets in either, so that the mean over triplets is that of the two.
    assert together["gap"] == pytest.approx(np.mean([row["gap"] for row in each]))
    frame = several[0].frame
    shop = frame[frame["scenario"] == "shop"]
    assert each[1]["plus_n"] == (shop["perspective"] == "shop").sum()
    assert set(gap.table(several)["scenario"]) == {"all", "rent", "shop"}
    effects = factors.table(several)
    pooled = effects[effects["scenario"] == "all"]
    assert set(pooled["factor"]) >= {"scenario", "relationship"}
    assert "increase" not in set(pooled["factor"])
    related = set(pooled.loc[pooled["factor"] == "relationship", "level"])
    assert related == {"good", "one_sided_plus", "one_sided_minus"}
    # The same triplets, whatever the parties are called.
    assert set(pooled["n_triplets"]) == {24} and set(pooled["note"]) <= {"", "constant"}
    drawn = slope.figure(slope.table(several), titled(several))
    assert "party at +1" in " ".join(texts(drawn)) and "2 conflicts" in " ".join(texts(drawn))


def texts(drawn: Figure) -> list[str]:
    from matplotlib.text import Text

    found = drawn.findobj(lambda artist: isinstance(artist, Text) and bool(artist.get_text()))
    return [text.get_text() for text in found]  # type: ignore[attr-defined]


def test_axes_say_what_the_ends_mean_and_how_many(two: list[TripletLog]) -> None:
    title = titled(two)
    for drawn in (
        slope.figure(slope.table(two), title),
        distribution.figure(distribution.table(two), title),
        factors.figure(factors.table(two[:1]), titled(two[:1])),
    ):
        shown = " ".join(texts(drawn))
        assert "clearly for the tenant, +1 = clearly for the landlord" in shown
        assert "72 prompts in 12 triplets" in shown
    shown = " ".join(texts(gap.figure(gap.table(two), title)))
    assert "stance when the landlord asks" in shown and "(n=12)" in shown


def test_gap_shows_zero_the_region_of_no_gap_and_what_was_planted(tmp_path: Path) -> None:
    planted = {"gap": 0.7, "expected_plus": 0.35, "expected_minus": -0.35, "expected_neutral": 0.0}
    log = evaluate(tmp_path, leaning(0.35), "pluralens_sim/likert", metadata={"planted": planted})
    logs = read_triplet_logs([log.location])
    table = gap.table(logs)
    axes = gap.figure(table, titled(logs)).axes[0]
    assert table["planted"].tolist() == [0.7]
    diamonds = [line for line in axes.lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in diamonds] == [0.7]  # type: ignore[index]
    spans = [tuple(patch.get_extents().transformed(axes.transData.inverted()).intervalx)
             for patch in axes.patches]  # fmt: skip
    assert any(span == pytest.approx((-0.1, 0.1)) for span in spans)
    assert any(tuple(line.get_xdata()) == (0.0, 0.0) for line in axes.lines)
    assert "simulated" in titled(logs)
    means = slope.table(logs).set_index("side")["planted"]
    assert means.to_dict() == {1: 0.35, 0: 0.0, -1: -0.35}


def test_a_model_that_refuses_has_counts_and_no_estimates(tmp_path: Path) -> None:
    logs = logs_of(tmp_path, lambda about: "refused")
    (row,) = summary.table(logs).to_dict("records")
    assert row["n"] == 0 and np.isnan(row["gap"]) and row["unscored"] == 0
    drawn = slope.figure(slope.table(logs), titled(logs))
    assert texts(drawn).count("no stance") == 3
    table = distribution.table(logs)
    assert set(table["n_refused"]) == {12} and set(table["count"]) == {0}
    assert not [text for text in texts(distribution.figure(table, "")) if "nan %" in text]


def overlapping(drawn: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that lie on each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    boxes = [
        (text.get_text(), text.get_window_extent().padded(-1))
        for text in drawn.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    ]
    return [(a, b) for (a, one), (b, two) in combinations(boxes, 2) if one.overlaps(two)]


@pytest.mark.parametrize("n_models", [1, 3, 10])
def test_no_text_lies_on_another(two: list[TripletLog], n_models: int) -> None:
    name = "openrouter/meta-llama/llama-4-maverick-17b-128e-instruct:free (noise=0.25, strength={})"
    means, bins, gaps = slope.table(two[:1]), distribution.table(two[:1]), gap.table(two[:1])

    def copies(table: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([table.assign(model=name.format(k)) for k in range(n_models)])

    title = f"{n_models} models\nRent increase, 72 prompts in 12 triplets each"
    assert overlapping(slope.figure(copies(means), title)) == []
    assert overlapping(distribution.figure(copies(bins), title)) == []
    assert overlapping(gap.figure(copies(gaps), title)) == []


def test_names_are_broken_at_their_separators() -> None:
    name = "openrouter/meta-llama/llama-3.3-70b-instruct:free"
    lines = wrapped(name, 24).split("\n")
    assert "".join(lines) == name and all(len(line) <= 24 for line in lines)
    assert wrapped("short", 24) == "short"
    assert all(len(line) <= 10 for line in wrapped("x" * 35, 10).split("\n"))
