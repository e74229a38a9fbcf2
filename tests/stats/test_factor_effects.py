import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t
from statsmodels.formula.api import ols

from pluralens.errors import InputError
from pluralens.stats.factor_effects import factor_effects

NAN = float("nan")
AMOUNTS, VIEWS, LANGUAGES = (50, 200, 500), ("bad", "good"), ("de", "en")
TELLERS = (("landlord", 1), ("neutral", 0), ("tenant", -1))


def prompts(
    seed: int = 0, cells_each: int = 2, noise: float = 0.2, planted: bool = True
) -> pd.DataFrame:
    """A full crossing; amount and views belong to the triplet, language to the prompt.

    The landlord is given 0.2 more than the neutral teller, and another 0.2 at 500 EUR; good views
    add 0.1 for everybody.
    """
    rng = np.random.default_rng(seed)
    rows = []
    cells = itertools.product(AMOUNTS, VIEWS, range(cells_each))
    for triplet, (amount, views, _) in enumerate(cells):
        lean = rng.normal(0, noise)
        for (who, side), language in itertools.product(TELLERS, LANGUAGES):
            stance = lean + rng.normal(0, noise)
            if planted:
                stance += 0.1 * (views == "good")
                stance += (who == "landlord") * (0.2 + 0.2 * (amount == 500))
            rows.append((triplet, who, side, amount, views, language, np.clip(stance, -1, 1)))
    names = ["triplet_id", "perspective", "side", "amount", "views", "language", "stance"]
    return pd.DataFrame(rows, columns=names).assign(outcome="stance")


