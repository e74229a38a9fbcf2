"""The latent model of the simulated personaliser: closed forms against drawn studies."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import PCG64

from pluralens.errors import InputError
from pluralens.models.personaliser import load_personaliser
from pluralens.models.personalising_model import (
    MOST_ATTEMPTS,
    PersonalisingModel,
    latent_accepted,
    latent_identified,
)

WEIGHTS = {"age": 0.2, "religion": 0.5, "income": 0.0}
MODEL = PersonalisingModel(
    base=0.8,
    weights=WEIGHTS,
    groups={"sex": {"Female": 0.75}},
    skill=0.6,
    hard_share=0.25,
    hard_factor=0.4,
    leak_rate=0.1,
    refusal_rate=0.05,
    invalid_rate=0.2,
    stubborn_rate=0.5,
)
MAN = {"age": "30", "religion": "none", "income": "low", "sex": "Male", "hobby": "chess"}
WOMAN = {**MAN, "sex": "Female"}
DELIVERED = 0.9 * 0.95 * 0.9  # without leaks, refusals, and replies that stay unreadable
HARD = 0.75 + 0.25 * 0.4


def close(found: float, expected: float, draws: float) -> bool:
    """Within four standard errors of a share."""
    return abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / draws) + 1e-9


def test_the_chance_is_the_product_that_the_file_describes() -> None:
    assert MODEL.fitting(MAN) == pytest.approx(0.8)
    assert MODEL.fitting(WOMAN) == pytest.approx(0.8 * 0.75)
    assert MODEL.fitting(WOMAN, hard=True) == pytest.approx(0.8 * 0.75 * 0.4)
    without_age = {k: v for k, v in WOMAN.items() if k != "age"}
    assert MODEL.fitting(without_age) == pytest.approx(0.8 * 0.75 * 0.8)
    assert MODEL.fitting({}) == pytest.approx(0.8 * 0.8 * 0.5)


def test_names_and_values_count_as_prompts_show_them() -> None:
    model = PersonalisingModel(weights={"household_language": 0.5}, groups={"sex": {"female": 0.5}})
    assert model.fitting({"Household language": "Spanish", "Sex": "Female"}) == 0.45


def test_planted_numbers_by_hand() -> None:
    planted = MODEL.planted()
    full = 0.8 * HARD * DELIVERED
    assert planted["accuracy"] == pytest.approx(full)
    assert planted["importance"] == pytest.approx(
        {"age": 0.2 * full, "religion": 0.5 * full, "income": 0.0}
    )
    # Where nothing is shown, nothing can be quoted.
    none = full * 0.4 / 0.9
    assert planted["none"] == planted["baseline"] == pytest.approx(none)
    assert planted["none_gap"] == pytest.approx(full - none)
    assert planted["win_rate"] == pytest.approx(0.5 + (full - none) / 0.9 / 2)
    assert planted["group_accuracy"] == {"sex": {"Female": pytest.approx(0.75 * full)}}
    assert planted["invalid"] == pytest.approx(0.1)
    assert planted["refused"] == pytest.approx(0.9 * 0.05)
    assert planted["leaks"] == pytest.approx(0.9 * 0.95 * 0.1)
    easy, hard = 0.8 * DELIVERED, 0.8 * 0.4 * DELIVERED
    for k in (1, 3, 16):
        at_least_one = 0.75 * (1 - (1 - easy) ** k) + 0.25 * (1 - (1 - hard) ** k)
        assert planted["pass_at_k"][str(k)] == pytest.approx(at_least_one)
        assert planted["pass_all_k"][str(k)] == pytest.approx(0.75 * easy**k + 0.25 * hard**k)
    assert list(planted["pass_at_k"]) == [str(k) for k in range(1, MOST_ATTEMPTS + 1)]
    json.dumps(planted, allow_nan=False)


def test_planted_for_the_people_of_a_study() -> None:
    """Groups weigh by how many there are; importance is over those who have the attribute."""
    agnostic = {k: v for k, v in MAN.items() if k != "religion"}
    planted = MODEL.planted([MAN, WOMAN, WOMAN, agnostic])
    unit = 0.8 * HARD * DELIVERED
    assert planted["accuracy"] == pytest.approx(unit * (1 + 0.75 + 0.75 + 0.5) / 4)
    assert planted["importance"]["religion"] == pytest.approx(unit * 0.5 * (1 + 1.5) / 3)
    assert planted["importance"]["age"] == pytest.approx(unit * 0.2 * (1 + 1.5 + 0.5) / 4)
    assert planted["group_accuracy"]["sex"] == pytest.approx(
        {"Male": unit * 0.75, "Female": unit * 0.75}
    )
    with pytest.raises(ValueError, match="at least one person"):
        MODEL.planted([])


def test_drawn_studies_have_the_planted_expectations() -> None:
    people = [MAN, WOMAN] * 20_000
    arms: list[tuple[str, ...]] = [(), *((name,) for name in WEIGHTS), tuple(WEIGHTS)]
    accepted = latent_accepted(MODEL, people, arms, PCG64(3))
    planted = MODEL.planted([MAN, WOMAN])
    assert accepted.shape == (40_000, 5, 1)
    means = accepted.mean(axis=(0, 2))
    assert close(means[0], planted["accuracy"], 40_000)
    for k, name in enumerate(WEIGHTS, start=1):
        assert close(means[k], planted["accuracy"] - planted["importance"][name], 40_000)
    assert close(means[-1], planted["none"], 40_000)
    women = accepted[1::2, 0].mean()
    assert close(women, planted["group_accuracy"]["sex"]["Female"], 20_000)


def test_drawn_attempts_have_the_planted_curve() -> None:
    accepted = latent_accepted(MODEL, [MAN] * 20_000, [()], PCG64(5), attempts=MOST_ATTEMPTS)
    planted = MODEL.planted([MAN])
    for k in range(1, MOST_ATTEMPTS + 1):
        tries = accepted[:, 0, :k]
        assert close(tries.any(axis=1).mean(), planted["pass_at_k"][str(k)], 20_000)
        assert close(tries.all(axis=1).mean(), planted["pass_all_k"][str(k)], 20_000)


def test_pairs_of_one_question_are_hard_together() -> None:
    model = PersonalisingModel(base=1.0, hard_share=0.5, hard_factor=0.0)
    questions = [k // 4 for k in range(400)]
    drawn = latent_accepted(model, [MAN] * 400, [()], PCG64(1), attempts=2, questions=questions)
    by_question = drawn.reshape(100, -1)
    assert set(by_question.mean(axis=1)) == {0.0, 1.0}


def test_without_weights_and_factors_arms_do_not_differ() -> None:
    model = PersonalisingModel(base=0.5)
    drawn = latent_accepted(model, [WOMAN] * 20_000, [(), ("age",), ("sex",)], PCG64(2))
    assert all(close(mean, 0.5, 20_000) for mean in drawn.mean(axis=(0, 2)))


def test_the_same_stream_draws_the_same_study() -> None:
    studies = [latent_accepted(MODEL, [MAN, WOMAN] * 9, [()], PCG64(7)) for _ in range(2)]
    assert np.array_equal(*studies)
    assert latent_accepted(MODEL, [], [()], PCG64(7)).shape == (0, 1, 1)


@pytest.mark.parametrize("bias", [-1.0, -0.5, 0.0, 0.3])
def test_identification_has_its_closed_form(bias: float) -> None:
    drawn = latent_identified(MODEL, 40_000, PCG64(11), position_bias=bias)
    first, second = MODEL.identification(bias)
    assert close(drawn[..., 0].mean(), first, 40_000)
    assert close(drawn[..., 1].mean(), second, 40_000)
    # Both orders together are free of the position bias, and (1 + what tells) / 2 but for cues
    # that two people happen to share.
    tells = 0.6 * 0.95
    assert (first + second) / 2 == pytest.approx((1 + tells) / 2, abs=1e-3)
    assert MODEL.planted()["identification"] == pytest.approx((first + second) / 2)


def test_noise_turns_clear_verdicts_round() -> None:
    sure = PersonalisingModel(skill=1.0)
    drawn = latent_identified(sure, 20_000, PCG64(1), noise=0.2)
    assert close(drawn.mean(), 0.8, 80_000)


def test_the_built_in_effects() -> None:
    """Ten attributes, evenly spaced, so that 300 pairs can tell their order."""
    model = load_personaliser().model
    weights = sorted(model.weights.values())
    assert len(weights) == 10 and weights[0] == 0 and weights[-1] == 0.75
    assert min(b - a for a, b in zip(weights, weights[1:], strict=False)) > 0.075
    planted = model.planted()
    assert planted["accuracy"] == pytest.approx(0.9 * 0.98 * 0.99 * 0.99)
    assert planted["none_gap"] > 0.85
    drawn = latent_accepted(
        model,
        [dict.fromkeys(model.weights, "-")] * 300,
        [(), *((name,) for name in model.weights)],
        PCG64(0),
    ).mean(axis=(0, 2))
    found = dict(zip(model.weights, drawn[0] - drawn[1:], strict=True))
    ranks = [
        sorted(found, key=lambda name: found[name]),
        sorted(model.weights, key=model.weights.__getitem__),
    ]
    moved = [abs(ranks[0].index(name) - k) for k, name in enumerate(ranks[1])]
    assert max(moved) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": 1.2},
        {"base": math.nan},
        {"skill": -0.1},
        {"weights": {"age": 2.0}},
        {"groups": {"sex": {"Female": 1.1}}},
    ],
)
def test_what_would_be_clipped_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="must be a number from 0 to 1"):
        PersonalisingModel(**wrong)  # type: ignore[arg-type]


SHARES = st.floats(0, 1)


@given(SHARES, st.dictionaries(st.sampled_from("abcd"), SHARES), SHARES, SHARES, SHARES, SHARES)
def test_every_planted_number_is_a_share(
    base: float, weights: dict[str, float], hard: float, leak: float, lost: float, skill: float
) -> None:
    model = PersonalisingModel(
        base, weights, {"a": {"x": 0.5}}, skill, hard, 0.5, leak, 0.1, lost, 0.5
    )
    planted = model.planted([{"a": "x", "b": "y"}, {"c": "z"}])
    shares = [*planted["pass_at_k"].values(), *planted["pass_all_k"].values()]
    shares += [planted[name] for name in ("accuracy", "none", "baseline", "identification")]
    assert all(-1e-12 <= share <= 1 + 1e-12 for share in shares)
    rising = list(planted["pass_at_k"].values())
    assert all(b >= a - 1e-12 for a, b in zip(rising, rising[1:], strict=False))
