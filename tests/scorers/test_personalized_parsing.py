"""Replies to the personalising prompts, in the many forms that models give them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralens.scorers.personalized_answers import Answer
from pluralens.scorers.personalized_parsing import (
    MODE_KEYS,
    MODES,
    REASONS,
    Mode,
    Reason,
    parse_personalized,
)

THINKING = '<think>Perhaps {"answer": "a draft"}, or \'no\'?</think>'
READ = [
    '{"answer": "Yes, for most."}',
    ' \n{"answer":"Yes, for most."}\n',
    '```json\n{"answer": "Yes, for most."}\n```',
    '```\n{\n  "answer": "Yes, for most."\n}\n```',
    'Here is my answer:\n\n{"answer": "Yes, for most."}',
    '{"answer": "Yes, for most."}\n\nLet me know if you want it shorter!',
    'Sure. ```json\n{"answer": "Yes, for most."}\n``` I hope that helps.',
    "{'answer': 'Yes, for most.'}",
    "```python\n{'answer': 'Yes, for most.'}\n```",
    "Here: {'answer': 'Yes, for most.'} - done.",
    "{'answer': \"Yes, for most.\"}",
    "{\"answer\": 'Yes, for most.'}",
    '{"answer": "Yes, for most.",}',
    "{\n 'answer':\n 'Yes, for most.' }",
    f'{THINKING}\n{{"answer": "Yes, for most."}}',
    f"{THINKING}{{'answer': 'Yes, for most.'}}",
    'a draft ends here</think>{"answer": "Yes, for most."}',
    '{"answer": "  Yes, for most.\\n"}',
    '{"\\u0061nswer": "Yes, for most."}',
    '\ufeff{"answer": "Yes, for most."}',
    'In a set {x} of cases: {"answer": "Yes, for most."}',
]


@pytest.mark.parametrize("reply", READ)
def test_reads(reply: str) -> None:
    parsed = parse_personalized(reply, "stop", "output_only")
    assert parsed == ("answer", "Yes, for most.", "", None, None)


EXACT = [
    ("{'answer': 'It\\'s fine: {really} \"so\"'}", "It's fine: {really} \"so\""),
    ('{\'answer\': "It\'s fine, } isn\'t it?"}', "It's fine, } isn't it?"),
    ("{'answer': 'one\n\ntwo\\nthree'}", "one\n\ntwo\nthree"),
    ('{"answer": "one\n\ntwo"}', "one\n\ntwo"),
    ('{"answer": "He said \\"no\\". Use {\\"a\\": 1} as <b>you</b> like."}',
     'He said "no". Use {"a": 1} as <b>you</b> like.'),
    ('{"answer": "I <think> so</think>, yes."}', "I <think> so</think>, yes."),
    ('{"answer": "\\ud83d\\ude00 ok"}', "😀 ok"),
    ('{"answer": "\\ud83d ok"}', "\ufffd ok"),
    ("{'answer': '\\ud83d\\ude00 ok'}", "😀 ok"),
    ('{"answer": "42"}', "42"),
    ('{"answer": "Ja, für die meisten – größtenteils."}', "Ja, für die meisten – größtenteils."),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "text"), EXACT)
def test_keeps_every_character_of_the_answer(reply: str, text: str) -> None:
    parsed = parse_personalized(reply, "stop", "output_only")
    assert (parsed.outcome, parsed.text) == ("answer", text)
    parsed.text.encode()


BROKEN: list[tuple[str, Reason]] = [
    ("Yes, for most.", "no object"),
    ("{answer: Yes}", "no object"),
    ("{Yes, for most.}", "no object"),
    ('["answer", "Yes"]', "no object"),
    ('"answer": "Yes"', "no object"),
    ("{'answer': 'It's fine'}", "no object"),
    ("{'answer': f'{1 + 1}'}", "no object"),
    ("{'answer': __import__('os').getcwd()}", "no object"),
    ("{'answer': 'a' + 'b'}", "no object"),
    ("{'answer', 'Yes'}", "no object"),
    ("{'answer': 'bell \\x07'}", "no object"),
    ("{'answer': 'Yes'", "no object"),
    ("dict(answer='Yes')", "no object"),
    ('{"answer": "Yes"} or {"answer": "No"}', "several objects"),
    ('```json\n{"answer": "Yes"}\n```\n```json\n{"answer": "Yes"}\n```', "several objects"),
    ("{'answer': 'Yes'}\n{'answer': 'No'}", "several objects"),
    ("{'answer': 'Yes'}\n{\"answer\": \"No\"}", "several objects"),
    ("{\"answer\": \"Yes\"}\n{'answer': 'No'}", "several objects"),
    ('{"answer": "Yes", "answer": "No"}', "duplicate key"),
    ("{'answer': 'Yes', 'answer': 'No'}", "duplicate key"),
    ('{"reply": "Yes"}', "missing key"),
    ('{"Answer": "Yes"}', "missing key"),
    ('{"answer": "Yes", "reasoning": "because"}', "unknown key"),
    ("{'answer': 'Yes', 'persona': '44'}", "unknown key"),
    ('{"answer": {"text": "Yes"}}', "not text"),
    ('{"answer": ["Yes"]}', "not text"),
    ('{"answer": null}', "not text"),
    ("{'answer': None}", "not text"),
    ('{"answer": 5}', "not text"),
    ('{"answer": "Yes, for mo', "truncated"),
    ('{"answer": "Yes, for most."', "truncated"),
    ("I'm sorry, but I can't help with that.", "refused"),
    ("Es tut mir leid, aber dabei kann ich nicht helfen.", "refused"),
]


@pytest.mark.parametrize(("reply", "reason"), BROKEN)
def test_refuses_with_a_reason(reply: str, reason: Reason) -> None:
    parsed = parse_personalized(reply, "stop", "output_only")
    assert (parsed.outcome, parsed.reason, parsed.text) == ("invalid", reason, "")


@pytest.mark.parametrize("text", ["", "  ", "\\n", "…", "---"])
def test_an_answer_without_words_is_empty(text: str) -> None:
    parsed = parse_personalized(f'{{"answer": "{text}"}}', "stop", "output_only")
    assert (parsed.outcome, parsed.reason, parsed.key) == ("empty", "empty text", "answer")


@pytest.mark.parametrize("reply", ["", " \n", "```json\n```".strip("json`"), "<think>hm</think>"])
def test_a_reply_without_words_is_empty(reply: str) -> None:
    assert parse_personalized(reply, "stop", "output_only")[0] == "empty"


@pytest.mark.parametrize("stop", ["max_tokens", "model_length"])
@pytest.mark.parametrize(
    "reply", ["", "<think>so much to", '{"answer": "Yes, f', "{'answer': 'Yes, f", "Let me see"]
)
def test_what_a_limit_cut_off_is_truncated(reply: str, stop: str) -> None:
    parsed = parse_personalized(reply, stop, "output_only")
    assert (parsed.outcome, parsed.reason) == ("invalid", "truncated")


def test_a_whole_object_counts_though_a_limit_cut_what_follows() -> None:
    parsed = parse_personalized('{"answer": "Yes."} And', "max_tokens", "output_only")
    assert parsed.text == "Yes."


def test_thinking_that_never_ends_is_no_answer() -> None:
    parsed = parse_personalized('<think>well {"answer": "Yes"}', "stop", "output_only")
    assert parsed.outcome == "empty"


def test_a_filter_stops_whatever_was_written() -> None:
    parsed = parse_personalized('{"answer": "Yes."}', "content_filter", "output_only")
    assert (parsed.outcome, parsed.text, parsed.reason) == ("refused_by_filter", "", "filtered")


@pytest.mark.parametrize("mode", ["chain_of_thought", "demographic_summary"])
def test_modes_that_write_first_need_what_was_written(mode: Mode) -> None:
    notes, _ = MODE_KEYS[mode]
    whole = parse_personalized(json.dumps({notes: "first", "answer": "then"}), "stop", mode)
    assert (whole.text, whole.notes) == ("then", "first")
    swapped = parse_personalized(json.dumps({"answer": "then", notes: "first"}), "stop", mode)
    assert swapped == whole
    missing = parse_personalized('{"answer": "then"}', "stop", mode)
    assert (missing.outcome, missing.reason, missing.key) == ("invalid", "missing key", notes)
    empty = parse_personalized(json.dumps({notes: " ", "answer": "then"}), "stop", mode)
    assert (empty.outcome, empty.reason, empty.key) == ("invalid", "empty text", notes)


def test_only_the_answer_can_refuse() -> None:
    refused = Answer(key="answer", text="I can't help with that.", outcome="answer")
    declined = Answer(key="answer", outcome="invalid", reason="refused")
    advice = Answer(key="answer", text="I can't help liking it. Do it.", outcome="answer")
    assert (refused.refused, declined.refused, advice.refused) == (True, True, False)


def test_a_hostile_reply_is_read_in_linear_time() -> None:
    for reply in ("{'a':" * 50_000, "{'" * 50_000, '{"' * 50_000, "{" * 100_000, "'" * 100_000):
        assert parse_personalized(reply, "stop", "output_only").outcome != "answer"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(lambda t: f"x{t}x")


@given(st.sampled_from(MODES), st.data(), st.booleans(), st.booleans())
def test_round_trip(mode: Mode, data: st.DataObject, fenced: bool, ascii_only: bool) -> None:
    texts = {key: data.draw(WORDS) for key in MODE_KEYS[mode]}
    reply = json.dumps(texts, ensure_ascii=ascii_only)
    reply = f"Here you are:\n```json\n{reply}\n```\nAnything else?" if fenced else reply
    parsed = parse_personalized(reply, "stop", mode)
    assert (parsed.outcome, parsed.text) == ("answer", texts["answer"])
    assert parsed.notes == (next(iter(texts.values())) if len(texts) > 1 else "")


@given(WORDS.filter(lambda t: t.isprintable()))
def test_round_trip_of_dictionaries(text: str) -> None:
    """Whatever Python itself writes of printable text."""
    parsed = parse_personalized(repr({"answer": text}), "stop", "output_only")
    assert (parsed.outcome, parsed.text) == ("answer", text)


@given(st.text(max_size=200), st.sampled_from(MODES), st.sampled_from(["stop", "max_tokens"]))
def test_any_reply_is_worth_an_answer_or_a_reason(reply: str, mode: Mode, stop: str) -> None:
    parsed = parse_personalized(reply, stop, mode)
    assert (parsed.outcome == "answer") == (parsed.reason is None) == bool(parsed.text)
    assert parsed.reason is None or parsed.reason in REASONS


@given(st.text(st.sampled_from("{}'\":, answer\\n\n<think>/"), max_size=80))
def test_near_misses_never_raise(reply: str) -> None:
    parse_personalized(reply, "stop", "output_only")
