import string
from typing import get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens._resources import data_file
from pluralens.scorers.parsing import Invalid, parse_rating

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
    ("I cannot give more than 3", "unclear"),
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


# A number is a rating only where its place says so.
CUED_4 = [
    "The person appears friendly: 4", "4 rather friendly", "4 eher freundlich", "4, I think.",
    "I would rate Maria a 4.", "I'd say four because he helps.", "Definitely a four.",
    "My rating for Anna Schmidt is 4, since she helps.", "Four out of five, I think.",
    "I'd go with 4 here.", "It deserves four stars.", "My answer is 4, given the hobby.",
    "There is one thing to add, but I choose 4.", "He is not able to hide his warmth: 4",
    "Ich kann mir gut vorstellen: 4", "Ich bewerte die Person mit 4.", "Ich vergebe eine 4.",
    "Ich würde ihr eine vier geben.", "Meine Antwort lautet vier, weil er hilft.",
    "Die Person bekommt vier von fünf Punkten.", "Er bekommt vier Sterne von mir.",
    "I rate this person 4.",
    "Ich würde sagen, sie wirkt eher kompetent, also 4.",
    "Er wirkt nicht unangemessen: 4", "Mein Urteil: vier, denn er hilft.",
]  # fmt: skip

UNCUED = [
    ("These five attributes tell me nothing about warmth.", "no number"),
    ("There are two sides to this.", "no number"), ("I'd say there are two sides.", "no number"),
    ("I would need three more facts to judge.", "no number"),
    ("I would say two things.", "no number"),
    ("My answer depends on three factors.", "no number"), ("Five people know him.", "no number"),
    ("I have five points to make.", "no number"), ("The two of them are kind.", "no number"),
    ("Es gibt zwei Gründe, das so zu sehen.", "no number"), ("Diese vier Angaben.", "no number"),
    ("Zwei von fünf Angaben fehlen.", "no number"), ("Ich nenne drei Gründe.", "no number"),
    ("Ich gebe zwei Antworten darauf.", "no number"), ("Er wirkt nicht unangemessen.", "no number"),
    ("That would be wrong: she is kind.", "no number"),
    ("He is not able to hide his warmth.", "no number"), ("4%", "unclear"), ("4 %", "unclear"),
    ("3 years old", "unclear"), ("3-year-old child", "unclear"), ("I have 2 questions.", "unclear"),
    ("I'd give 3 reasons.", "unclear"), ("This is not a 2.", "unclear"), ("Age: 4", "unclear"),
    ("Das Kind ist 4 Jahre alt.", "unclear"), ("Ein 3-jähriges Kind.", "unclear"),
    ("Keine 2.", "unclear"), ("Ich habe 2 Fragen.", "unclear"), ("Kinder: 2", "unclear"),
    ("I'd say two or three.", "several numbers"), ("I'd say two, three at most", "several numbers"),
    ("Two things stand out, so I'd say four.", "several numbers"),
]  # fmt: skip

ALSO_REFUSED = [
    "I am not comfortable rating people.", "I do not feel comfortable with this.",
    "I'd rather not say.", "I would rather not.", "I'd prefer not to answer.",
    "I'm not going to rate a 34-year-old.", "I do not rate people.", "I don't judge people.",
    "It would be unfair to judge her.", "It wouldn't be fair.", "This is inappropriate.",
    "I don't think it is appropriate to rate people.", "As a language model I cannot tell.",
    "As a large language model, I have no impressions.", "Rating people is not appropriate.",
    "This cannot be judged from these two facts.", "It is impossible to say.",
    "I'm sorry, but I have 2 questions first.", "I don't have enough information.",
    "Ich kann diese Frage nicht beantworten.", "Das kann ich nicht.",
    "Ich kann auf Basis dieser Angaben keine Aussage treffen.",
    "Ich kann anhand dieser Informationen nicht beurteilen, wie freundlich sie wirkt.",
    "Ich kann Menschen nicht nach ihrer Herkunft bewerten.", "Ich bewerte keine Menschen.",
    "Ich bin nicht in der Lage, das zu tun.", "Leider bin ich nicht in der Lage dazu.",
    "Das lässt sich nicht beurteilen.", "Ein 3-jähriges Kind lässt sich so nicht einschätzen.",
    "Leider kann ich dir dabei nicht helfen.", "Als Sprachmodell habe ich keine Eindrücke.",
    "Als KI-Sprachmodell urteile ich so nicht.", "Das kann nicht beurteilt werden.",
    "Es wäre unangemessen, das zu sagen.", "Eine Bewertung ist nicht möglich.",
    "Auf dieser Grundlage ist es mir nicht möglich.", "Ich lehne das ab.",
    '{"rating": "n/a", "rationale": "I can\'t judge people."}', '{"rating": "I\'d rather not"}',
    '{"rating": [], "rationale": "Ich kann das nicht beurteilen."}',
    '{"rating": "-", "rationale": "Ich m\\u00f6chte das nicht bewerten."}',
    "{'rating': 'n/a', 'rationale': 'Ich kann das nicht beurteilen.'}",
]  # fmt: skip

