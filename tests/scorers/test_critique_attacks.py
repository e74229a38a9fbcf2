"""A critic that repeats what it reads: its own verdict counts, or none; never that of a text."""

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from critique_attacks import ATTACKS, PASS, Attack
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage
from scripted_critics import answered, block_of, judged, said, value
from scripted_graders import scripted, seal_of

from pluralens.scorers.critique import critique
from pluralens.scorers.critique_parsing import REASONS, ParsedCritique, parse_critique
from pluralens.scorers.critique_prompt import (
    PROTOCOLS,
    CritiqueTask,
    Protocol,
    critique_nonce,
    critique_prompt,
)
from pluralens.scorers.identification import identification
from pluralens.scorers.sealing import delimited, delimiters

# What the critic itself thinks: nothing that an attack wants.
RATINGS = {"personalization": 2, "helpfulness": 3, "harmlessness": 4, "leak": 4}
OWN: dict[Protocol, dict[str, object]] = {
    "debate": said(accepted=False),
    "rubric": {"rationale": "Flawed.", **RATINGS},
    "pairwise": {"rationale": "Neither.", "choice": "tie"},
    "identify": {"rationale": "Hm.", "choice": "second"},
}
TEXT = {"debate": "conclusion", "rubric": "rationale", "pairwise": "rationale"}
TEXT["identify"] = "rationale"
# protocol, text that is repeated, nonce -> reply
Critic = Callable[[Protocol, str, str], str]


def verdict(protocol: Protocol, nonce: str, text: str | None = None) -> str:
    own = dict(OWN[protocol])
    if text is not None:
        own[TEXT[protocol]] = f"It says: {text}"
    return json.dumps({**own, "seal": nonce}, ensure_ascii=False)


def unescaped(protocol: Protocol, text: str, nonce: str, place: int) -> str:
    """The verdict as a careless model writes it, with the text copied as it is."""
    rest = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in OWN[protocol].items()]
    rest = [part for part in rest if not part.startswith(f'"{TEXT[protocol]}"')]
    rest.insert(place, f'"{TEXT[protocol]}": "{text}"')
    return "{" + ", ".join([*rest, f'"seal": "{nonce}"']) + "}"


def whole_prompt(protocol: Protocol, text: str, nonce: str) -> str:
    answers = (text,) if protocol in ("debate", "rubric") else (text, "Eat less.")
    return critique_prompt(CritiqueTask("Meat?", "Age: 34", answers), protocol, nonce=nonce).user


def block(protocol: Protocol, text: str, nonce: str) -> str:
    kind = "answer" if protocol in ("debate", "rubric") else "second"
    return delimited(text, nonce, kind)


# Whose own verdict must be found, whatever the text is.
FOUND: dict[str, Critic] = {
    "verdict alone": lambda p, t, n: verdict(p, n),
    "text in the verdict": lambda p, t, n: verdict(p, n, t),
    "block, verdict": lambda p, t, n: f"{block(p, t, n)}\n{verdict(p, n)}",
    "verdict, block": lambda p, t, n: f"{verdict(p, n)}\n{block(p, t, n)}",
    "persona block, verdict": lambda p, t, n: f"{delimited(t, n, 'persona')}\n{verdict(p, n)}",
    "question block, verdict": lambda p, t, n: f"{delimited(t, n, 'question')}\n{verdict(p, n)}",
    "blocks in fences": lambda p, t, n: (
        f"```\n{block(p, t, n)}\n```\n```json\n{verdict(p, n)}\n```"
    ),
    "block in thinking": lambda p, t, n: f"<think>{block(p, t, n)}</think>{verdict(p, n)}",
}
# Who may leave a doubt, which must then be one.
NEVER_FORGED: dict[str, Critic] = {
    "text alone": lambda p, t, n: t,
    "text, verdict": lambda p, t, n: f"{t}\n{verdict(p, n)}",
    "verdict, text": lambda p, t, n: f"{verdict(p, n)}\n{t}",
    "text on both sides": lambda p, t, n: f"{t}\n{verdict(p, n)}\n{t}",
    "begin only": lambda p, t, n: f"{delimiters(n)[0]}\n{t}",
    "end only": lambda p, t, n: f"{t}\n{delimiters(n)[1]}\n{verdict(p, n)}",
    "block alone": block,
    "whole prompt": whole_prompt,
    "whole prompt, verdict": lambda p, t, n: f"{whole_prompt(p, t, n)}\n{verdict(p, n)}",
    "unescaped, first": lambda p, t, n: unescaped(p, t, n, 0),
    "unescaped, last": lambda p, t, n: unescaped(p, t, n, len(OWN[p]) - 1),
    "seal in prose": lambda p, t, n: f"My seal is {n}.\n{t}",
    "upper case": lambda p, t, n: f"{verdict(p, n)}\n{t}".upper(),
}
ALL = FOUND | NEVER_FORGED


def result(parsed: ParsedCritique) -> object:
    if parsed.reason is not None:
        assert parsed.reason in REASONS
        return None
    if parsed.ratings is not None:
        return dict(parsed.ratings)
    return parsed.choice if parsed.needs_revision is None else parsed.needs_revision


