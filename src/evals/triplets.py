"""Triplets: does a model's advice lean to whoever asks?

    inspect eval pluralens/triplets --model openai/gpt-5-mini --model-role grader=openai/gpt-5
    inspect eval pluralens/triplets --model pluralens_sim/sycophant \
        --model-role grader=pluralens_sim/grader     # offline, with a planted lean

One conflict is told from both sides and from nobody's; only the teller changes. One sample is one
prompt. A grader, blind to who asks, says whom each answer sides with. Figures:
`python viz/triplets.py`.
"""

from inspect import signature
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, Model

from pluralens.errors import InputError, shown_plainly
from pluralens.evals.active_model import (
    active_model,
    greedy_config,
    on_command_line,
    planted_for,
)
from pluralens.evals.required_grader import require_grader
from pluralens.evals.triplets_design import TripletDesign
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.models.simulated import SimulatedAPI
from pluralens.scenarios.prompts import Prompt
from pluralens.scenarios.scenario import Scenario
from pluralens.scorers.stance import stance as stance_scorer
from pluralens.solvers.conversation import CHALLENGE, conversation

__all__ = ["triplets"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-A"
MAX_TOKENS = 2048
STANCES = ("none", "challenge")
NOT_OPTIONS = {
    "epochs": "several answers per prompt are --epochs",
    "grader": "the grader is --model-role grader=...",
    "n": "a number of triplets is -T triplets=...",
    "temperature": "the model's own temperature is --temperature",
    "see_prompt": "it belongs to the scorer: --no-score, then inspect score --scorer "
    "pluralens/stance -S see_prompt=true",
}


@task
def triplets(
    scenario: str | list[str] = "rent",
    triplets: int | None = None,
    language: str | list[str] = "de",
    paraphrase: int | str = "all",
    affect: str = "plain",
    stance: str = "none",
    context: str = "none",
    seed: int = 0,
    **kwargs: Any,
) -> Task:
    """Ask for advice on a conflict, as either party and as nobody.

    Args:
        scenario: Id of a conflict or a YAML file, several separated by commas, or `all` that come
            with the package.
        triplets: Number of whole triplets, balanced over what varies; default all.
        language: Language of the prompts, such as `de`, `en` or `de,en`, or `all`.
        paraphrase: Wording of the prompts, from 0, or `all`: a triplet has one prompt per
            perspective and wording. One wording of 36 triplets finds only large gaps, and some
            wordings ask for a yes; all together favour neither yes nor no.
        affect: `plain`, or `emotional`: the same facts, told with feeling.
        stance: `none`, or `challenge`: a second turn in which the user doubts the answer.
        context: The facts as compact JSON too: `none`, `system` (a system message) or `inline`.
        seed: Seed of the choice of triplets and of the requests.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        refuse_unknown_options(kwargs, _options(), NOT_OPTIONS)
        if stance not in STANCES:
            raise InputError(f"stance={stance!r} is unknown; choose one of {', '.join(STANCES)}")
        design = TripletDesign.checked(
            scenario=scenario,
            triplets=triplets,
            language=language,
            paraphrase=paraphrase,
            affect=affect,
            context=context,
            seed=seed,
        )
        require_grader()
        model = active_model()
        planted = _planted(model)
        by_id = {one.id: one for one in design.scenarios}
        return Task(
            dataset=MemoryDataset(
                [_sample(prompt, by_id[prompt.scenario], stance) for prompt in design.prompts],
                name="triplets-" + "-".join(by_id),
            ),
            solver=conversation(challenged=stance == "challenge", seed=seed),
            # With its own seed, so that scoring later is the same.
            scorer=stance_scorer(),
            config=greedy_config(model, MAX_TOKENS),
            version=VERSION,
            headline_metric=HeadlineMetric(scorer="stance", metric="sycophancy_gap"),
            metadata={
                "benchmark": "triplets",
                "version": VERSION,
                "scenarios": {one.id: _about(one) for one in design.scenarios},
                "languages": design.languages,
                "challenge": stance,
                "affect": affect,
                "context": context,
                **planted,
            },
        )


def _options() -> list[str]:
    return list(signature(triplets).parameters)[:-1]


def _planted(model: Model | None) -> dict[str, Any]:
    """The truth behind a simulated teller, for figures that show it beside the estimates.

    Raises:
        InputError: The simulated model of the command gives no advice.
    """
    if model is None or not isinstance(model.api, SimulatedAPI):
        return {}
    try:
        planted = model.api.teller.model.planted()
    except InputError:
        if on_command_line():
            raise
        return {}
    return {"planted": planted, **planted_for(model)}


def _noun(texts: Any) -> str:
    """The noun that the graders read; their rubric is English."""
    return str(texts.get("en") or next(iter(texts.values())))


def _sample(prompt: Prompt, scenario: Scenario, stance: str) -> Sample:
    system = [ChatMessageSystem(content=prompt.system)] if prompt.system else []
    return Sample(
        id=prompt.id,
        input=[*system, ChatMessageUser(content=prompt.user)],
        metadata={
            "triplet_id": prompt.triplet,
            "scenario": prompt.scenario,
            "perspective": prompt.perspective,
            "side": prompt.side,
            "language": prompt.language,
            "paraphrase": prompt.paraphrase,
            "asks": prompt.asks,
            "affect": prompt.affect,
            "context": prompt.context,
            "relationship": prompt.relationship,
            "challenge": stance,
            **{f"factor_{name}": level for name, level in prompt.factors.items()},
            # What a blind grader reads, so that a log can be scored later without the scenario.
            "positive": _noun(scenario.plus.noun),
            "negative": _noun(scenario.minus.noun),
            "case": prompt.case,
            **({CHALLENGE: prompt.challenge} if stance == "challenge" else {}),
        },
    )


def _about(scenario: Scenario) -> dict[str, Any]:
    """What figures and comparisons need to know of a scenario."""
    return {
        "version": scenario.version,
        "digest": scenario.digest,
        "label": dict(scenario.label),
        "plus": scenario.plus.id,
        "minus": scenario.minus.id,
        "nouns": {party.id: dict(party.noun) for party in scenario.parties},
        "factors": {
            name: {level.id: dict(level.label) for level in factor.levels.values()}
            for name, factor in scenario.factors.items()
        },
    }
