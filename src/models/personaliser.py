"""The simulated personaliser behind `pluralens_sim/personaliser`: answers with a planted fit.

It reads the prompts of the solver `personalize` and nothing else: which attributes are shown comes
from the lines about the person, and what to write from the instruction. Every choice is a hash of
(seed, prompt, request seed), so the same request is answered alike in any order, and a request seed
draws anew: attempts are independent of each other.
"""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.parameters import check_seed_and_scenario, numbers_in_range
from pluralens.models.personal_advice import cue_for, phrase, write_advice
from pluralens.models.personalising_model import RATES, PersonalisingModel
from pluralens.models.respondent import finite_number
from pluralens.models.telling import Turn
from pluralens.models.unit_draw import unit_draw

__all__ = ["BREAKS", "PersonalPrompt", "Personaliser", "load_personaliser", "read_prompt"]

SHOWN = 60
OPTIONS = ("effects", "seed", "latency")
FORM = ("version", "weights", "groups", *RATES)

# How a reply can be unreadable, by the reason that the parser should give: texts -> reply.
BREAKS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "empty": lambda texts: "",
    "empty text": lambda texts: _json({**texts, "answer": " "}),
    "no object": lambda texts: phrase("prose", 0.0),
    "several objects": lambda texts: f"{_json(texts)}\n{_json(texts)}",
    "duplicate key": lambda texts: _json(texts)[:-1] + ', "answer": "Yes."}',
    "missing key": lambda texts: _json({"reply": texts["answer"]}),
    "unknown key": lambda texts: _json({**texts, "mood": "calm"}),
    "not text": lambda texts: _json({**texts, "answer": [texts["answer"]]}),
    "truncated": lambda texts: _json(texts)[:-20],
    "refused": lambda texts: phrase("refusals", 0.0),
}


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class PersonalPrompt:
    """One understood prompt.

    Attributes:
        question: The contested question.
        person: The lines about the person as they stand there; empty if there are none.
        shown: Label of a line, such as `Household language` -> value.
        keys: Keys of the reply, the answer's the last.
    """

    question: str
    person: str
    shown: Mapping[str, str]
    keys: tuple[str, ...]


@cache
def _wording() -> Mapping[str, Any]:
    import yaml

    text = data_file("templates", "personalize.en.yaml").read_text(encoding="utf-8")
    wording: Mapping[str, Any] = yaml.safe_load(text)
    return wording


@cache
def _marked(part: str) -> re.Pattern[str]:
    begin, end = _wording()["marks"][part]
    return re.compile(
        rf"^{re.escape(begin)}\n(?P<text>.*?)\n{re.escape(end)}$", re.MULTILINE | re.DOTALL
    )


def _unknown(prompt: str, why: str) -> InputError:
    return InputError(
        "pluralens_sim/personaliser answers only the prompts of the persona tasks; the one that "
        f"begins {prompt[:SHOWN]!r} {why}; use it as --model of pluralens/persona_main and the like"
    )


def read_prompt(prompt: str) -> PersonalPrompt:
    """Understand the first user message of a conversation.

    Raises:
        InputError: It is no prompt of the solver `personalize`.
    """
    wording = _wording()
    asked = prompt.strip().rsplit("\n\n", 1)[-1]
    if asked not in wording["instructions"].values():
        raise _unknown(prompt, "does not say how to reply")
    keys = tuple(json.loads(asked[asked.index("{") :]))
    person = _marked("person").search(prompt)
    question = _marked("question").search(prompt, person.end() if person else 0)
    if question is None:
        raise _unknown(prompt, "holds no question")
    lines = person["text"] if person else ""
    if lines == wording["nothing_known"]:
        lines = ""
    shown = dict(line.split(": ", 1) for line in lines.splitlines() if ": " in line)
    return PersonalPrompt(question["text"], lines, shown, keys)


