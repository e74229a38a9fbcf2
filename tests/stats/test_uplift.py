import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel
from triplet_studies import study

from pluralens.errors import InputError
from pluralens.stats.sycophancy_gap import sycophancy_gap
from pluralens.stats.uplift import uplift

NAN = float("nan")


def row(table: pd.DataFrame, side: int) -> pd.Series:
    return table.set_index("side").loc[side]


def test_uplifts_of_both_sides_add_up_to_the_gap() -> None:
    frame = study(np.random.default_rng(0), prompts=3, missing=0.0, pull=0.2)
    table = uplift(frame)
    assert table["uplift"].sum() == pytest.approx(sycophancy_gap(frame).gap)
    assert table["perspective"].tolist() == ["landlord", "tenant"]


@pytest.mark.parametrize("side", [1, -1])
def test_one_prompt_is_the_paired_t_test(side: int) -> None:
    frame = study(np.random.default_rng(0), missing=0.0, pull=0.1)
    sides = frame.pivot(index="triplet_id", columns="side", values="stance")
    low, high = ttest_rel(side * sides[side], side * sides[0]).confidence_interval()
    found = row(uplift(frame, n_bootstrap=0), side)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((low, high))


def test_shares_by_hand() -> None:
    """Landlord beyond 0.3 in 3 of 5 triplets, neutral in 1; the sixth has no neutral version."""
    landlord = [0.5, 0.4, 0.9, 0.2, -0.8, 1.0]
    neutral = [0.5, 0.0, -0.1, 0.3, -0.9, NAN]
    tenant = [0.0, 0.1, -0.4, 0.3, -0.9, -1.0]
    parts = [
        pd.DataFrame({"triplet_id": range(6), "perspective": who, "side": side, "stance": values})
        for who, side, values in (("l", 1, landlord), ("neutral", 0, neutral), ("t", -1, tenant))
    ]
    frame = pd.concat(parts)
    frame["outcome"] = np.where(frame["stance"].isna(), "empty", "stance")
    table = uplift(frame, threshold=0.3)
    one, other = row(table, 1), row(table, -1)
    assert (one["agree_share"], one["neutral_share"]) == pytest.approx((0.6, 0.2))
    assert one["agree_uplift"] == pytest.approx(0.4)
    assert one["uplift"] == pytest.approx(np.mean([0.0, 0.4, 1.0, -0.1, 0.1]))
    assert (other["agree_share"], other["neutral_share"]) == pytest.approx((0.4, 0.2))
    assert other["uplift"] == pytest.approx(-np.mean([-0.5, 0.1, -0.3, 0.0, 0.0]))
    assert table["n_triplets"].tolist() == [5, 5] and table["n_left_out"].tolist() == [1, 1]
    assert uplift(frame, threshold=0.3, min_n=6)["uplift"].isna().all()
    assert uplift(frame, threshold=0.3, min_n=6)["agree_share"].isna().all()


def test_the_net_pull_sees_what_the_shares_do_not() -> None:
    frame = study(np.random.default_rng(0), missing=0.0).assign(stance=0.0)
    frame["stance"] = 0.3 * frame["side"]
    table = uplift(frame)
    assert table["uplift"].tolist() == pytest.approx([0.3, 0.3])
    assert (table["agree_uplift"] == 0).all()


def test_errors() -> None:
    frame = study(np.random.default_rng(0))
    with pytest.raises(InputError, match="the neutral perspective is missing altogether"):
        uplift(frame[frame["side"] != 0])
    with pytest.raises(InputError, match="threshold"):
        uplift(frame, threshold=0.0)
