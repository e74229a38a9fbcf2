"""The simulated grader behind `pluralens_sim/grader`: it reads advice, with known noise and bias.

It reads the grading prompt and nothing else: the parties and which of them is +1, the answer
between its delimiters, the seal and the form come from the words. What it can judge is the advice
of the simulated tellers, whose words it knows; of any other answer it says that it cannot tell,
in a sealed verdict without a number, and never invents one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.advice import read_advice
from pluralens.models.parameters import check_seed_and_scenario, numbers_in_range
from pluralens.models.stance_model import normal_draw
from pluralens.models.telling import Conflict, Turn, conflicts
from pluralens.models.unit_draw import unit_draw

__all__ = ["BREAKS", "Grader", "Grading", "load_grader", "read_grading"]

# How a verdict can be wrong, by the reason that the parser should give:
# (rationale, score, seal) -> reply.
Break = Callable[[str, float, str], str]


def _json(rationale: object, score: object, seal: object) -> str:
    verdict = {"rationale": rationale, "score": score, "seal": seal}
    return json.dumps(verdict, ensure_ascii=False)


_JSON: Mapping[str, Break] = {
    "empty": lambda rationale, score, seal: "",
    "no object": lambda rationale, score, seal: rationale,
    "several objects": lambda rationale, score, seal: "\n".join(
        [_json(rationale, score, seal)] * 2
    ),
    "duplicate key": lambda rationale, score, seal: _json(rationale, score, seal).replace(
        '"score"', '"score": 0, "score"'
    ),
    "missing key": lambda rationale, score, seal: json.dumps({"rationale": "-", "seal": seal}),
    "unknown key": lambda rationale, score, seal: json.dumps({"mood": 1, "score": 0, "seal": seal}),
    "not text": lambda rationale, score, seal: _json([rationale], score, seal),
    "no seal": lambda rationale, score, seal: _json(rationale, score, seal[::-1] + "x"),
    "no number": lambda rationale, score, seal: _json(rationale, None, seal),
    "several numbers": lambda rationale, score, seal: _json(rationale, f"{score:g} or 0.25", seal),
    "percent": lambda rationale, score, seal: _json(rationale, "40 %", seal),
    "not finite": lambda rationale, score, seal: _json(rationale, float("nan"), seal),
    "out of range": lambda rationale, score, seal: _json(rationale, 7, seal),
    "unclear": lambda rationale, score, seal: _json(rationale, "0.5 perhaps", seal),
}
_LINE: Mapping[str, Break] = {
    "empty": lambda rationale, score, seal: "",
    "no seal": lambda rationale, score, seal: f"{rationale}\n{score:g}",
    "no number": lambda rationale, score, seal: f"{rationale}\n{seal}: in the middle",
    "several numbers": lambda rationale, score, seal: f"{rationale}\n{seal}: {score:g} or 0.25",
    "percent": lambda rationale, score, seal: f"{rationale}\n{seal}: 40 %",
    "not finite": lambda rationale, score, seal: f"{rationale}\n{seal}: NaN",
    "out of range": lambda rationale, score, seal: f"{rationale}\n{seal}: 7",
    "unclear": lambda rationale, score, seal: f"{rationale}\n{seal}: 0.5 perhaps",
}
RANGES = {
    "noise": (0.0, 2.0),
    "bias": (-2.0, 2.0),
    "position_bias": (-2.0, 2.0),
    "invalid_rate": (0.0, 1.0),
    "stubborn_rate": (0.0, 1.0),
}
BREAKS: Mapping[str, Mapping[str, Break]] = {"json": _JSON, "line": _LINE}


@cache
def _words() -> Mapping[str, Any]:
    import yaml

    text = data_file("templates", "grading.en.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Any] = yaml.safe_load(text)
    return words


def _gaps(template: str) -> str:
    """A pattern of a sentence, with a group for each gap."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(template.strip()))


def _line(template: str, text: str) -> re.Match[str] | None:
    """The first line that is such a sentence."""
    return re.search(rf"^{_gaps(template)}$", text, re.MULTILINE)


@dataclass(frozen=True)
class Grading:
    """One understood grading prompt.

    Attributes:
        positive: Noun of the party at +1.
        negative: Noun of the party at -1.
        positive_first: Whether the party at +1 is named first.
        answer: What is to be judged.
        seal: What the verdict must carry.
        form: `json` or `line`.
    """

    positive: str
    negative: str
    positive_first: bool
    answer: str
    seal: str
    form: str


def read_grading(text: str) -> Grading:
    """Understand a grading prompt.

    Only what stands before the data can say what is judged, and only what stands after it can say
    how: the answer itself is never read as a part of the prompt.

    Raises:
        InputError: It is no prompt of the scorer `stance`.
    """
    words = _words()
    data = _line(words["data"], text)
    if data is None:
        raise _unknown("says nowhere what the data is")
    head, begin, end = text[: data.start()], data["begin"], data["end"]
    block = re.search(
        rf"\n{re.escape(begin)}\n(?P<answer>.*?)\n{re.escape(end)}\n(?P<rest>.*)",
        text[data.end() :],
        re.DOTALL,
    )
    parties = _line(words["parties"], head)
    ends = {name: _line(words["ends"][name], head) for name in ("positive", "negative")}
    if block is None or parties is None or None in ends.values():
        raise _unknown("lacks the parties, the scale or the answer")
    nouns = {name: match[name] for name, match in ends.items() if match is not None}
    named = parties["first"], parties["second"]
    if set(named) != set(nouns.values()) or nouns["positive"] == nouns["negative"]:
        raise _unknown(f"names the parties {' and '.join(named)}, but the scale has others")
    rest = block["rest"].strip()
    for form, instruction in words["instructions"].items():
        match = re.fullmatch(rf"{_gaps(words['seal'])} {re.escape(instruction)}", rest)
        if match is not None:
            first = nouns["positive"] == named[0]
            answer = block["answer"]
            return Grading(nouns["positive"], nouns["negative"], first, answer, match["seal"], form)
    raise _unknown("does not say how to write the verdict")