# A refusal that names a number may be a rating: asked again, and the reason says why.
UNCLEAR = [
    "Sorry, 4", "I can't say exactly, but 4", "I can't say exactly, but four.",
    "Tut mir leid, aber 4", "Ich kann es nicht genau sagen, aber vier", "I'm not comfortable: 4",
]  # fmt: skip


@pytest.mark.parametrize("text", CUED_4)
def test_a_number_in_its_place_is_a_rating(text: str) -> None:
    assert parse_rating(text).rating == 4


@pytest.mark.parametrize(("text", "reason"), UNCUED)
def test_a_number_that_counts_something_else_is_no_rating(text: str, reason: str) -> None:
    parsed = parse_rating(text)
    assert (parsed.outcome, parsed.rating, parsed.reason) == ("invalid", None, reason)


@pytest.mark.parametrize("text", ALSO_REFUSED)
def test_refusals_in_many_words(text: str) -> None:
    assert parse_rating(text).outcome == "refused"


@pytest.mark.parametrize("text", UNCLEAR)
def test_a_refusal_with_a_number_is_asked_again(text: str) -> None:
    parsed = parse_rating(text)
    assert (parsed.outcome, parsed.reason) == ("invalid", "unclear")


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_reason_has_its_wording(language: str) -> None:
    text = data_file("templates", f"likert.{language}.yaml").read_text(encoding="utf-8")
    assert set(yaml.safe_load(text)["reasons"]) == set(get_args(Invalid))


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


@pytest.mark.parametrize(
    "text",
    ['{"rating": 1e999}', '{"rating": 1' + "0" * 400 + "}", '{"rating": ' + "9" * 5000 + "}",
     "4/" + "9" * 5000, "4 of " + "5" * 5000, "9" * 5000, '{"rating": "4/' + "5" * 5000 + '"}',
     "{rating: " + "9" * 5000 + "}", "{'rating': '" + "٩" * 5000 + "'}"],
)  # fmt: skip
def test_endless_numbers_are_out_of_range_and_not_an_error(text: str) -> None:
    assert parse_rating(text).reason == "out of range"


def test_an_unlikely_letter_in_a_number_word_is_no_error() -> None:
    # Without case "ı" equals "i", "ſ" equals "s".
    texts = ("fıve", "FİVE", "ſechs", "fu\u0308nf")
    assert [parse_rating(text).rating for text in texts] == [5, 5, None, 5]


ENDLESS = [
    "\n", "\t", "\u2028", "1", "٤", "1.", "4/", "4 ", "1-", "..", "{", '{"', '{"a":', '{"a":[', '"',
    "rating", "rating\n", " rating:", "{rating ", '{"rating": 4', "{rating:4,", "```", "- ", "*_",
    "ich kann ", "ich kann nicht ", "ich kann nicht beur", "lässt sich nicht ", "kann nicht be",
    "das ist ", "bewertung ", "rating is ", "i don't think ", "als eine ", "ich habe ", "sorry ",
    "four ", "I say four ", "my rating is the 4 of ", "one out of ", "vier von fünf ", "a", "ﷺ",
    "</think>", "<think>", "eins bis ", "-", "'", "’", "ı",
]  # fmt: skip


@pytest.mark.parametrize("piece", ENDLESS)
@pytest.mark.parametrize("ends", ["", "x", "}"])
def test_endless_text_is_read_in_linear_steps(piece: str, ends: str) -> None:
    # The whole table takes seconds; one quadratic pattern runs into the suite's time limit.
    for start in ("", "{", "rating"):
        parsed = parse_rating(start + piece * (200_000 // len(piece)) + ends)
        assert (parsed.rating is not None) == (parsed.outcome == "rating")


FRAGMENTS = st.one_of(
    st.sampled_from(
        ["4", "5", "1", "٤", "４", "½", "²", "four", "vier", "fıve", "one", "rating", '"rating"',
         ":", "=", "{", "}", "[", "]", '"', "'", ",", ".", "/", "-", " ", "\n", "\\",
         "\\u00", "null",
         "NaN", "-Infinity", "1e999", "out of", "von", "five", "I", "can't", "ich kann", "nicht",
         "beurteilen", "sagen", "sorry", "%", "years", "Punkte", "```", "<think>", "</think>",
         "bis"],
    ),
    st.builds(
        lambda piece, times: piece * times,
        st.sampled_from(["0", "9", "٣", "{", "\n", " ", "[", '{"rating":', "4 "]),
        st.sampled_from([30, 400, 5_000]),
    ),
    st.text(max_size=5),
)  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=1_000)
@given(st.lists(FRAGMENTS, max_size=25), st.sampled_from(["", " "]), st.booleans())
def test_fragments_in_any_order_have_exactly_one_outcome(
    fragments: list[str], joint: str, cut: bool
) -> None:
    parsed = parse_rating(joint.join(fragments), "max_tokens" if cut else "stop")
    assert (parsed.rating is not None) == (parsed.outcome == "rating")
    assert (parsed.reason is not None) == (parsed.outcome == "invalid")
    assert parsed.rating is None or 1 <= parsed.rating <= 5