@dataclass(frozen=True)
class Personaliser:
    """A model that answers for people, with known effects of what it is shown of them.

    Attributes:
        model: How its answers come about.
        seed: Seed of everything it draws.
    """

    model: PersonalisingModel
    seed: int = 0

    def reply(self, conversation: Sequence[Turn], request_seed: int | None = None) -> str:
        """Answer the last message.

        Args:
            conversation: The prompt, perhaps with a reply and the re-ask after it.
            request_seed: The seed of the request, if it has one.

        Raises:
            InputError: It is no prompt of the solver `personalize`.
        """
        asked = [turn.text for turn in conversation if turn.role == "user"]
        if not asked:
            raise _unknown("", "has no user message")
        prompt = read_prompt(asked[0])
        attempt = len(asked) - 1

        def draw(what: str) -> float:
            return unit_draw(self.seed, what, asked[0], request_seed, attempt)

        texts = {key: self._notes(prompt, key, draw) for key in prompt.keys[:-1]}
        texts[prompt.keys[-1]] = self._answer(prompt, draw)
        # Asked again, it was unreadable before.
        rate = self.model.stubborn_rate if attempt else self.model.invalid_rate
        if draw("invalid") < rate:
            ways = tuple(BREAKS.values())
            return ways[int(draw("way") * len(ways))](texts)
        return _json(texts)

    def _answer(self, prompt: PersonalPrompt, draw: Callable[[str], float]) -> str:
        if draw("refuse") < self.model.refusal_rate:
            return phrase("refusals", draw("refusal"))
        hard = unit_draw(self.seed, "hard", prompt.question) < self.model.hard_share
        fits = draw("fit") < self.model.fitting(prompt.shown, hard)
        tells = bool(prompt.person) and draw("tell") < self.model.skill
        leaks = bool(prompt.shown) and draw("quote") < self.model.leak_rate
        return write_advice(
            fits,
            cue_for(prompt.person) if tells else None,
            # The longest is the least likely to stand in an answer by itself.
            max(prompt.shown.values(), key=len) if leaks else None,
            lambda what: draw(f"words of the {what}"),
        )

    def _notes(self, prompt: PersonalPrompt, key: str, draw: Callable[[str], float]) -> str:
        if key != "relevant_parts":
            return phrase("reasoning", draw("notes"))
        labels = sorted(
            prompt.shown, key=lambda label: unit_draw(self.seed, label, prompt.question)
        )
        if not labels:
            return phrase("nothing_relevant", 0.0)
        return phrase("relevant_parts", draw("notes")).format(labels=", ".join(labels[:3]))


def load_personaliser(
    effects: str | Path | None = None, seed: int = 0, **parameters: Any
) -> Personaliser:
    """A personaliser with planted effects.

    Args:
        effects: A YAML file of the form of `datasets/simulated/personaliser.yaml`, or None for it.
        seed: Seed of everything it draws.
        **parameters: Numbers of `PersonalisingModel` that replace the file's: `base`, `skill`,
            `leak_rate`, `refusal_rate`, `invalid_rate`, `stubborn_rate`, `hard_share`,
            `hard_factor`, each from 0 to 1.

    Raises:
        InputError: For a file that cannot be read, or a parameter that is unknown or out of range.
    """
    check_seed_and_scenario(seed, None)
    own = numbers_in_range("personaliser", parameters, dict.fromkeys(RATES, (0.0, 1.0)), OPTIONS)
    name, planted = _read_effects(effects)
    for key in planted:
        if key not in FORM:
            raise InputError(f"{name}: unknown parameter {key!r}; known are {', '.join(FORM)}")
    numbers = {
        key: finite_number(f"{name}: {key}", planted[key]) for key in RATES if key in planted
    }
    groups = _mapping(name, "groups", planted.get("groups"))
    try:
        model = PersonalisingModel(
            weights=_numbers(name, "weights", planted.get("weights")),
            groups={key: _numbers(name, f"groups.{key}", values) for key, values in groups.items()},
            **(numbers | own),
        )
    except InputError as error:
        raise InputError(f"{name}: {error}; correct it there") from None
    return Personaliser(model, seed)


def _read_effects(effects: str | Path | None) -> tuple[str, Mapping[Any, Any]]:
    """What errors call the file, and its content."""
    import yaml

    if effects is not None and (not effects or not isinstance(effects, (str, os.PathLike))):
        raise InputError(f"effects={effects!r} must be the path of one YAML file, as text")
    file = data_file("simulated", "personaliser.yaml") if effects is None else Path(effects)
    name = "built-in effects" if effects is None else str(effects)
    try:
        planted = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read ({error}); give a readable YAML file") from None
    except (yaml.YAMLError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" line {line + 1}"
        raise InputError(f"{name}:{where} is not valid YAML; correct it there") from None
    if not isinstance(planted, dict) or "base" not in planted:
        raise InputError(f"{name}: needs at least `base: NUMBER`; see the built-in effects")
    return name, planted


def _mapping(name: str, key: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value):
        raise InputError(f"{name}: {key} must map texts, such as `{key}: {{sex: ...}}`")
    return value


def _numbers(name: str, key: str, value: Any) -> dict[str, float]:
    given = _mapping(name, key, value)
    return {one: finite_number(f"{name}: {key}.{one}", number) for one, number in given.items()}