def indexed(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("term")


FACTORS = ["amount", "views", "language"]


def test_terms_and_planted_effects_without_noise() -> None:
    table = indexed(factor_effects(prompts(noise=1e-6, cells_each=3), FACTORS))
    assert len(table) == 2 + 4 + 8 and (table["note"] == "").all()
    planted = {
        # The average over the three amounts.
        "landlord": 0.2 + 0.2 / 3,
        "tenant": 0.0,
        "views=good": 0.1,
        # The average over the three tellers.
        "amount=500": 0.2 / 3,
        "amount=200": 0.0,
        "landlord:amount=500": 0.2,
        "tenant:amount=500": 0.0,
        "landlord:views=good": 0.0,
    }
    assert table.loc[list(planted), "estimate"].to_dict() == pytest.approx(planted, abs=1e-5)
    row = table.loc["landlord:amount=500"]
    names = ["kind", "factor", "level", "reference", "perspective", "against"]
    assert row[names].tolist() == ["interaction", "amount", "500", "50", "landlord", "neutral"]


def test_balanced_estimates_are_differences_of_marginal_means() -> None:
    frame = prompts()
    table = indexed(factor_effects(frame, FACTORS))
    means = frame.groupby("perspective")["stance"].mean()
    assert table.loc["landlord", "estimate"] == pytest.approx(means["landlord"] - means["neutral"])
    amounts = frame.groupby("amount")["stance"].mean()
    assert table.loc["amount=500", "estimate"] == pytest.approx(amounts[500] - amounts[50])
    cells = frame.groupby(["perspective", "views"])["stance"].mean()
    double = (cells["tenant", "good"] - cells["tenant", "bad"]) - (
        cells["neutral", "good"] - cells["neutral", "bad"]
    )
    assert table.loc["tenant:views=good", "estimate"] == pytest.approx(double)


def test_unbalanced_estimates_against_statsmodels() -> None:
    """Dummy coding by patsy; an interaction is the same in both codings, so is its jackknife."""
    frame = prompts().sample(frac=0.8, random_state=0)
    table = indexed(factor_effects(frame, FACTORS))
    formula = "stance ~ C(perspective, Treatment('neutral')) * (C(amount) + views + language)"

    def interaction(rows: pd.DataFrame) -> float:
        name = "C(perspective, Treatment('neutral'))[T.landlord]:C(amount)[T.500]"
        return float(ols(formula, rows).fit().params[name])

    assert table.loc["landlord:amount=500", "estimate"] == pytest.approx(interaction(frame))
    groups = frame["triplet_id"].unique()
    left_out = np.array([interaction(frame[frame["triplet_id"] != g]) for g in groups])
    deviation = left_out - interaction(frame)
    se = np.sqrt((len(groups) - 1) / len(groups) * (deviation**2).sum())
    row = table.loc["landlord:amount=500"]
    assert row["se"] == pytest.approx(se)
    half = student_t.ppf(0.975, len(groups) - 1) * se
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(
        (row["estimate"] - half, row["estimate"] + half)
    )
    assert row["p"] == pytest.approx(2 * student_t.sf(abs(row["estimate"]) / se, len(groups) - 1))


def test_level_of_the_test() -> None:
    """36 triplets of 6 prompts each, no effect of any factor; 5 % nominal."""
    studies = (prompts(seed, cells_each=6, planted=False) for seed in range(200))
    table = pd.concat([factor_effects(study, FACTORS) for study in studies])
    rejected = (table["p"] <= 0.05).groupby(table["kind"]).mean()
    assert rejected["factor"] == pytest.approx(0.045, abs=0.02)
    assert rejected["interaction"] == pytest.approx(0.045, abs=0.02)


def test_combinations_that_never_occur_are_aliased() -> None:
    frame = prompts()
    table = indexed(
        factor_effects(frame[~((frame["side"] == 1) & (frame["amount"] == 500))], FACTORS)
    )
    assert table.loc["landlord:amount=500", "note"] == "aliased"
    assert np.isnan(table.loc["landlord:amount=500", "estimate"])
    assert (table.drop("landlord:amount=500")["note"] == "").all()
    # A copy of a factor says nothing new.
    copied = indexed(factor_effects(frame.assign(copy=frame["views"]), ["views", "copy"]))
    assert copied.loc["views=good", "note"] == "" and copied.loc["copy=good", "note"] == "aliased"


def test_a_level_of_one_triplet_alone_has_no_error() -> None:
    frame = prompts()
    frame["tone"] = np.where(frame["triplet_id"] == 3, "odd", "even")
    table = indexed(factor_effects(frame, ["views", "tone"]))
    assert table.loc["tone=odd", "note"] == "one triplet alone"
    assert np.isnan(table.loc["tone=odd", "p"])
    assert table.loc["landlord:views=good", "note"] == ""


def test_a_constant_factor_is_said() -> None:
    table = indexed(factor_effects(prompts().assign(tone="plain"), ["views", "tone"]))
    assert table.loc["tone", "note"] == "constant" and np.isnan(table.loc["tone", "estimate"])
    assert table.loc["views=good", "note"] == ""


def test_too_few_triplets() -> None:
    frame = prompts()
    table = factor_effects(frame, FACTORS, min_n=13)
    assert (table["note"] == "too few triplets").all() and table["estimate"].isna().all()
    assert (table["n_triplets"] == 12).all() and (table["n_prompts"] == 72).all()


def test_without_a_neutral_version_the_party_at_minus_one_is_the_reference() -> None:
    frame = prompts()
    table = factor_effects(frame[frame["side"] != 0], ["views"])
    assert table["term"].tolist() == ["landlord", "views=good", "landlord:views=good"]
    assert table["against"].tolist() == ["tenant", "", "tenant"]


def test_several_conflicts_are_compared_by_side() -> None:
    rent = prompts()
    work = rent.assign(triplet_id=rent["triplet_id"] + 100)
    work["perspective"] = work["perspective"].replace({"landlord": "boss", "tenant": "clerk"})
    table = factor_effects(pd.concat([rent, work]), ["views"])
    assert table["term"].tolist()[:2] == ["side +1", "side -1"]
    assert table["against"][0] == "neutral"


def test_unscored_rows_do_not_count() -> None:
    frame = prompts()
    gone = frame.index % 7 == 0
    unscored = frame.assign(
        stance=frame["stance"].mask(gone), outcome=np.where(gone, "unscored", "stance")
    )
    pd.testing.assert_frame_equal(
        factor_effects(unscored, FACTORS), factor_effects(frame[~gone], FACTORS)
    )


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (["tone"], "no column tone"),
        (["side"], "factors: side is not a factor"),
        (["views", "views"], "factors: views is named twice"),
    ],
)
def test_factors_are_checked(factors: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        factor_effects(prompts(), factors)


def test_a_factor_without_a_value_is_an_error() -> None:
    frame = prompts()
    frame["views"] = frame["views"].mask(frame.index == 5)
    with pytest.raises(InputError, match="views is missing in scored rows"):
        factor_effects(frame, ["views"])
