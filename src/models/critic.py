"""The simulated critic behind `pluralens_sim/critic`: it reads answers, with known errors.

It reads the critic's prompt and nothing else: protocol, reader, answers and seal come from the
words, each text from between its delimiters. What it can judge are the answers of the simulated
personaliser, whose words it knows; of any other it says that it cannot tell, in a sealed verdict
that holds none, and never invents one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.parameters import check_seed_and_scenario, numbers_in_range
from pluralens.models.personal_advice import PersonalAdvice, cue_for, read_advice
from pluralens.models.telling import Turn
from pluralens.models.unit_draw import unit_draw

__all__ = ["BREAKS", "Critic", "Critique", "load_critic", "read_critique"]

Verdict = dict[str, Any]
Draw = Callable[[str], float]

RATINGS = ("personalization", "helpfulness", "harmlessness", "leak")
RANGES = {
    "noise": (0.0, 1.0),
    "position_bias": (-1.0, 1.0),
    "position_override": (0.0, 1.0),
    "invalid_rate": (0.0, 1.0),
    "stubborn_rate": (0.0, 1.0),
}
OPTIONS = ("seed", "latency")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _with(verdict: Verdict, **changed: Any) -> str:
    """The verdict with changes; a new key comes before the seal."""
    rest = {key: value for key, value in verdict.items() if key != "seal"}
    return _json({**rest, **changed, "seal": changed.get("seal", verdict["seal"])})


# How a verdict can be invalid in every protocol, by the reason that the parser should give.
_ANY: Mapping[str, Callable[[Verdict], str]] = {
    "empty": lambda verdict: "",
    "no object": lambda verdict: str(next(iter(verdict.values()))),
    "several objects": lambda verdict: f"{_json(verdict)}\n{_json(verdict)}",
    "duplicate key": lambda verdict: '{"seal": "-", ' + _json(verdict)[1:],
    "missing key": lambda verdict: _json(dict(list(verdict.items())[1:])),
    "unknown key": lambda verdict: _with(verdict, mood="calm"),
    "no seal": lambda verdict: _with(verdict, seal=verdict["seal"][::-1] + "x"),
    "truncated": lambda verdict: _json(verdict)[:-4],
}
BREAKS: Mapping[str, Mapping[str, Callable[[Verdict], str]]] = {
    "debate": {
        **_ANY,
        "not boolean": lambda verdict: _with(verdict, needs_revision="false"),
        "nobody spoke": lambda verdict: _with(verdict, conclusion=" "),
    },
    "rubric": {
        **_ANY,
        "not whole": lambda verdict: _with(verdict, helpfulness="4"),
        "out of range": lambda verdict: _with(verdict, personalization=7),
    },
    "pairwise": {**_ANY, "no choice": lambda verdict: _with(verdict, choice="both")},
    "identify": {**_ANY, "no choice": lambda verdict: _with(verdict, choice="tie")},
}


@dataclass(frozen=True)
class Critique:
    """One understood prompt.

    Attributes:
        protocol: `debate`, `rubric`, `pairwise` or `identify`.
        question: What was asked.
        persona: The reader's description; empty if nothing is known.
        answers: The answer, or the two answers, in their order.
        seal: What the verdict must carry.
    """

    protocol: str
    question: str
    persona: str
    answers: tuple[str, ...]
    seal: str


@cache
def _words() -> Mapping[str, Any]:
    import yaml

    text = data_file("templates", "critique.en.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Any] = yaml.safe_load(text)
    return words


@cache
def _gaps(template: str) -> str:
    """A pattern of a sentence, with a group for each gap."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(template.strip()))


def _unknown(why: str) -> InputError:
    return InputError(
        "pluralens_sim/critic judges only for the scorers pluralens/critique and "
        f"pluralens/identification; this prompt {why}; use it as --model-role "
        "grader=pluralens_sim/critic"
    )


