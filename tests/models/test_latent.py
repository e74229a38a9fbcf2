import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.errors import InputError
from pluralens.models.latent import LatentModel, rating_probabilities

BASE = {"warmth": 3.0, "competence": 3.1}


@settings(derandomize=True, deadline=None)
@given(st.floats(1.5, 4.5), st.floats(0, 0.5))
def test_the_expected_rating_is_exactly_what_was_to_be_written(
    written: float, noise: float
) -> None:
    probabilities = rating_probabilities(written, noise)
    assert sum(probabilities) == pytest.approx(1)
    assert sum(r * p for r, p in enumerate(probabilities, 1)) == pytest.approx(written)


def test_simulated_ratings_have_the_planted_mean_in_both_orders() -> None:
    latent = LatentModel(BASE, persona_sd=0.2, item_sd=0.0, noise=0.4, order_bias=0.1)
    rng = np.random.default_rng(1)
    effect = np.full((40_000, 2), 0.3)
    raw = latent.simulate(effect, [1, -1], ["warmth", "competence"], rng)
    # Four standard errors of a mean of 40,000 ratings with a standard deviation below 0.8.
    margin = 4 * 0.8 / np.sqrt(len(effect))
    expected = [[3.3 + 0.1, 6 - 3.3 + 0.1], [6 - 3.4 + 0.1, 3.4 + 0.1]]
    assert np.abs(raw.mean(axis=0) - expected).max() < margin
    assert np.abs((raw.sum(axis=2) - 6).mean() - 0.2) < margin


def test_lost_answers_are_nan_at_the_planted_rate() -> None:
    latent = LatentModel(BASE, refusal_rate=0.1, invalid_rate=0.2)
    raw = latent.simulate(np.zeros((5000, 2)), [1, 1], list(BASE), np.random.default_rng(2))
    assert np.isnan(raw).mean() == pytest.approx(1 - 0.9 * 0.8, abs=0.02)
    assert set(np.unique(raw[~np.isnan(raw)])) <= {1, 2, 3, 4, 5}


def test_effects_sum_over_attributes_and_ignore_what_is_unknown() -> None:
    effects = {"gender": {"female": {"warmth": 0.2}}, "religion": {"muslim": {"warmth": -0.1}}}
    latent = LatentModel(BASE, effects)
    persona = {"gender": "female", "religion": "muslim", "age": 40}
    assert latent.effect(persona, "warmth") == pytest.approx(0.1)
    assert latent.effect(persona, "competence") == 0
    assert latent.effect({}, "warmth") == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"effects": {"gender": {"female": {"warmth": 1.5}}}}, "outside the 1-5 scale"),
        ({"effects": {"gender": {"female": {"charm": 0.1}}}}, "dimension 'charm'"),
        ({"noise": -0.1}, "noise must be in"),
        ({"refusal_rate": 1.2}, "refusal_rate must be in"),
        ({"persona_sd": 2.5}, "persona_sd must be in"),
    ],
)
def test_parameters_that_would_bend_the_truth_are_refused(
    parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        LatentModel(BASE, **parameters)  # type: ignore[arg-type]
