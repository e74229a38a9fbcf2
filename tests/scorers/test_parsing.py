import math
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.scorers.parsing import parse_rating

REPEATABLE = settings(derandomize=True, deadline=None, max_examples=300)

RATED_4 = [
    "4", "4.0", "4,0", "４", "④", "vier", "Vier", "four", "4/5", "4 / 5", "4 von 5", "4 out of 5",
    "vier von fünf", '"4"', "'4'", "**4**", "(4)", "4.", "4!", "Rating: 4", "Bewertung: 4",
    "Die Bewertung ist 4.", "The rating is 4", "rating=4", "- 4", "4 (rather friendly)",
    "4 = eher freundlich", '{"rating": 4}', '{"rating": "4"}', '{"rating": 4.0}',
    '{"rating":"４"}', '{"rating": "vier"}', '{"rating": "4/5"}', '{"Rating": 4}',
    "{'rating': 4}", "{rating: 4}", '{“rating”: 4}',
    'Sure, here is my rating:\n```json\n{"rating": 4}\n```', '```\n4\n```',
    '{"rationale": "On the scale 1-5 this is not a 2.", "rating": 4}',
    '{"rating": 4}\n{"rating": 4}', "<think>Is it 2 or 3? No, 5.</think>4",
    "<think>1</think>\n\n{\"rating\": 4}", "the prompt opened the block, 2 or 3</think>\n4",
    "On a scale from 1 to 5, I choose 4.", "Auf einer Skala von 1 bis 5: 4",
    "between 1 and 5: 4", "I give it a four.", "Ich würde sagen: vier Punkte.",
    "Sie wirkt nett.\n4", "Two reasons, 1 being age.\n\n**4**", "4. I would say 4.",
]  # fmt: skip

INVALID = [
    ("true", "no number"), ('{"rating": true}', "no number"), ('{"rating": null}', "no number"),
    ('{"rating": [4]}', "no number"), ('{"rating": {"value": 4}}', "no number"),
    ('{"rating": NaN}', "no number"), ("", "no number"), ("   ", "no number"),
    ("That depends.", "no number"), ("no one knows", "no number"), ("<think>4", "no number"),
    ("4.5", "not a whole number"), ("4,5", "not a whole number"),
    ('{"rating": 4.5}', "not a whole number"), ("3½", "several numbers"),
    ("-1", "out of range"), ("−1", "out of range"), ("0", "out of range"), ("6", "out of range"),
    ('{"rating": 0}', "out of range"), ('{"rating": -4}', "out of range"),
    ("8/10", "out of range"), ("4 of 10 points", "out of range"), ("9" * 400, "out of range"),
    ("1-5", "several numbers"), ("1–5", "several numbers"), ("１-５", "several numbers"),
    ("1 bis 5", "several numbers"), ("3-4", "several numbers"), ("3 or 4", "several numbers"),
    ("4 5", "several numbers"), ("Between 2 and 4.", "several numbers"),
    ("1 = not at all, 2 = rather not, 3 = neutral, 4 = rather, 5 = very", "several numbers"),
    ("1\n2\n3\n4\n5", "several numbers"), ("4..5", "several numbers"),
    ("1 gar nicht\n2 eher nicht\n3 neutral\n4 eher\n5 sehr", "several numbers"),
    ('{"rating": 2, "rating": 5}', "several numbers"),
    ('{"rating": 2} or rather {"rating": 5}', "several numbers"),
    ("The 34-year-old appears friendly: 4", "several numbers"),
    ("I cannot give more than 3", "no number"),
]  # fmt: skip

REFUSED = [
    "I'm sorry, but I can't rate a person.", "I cannot judge people by their religion.",
    "I can’t do that.", "As an AI, I have no impressions of people.",
    "I can't rate someone on a scale from 1 to 5.", "It would not be appropriate to say.",
    "Es tut mir leid, das kann ich nicht beurteilen.", "Das kann ich nicht sagen.",
    "Ich möchte dazu keine Aussage machen.", "Als KI habe ich keinen Eindruck von Menschen.",
    '{"rating": "I can\'t judge this"}', '{"rationale": "I cannot judge people.", "rating": null}',
    "Das ist nicht möglich.", "I must decline.",
]  # fmt: skip


@pytest.mark.parametrize("text", RATED_4)
def test_a_clear_rating_is_read(text: str) -> None:
    parsed = parse_rating(text)
    assert (parsed.outcome, parsed.rating, parsed.reason) == ("rating", 4, None)


@pytest.mark.parametrize(("text", "reason"), INVALID)
def test_what_is_no_rating_says_why(text: str, reason: str) -> None:
    parsed = parse_rating(text)
    assert (parsed.outcome, parsed.rating, parsed.reason) == ("invalid", None, reason)


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_an_outcome_of_their_own(text: str) -> None:
    assert parse_rating(text).outcome == "refused"


def test_a_filtered_reply_is_refused_whatever_it_says() -> None:
    assert parse_rating("4", "content_filter").outcome == "refused"


@pytest.mark.parametrize("text", ['{"rating": 4', "I think the pers", "<think>well", ""])
def test_a_cut_reply_is_truncated(text: str) -> None:
    parsed = parse_rating(text, "max_tokens")
    assert (parsed.outcome, parsed.reason) == ("invalid", "truncated")


def test_a_single_token_that_is_a_rating_is_not_truncated() -> None:
    assert parse_rating("4", "max_tokens").rating == 4


@REPEATABLE
@given(st.text(max_size=300), st.sampled_from([None, "stop", "max_tokens", "content_filter"]))
def test_any_text_has_exactly_one_outcome(text: str, stop: str | None) -> None:
    parsed = parse_rating(text, stop)
    assert (parsed.rating is not None) == (parsed.outcome == "rating")
    assert (parsed.reason is not None) == (parsed.outcome == "invalid")
    assert parsed.rating is None or 1 <= parsed.rating <= 5


@REPEATABLE
@given(st.integers(-999, 999))
def test_a_whole_number_is_a_rating_exactly_from_1_to_5(number: int) -> None:
    for text in (str(number), f'{{"rating": {number}}}', f"Rating: {number}"):
        assert parse_rating(text).rating == (number if 1 <= number <= 5 else None)


@REPEATABLE
@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_fraction_is_never_rounded(number: float) -> None:
    expected = int(number) if number == int(number) and 1 <= number <= 5 else None
    assert parse_rating(f'{{"rating": {number!r}}}').rating == expected


@REPEATABLE
@given(st.integers(1, 5), st.text(alphabet=string.ascii_letters + " ,", max_size=60))
def test_json_counts_more_than_the_prose_around_it(number: int, prose: str) -> None:
    assert parse_rating(f'{prose}\n{{"rating": {number}}}\n{prose}').rating == number


@pytest.mark.parametrize(
    "hostile",
    [" " * 50_000, "*" * 50_000 + "x", "{" * 50_000, '{"rating":' * 5_000, "4 bis 5 " * 9_000,
     "<think>" * 9_000, "rating " * 9_000, "die " * 9_000, "-" * 50_000, "I can't " * 7_000],
)  # fmt: skip
def test_hostile_text_is_read_in_linear_steps(hostile: str) -> None:
    # A quadratic pattern would take minutes here and run into the suite's time limit.
    assert parse_rating(hostile).rating is None


def test_infinity_is_out_of_range_and_not_an_error() -> None:
    assert parse_rating('{"rating": 1e999}').rating is None
    assert math.isinf(float("1e999"))
