import math

import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Logprob,
    Logprobs,
    ModelOutput,
    TopLogprob,
)

from pluralens.scorers.digits import digit_distribution, digit_probabilities


def output(*positions: dict[str, float]) -> ModelOutput:
    """A reply whose tokens have these alternatives; the first one of each was written."""
    content = [
        Logprob(
            token=next(iter(tokens)),
            logprob=math.log(next(iter(tokens.values()))),
            top_logprobs=[TopLogprob(token=t, logprob=math.log(p)) for t, p in tokens.items()],
        )
        for tokens in positions
    ]
    message = ChatMessageAssistant(content="".join(next(iter(t)) for t in positions))
    choice = ChatCompletionChoice(message=message, logprobs=Logprobs(content=content))
    return ModelOutput(model="m", choices=[choice])


def test_the_five_digits_are_collected_and_the_rest_is_missing() -> None:
    probabilities = digit_probabilities(output({"4": 0.6, "5": 0.2, "The": 0.1, "10": 0.05}))
    assert probabilities == pytest.approx([0, 0, 0, 0.6, 0.2])
    distribution = digit_distribution(probabilities or [])
    assert distribution.expected == pytest.approx((4 * 0.6 + 5 * 0.2) / 0.8)
    assert distribution.missing_mass == pytest.approx(0.2)
    assert distribution.mode == 4
    shares = (0.75, 0.25)
    assert distribution.entropy == pytest.approx(-sum(p * math.log(p) for p in shares))


def test_spellings_of_one_digit_are_added_up() -> None:
    probabilities = digit_probabilities(output({"4": 0.3, " 4": 0.2, "４": 0.1, "▁4": 0.1}))
    assert probabilities == pytest.approx([0, 0, 0, 0.7, 0])


@pytest.mark.parametrize("lead", ["\n", " ", "▁", '"'])
def test_a_leading_blank_token_is_passed_over(lead: str) -> None:
    probabilities = digit_probabilities(output({lead: 0.9, "3": 0.1}, {"2": 0.7, "3": 0.3}))
    assert probabilities == pytest.approx([0, 0.7, 0.3, 0, 0])


def test_a_wordy_reply_is_read_at_its_first_token() -> None:
    probabilities = digit_probabilities(output({"I": 0.8, "4": 0.1}, {"4": 1.0}))
    assert probabilities == pytest.approx([0, 0, 0, 0.1, 0])


def test_no_log_probabilities_are_none_and_no_mass_is_nan() -> None:
    assert digit_probabilities(ModelOutput.from_content("m", "4")) is None
    empty = digit_distribution(digit_probabilities(output({"I": 1.0})) or [])
    assert math.isnan(empty.expected) and math.isnan(empty.entropy)
    assert (empty.missing_mass, empty.mode) == (1.0, None)


def test_a_flat_distribution_has_the_greatest_entropy() -> None:
    assert digit_distribution([0.2] * 5).entropy == pytest.approx(math.log(5))
    assert digit_distribution([0.2] * 5).expected == pytest.approx(3)
    assert digit_distribution([0, 0, 1, 0, 0]).entropy == 0
