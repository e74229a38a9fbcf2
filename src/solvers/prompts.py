"""The wording of one Likert question: the one place where these prompts are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from pluralens._resources import data_file
from pluralens.errors import InputError

__all__ = ["ELICITATIONS", "Elicit", "LikertWording", "likert_wording"]

Elicit = Literal["json", "text", "logprobs", "both"]
ELICITATIONS: tuple[str, ...] = get_args(Elicit)


@dataclass(frozen=True)
class LikertWording:
    """How questions are asked in one language, one paraphrase and one answer form.

    Attributes:
        system: System message.
        anonymous: What a persona without a name is called.
        question: Template with `adjective` and `subject`.
        scale: The five texts from "not at all" to "very", templates with `adjective`.
        scale_line: Template with `number` and `text`.
        instruction: The answer form.
        reask_template: Template with `reason` and `instruction`.
        reasons: Reason of an invalid reply -> its wording.
    """

    system: str
    anonymous: str
    question: str
    scale: tuple[str, ...]
    scale_line: str
    instruction: str
    reask_template: str
    reasons: Mapping[str, str]

    def ask(self, description: str, adjective: str, name: str | None, reversed_order: bool) -> str:
        """The user message: persona, question, scale, answer form.

        The persona comes first, so that a server's prefix cache serves all its questions. The
        reversed order numbers the same five texts 1-5 the other way round.
        """
        texts = [text.format(adjective=adjective) for text in self.scale]
        if reversed_order:
            texts.reverse()
        lines = [self.scale_line.format(number=n, text=t) for n, t in enumerate(texts, start=1)]
        question = self.question.format(adjective=adjective, subject=name or self.anonymous)
        return "\n\n".join([description, question, "\n".join(lines), self.instruction])

    def reask(self, reason: str) -> str:
        """The user message after an invalid reply."""
        return self.reask_template.format(reason=self.reasons[reason], instruction=self.instruction)


@cache
def _languages() -> tuple[str, ...]:
    found = (file.name.split(".") for file in data_file("templates").iterdir())
    return tuple(sorted(parts[1] for parts in found if parts[0] == "likert"))


@cache
def _wording(language: str) -> Mapping[str, Any]:
    import yaml

    file = data_file("templates", f"likert.{language}.yaml")
    wording: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return wording


def likert_wording(
    language: str, paraphrase: int = 0, elicit: str = "json", rationale: bool = False
) -> LikertWording:
    """Load the wording.

    Args:
        language: `de` or `en`.
        paraphrase: Which wording of the question; 0 is the canonical one.
        elicit: `json`, `text`, `logprobs` or `both`.
        rationale: Whether a reason is asked for before the rating.

    Raises:
        InputError: For an option that does not exist, or a rationale where one token is read.
    """
    # Checked here and not in the cached part, which takes 1.0 and True for the 1 it has seen and
    # fails on a list.
    if language not in _languages():
        raise InputError(
            f"language={language!r} is unknown; choose one of {', '.join(_languages())}"
        )
    if elicit not in ELICITATIONS:
        raise InputError(f"elicit={elicit!r} is unknown; choose one of {', '.join(ELICITATIONS)}")
    last = len(_wording(language)["questions"]) - 1
    whole = isinstance(paraphrase, int) and not isinstance(paraphrase, bool)
    if not whole or not 0 <= paraphrase <= last:
        raise InputError(
            f"paraphrase={paraphrase!r} is unknown; choose a number from 0 to {last}, without "
            "decimals"
        )
    if not isinstance(rationale, bool):
        raise InputError(f"rationale={rationale!r} must be true or false")
    if rationale and elicit in ("logprobs", "both"):
        raise InputError(
            f"rationale=true does not go with elicit={elicit}, which reads the first token of "
            "the reply; use elicit=json or elicit=text"
        )
    form = ("json" if elicit == "json" else "text") + ("_rationale" if rationale else "")
    return _checked_wording(language, paraphrase, form)


@cache
def _checked_wording(language: str, paraphrase: int, form: str) -> LikertWording:
    wording = _wording(language)
    return LikertWording(
        system=wording["system"].strip(),
        anonymous=wording["anonymous"],
        question=wording["questions"][paraphrase],
        scale=tuple(wording["scale"]),
        scale_line=wording["scale_line"],
        instruction=wording["instructions"][form],
        reask_template=wording["reask"],
        reasons=wording["reasons"],
    )
