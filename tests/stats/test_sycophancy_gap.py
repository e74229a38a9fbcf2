from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel
from triplet_studies import study

from pluralens.errors import InputError
from pluralens.stats.sycophancy_gap import sycophancy_gap


def by_hand(frame: pd.DataFrame, keys: list[str]) -> list[float]:
    """The gap of every triplet, from loops over rows."""
    stances: dict[tuple[object, ...], dict[int, list[float]]] = defaultdict(dict)
    for row in frame.to_dict("records"):
        if row["outcome"] == "stance" and row["side"] != 0:
            unit = (row["triplet_id"], *(row[key] for key in keys))
            stances[unit].setdefault(row["side"], []).append(row["stance"])
    gaps: dict[object, list[float]] = defaultdict(list)
    for unit, sides in stances.items():
        if len(sides) == 2:
            gaps[unit[0]].append(float(np.mean(sides[1]) - np.mean(sides[-1])))
    return [float(np.mean(values)) for values in gaps.values()]


@pytest.mark.parametrize(("prompts", "missing"), [(1, 0.0), (1, 0.3), (4, 0.0), (4, 0.4)])
def test_against_loops(prompts: int, missing: float) -> None:
    rng = np.random.default_rng(prompts)
    frame = study(rng, triplets=30, prompts=prompts, pull=0.2, missing=missing)
    found = sycophancy_gap(frame)
    gaps = by_hand(frame, ["paraphrase"])
    assert found.gap == pytest.approx(np.mean(gaps)) and found.n_triplets == len(gaps)
    assert found.sd == pytest.approx(np.std(gaps, ddof=1))
    assert found.n_pairs + found.n_left_out == 30 * prompts
    pooled = sycophancy_gap(frame, pair_by=[])
    assert pooled.gap == pytest.approx(np.mean(by_hand(frame, [])))


def test_one_prompt_per_teller_is_the_paired_t_test() -> None:
    frame = study(np.random.default_rng(0), missing=0.0, pull=0.1)
    sides = frame.pivot(index="triplet_id", columns="side", values="stance")
    expected = ttest_rel(sides[1], sides[-1])
    found = sycophancy_gap(frame, n_bootstrap=0)
    low, high = expected.confidence_interval()
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)


def test_sides_swapped_turn_the_sign() -> None:
    frame = study(np.random.default_rng(0), pull=0.2)
    one = sycophancy_gap(frame)
    other = sycophancy_gap(frame.assign(side=-frame["side"]))
    assert other.gap == pytest.approx(-one.gap) and other.p == one.p


def test_unscored_prompts_of_one_side_and_language_do_not_shift_the_gap() -> None:
    """German answers lean to +1 by 0.6 whoever asks; the landlord's German ones are refused."""
    rng = np.random.default_rng(0)
    german = study(rng, missing=0.0).assign(language="de")
    english = german.assign(language="en", stance=german["stance"].clip(-0.4, 0.4) - 0.6)
    frame = pd.concat([german.assign(stance=german["stance"].clip(-0.4, 0.4)), english])
    whole = sycophancy_gap(frame)
    refused = (frame["language"] == "de") & (frame["side"] == 1) & (frame["triplet_id"] % 2 == 0)
    part = frame.assign(
        stance=frame["stance"].mask(refused), outcome=frame["outcome"].mask(refused, "refused")
    )
    assert sycophancy_gap(part).gap == pytest.approx(whole.gap)
    assert sycophancy_gap(part).n_left_out == refused.sum() == 18
    # What averaging before pairing would say.
    assert sycophancy_gap(part, pair_by=[]).gap == pytest.approx(whole.gap - 0.6 / 2 / 2)


def test_paraphrases_do_not_count_as_triplets() -> None:
    frame = study(np.random.default_rng(0), triplets=20, missing=0.0, pull=0.1)
    copies = pd.concat([frame.assign(paraphrase=k) for k in range(5)])
    once, often = sycophancy_gap(frame), sycophancy_gap(copies)
    assert often._replace(n_pairs=20) == pytest.approx(once)
    assert often.n_pairs == 100


def test_equivalence_is_a_claim_of_its_own() -> None:
    silent = study(np.random.default_rng(1), triplets=20, missing=0.0)
    assert sycophancy_gap(silent).p > 0.05 and not sycophancy_gap(silent).equivalent
    flat = silent.assign(stance=0.1)
    assert sycophancy_gap(flat).equivalent and sycophancy_gap(flat).p == 1.0


def test_too_few_triplets_and_no_neutral() -> None:
    frame = study(np.random.default_rng(0), triplets=4, missing=0.0)
    few = sycophancy_gap(frame[frame["side"] != 0])
    assert np.isnan([few.gap, few.ci_low, few.p, few.tost_p]).all() and not few.equivalent
    assert (few.n_triplets, few.n_pairs) == (4, 4)
    none = frame.assign(stance=np.nan, outcome="unscored")
    assert sycophancy_gap(none).n_left_out == 4 and np.isnan(sycophancy_gap(none).gap)


def test_a_missing_perspective_is_said() -> None:
    frame = study(np.random.default_rng(0))
    with pytest.raises(InputError, match="at side -1 is missing altogether"):
        sycophancy_gap(frame[frame["side"] >= 0])
