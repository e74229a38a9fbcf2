"""What the critic of personalised answers reads: the one place where these prompts are made.

Four protocols: a `debate` about one answer, ratings of one answer by a `rubric`, two answers
compared (`pairwise`), and two answers of which one was written for the reader (`identify`).
Question, reader and answers may come from a user's file or from a model, so that all of them are
untrusted: each is delimited, and the verdict sealed, as `sealing` says.

The wording is English whatever language the answers are in: one measure for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from pluralens._resources import data_file
from pluralens.scorers.sealing import GradingPrompt, delimited, delimiters, draw_nonce, holds

__all__ = [
    "PROTOCOLS",
    "CritiqueTask",
    "Protocol",
    "critique_nonce",
    "critique_prompt",
    "critique_reask",
    "data_kinds",
]

Protocol = Literal["debate", "rubric", "pairwise", "identify"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)

_ANSWERS: Mapping[Protocol, tuple[str, ...]] = {
    "debate": ("answer",),
    "rubric": ("answer",),
    "pairwise": ("first", "second"),
    "identify": ("first", "second"),
}


@dataclass(frozen=True)
class CritiqueTask:
    """What is judged, all as it is shown to the critic.

    Attributes:
        question: The question that was asked, in any language.
        persona: The description of the reader; empty if nothing is to be known.
        answers: The answer to judge, or the two answers in the order in which they are shown.
    """

    question: str
    persona: str
    answers: tuple[str, ...]


@cache
def _wording() -> Mapping[str, Any]:
    import yaml

    text = data_file("templates", "critique.en.yaml").read_text(encoding="utf-8")
    wording: Mapping[str, Any] = yaml.safe_load(text)
    return wording


def data_kinds(protocol: Protocol) -> tuple[str, ...]:
    """The texts that a protocol's prompt holds as data, in their order."""
    return ("question", "persona", *_ANSWERS[protocol])


def critique_nonce(seed: int, sample_id: str, protocol: Protocol, task: CritiqueTask) -> str:
    """Draw the nonce of one grading: the same again for the same texts, unknown to their authors.

    Args:
        seed: Of the run.
        sample_id: Of the judged sample.
        protocol: How it is judged.
        task: What is judged.
    """
    shown = (task.question, task.persona, *task.answers)
    return draw_nonce("critique", seed, sample_id, protocol, *shown, shown=shown)


def critique_prompt(task: CritiqueTask, protocol: Protocol, *, nonce: str) -> GradingPrompt:
    """Make the critic's messages.

    Args:
        task: What is judged.
        protocol: How it is to be judged.
        nonce: Of this grading, as `critique_nonce` draws it.

    Raises:
        ValueError: The protocol is about another number of answers, or the nonce occurs in a text
            that is shown, which could then pass for a verdict.
    """
    wording, kinds = _wording(), data_kinds(protocol)
    texts = (task.question, task.persona or wording["nobody"], *task.answers)
    for kind, text in zip(kinds, texts, strict=True):
        if holds(text, nonce):
            raise ValueError(f"the nonce {nonce} occurs in the {kind}; draw it with critique_nonce")
    places = []
    for kind in kinds:
        begin, end = delimiters(nonce, kind)
        places.append(wording["blocks"][kind].format(begin=begin, end=end))
    parts = [
        wording["tasks"][protocol].strip(),
        "\n".join(f"- {criterion}" for criterion in wording["criteria"][protocol]),
        "\n".join([*places, wording["data"].strip()]),
        *(delimited(text, nonce, kind) for kind, text in zip(kinds, texts, strict=True)),
        # After the data, so that the last word is not the answer's.
        _demand(protocol, nonce),
    ]
    return GradingPrompt(wording["system"].strip(), "\n\n".join(parts))


def _demand(protocol: Protocol, nonce: str) -> str:
    wording = _wording()
    return f"{wording['seal'].format(seal=nonce)} {wording['instructions'][protocol]}"


def critique_reask(reason: str, protocol: Protocol, *, nonce: str) -> str:
    """The user message after a reply that is no verdict.

    Args:
        reason: Of the reply, one of `critique_parsing.REASONS`.
        protocol: How the answer is judged.
        nonce: Of this grading.
    """
    wording = _wording()
    return str(wording["reask"]).format(
        reason=wording["reasons"][reason],
        seal=wording["seal"].format(seal=nonce),
        instruction=wording["instructions"][protocol],
    )
