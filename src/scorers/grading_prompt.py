"""What the grader of a stance reads: the one place where these prompts are made.

The judged answer is untrusted: it is delimited, and the verdict sealed, as `sealing` says.

The rubric is English whatever language the answer is in: one measure for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.scorers.sealing import (
    GradingPrompt,
    delimited,
    delimiters,
    digest,
    draw_nonce,
    holds,
)

__all__ = ["AnswerForm", "GradingPrompt", "GradingTask", "delimiters", "grading_nonce"]
__all__ += ["grading_prompt", "grading_reask", "positive_first"]

AnswerForm = Literal["json", "line"]
FORMS: tuple[str, ...] = get_args(AnswerForm)
DataKind = Literal["answer", "prompt", "earlier"]
DATA_KINDS: tuple[DataKind, ...] = get_args(DataKind)
"""The texts that are delimited: what is judged, what it answers, the answer before a challenge."""


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
    parts = [seed, sample_id, answer, prompt, *([] if earlier is None else [earlier])]
    return draw_nonce(*parts, shown=(answer, prompt or "", earlier or ""))


def positive_first(seed: int, key: str) -> bool:
    """Draw whether the party at +1 is named first.

    Args:
        seed: Of the run.
        key: What shares one order: a triplet in one wording, so that the grader's preference for
            a position falls out of every difference between its perspectives.
    """
    return digest("order", seed, key) % 2 == 0


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
        if text is not None and holds(text, nonce):
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
        parts += [delimited(task.prompt, nonce, "prompt")]
    if task.earlier is not None:
        opens, closes = delimiters(nonce, "earlier")
        parts += [wording["earlier_data"].strip().format(begin=opens, end=closes)]
        parts += [delimited(task.earlier, nonce, "earlier")]
    parts += [delimited(task.answer, nonce, "answer")]
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
