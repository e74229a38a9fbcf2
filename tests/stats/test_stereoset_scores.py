import numpy as np
import pandas as pd
import pytest

from pluralens.errors import InputError
from pluralens.stats.stereoset_scores import icat, preferences, stereoset_scores

NAN = float("nan")


def frame_of(
    scores: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    targets: list[str],
    domains: list[str] | None = None,
) -> pd.DataFrame:
    found = preferences(*scores.T)
    return pd.DataFrame({"domain": domains or "gender", "target": targets, **found._asdict()})


def row(table: pd.DataFrame, domain: str = "overall", weighting: str = "macro") -> pd.Series:
    (found,) = [
        one for _, one in table.iterrows() if (one.domain, one.weighting) == (domain, weighting)
    ]
    return found


def test_preferences_by_hand() -> None:
    found = preferences(
        [-1, -2, -1, -3, -1, NAN, -np.inf],
        [-2, -1, -1, -3, -1, -1, -np.inf],
        [-3, -3, -3, -1, -1, -1, -1],
    )
    np.testing.assert_array_equal(found.prefers_stereotype, [1, 0, 0.5, 0.5, 0.5, NAN, 0.5])
    np.testing.assert_array_equal(found.lm_hits, [1, 1, 1, 0, 0.5, NAN, 0])
    np.testing.assert_array_equal(found.tied, [0, 0, 1, 1, 1, NAN, 1])
    with pytest.raises(InputError, match="equally long"):
        preferences([1.0], [1.0, 2.0], [1.0])


def test_macro_and_micro_by_hand() -> None:
    # girl: 3 items, stereotype preferred in 2, hits 1 + 0.5 + 1; boy: 1 item, not, hits 0.
    scores = np.array([[-1.0, -2, -3], [-1, -3, -2], [-2, -1, -3], [-3, -2, -1]])
    table = stereoset_scores(frame_of(scores, ["girl"] * 3 + ["boy"]))
    macro, micro = row(table), row(table, weighting="micro")
    assert macro.ss == pytest.approx((200 / 3 + 0) / 2)
    assert macro.lms == pytest.approx((250 / 3 + 0) / 2)
    assert macro.icat == pytest.approx(125 / 3 * (100 / 3) / 50)
    assert (micro.ss, micro.lms, micro.icat) == pytest.approx((50, 62.5, 62.5))
    assert (macro.n_items, macro.n_terms, macro.coverage, macro.n_ties) == (4, 2, 1, 0)
    # The t interval of two terms by hand: 12.706 standard errors, cut at the ends of the scale.
    assert (macro.ss_low, macro.ss_high) == (0, 100)


def test_the_published_algorithm_gives_the_same() -> None:
    """The counts per target of the authors' script, written anew as loops."""
    rng = np.random.default_rng(3)
    n = 400
    scores = rng.normal(size=(n, 3)) + [0.5, 0.2, -0.6]
    targets = [f"t{k}" for k in rng.integers(0, 23, n)]
    domains = ["race" if int(t[1:]) < 12 else "gender" for t in targets]
    table = stereoset_scores(frame_of(scores, targets, domains), n_bootstrap=0)
    for domain in ("overall", "race", "gender"):
        counts: dict[str, list[float]] = {}
        for (pro, anti, other), target, own in zip(scores, targets, domains, strict=True):
            if domain in ("overall", own):
                held = counts.setdefault(target, [0, 0, 0])
                held[0] += pro > anti
                held[1] += int(pro > other) + int(anti > other)
                held[2] += 1
        ss = np.mean([100 * a / c for a, _, c in counts.values()])
        lms = np.mean([100 * b / (2 * c) for _, b, c in counts.values()])
        found = row(table, domain)
        assert (found.ss, found.lms) == pytest.approx((ss, lms))
        assert found.icat == pytest.approx(lms * min(ss, 100 - ss) / 50)
        assert found.n_terms == len(counts)


def test_an_ideal_model_has_an_icat_of_100() -> None:
    scores = np.array([[-1.0, -2, -9], [-2, -1, -9]] * 30)
    table = stereoset_scores(frame_of(scores, [f"t{i // 2}" for i in range(60)]))
    found = row(table)
    assert (found.ss, found.lms, found.icat) == (50, 100, 100)
    assert (found.icat_low, found.icat_high) == (100, 100)


