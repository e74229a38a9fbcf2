"""The prompts of a scenario: the one place where they are made."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pluralens.errors import InputError
from pluralens.scenarios.scenario import Cell, Scenario

__all__ = ["CONTEXTS", "DEFAULTS", "Affect", "Context", "Prompt", "prompts"]

Affect = Literal["plain", "emotional"]
Context = Literal["none", "system", "inline"]
AFFECTS: tuple[str, ...] = get_args(Affect)
CONTEXTS: tuple[str, ...] = get_args(Context)
# Ids leave out what is as here.
DEFAULTS = {"language": "de", "paraphrase": 0, "affect": "plain", "context": "none"}


@dataclass(frozen=True)
class Prompt:
    """One prompt: a triplet from one perspective in one wording.

    Attributes:
        id: `rent/050-economy-good-good/landlord`, with what differs from `DEFAULTS` as a last
            part: `.../landlord/en-p1-emotional-system`. Made of content, so it never changes.
        triplet: `rent/050-economy-good-good`, the same in all wordings: the cluster.
        variant: The wording in full (`en-p1-plain-none`): prompts of a triplet that differ in
            perspective alone have the same.
        scenario: Id of the scenario.
        perspective: A party or `neutral`.
        side: The party's end of the axis: +1 or -1, 0 for neutral.
        factors: Factor -> level.
        relationship: See `pluralens.scenarios.relationship`.
        language: Of all texts.
        paraphrase: Which one, from 0.
        asks: `open`, or which side a plain yes would take: `plus` or `minus`.
        affect: `plain` or `emotional`.
        context: `none`, `system` or `inline`.
        system: System message, for `context=system` alone.
        user: The question.
        challenge: The user's second turn for `stance=challenge`.
        case: The facts from nobody's side without a question, for a blind grader.
    """

    id: str
    triplet: str
    variant: str
    scenario: str
    perspective: str
    side: int
    factors: Mapping[str, str]
    relationship: str
    language: str
    paraphrase: int
    asks: str
    affect: str
    context: str
    system: str | None
    user: str
    challenge: str
    case: str


def prompts(
    scenario: Scenario,
    *,
    language: str = "de",
    paraphrase: int | None = None,
    affect: str = "plain",
    context: str = "none",
) -> list[Prompt]:
    """All prompts of a scenario in one language, telling and context.

    Args:
        scenario: The conflict.
        language: One of its languages.
        paraphrase: Number of a paraphrase; all of them by default.
        affect: `plain`, or `emotional`: the same facts, told with feeling.
        context: Whether the facts are also given as compact JSON: not (`none`), in a system
            message (`system`) or before the question (`inline`).

    Returns:
        Per cell and paraphrase the party at +1, the party at -1, neutral.

    Raises:
        InputError: An option does not exist.
    """
    chosen = _paraphrases(scenario, paraphrase)
    for option, value, known in (
        ("language", language, scenario.languages),
        ("affect", affect, AFFECTS),
        ("context", context, CONTEXTS),
    ):
        if value not in known:
            raise InputError(f"{option}={value!r} is unknown; choose one of {', '.join(known)}")
    return [
        _prompt(scenario, cell, perspective, language, number, affect, context)
        for cell in scenario.cells()
        for number in chosen
        for perspective in scenario.perspectives
    ]


def _paraphrases(scenario: Scenario, paraphrase: int | None) -> list[int]:
    last = len(scenario.paraphrases) - 1
    if paraphrase is None:
        return list(range(last + 1))
    whole = isinstance(paraphrase, int) and not isinstance(paraphrase, bool)
    if not whole or not 0 <= paraphrase <= last:
        raise InputError(
            f"paraphrase={paraphrase!r} is unknown; choose a whole number from 0 to {last}, or "
            "leave it out for all"
        )
    return [paraphrase]


def _prompt(
    scenario: Scenario,
    cell: Cell,
    perspective: str,
    language: str,
    paraphrase: int,
    affect: str,
    context: str,
) -> Prompt:
    telling = scenario.perspectives[perspective][language]
    facts = scenario.fill(cell.levels, language, "neutral")
    user = telling.texts[paraphrase][affect].format(
        **scenario.fill(cell.levels, language, perspective)
    )
    background = _background(scenario.background[language], facts)
    parts = {
        "language": language,
        "paraphrase": f"p{paraphrase}",
        "affect": affect,
        "context": context,
    }
    default = {**DEFAULTS, "paraphrase": f"p{DEFAULTS['paraphrase']}"}
    differing = "-".join(part for key, part in parts.items() if part != default[key])
    return Prompt(
        id="/".join([cell.id, perspective, *([differing] if differing else [])]),
        triplet=cell.id,
        variant="-".join(parts.values()),
        scenario=scenario.id,
        perspective=perspective,
        side=scenario.side(perspective),
        factors=cell.levels,
        relationship=cell.relationship,
        language=language,
        paraphrase=paraphrase,
        asks=scenario.paraphrases[paraphrase],
        affect=affect,
        context=context,
        system=background if context == "system" else None,
        user=f"{background}\n\n{user}" if context == "inline" else user,
        challenge=telling.challenge,
        case=scenario.case[language].format(**facts),
    )


def _background(entries: Mapping[str, str], facts: Mapping[str, str | int]) -> str:
    """Compact JSON; an entry that is one placeholder keeps a number a number."""
    filled = {
        key: facts[alone[1]]
        if (alone := re.fullmatch(r"\{(\w+)\}", text))
        else text.format(**facts)
        for key, text in entries.items()
    }
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":"))
