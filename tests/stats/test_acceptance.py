import numpy as np
import pytest
from critique_studies import PERSON, QUESTION, frame_of, skill, zip_design

from pluralens.errors import InputError
from pluralens.stats.acceptance import acceptance, persons_of, share_of
from pluralens.stats.two_way_clusters import two_way_mean


def test_total_and_groups() -> None:
    rng = np.random.default_rng(0)
    question, person = zip_design(rng, 60, 20, 30)
    accepted = (rng.random(60) < skill(rng, 0.5, question, person, (PERSON, QUESTION))) * 1.0
    accepted[[3, 8]] = np.nan
    sex = np.where(person % 3 == 0, "Male", "Female")
    frame = frame_of(question, person, accepted, group_sex=sex)
    row = acceptance(frame).iloc[0]
    expected = two_way_mean(accepted, question, person)
    assert row[["accuracy", "se", "ci_low", "ci_high", "size"]].tolist() == list(expected[:5])
    counts = row[["n_answers", "n_pairs", "n_personas", "n_unscored"]].tolist()
    assert counts == [58, 58, 30, 2] and row["enough"]
    table = acceptance(frame, "group_sex", min_pairs=30).set_index("value")
    assert list(table.index) == ["Female", "Male"]
    assert table["accuracy"]["Female"] == pytest.approx(np.nanmean(accepted[sex == "Female"]))
    assert np.isnan(table["accuracy"]["Male"]) and table["n_pairs"]["Male"] < 30
    assert table["n_answers"].sum() == 58


def test_attempts_of_a_pair_are_one_pair() -> None:
    frame = frame_of(np.zeros(8, int), np.repeat([0, 1], 4), np.ones(8), epoch=[1, 2, 3, 4] * 2)
    row = acceptance(frame).iloc[0]
    assert (row["n_answers"], row["n_pairs"], row["n_personas"]) == (8, 2, 2)


def test_two_persons_of_a_comparison() -> None:
    frame = frame_of(np.arange(6), np.arange(6), np.arange(6) % 2.0)
    assert persons_of(frame).shape == persons_of(frame.assign(persona_id_second=None)).shape
    circle = frame.assign(persona_id_second=(np.arange(6) + 1) % 6)
    assert persons_of(circle).shape == (6, 2)
    # Most neighbours are alike: 4 of the 6 shared persons add to the variance, 2 take from it.
    alike = np.array([1, 1, 1, 0, 0, 0.0])
    found = share_of(circle.assign(accepted=alike), "accepted")
    assert found.se**2 == pytest.approx((6 + 2 * (4 - 2)) * (0.5 / 6) ** 2 * 6 / 5)
    assert share_of(frame, "accepted").se ** 2 == pytest.approx(6 * (0.5 / 6) ** 2 * 6 / 5)


def test_refusals() -> None:
    frame = frame_of(np.arange(3), np.arange(3), np.ones(3))
    with pytest.raises(InputError, match="min_pairs"):
        acceptance(frame, min_pairs=0)
    with pytest.raises(InputError, match="no column group_age"):
        acceptance(frame, "group_age")
