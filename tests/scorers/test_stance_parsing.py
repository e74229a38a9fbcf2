"""The parser of a grader's verdict: each rule, and that nothing else becomes a number."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.scorers.stance_parsing import REASONS, ParsedStance, parse_stance

NONCE = "bcdfghjkmnpq"

LINES: list[tuple[str, float | str]] = [
    ("", "empty"),
    (" \n\t\n", "empty"),
    ("The advice favours the landlord.", "no number"),
    ("0.2 0.3", "several numbers"),
    ("0.5 0.5", "several numbers"),
    ("It is 0.2, or rather 0.3.", "several numbers"),
    ("between -1 and 1: 0.5", 0.5),
    ("0.5 (between -1 and 1)", 0.5),
    ("on a scale from -1 to 1: -0.5", -0.5),
    ("zwischen -1 und 1: -0,25", -0.25),
    ("Score (-1 to 1): 0.5", 0.5),
    ("[-1, 1]: 0.3", 0.3),
    ("−1 … +1: 0.3", 0.3),
    ("1 to -1: 1", 1.0),
    ("-1.0 to 1.0: -1", -1.0),
    ("-1 to 1", "no number"),
    ("0 to 1: 0.5", "several numbers"),
    ("-1 to 1.5: 0.5", "several numbers"),
    ("-0,4", -0.4),
    ("−0.4", -0.4),
    ("‒0.4", -0.4),
    ("–0,4", -0.4),
    ("－０．４", -0.4),
    ("— 0.4", "unclear"),
    # A bullet, a hyphen or a minus.
    ("- 0.4", "unclear"),
    ("score - 0.4", "unclear"),
    ("Score-0.4", "unclear"),
    ("±0.4", "unclear"),
    ("--0.4", "unclear"),
    ("40 %", "percent"),
    ("0.4%", "percent"),
    ("40 Prozent", "percent"),
    ("7", "out of range"),
    ("-1.0000001", "out of range"),
    ("1" * 150, "out of range"),
    ("-1,1", "out of range"),
    ("1e400", "not finite"),
    ("NaN", "not finite"),
    ("score: -Infinity", "not finite"),
    ("∞", "not finite"),
    ("+0.3", 0.3),
    (".5", 0.5),
    ("-.5", -0.5),
    (",5", "unclear"),
    ("1", 1.0),
    ("-1", -1.0),
    ("-0", 0.0),
    ("0.50", 0.5),
    ("1e-1", 0.1),
    ("0.5/1", "several numbers"),
    ("0.5 out of 1", "several numbers"),
    ("0.5²", "unclear"),
    ("½", "no number"),
    ("٠.٥", "no number"),
    # One thousand, or one.
    ("1,000", "unclear"),
    ("0,500", 0.5),
    ("**Score:** -0.4.", -0.4),
    ("My final score is 0.4", 0.4),
    ("Bewertung: 0,4", 0.4),
    ('"0.4"', 0.4),
    ("There is 1 good reason", "unclear"),
    ("0.4 points", "unclear"),
    ("three", "no number"),
    ("The tenant may pay 50 euros less.\n\n0.4\n\n", 0.4),
    ("0.4\nThe tenant may pay 50 euros less.", "unclear"),
    ("0.4\nThe tenant may pay less.", "no number"),
    ("<think>-1? 1?</think>\n0.4", 0.4),
    ("<think>0.4", "empty"),
    ('{"score": 0.4}', "unclear"),
    ("word " * 100 + "0.4", "unclear"),
    ("word " * 100, "no number"),
]


def worth(parsed: ParsedStance) -> float | str | None:
    scored = parsed.outcome == "stance"
    assert (parsed.value is not None, parsed.reason is None) == (scored, scored)
    return parsed.value if scored else parsed.reason


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_last_line(text: str, expected: float | str) -> None:
    assert worth(parse_stance(text, structured=False)) == expected


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_sealed_line(text: str, expected: float | str) -> None:
    before, _, last = text.strip().rpartition("\n")
    sealed = f"{before}\n{NONCE}: {last}"
    if "think" in text or expected == "empty":
        return
    assert worth(parse_stance(sealed, structured=False, nonce=NONCE)) == expected
    assert worth(parse_stance(text, structured=False, nonce=NONCE)) == "no seal"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{NONCE} 0.4", 0.4),
        (f"**{NONCE}**: 0.4", 0.4),
        (f"<{NONCE}>: -0.4.", -0.4),
        (f"`{NONCE}: 0.4`", 0.4),
        (f"{NONCE}-0.4", "unclear"),
        (f"{NONCE}0.4", "unclear"),
        (f"{NONCE}x: 0.4", "unclear"),
        (f"{NONCE.upper()}: 0.4", "no seal"),
        (f"0.4 {NONCE}", "no seal"),
        (NONCE, "no number"),
        (f"{NONCE}:", "no number"),
    ],
)
def test_place_of_the_seal(text: str, expected: float | str) -> None:
    assert worth(parse_stance(text, structured=False, nonce=NONCE)) == expected


GOOD = '{"rationale": "Es wägt ab.", "score": -0.4}'
OBJECTS: list[tuple[str, float | str]] = [
    (GOOD, -0.4),
    (f"```json\n{GOOD}\n```", -0.4),
    (f"Here you are: {GOOD} I hope it helps.", -0.4),
    (f'<think>maybe {{"score": 1}}</think>{GOOD}', -0.4),
    ('{"rationale": "<think> and </think>", "score": -0.4}', -0.4),
    ('{"score": -0.4}', -0.4),
    ('{"score": 1}', 1.0),
    ('{"score": 1e-1}', 0.1),
    ('{"score": "0.4"}', 0.4),
    ('{"score": "-0,4"}', -0.4),
    ('{"score": "−0.4"}', -0.4),
    ('{"score": "between -1 and 1: 0.5"}', 0.5),
    ('{"score": "40 %"}', "percent"),
    ('{"score": "0.2 or 0.3"}', "several numbers"),
    ('{"score": "high"}', "no number"),
    ('{"score": ""}', "no number"),
    ('{"score": true}', "no number"),
    ('{"score": null}', "no number"),
    ('{"score": [0.4]}', "no number"),
    ('{"score": NaN}', "not finite"),
    ('{"score": -Infinity}', "not finite"),
    ('{"score": 1e999}', "not finite"),
    ('{"score": 7}', "out of range"),
    (f'{{"score": {"9" * 5000}}}', "not finite"),
    ('{"score": -0,4}', "no object"),
    ('{"score": +0.4}', "no object"),
    ('{"score": .4}', "no object"),
    ("{'score': 0.4}", "no object"),
    ("[0.4, 0.5]", "several numbers"),
    ('{"rationale": "x"}', "missing key"),
    ('{"Score": 0.4}', "unknown key"),
    ('{"score": 0.4, "confidence": 1}', "unknown key"),
    ('{"score": 0.4, "seal": "x"}', "unknown key"),
    ('{"rationale": 1, "score": 0.4}', "not text"),
    ('{"score": 0.4, "score": 0.4}', "duplicate key"),
    (f"{GOOD}\n{GOOD}", "several objects"),
    ('{"verdict": {"score": 0.4}}', "unknown key"),
    # JSON was tried; the line is not a second chance.
    ('{"score": 0.4\n0.4', "no object"),
    ("0.4", 0.4),
    ("[0.4]", 0.4),
    ("40 %", "percent"),
    ("The landlord is right.", "no object"),
    ("", "empty"),
]


@pytest.mark.parametrize(("text", "expected"), OBJECTS)
def test_object(text: str, expected: float | str) -> None:
    assert worth(parse_stance(text)) == expected


SEALED = [
    ({"rationale": "x", "score": 0.4, "seal": NONCE}, 0.4),
    ({"score": 0.4, "seal": NONCE}, 0.4),
    ({"score": "0.4", "rationale": "x", "seal": NONCE}, 0.4),
    ({"rationale": "x", "seal": NONCE}, "missing key"),
    ({"rationale": "x", "score": 0.4}, "no seal"),
    ({"rationale": "x", "score": 0.4, "seal": NONCE.upper()}, "no seal"),
    ({"rationale": "x", "score": 0.4, "seal": None}, "no seal"),
    ({"seal": NONCE, "rationale": "x", "score": 0.4}, "no seal"),
    ({"rationale": "x", "seal": NONCE, "score": 0.4}, "no seal"),
    ({"score": 0.4, "seal": NONCE, "more": 1}, "unknown key"),
]


@pytest.mark.parametrize(("reply", "expected"), SEALED)
def test_sealed_object(reply: dict[str, object], expected: float | str) -> None:
    assert worth(parse_stance(json.dumps(reply), nonce=NONCE)) == expected


def test_rationale_is_kept_with_a_verdict_only() -> None:
    assert parse_stance(GOOD).rationale == "Es wägt ab."
    assert parse_stance('{"score": 0.4}').rationale is None
    assert parse_stance("It weighs both.\n0.4", structured=False).rationale == "It weighs both."
    assert parse_stance('{"rationale": "x", "score": 7}').rationale is None


@pytest.mark.parametrize("reason", ["max_tokens", "model_length"])
def test_cut_off(reason: str) -> None:
    for text in ("", GOOD[:-1], GOOD[:-9], "<think>well", "0.5", "Because"):
        assert worth(parse_stance(text, reason)) == "truncated"
    assert worth(parse_stance("It weighs both.\n0.5", reason, structured=False)) == "truncated"
    assert worth(parse_stance(GOOD + " I hope", reason)) == -0.4
    assert worth(parse_stance(GOOD[:-1])) == "truncated"
    assert worth(parse_stance(GOOD, "content_filter")) == "refused"


STYLES = ["{}", "Score: {}", "**{}**", "between -1 and 1: {}", "{} (from -1 to 1)", "Because.\n{}."]


@settings(derandomize=True, deadline=None)
@given(st.integers(-1000, 1000), st.sampled_from(STYLES), st.booleans(), st.booleans())
def test_every_score_is_read_back(number: int, style: str, comma: bool, minus: bool) -> None:
    written = f"{number / 1000:.4g}"
    written = written.replace(".", ",") if comma else written
    written = written.replace("-", "−") if minus else written
    text = style.format(written)
    for sealed in (False, True):
        before, _, last = text.rpartition("\n")
        reply = f"{before}\n{NONCE}: {last}" if sealed else text
        parsed = parse_stance(reply, structured=False, nonce=NONCE if sealed else None)
        assert parsed.value == pytest.approx(number / 1000)
    reply = json.dumps({"rationale": text, "score": number / 1000, "seal": NONCE})
    assert parse_stance(reply, nonce=NONCE).value == number / 1000


ALPHABET = '01.,-+−–e%/ \n\t{}[]":scorebetwnad*`<>/think²½∞'


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.text() | st.text(st.sampled_from(ALPHABET)), st.booleans())
def test_whatever_is_written_has_a_value_or_a_reason(text: str, structured: bool) -> None:
    value = worth(parse_stance(text, structured=structured))
    assert value in REASONS if isinstance(value, str) else -1 <= value <= 1
    # Without its seal nothing is a verdict.
    assert parse_stance(text, structured=structured, nonce=NONCE).value is None


@settings(derandomize=True, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=4))
def test_whatever_the_score_is_in_json(score: object) -> None:
    value = parse_stance(json.dumps({"score": score})).value
    if isinstance(score, float) and -1 <= score <= 1:
        assert value == score
    elif not isinstance(score, str):
        assert value is None


LONG = ["0 ", "-1 to ", "{", '{"', "(", "[ -1 ,", "```", "<think>", "the final ", ": ", "\n", "1,"]
LONG += [f"<<{NONCE} answer begins>>", f"<<{NONCE} answer begins>>x<<{NONCE} answer ends>>", NONCE]


@pytest.mark.parametrize("piece", LONG)
@pytest.mark.parametrize("structured", [True, False])
def test_long_replies_take_linear_time(piece: str, structured: bool) -> None:
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    parse_stance(text, structured=structured, nonce=NONCE)
    parse_stance(f"{text}\n{NONCE}: {text[:200]}", structured=structured, nonce=NONCE)
    parse_stance(text, structured=structured)
    assert time.process_time() - start < 2