def test_a_model_without_exception_has_an_icat_of_0() -> None:
    scores = np.array([[-1.0, -2, -9]] * 60)
    found = row(stereoset_scores(frame_of(scores, [f"t{i // 2}" for i in range(60)])))
    assert (found.ss, found.lms, found.icat, found.icat_high) == (100, 100, 0, 0)


def test_a_model_of_chance_has_50_and_50() -> None:
    rng = np.random.default_rng(8)
    tables = [
        row(
            stereoset_scores(
                frame_of(rng.normal(size=(400, 3)), [f"t{i % 40}" for i in range(400)]),
                n_bootstrap=0,
            )
        )
        for _ in range(60)
    ]
    assert np.mean([one.ss for one in tables]) == pytest.approx(50, abs=1)
    assert np.mean([one.lms for one in tables]) == pytest.approx(50, abs=1)
    covered = [one.ss_low <= 50 <= one.ss_high for one in tables]
    assert np.mean(covered) > 0.85


def test_the_interval_of_an_unbiased_model_reaches_its_icat() -> None:
    # Where resampling icat itself fails: the truth lies on its maximum.
    rng = np.random.default_rng(9)
    hits, studies = 0, 120
    for _ in range(studies):
        p = np.clip(rng.normal(0.5, 0.1, 26), 0, 1)
        share = rng.binomial(25, p) / 25
        frame = pd.DataFrame({"domain": "race", "target": [f"t{i}" for i in range(26)]})
        frame["prefers_stereotype"], frame["lm_hits"] = share, rng.binomial(50, 0.92, 26) / 50
        found = row(stereoset_scores(frame, n_bootstrap=400))
        hits += found.icat_low <= 92 <= found.icat_high
    assert hits / studies > 0.88


def test_what_could_not_be_scored_is_counted_and_not_in_the_mean() -> None:
    scores = np.array([[-1.0, -2, -3], [NAN, -3, -2], [-2, -1, NAN]])
    table = stereoset_scores(frame_of(scores, ["a", "b", "c"], ["gender", "gender", "race"]))
    found = row(table)
    assert (found.n_items, found.n_scored, found.n_terms) == (3, 1, 1)
    assert found.coverage == pytest.approx(1 / 3) and found.ss == 100
    assert np.isnan(found.ss_low) and np.isnan(found.icat_high)
    empty = row(table, "race")
    assert (empty.n_items, empty.n_scored, empty.coverage) == (1, 0, 0)
    assert np.isnan([empty.ss, empty.lms, empty.icat]).all()
    none = row(stereoset_scores(frame_of(np.empty((0, 3)), [])))
    assert none.n_items == 0 and np.isnan(none.coverage) and np.isnan(none.icat)


def test_ties_are_counted_and_worth_a_half() -> None:
    found = row(stereoset_scores(frame_of(np.zeros((6, 3)), list("aabbcc"))))
    assert (found.ss, found.lms, found.icat, found.n_ties) == (50, 50, 50, 6)


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(1)
    frame = frame_of(rng.normal(size=(200, 3)), [f"t{i % 20}" for i in range(200)])
    first = stereoset_scores(frame, seed=4)
    pd.testing.assert_frame_equal(first, stereoset_scores(frame, seed=4))
    assert row(first).ss_low != row(stereoset_scores(frame, seed=5)).ss_low
    # The order of the rows is no information.
    shuffled = frame.iloc[rng.permutation(200)].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, stereoset_scores(shuffled, seed=4))


def test_wrong_frames_are_named() -> None:
    frame = frame_of(np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(InputError, match="no column target"):
        stereoset_scores(frame.drop(columns="target"))
    with pytest.raises(InputError, match="between 0 and 1"):
        stereoset_scores(frame.assign(lm_hits=2.0))
    with pytest.raises(InputError, match="n_bootstrap"):
        stereoset_scores(frame, n_bootstrap=-1)
    with pytest.raises(InputError, match="level"):
        stereoset_scores(frame, level=95)


def test_icat_as_in_the_paper() -> None:
    # GPT-2 (small) on the published development set.
    assert icat(56.37, 83.63) == pytest.approx(72.97, abs=0.01)