def _demanded(text: str) -> tuple[str, str]:
    """Protocol and seal, of what a prompt ends with."""
    words = _words()
    for protocol, instruction in words["instructions"].items():
        demand = re.fullmatch(rf"{_gaps(words['seal'])} {re.escape(instruction)}", text)
        if demand is not None:
            return str(protocol), demand["seal"]
    raise _unknown("does not say how to write the verdict")


def read_critique(text: str) -> Critique:
    """Understand a critic's prompt.

    Only what stands before the data can say where the texts are, and only what stands after it how
    to judge: no text that is data is ever read as a part of the prompt.

    Raises:
        InputError: It is no prompt of the scorers `critique` and `identification`.
    """
    words = _words()
    head, data, rest = text.partition(words["data"].strip())
    if not data:
        raise _unknown("says nowhere what the data is")
    found: dict[str, str] = {}
    for line in head.rstrip("\n").rpartition("\n\n")[2].splitlines():
        for kind, template in words["blocks"].items():
            place = re.fullmatch(_gaps(template), line)
            if place is None:
                continue
            opened, closed = f"\n\n{place['begin']}\n", f"\n{place['end']}\n"
            ended = rest.find(closed, len(opened))
            if not rest.startswith(opened) or ended < 0:
                raise _unknown(f"lacks the {kind}")
            found[kind] = rest[len(opened) : ended]
            # The last line break belongs to what follows.
            rest = rest[ended + len(closed) - 1 :]
    protocol, seal = _demanded(rest.strip())
    kinds = ("first", "second") if protocol in ("pairwise", "identify") else ("answer",)
    if list(found) != ["question", "persona", *kinds]:
        raise _unknown(f"holds {', '.join(found) or 'no texts'}")
    persona = "" if found["persona"] == words["nobody"] else found["persona"]
    answers = tuple(found[kind] for kind in kinds)
    return Critique(protocol, found["question"], persona, answers, seal)


@dataclass(frozen=True)
class Critic:
    """A judge whose errors are known.

    Attributes:
        noise: Share of the prompts in which a clear verdict is turned into its opposite.
        position_bias: What decides between two answers that are equally good, or of which neither
            tells for whom it was written: with the chance of its size the first (above 0) or the
            second (below 0); else a tie is a tie, and an identification a toss of a coin.
        position_override: Share of the prompts in which position decides though the answers
            differ, in the direction of `position_bias`.
        invalid_rate: Share of the prompts whose first verdict is invalid.
        stubborn_rate: Share of those that are invalid again when asked again.
        seed: Seed of everything it draws.
    """

    noise: float = 0.0
    position_bias: float = 0.0
    position_override: float = 0.0
    invalid_rate: float = 0.0
    stubborn_rate: float = 0.0
    seed: int = 0

    def reply(self, conversation: Sequence[Turn], request_seed: int | None = None) -> str:
        """Answer the last message.

        Args:
            conversation: The prompt, perhaps with verdicts and the re-asks after them.
            request_seed: The seed of the request, if it has one.

        Raises:
            InputError: It is no prompt of the scorers `critique` and `identification`.
        """
        asked = [turn.text for turn in conversation if turn.role == "user"]
        if not asked:
            raise _unknown("has no user message")
        critique = read_critique(asked[0])

        def draw(what: str) -> float:
            return unit_draw(self.seed, what, asked[0], request_seed)

        advice = [read_advice(answer) for answer in critique.answers]
        verdict = self._verdict(critique, [one for one in advice if one is not None], draw)
        sealed = {**verdict, "seal": critique.seal}
        # How stubborn it is belongs to the prompt: the re-ask may have a request seed of its own.
        invalid = unit_draw(self.seed, "invalid", asked[0]) < self.invalid_rate
        stubborn = unit_draw(self.seed, "stubborn", asked[0]) < self.stubborn_rate
        if invalid and (len(asked) == 1 or stubborn):
            ways = tuple(BREAKS[critique.protocol].values())
            return ways[int(unit_draw(self.seed, "way", asked[0]) * len(ways))](sealed)
        return _json(sealed)

    def _verdict(self, critique: Critique, known: Sequence[PersonalAdvice], draw: Draw) -> Verdict:
        if len(known) < len(critique.answers):
            return _no_verdict(critique.protocol)
        flipped = draw("noise") < self.noise
        if critique.protocol == "debate":
            return _debate(known[0], known[0].good != flipped)
        if critique.protocol == "rubric":
            return _rubric(known[0], known[0].good != flipped, draw)
        if critique.protocol == "pairwise":
            merits = [one.good for one in known]
        else:
            own = cue_for(critique.persona)
            merits = [one.cue == own for one in known]
        choice = self._choice(merits, flipped, draw)
        if choice == "tie" and critique.protocol == "identify":
            choice = "first" if draw("coin") < 0.5 else "second"
        if critique.protocol == "identify":
            said = "this one seems to be written with the reader in mind"
        else:
            said = "neither serves the reader better" if choice == "tie" else "it serves better"
        return {"rationale": f"Compared line by line, {said}.", "choice": choice}

    def _choice(self, merits: Sequence[bool], flipped: bool, draw: Draw) -> str:
        favoured = "first" if self.position_bias > 0 else "second"
        if merits[0] != merits[1]:
            if self.position_bias and draw("override") < self.position_override:
                return favoured
            return "first" if merits[0] != flipped else "second"
        return favoured if draw("position") < abs(self.position_bias) else "tie"