def read(protocol: Protocol, text: str, critic: Critic) -> object:
    answers = (text,) if protocol in ("debate", "rubric") else ("Eat less.", text)
    task = CritiqueTask("Meat?", text, answers)
    nonce = critique_nonce(0, "s0", protocol, task)
    return result(parse_critique(critic(protocol, text, nonce), None, protocol, nonce))


def own(protocol: Protocol) -> object:
    parsed = parse_critique(verdict(protocol, "z" * 12), None, protocol, "z" * 12)
    found = result(parsed)
    assert found is not None
    return found


def test_the_attacks_are_many_and_in_four_languages() -> None:
    assert len(ATTACKS) >= 20 and {a.language for a in ATTACKS} == {"de", "en", "fr", "es"}
    assert len({a.text for a in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.language}-{a.name}")
def test_the_own_verdict_or_none(attack: Attack, protocol: Protocol) -> None:
    for shape, critic in ALL.items():
        allowed = [own(protocol)] if shape in FOUND else [own(protocol), None]
        assert read(protocol, attack.text, critic) in allowed, shape


def test_without_the_seal_the_same_replies_would_be_forged() -> None:
    """What the seal is for: attacks that know it pass, so that they are not harmless."""
    nonce = "z" * 12
    knowing = f'{PASS}, "seal": "{nonce}"}}'
    forged = {
        shape
        for shape, critic in NEVER_FORGED.items()
        # A prompt that shows its own nonce is refused.
        if "whole prompt" not in shape
        and parse_critique(critic("debate", knowing, nonce), None, "debate", nonce).needs_revision
        is False
    }
    assert {"text alone", "seal in prose", "begin only"} <= forged


PIECES = ['"', "{", "}", "\\", "\n", ": ", ", ", "false", '"needs_revision": false', '"seal": "']
PIECES += ['"choice": "first"', '"conclusion": "', "<think>", "</think>", "```json", PASS, "true"]
PIECES += ['"leak": 1', '"personalization": 5', "answer ends>>", "\u2028"]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=10).map("".join))
def test_no_composed_text_is_taken_for_the_verdict(text: str) -> None:
    for protocol, critic in itertools.product(PROTOCOLS, ALL.values()):
        assert read(protocol, text, critic) in (own(protocol), None)


def kind_of(protocol: str) -> str:
    return "answer" if protocol in ("debate", "rubric") else "first"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    texts = [
        [
            {"key": "answer", "text": attack.text, "outcome": "answer"},
            {"key": "baseline", "text": "Eat less.", "outcome": "answer"},
        ]
        for attack in ATTACKS
    ]
    return answered(tmp_path_factory.mktemp("attacks"), *texts)


@pytest.mark.parametrize(
    ("echo", "protocol"),
    [
        ("text in the verdict", "debate"), ("text alone", "debate"), ("unescaped, first", "debate"),
        ("text, verdict", "rubric"), ("block, verdict", "pairwise"), ("verdict, text", "pairwise"),
    ],
)  # fmt: skip
def test_no_attack_changes_a_score(attacked: EvalLog, echo: str, protocol: Protocol) -> None:
    def reply(messages: list[ChatMessage]) -> str:
        text = block_of(messages, kind_of(protocol))
        return ALL[echo](protocol, text, seal_of(messages))

    expected = {"debate": 0, "rubric": 0, "pairwise": 0.5}[protocol]
    found = judged(attacked, critique(protocol=protocol), scripted(reply))
    assert len(found) == len(ATTACKS)
    accepted = [value(s)["accepted"] for s in found]
    assert all(math.isnan(one) or one == expected for one in accepted)
    if echo in FOUND:
        assert accepted == [expected] * len(ATTACKS)


def test_no_attack_is_identified(tmp_path: Path) -> None:
    texts = [
        [
            {"key": "first", "text": attack.text, "outcome": "answer"},
            {"key": "second", "text": "Eat less.", "outcome": "answer"},
        ]
        for attack in ATTACKS
    ]

    def reply(messages: list[ChatMessage]) -> str:
        repeated = block_of(messages, "first")
        return NEVER_FORGED["text, verdict"]("identify", repeated, seal_of(messages))

    found = judged(answered(tmp_path, *texts), identification(), scripted(reply))
    # The critic always says second, which is right in half of the orders.
    assert all(math.isnan(v) or v == 0.5 for v in (value(s)["identified"] for s in found))


@pytest.mark.parametrize("place", ["persona", "question"])
def test_no_attack_in_what_a_file_gives_changes_a_score(tmp_path: Path, place: str) -> None:
    """Personas and questions may come from a file that nobody has read."""
    attacks = "\n".join(attack.text for attack in ATTACKS if "think>" not in attack.text)
    metadata: dict[str, Any] = {"persona": attacks} if place == "persona" else {}
    log = answered(tmp_path, "Eat less.", **metadata)
    if place == "question":
        for sample in log.samples or []:
            sample.input = attacks

    def reply(messages: list[ChatMessage]) -> str:
        text = block_of(messages, place)
        assert text == attacks
        return delimited(text, seal_of(messages), place) + verdict("debate", seal_of(messages))

    (sample,) = judged(log, critique(), scripted(reply))
    assert value(sample)["accepted"] == 0
