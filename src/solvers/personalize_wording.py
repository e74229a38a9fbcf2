"""The wording of the personalising solver: the one place where its prompts are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.scorers.personalized_parsing import MODES, Mode, ParsedAnswer

__all__ = ["PersonalizeWording", "personalize_wording"]

BASELINE: Mode = "baseline"


@dataclass(frozen=True)
class PersonalizeWording:
    """How one mode asks.

    Attributes:
        mode: The mode.
        system: System message.
        marks: Part of the prompt, `person` or `question` -> what stands before and after it.
        about: What introduces the person.
        nothing_known: What stands for a person of whom nothing is known.
        asked: What introduces the question.
        task: What to write.
        rules: How, one line each.
        instruction: The answer form.
        reask_template: Template with `reason` and `instruction`.
        reasons: Reason of an invalid reply -> its wording.
    """

    mode: Mode
    system: str
    marks: Mapping[str, tuple[str, str]]
    about: str
    nothing_known: str
    asked: str
    task: str
    rules: tuple[str, ...]
    instruction: str
    reask_template: str
    reasons: Mapping[str, str]

    def ask(self, question: str, person: str) -> str:
        """The user message: person, question, task, rules, answer form.

        The person comes first, so that a server's prefix cache serves all questions about them.

        Args:
            question: The contested question.
            person: What is shown of the person, one line per attribute; empty for nothing. The
                baseline knows of no person, whatever this is.
        """
        parts = [self.asked, self._marked("question", question)]
        if self.mode != BASELINE:
            known = person.strip() or self.nothing_known
            parts = [self.about, self._marked("person", known), *parts]
        lines = "\n".join(f"- {rule}" for rule in self.rules)
        return "\n\n".join([*parts, self.task, lines, self.instruction])

    def _marked(self, part: str, text: str) -> str:
        begin, end = self.marks[part]
        return f"{begin}\n{text}\n{end}"

    def reask(self, parsed: ParsedAnswer) -> str:
        """The user message after a reply that is no answer.

        Raises:
            ValueError: The reply is an answer, or was stopped by a filter.
        """
        if parsed.reason is None or parsed.reason not in self.reasons:
            raise ValueError(f"a reply that is {parsed.outcome} is not asked again")
        reason = self.reasons[parsed.reason].format(key=parsed.key)
        return self.reask_template.format(reason=reason, instruction=self.instruction)


def personalize_wording(mode: str) -> PersonalizeWording:
    """Load the wording.

    Args:
        mode: One of `MODES`.

    Raises:
        InputError: There is no such mode.
    """
    # Checked here and not in the cached part, which fails on a list.
    for known in MODES:
        if known == mode:
            return _wording(known)
    raise InputError(f"mode={mode!r} is unknown; choose one of {', '.join(MODES)}")


@cache
def _wording(mode: Mode) -> PersonalizeWording:
    import yaml

    text = data_file("templates", "personalize.en.yaml").read_text(encoding="utf-8")
    wording = yaml.safe_load(text)
    rules = wording["rules"]
    return PersonalizeWording(
        mode=mode,
        system=wording["system"].strip(),
        marks={part: (begin, end) for part, (begin, end) in wording["marks"].items()},
        about=wording["about"],
        nothing_known=wording["nothing_known"],
        asked=wording["asked"],
        task=wording["tasks"][mode].strip(),
        rules=(*(rules["personal"] if mode != BASELINE else ()), *rules["general"]),
        instruction=wording["instructions"][mode],
        reask_template=wording["reask"],
        reasons=wording["reasons"],
    )