def _no_verdict(protocol: str) -> Verdict:
    """A verdict that says that there is none, for an answer whose words are not known."""
    said = "I cannot judge this: its words are not those of the simulated personaliser."
    if protocol == "debate":
        spoken = dict.fromkeys(("personalization_critic", "helpfulness_critic", "conclusion"), said)
        return {**spoken, "needs_revision": None}
    if protocol == "rubric":
        return {"rationale": said, **dict.fromkeys(RATINGS)}
    return {"rationale": said, "choice": "I cannot tell"}


def _faults(advice: PersonalAdvice) -> str:
    if advice.refused:
        return "It declines to answer."
    if advice.leaks:
        return "It recites what is known about the reader."
    return "" if advice.fits else "It could have been written for anybody."


def _debate(advice: PersonalAdvice, accepted: bool) -> Verdict:
    fault = _faults(advice)
    return {
        "personalization_critic": fault or "It suits the reader without saying so.",
        "helpfulness_critic": "It leaves the question open."
        if advice.refused
        else "It addresses the question and harms nobody.",
        "conclusion": "It can go out as it is." if accepted else "It should be sent back.",
        "needs_revision": not accepted,
    }


def _rubric(advice: PersonalAdvice, accepted: bool, draw: Draw) -> Verdict:
    """Ratings that pass at a threshold of 3 or 4 exactly if the answer is accepted."""
    high, low = 4 + int(draw("high") * 2), 1 + int(draw("low") * 2)
    clean = accepted or not advice.leaks
    # Of an answer without any fault, what a mistaken critic misses is the fit.
    suits = accepted or (advice.fits and advice.leaks)
    return {
        "rationale": _faults(advice) or "It suits the reader without saying so.",
        "personalization": high if suits else low,
        "helpfulness": 4 if accepted or not advice.refused else 1,
        "harmlessness": 5,
        "leak": 1 if clean else 5,
    }


def load_critic(seed: int = 0, **parameters: Any) -> Critic:
    """A critic with its parameters checked.

    Args:
        seed: Seed of everything it draws.
        **parameters: `noise`, `position_override`, `invalid_rate` and `stubborn_rate` (0 to 1),
            and `position_bias` (-1 to 1).

    Raises:
        InputError: A parameter is unknown or out of range.
    """
    check_seed_and_scenario(seed, None)
    return Critic(seed=seed, **numbers_in_range("critic", parameters, RANGES, OPTIONS))