def _unknown(why: str) -> InputError:
    return InputError(
        "pluralens_sim/grader judges only for the scorer pluralens/stance; this prompt "
        f"{why}; use it as --model-role grader=pluralens_sim/grader"
    )


@dataclass(frozen=True)
class Grader:
    """A judge whose errors are known.

    The score is clip(stance + bias + position_bias * place + noise, -1, 1), where place is 1 if the
    party at +1 is named first and -1 if the other is.

    Attributes:
        noise: Standard deviation of the normal noise of a verdict, stance points.
        bias: Added to every stance, stance points.
        position_bias: Pull toward the party that is named first, stance points.
        invalid_rate: Share of prompts whose first verdict is invalid.
        stubborn_rate: Share of those that are invalid again when asked again.
        seed: Seed of everything it draws.
        scenario: A scenario file that it knows besides those of the package.
    """

    noise: float = 0.0
    bias: float = 0.0
    position_bias: float = 0.0
    invalid_rate: float = 0.0
    stubborn_rate: float = 0.0
    seed: int = 0
    scenario: str | None = None

    def reply(self, conversation: Sequence[Turn], request_seed: int | None = None) -> str:
        """Answer the last message.

        Args:
            conversation: The grading prompt, perhaps with verdicts and the re-asks after them.
            request_seed: The seed of the request, if it has one.

        Raises:
            InputError: It is no prompt of the scorer `stance`.
        """
        asked = [turn.text for turn in conversation if turn.role == "user"]
        if not asked:
            raise _unknown("has no user message")
        prompt = asked[0]
        grading = read_grading(prompt)
        told = self._judged(grading)
        if told is None:
            return _verdict(grading, "I cannot tell whom this answer sides with (simulated).", None)
        stance, words = told
        place = 1 if grading.positive_first else -1
        noise = self.noise * normal_draw(unit_draw(self.seed, "noise", prompt, request_seed))
        shifted = stance + self.bias + self.position_bias * place + noise
        score = round(min(max(shifted, -1.0), 1.0), 3) + 0.0
        noun = grading.positive if stance > 0 else grading.negative
        leaning = f"It sides {words} with the {noun}" if words else "It sides with neither"
        rationale = f"{leaning} (simulated)."
        # How stubborn it is belongs to the prompt: the re-ask may have a request seed of its own.
        invalid = unit_draw(self.seed, "invalid", prompt) < self.invalid_rate
        stubborn = unit_draw(self.seed, "stubborn", prompt) < self.stubborn_rate
        if invalid and (len(asked) == 1 or stubborn):
            ways = tuple(BREAKS[grading.form].values())
            way = ways[int(unit_draw(self.seed, "way", prompt) * len(ways))]
            return way(rationale, score, grading.seal)
        return _verdict(grading, rationale, score)

    def _judged(self, grading: Grading) -> tuple[float, str] | None:
        """Stance on the rubric's axis and the degree in words; None for what it cannot read."""
        known = conflicts(self.scenario)
        for advice in read_advice(grading.answer, known):
            side = _sides(known[advice.scenario], grading)
            if side is not None:
                stance = sum(side[party] * degree for party, degree in advice.degrees.items())
                return stance, advice.words
        return None


def _sides(conflict: Conflict, grading: Grading) -> dict[str, int] | None:
    """Party -> side by the rubric; None where the rubric is about another conflict."""
    found = {}
    for name, party in conflict.words["parties"].items():
        nouns = set(party["noun"].values())
        if grading.positive in nouns:
            found[name] = 1
        elif grading.negative in nouns:
            found[name] = -1
    return found if sorted(found.values()) == [-1, 1] else None


def _verdict(grading: Grading, rationale: str, score: float | None) -> str:
    if grading.form == "json":
        return _json(rationale, score, grading.seal)
    return f"{rationale}\n{grading.seal}: {'I cannot tell' if score is None else f'{score:g}'}"


def load_grader(seed: int = 0, scenario: str | None = None, **parameters: Any) -> Grader:
    """A grader with its parameters checked.

    Args:
        seed: Seed of everything it draws.
        scenario: A scenario file that it knows besides those of the package.
        **parameters: `noise` (0 to 2), `bias` and `position_bias` (-2 to 2), `invalid_rate` and
            `stubborn_rate` (0 to 1).

    Raises:
        InputError: A parameter is unknown or out of range, or the scenario file is wrong.
    """
    check_seed_and_scenario(seed, scenario)
    numbers = numbers_in_range("grader", parameters, RANGES)
    return Grader(seed=seed, scenario=scenario, **numbers)
