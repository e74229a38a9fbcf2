"""What the grader of a stance reads: the one place where these prompts are made.

The judged answer is untrusted. It stands between delimiters that carry a nonce, and the grader has
to give the nonce back as the seal of its verdict, so that a verdict somewhere in an echoed answer
is not taken for its own (see `stance_parsing`).

Can an answer know its nonce? Seed and sample id are public, and nothing in the hash is secret, so
that everybody can make the same prompts again. But the answer itself is hashed too: whatever a
model memorised from published logs belongs to other answers, and an answer that holds its own
nonce would be a fixed point of the hash, some 2^51 trials away and out of reach for a model that
writes one answer. Should one come about all the same, another nonce is drawn. What this cannot
prevent is that a grader is talked into a verdict; it prevents that one is forged.

The rubric is English whatever language the answer is in: one measure for all.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, Literal, NamedTuple, get_args

from pluralens._resources import data_file
from pluralens.errors import InputError

__all__ = ["AnswerForm", "GradingPrompt", "GradingTask", "delimiters", "grading_nonce"]
__all__ += ["grading_prompt", "grading_reask", "positive_first"]

AnswerForm = Literal["json", "line"]
FORMS: tuple[str, ...] = get_args(AnswerForm)
DataKind = Literal["answer", "prompt", "earlier"]
DATA_KINDS: tuple[DataKind, ...] = get_args(DataKind)
"""The texts that are delimited: what is judged, what it answers, the answer before a challenge."""

# Consonants without l, which is easily taken for 1: no digits that could pass for a score, hardly
# a word, and 19^12 = 2^51 nonces.
LETTERS = "bcdfghjkmnpqrstvwxz"
NONCE_LENGTH = 12


class GradingPrompt(NamedTuple):
    """The two messages of a grader.

    Attributes:
        system: System message.
        user: User message.
    """

    system: str
    user: str


@dataclass(frozen=True)
class GradingTask:
    """What is judged, all as it is shown to the grader.

    Attributes:
        positive: English noun of the party at +1, without article ("landlord").
        negative: English noun of the party at -1.
        facts: The neutral facts of the conflict, in any language.
        answer: The answer to judge.
        prompt: The prompt that was answered, or None: the grader is blind to who asked.
        earlier: The answer before a challenge, if `answer` is the one after it.
    """

    positive: str
    negative: str
    facts: str
    answer: str
    prompt: str | None = None
    earlier: str | None = None


def _digest(*parts: object) -> int:
    # JSON keeps the parts apart and writes lone surrogates as escapes.
    text = json.dumps(parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16, person=b"grading").digest(), "big")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _candidates(*parts: object) -> Iterator[str]:
    for attempt in count():
        number, letters = _digest("nonce", *parts, attempt), []
        for _ in range(NONCE_LENGTH):
            number, position = divmod(number, len(LETTERS))
            letters.append(LETTERS[position])
        yield "".join(letters)


def grading_nonce(
    seed: int,
    sample_id: str,
    answer: str,
    prompt: str | None = None,
    earlier: str | None = None,
) -> str:
    """Draw the nonce of one grading: the same again for the same answer, unknown to its author.

    Args:
        seed: Of the run.
        sample_id: Of the judged sample.
        answer: The answer to judge.
        prompt: The prompt that was answered, if the grader is shown it.
        earlier: The answer before a challenge, if the grader is shown it.

    Returns:
        Twelve lower-case letters that do not occur in any of the texts, in whatever case.
    """
    shown = _folded(f"{answer}\n{prompt or ''}\n{earlier or ''}")
    parts = [seed, sample_id, answer, prompt, *([] if earlier is None else [earlier])]
    return next(n for n in _candidates(*parts) if n not in shown)


def positive_first(seed: int, key: str) -> bool:
    """Draw whether the party at +1 is named first.

    Args:
        seed: Of the run.
        key: What shares one order: a triplet in one wording, so that the grader's preference for
            a position falls out of every difference between its perspectives.
    """
    return _digest("order", seed, key) % 2 == 0


def delimiters(nonce: str, kind: DataKind = "answer") -> tuple[str, str]:
    """What stands before and after a text that is data.

    Args:
        nonce: Of this grading.
        kind: Which text it is.
    """
    return f"<<{nonce} {kind} begins>>", f"<<{nonce} {kind} ends>>"


@cache
def _wording() -> Mapping[str, Any]:
    import yaml

    text = data_file("templates", "grading.en.yaml").read_text(encoding="utf-8")
    wording: Mapping[str, Any] = yaml.safe_load(text)
    return wording


def _instruction(form: str) -> str:
    if form not in FORMS:
        raise InputError(f"form={form!r} is unknown; choose one of {', '.join(FORMS)}")
    instruction: str = _wording()["instructions"][form]
    return instruction


def grading_prompt(
    task: GradingTask, *, nonce: str, first: bool, form: AnswerForm = "json"
) -> GradingPrompt:
    """Make the grader's messages.

    Args:
        task: What is judged.
        nonce: Of this grading, as `grading_nonce` draws it.
        first: Whether the party at +1 is named first, in the parties and in the scale.
        form: How the verdict is to be written: `json` or `line`.

    Raises:
        InputError: The form is unknown.
        ValueError: The nonce occurs in a text that is shown, which could then pass for a verdict.
    """
    wording, instruction = _wording(), _instruction(form)
    for name, text in vars(task).items():
        if text is not None and _folded(nonce) in _folded(text):
            raise ValueError(f"the nonce {nonce} occurs in the {name}; draw it with grading_nonce")
    names = {"positive": task.positive, "negative": task.negative}
    order = ["positive", "negative"] if first else ["negative", "positive"]
    ends = {name: line.format(**names) for name, line in wording["ends"].items()}
    scale = [ends[order[0]], ends["neutral"], ends[order[1]]]
    begin, end = delimiters(nonce)
    parts = [
        wording["parties"].format(first=names[order[0]], second=names[order[1]]),
        f"{wording['facts']}\n{task.facts}",
        "\n".join([wording["question"], *scale]),
        "\n".join(f"- {rule}" for rule in wording["rules"]),
        wording["data"].strip().format(begin=begin, end=end),
    ]
    if task.prompt is not None:
        opens, closes = delimiters(nonce, "prompt")
        parts += [wording["prompt_data"].format(begin=opens, end=closes)]
        parts += [f"{opens}\n{task.prompt}\n{closes}"]
    if task.earlier is not None:
        opens, closes = delimiters(nonce, "earlier")
        parts += [wording["earlier_data"].strip().format(begin=opens, end=closes)]
        parts += [f"{opens}\n{task.earlier}\n{closes}"]
    parts += [f"{begin}\n{task.answer}\n{end}"]
    # After the data, so that the last word is not the answer's.
    parts += [f"{wording['seal'].format(seal=nonce)} {instruction}"]
    return GradingPrompt(wording["system"].strip(), "\n\n".join(parts))


def grading_reask(reason: str, *, nonce: str, form: AnswerForm = "json") -> str:
    """The user message after a reply that is no verdict.

    Args:
        reason: Of the reply, one of `stance_parsing.REASONS`.
        nonce: Of this grading.
        form: How the verdict is to be written.

    Raises:
        InputError: The form is unknown.
    """
    wording = _wording()
    return str(wording["reask"]).format(
        reason=wording["reasons"][reason],
        seal=wording["seal"].format(seal=nonce),
        instruction=_instruction(form),
    )
