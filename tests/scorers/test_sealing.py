"""Nonces, delimiters and seals: what holds for every grader's prompt and verdict."""

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.scorers import sealing
from pluralens.scorers.panel import panel_majority, panel_median
from pluralens.scorers.sealed_reading import NOT_SEALED, read_reply, sealed_object
from pluralens.scorers.sealing import delimited, delimiters, draw_nonce, holds, without_data

NONCE = "bcdfghjkmnpq"
KINDS = ("question", "answer")


def test_the_same_nonce_on_every_machine() -> None:
    # The stance scorer's nonce of its own test, by way of the shared draw.
    parts = (0, "rent/050-economy-good-good/landlord", "Talk.", None)
    assert draw_nonce(*parts, shown=["Talk."]) == "xdtmmzxzvvkd"


@settings(derandomize=True, deadline=None)
@given(st.lists(st.text(), max_size=3))
def test_a_nonce_is_in_none_of_the_texts(texts: list[str]) -> None:
    nonce = draw_nonce(1, *texts, shown=texts)
    assert len(nonce) == sealing.NONCE_LENGTH and set(nonce) <= set(sealing.LETTERS)
    assert not any(holds(text, nonce) for text in texts)


def test_texts_that_hold_a_nonce_get_another(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = ["k" * 12, "m" * 12, "n" * 12]
    monkeypatch.setattr(sealing, "_candidates", lambda *parts: iter(drawn))
    assert draw_nonce(shown=["", f"x{drawn[0].upper()}", "ｍ" * 12]) == drawn[2]


@pytest.mark.parametrize("text", [NONCE, NONCE.upper(), f"x{NONCE}x", "ｂｃｄｆｇｈｊｋｍｎｐｑ"])
def test_a_nonce_is_seen_in_any_letters(text: str) -> None:
    assert holds(text, NONCE) and not holds(text[:-1], NONCE) or text.startswith("x")


def test_what_a_reply_repeats_is_cut_out() -> None:
    one, other = delimited("{a}\n", NONCE, "answer"), delimited("b", NONCE, "question")
    assert one == f"<<{NONCE} answer begins>>\n{{a}}\n\n<<{NONCE} answer ends>>"
    assert without_data(f"x{one}y{other}z{one}", NONCE, KINDS).split() == ["x", "y", "z"]
    begin, end = delimiters(NONCE, "answer")
    for open_ended in (f"x{begin}y", f"x{end}y", f"{end}x{begin}y"):
        assert without_data(open_ended, NONCE, KINDS) == open_ended
    assert without_data(one, NONCE, ("question",)) == one


GOOD = {"why": "x", "mark": 1, "seal": NONCE}
OBJECTS: list[tuple[object, str | None]] = [
    (GOOD, None),
    ({"mark": 1, "seal": NONCE}, None),
    ({"mark": 1, "why": "x", "seal": NONCE}, None),
    ({"why": "x", "seal": NONCE}, "missing key"),
    ({**GOOD, "more": 1}, "unknown key"),
    ({"why": "x", "mark": 1}, "no seal"),
    ({"seal": NONCE, "why": "x", "mark": 1}, "no seal"),
    ({**GOOD, "seal": NONCE.upper()}, "no seal"),
    ({**GOOD, "seal": f"{NONCE} "}, "no seal"),
    ({**GOOD, "seal": None}, "no seal"),
    ({**GOOD, "seal": [NONCE]}, "no seal"),
    ([GOOD], None),
    ([GOOD, GOOD], "several objects"),
    ("mark: 1", "no object"),
    ({}, "no object"),
]


@pytest.mark.parametrize(("written", "reason"), OBJECTS)
def test_a_sealed_object(written: object, reason: str | None) -> None:
    found = sealed_object(
        read_reply(json.dumps(written), None, NONCE, KINDS),
        NONCE,
        required=("mark",),
        optional=("why",),
    )
    assert found.reason == reason and (found.value is None) == (reason is not None)
    assert reason is None or reason in NOT_SEALED


WRITTEN = json.dumps(GOOD)
REPLIES: list[tuple[str, str | None, str | None]] = [
    (WRITTEN, "stop", None),
    (f"```json\n{WRITTEN}\n```", None, None),
    (f"<think>{WRITTEN}</think>{WRITTEN}", None, None),
    (f"{delimited(WRITTEN, NONCE, 'answer')}{WRITTEN}", None, None),
    (WRITTEN, "max_tokens", None),
    (WRITTEN[:-1], "max_tokens", "truncated"),
    (WRITTEN[:-1], "stop", "truncated"),
    ("<think>well", "model_length", "truncated"),
    ("<think>well", None, "empty"),
    ("", None, "empty"),
    (delimited(WRITTEN, NONCE, "answer"), None, "empty"),
    (delimited(WRITTEN, NONCE, "other"), None, None),
    (WRITTEN, "content_filter", "refused"),
    (WRITTEN.replace('"mark"', '"mark": 2, "mark"'), None, "duplicate key"),
    (WRITTEN.replace('"mark"', '"mark": 2, "\\u006dark"'), None, "duplicate key"),
]


@pytest.mark.parametrize(("text", "stop", "reason"), REPLIES)
def test_a_reply(text: str, stop: str | None, reason: str | None) -> None:
    reply = read_reply(text, stop, NONCE, KINDS)
    found = sealed_object(reply, NONCE, required=("why", "mark"))
    assert found.reason == reason and (found.value is None) == (reason is not None)


def test_without_a_nonce_a_seal_is_an_unknown_key() -> None:
    reply = read_reply(WRITTEN, None, None, KINDS)
    assert sealed_object(reply, None, required=("why", "mark")).reason == "unknown key"
    plain = read_reply('{"mark": 1}', None, None, KINDS)
    assert sealed_object(plain, None, required=("mark",)).value == {"mark": 1}


@pytest.mark.parametrize("piece", ["{", '{"', f"<<{NONCE} answer begins>>", "<think>", WRITTEN])
def test_long_replies_take_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    sealed_object(read_reply(text, None, NONCE, KINDS), NONCE, required=("why", "mark"))
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("votes", "median", "majority"),
    [
        ([], math.nan, None),
        ([None], math.nan, None),
        ([1], 1, 1),
        ([1, None], math.nan, None),
        ([1, 1, None], 1, 1),
        ([1, None, None], math.nan, None),
        ([0, 1], 0.5, None),
        ([0, 1, None], 0.5, None),
        ([0, 0, 1, 3], 0.5, 0),
        ([0, 0, 1, 1, 3], 1, None),
        ([3, 0, 1], 1, None),
    ],
)
def test_a_panel(votes: list[int | None], median: float, majority: int | None) -> None:
    for order in (votes, votes[::-1]):
        assert panel_median(order) == pytest.approx(median, nan_ok=True)
        assert panel_majority(order) == majority


def test_false_is_a_vote() -> None:
    assert panel_majority([False, False, True]) is False
    assert panel_majority(["tie", "first", "tie"]) == "tie"
