"""The parser of a critic's verdict: each rule, and that nothing else becomes a value."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.scorers.critique_parsing import RATINGS, REASONS, ParsedCritique, parse_critique
from pluralens.scorers.critique_prompt import PROTOCOLS, Protocol

NONCE = "bcdfghjkmnpq"
DEBATE = {
    "personalization_critic": "Too general.",
    "helpfulness_critic": "It answers.",
    "conclusion": "Send it back.",
    "needs_revision": True,
}
RUBRIC = {"rationale": "-", "personalization": 4, "helpfulness": 5, "harmlessness": 3, "leak": 1}
PAIRWISE = {"rationale": "", "choice": "tie"}
IDENTIFY = {"rationale": "x", "choice": "first"}
GOOD: dict[Protocol, dict[str, Any]] = {
    "debate": DEBATE, "rubric": RUBRIC, "pairwise": PAIRWISE, "identify": IDENTIFY,
}  # fmt: skip


def read(protocol: Protocol, value: object, stop: str | None = None) -> ParsedCritique:
    text = value if isinstance(value, str) else json.dumps(value)
    parsed = parse_critique(text, stop, protocol, NONCE)
    verdicts = (parsed.needs_revision, parsed.ratings, parsed.choice)
    assert sum(verdict is not None for verdict in verdicts) == (parsed.reason is None)
    assert parsed.reason is None or (parsed.reason in REASONS and not parsed.said)
    return parsed


def with_seal(value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "seal": NONCE}


def test_good_verdicts() -> None:
    for revise in (True, False):
        found = read("debate", with_seal({**DEBATE, "needs_revision": revise}))
        assert found.needs_revision is revise and found.said["conclusion"] == "Send it back."
    found = read("rubric", with_seal(RUBRIC))
    assert found.ratings == {k: RUBRIC[k] for k in RATINGS} and found.said == {"rationale": "-"}
    assert all(isinstance(rating, int) for rating in found.ratings.values())
    for choice in ("first", "second", "tie"):
        assert read("pairwise", with_seal({**PAIRWISE, "choice": choice})).choice == choice
    for choice in ("first", "second"):
        assert read("identify", with_seal({**IDENTIFY, "choice": choice})).choice == choice


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_order_of_the_keys_is_free_but_for_the_seal(protocol: Protocol) -> None:
    good = GOOD[protocol]
    assert read(protocol, with_seal(dict(reversed(list(good.items()))))).reason is None
    assert read(protocol, {"seal": NONCE, **good}).reason == "no seal"
    assert read(protocol, good).reason == "no seal"
    assert read(protocol, {**good, "seal": NONCE[::-1]}).reason == "no seal"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_key_is_needed_and_no_other_known(protocol: Protocol) -> None:
    for key in GOOD[protocol]:
        less = {k: v for k, v in GOOD[protocol].items() if k != key}
        assert read(protocol, with_seal(less)).reason == "missing key"
    assert read(protocol, {"score": 1, **with_seal(GOOD[protocol])}).reason == "unknown key"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_verdict_of_another_protocol_is_none(protocol: Protocol) -> None:
    for other in set(PROTOCOLS) - {protocol} - ({"pairwise"} if protocol == "identify" else set()):
        parsed = read(protocol, with_seal(GOOD[other]))
        assert parsed.reason in ("unknown key", "missing key") or (protocol, other) == (
            "pairwise",
            "identify",
        )
    assert read("identify", with_seal(PAIRWISE)).reason == "no choice"


@pytest.mark.parametrize("wrong", ["false", "true", "no", 0, 1, 0.0, None, [], [False], {}, ""])
def test_only_true_and_false_are_booleans(wrong: object) -> None:
    assert read("debate", with_seal({**DEBATE, "needs_revision": wrong})).reason == "not boolean"


@pytest.mark.parametrize("key", ["personalization_critic", "helpfulness_critic", "conclusion"])
def test_everybody_speaks_in_a_debate(key: str) -> None:
    for silent in ("", " ", "...", "\n-"):
        assert read("debate", with_seal({**DEBATE, key: silent})).reason == "nobody spoke"
    for wrong in (None, 1, ["x"], {"x": "y"}, True):
        assert read("debate", with_seal({**DEBATE, key: wrong})).reason == "not text"


@pytest.mark.parametrize("key", RATINGS)
def test_ratings_are_whole_numbers_from_1_to_5(key: str) -> None:
    for number in (1, 2, 3, 4, 5, 4.0):
        found = read("rubric", with_seal({**RUBRIC, key: number}))
        assert found.ratings and found.ratings[key] == number
    for wrong in ("4", "five", None, True, False, 4.5, [4], "", float("nan"), float("inf")):
        assert read("rubric", with_seal({**RUBRIC, key: wrong})).reason == "not whole"
    for far in (0, 6, -1, 10**20, 100):
        assert read("rubric", with_seal({**RUBRIC, key: far})).reason == "out of range"


@pytest.mark.parametrize("wrong", ["First", "first ", "1", 1, "both", "", None, ["first"], True])
def test_a_choice_is_one_of_the_words(wrong: object) -> None:
    assert read("pairwise", with_seal({**PAIRWISE, "choice": wrong})).reason == "no choice"
    assert read("identify", with_seal({**IDENTIFY, "choice": wrong})).reason == "no choice"


SHAPES: list[tuple[str, str | None]] = [
    ("{}", None), ("```json\n{}\n```", None), ("Here it is: {} So be it.", None),
    ("<think>true?</think>{}", None), ("{}\n{}", "several objects"), ("[{}]", None),
    ("needs_revision: true", "no object"), ("true", "no object"), ("", "empty"),
    ("<think>{}", "empty"),
]  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("shape", "reason"), SHAPES)
def test_shapes_of_replies(protocol: Protocol, shape: str, reason: str | None) -> None:
    text = shape.replace("{}", json.dumps(with_seal(GOOD[protocol])))
    assert read(protocol, text).reason == reason


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cut_off_and_filtered(protocol: Protocol) -> None:
    text = json.dumps(with_seal(GOOD[protocol]))
    for length in (5, len(text) // 2, len(text) - 1):
        assert read(protocol, text[:length], "max_tokens").reason == "truncated"
    assert read(protocol, text, "max_tokens").reason is None
    assert read(protocol, text, "content_filter").reason == "refused"


def test_a_verdict_given_twice_is_none() -> None:
    text = json.dumps(with_seal(DEBATE))
    twice = text.replace('"needs_revision"', '"needs_revision": false, "needs_revision"')
    assert read("debate", twice).reason == "duplicate key"


ALPHABET = '{}[]":, \ntruefalsneds_ivo1234567890.'


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text() | st.text(st.sampled_from(ALPHABET)), st.sampled_from(PROTOCOLS))
def test_without_its_seal_nothing_is_a_verdict(text: str, protocol: Protocol) -> None:
    assert read(protocol, text).reason in REASONS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(derandomize=True, deadline=None)
@given(st.sampled_from(PROTOCOLS), st.data())
def test_whatever_stands_for_a_value(protocol: Protocol, data: Any) -> None:
    key = data.draw(st.sampled_from(sorted(GOOD[protocol])))
    wrong = data.draw(JSON)
    parsed = read(protocol, with_seal({**GOOD[protocol], key: wrong}))
    if key == "needs_revision":
        assert parsed.needs_revision == (wrong if isinstance(wrong, bool) else None)
    elif key == "choice":
        assert parsed.choice in (wrong, None)
    elif key in RATINGS:
        whole = (
            isinstance(wrong, (int, float)) and not isinstance(wrong, bool) and wrong in range(6)
        )
        assert (parsed.ratings is not None) == (whole and wrong != 0)
    else:
        assert isinstance(wrong, str) or parsed.reason == "not text"
