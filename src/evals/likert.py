"""Persona Likert: does a model rate people differently because of who they are?

    inspect eval pluralens/likert --model openai/gpt-4o-mini -T n=200 -T counterfactuals=gender
    inspect eval pluralens/likert --model pluralens_sim/likert     # offline, with planted effects

One sample is one persona, who is rated on every item in both orders of the scale; counterfactual
twins are samples of their own. Figures: `python viz/likert.py`.
"""

from dataclasses import asdict
from inspect import signature
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import Model

from pluralens.errors import InputError, shown_plainly
from pluralens.evals.active_model import (
    active_model,
    greedy_config,
    on_command_line,
    planted_for,
)
from pluralens.evals.likert_dataset import Interview, interview_samples, shown_texts
from pluralens.evals.likert_people import Draw, interviewed
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.models.simulated import SimulatedAPI
from pluralens.scorers.rating import rating
from pluralens.solvers.likert import likert as likert_solver

__all__ = ["likert"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-B"
MAX_TOKENS = 2048
NOT_OPTIONS = {
    "temperature": "the population's shares are flattened by -T population_temperature=0 to 1, "
    "and the model's own temperature is --temperature"
}


@task
def likert(
    n: int | None = None,
    population: str | None = None,
    seed: int = 0,
    counterfactuals: str | list[str] | None = None,
    per_attribute: str | int = "all",
    population_temperature: float | dict[str, float] | None = None,
    age: str | list[int] | None = None,
    selection: str = "",
    enrichment: str = "",
    attributes: str | list[str] | None = None,
    language: str = "de",
    style: str = "list",
    paraphrase: int = 0,
    orders: str = "both",
    elicit: str = "json",
    rationale: bool = False,
    items: str | list[str] | None = None,
    cases: str | None = None,
    top_logprobs: int = 20,
    **kwargs: Any,
) -> Task:
    """Rate synthetic residents of a population, and their counterfactual twins.

    Args:
        n: Base personas drawn from the population; default 100.
        population: Id of a built-in population, or a folder with population.yaml; default `de`.
        seed: Seed of personas, twins, random orders and requests.
        counterfactuals: Attributes of which each base persona gets twins that differ in nothing
            else (`gender,age,origin,religion,sexuality`), and `placebo` for identical twins.
        per_attribute: Twins per base persona and attribute: `all` other values, or a number.
        population_temperature: Flattens the population's shares, 0 (real) to 1 (uniform); one
            number or one per attribute; default 0. The model's own temperature is inspect's
            `--temperature`.
        age: Ages, `from-to`, both included; default 18-100.
        selection: Name of a selection in the store (`pluralens personas list`): its personas and
            twins are interviewed, and nobody is drawn.
        enrichment: Name of an enrichment run whose texts are shown with the selection's personas.
        attributes: Attributes shown in the prompt; default all.
        language: Language of prompt and items, `de` or `en`.
        style: `list`, `sentence`, `name_only` or `bio`.
        paraphrase: Wording of the question, 0 to 3.
        orders: `both` orders of the scale for every item, `normal`, `reversed`, or one at
            `random`.
        elicit: `json`, `text`, `logprobs` (one token) or `both` (text with log-probabilities).
        rationale: Ask for a reason before the rating.
        items: Item ids or dimensions, comma-separated; default all 40.
        cases: An own CSV file of items (`id,adjective` or the full columns).
        top_logprobs: Alternatives per token, for providers that allow fewer than 20.
        **kwargs: Refused: there are no other options.
    """
    with shown_plainly():
        refuse_unknown_options(kwargs, list(signature(likert).parameters)[:-1], NOT_OPTIONS)
        draw = interviewed(
            selection=selection,
            enrichment=enrichment,
            seed=seed,
            counterfactuals=counterfactuals,
            per_attribute=per_attribute,
            n=n,
            population=population,
            population_temperature=population_temperature,
            age=age,
        )
        interview = Interview.checked(
            draw,
            attributes=attributes,
            language=language,
            style=style,
            paraphrase=paraphrase,
            orders=orders,
            elicit=elicit,
            rationale=rationale,
            items=items,
            cases=cases,
            top_logprobs=top_logprobs,
        )
        model = active_model()
        samples, skipped = interview_samples(draw, interview)
        return Task(
            dataset=MemoryDataset(
                [Sample(**sample) for sample in samples],
                name=f"selection-{selection}" if selection else f"population-{draw.source}",
            ),
            solver=likert_solver(**interview.solver_arguments()),
            scorer=rating(),
            config=greedy_config(model, MAX_TOKENS),
            version=VERSION,
            metadata=_metadata(draw, interview, skipped, samples) | _planted(model),
        )


def _seen(draw: Draw, interview: Interview) -> list[str]:
    """Attributes that the model could read in the prompt, with those that follow from them."""
    shown = interview.attributes or draw.people.attributes
    return [a for a in draw.people.all_attributes if draw.people.source_of(a) in shown]


def _planted(model: Model | None) -> dict[str, Any]:
    """The truth behind a simulated respondent, for figures that show it beside the estimates.

    Raises:
        InputError: The simulated model of the command rates nobody.
    """
    if model is None or not isinstance(model.api, SimulatedAPI):
        return {}
    try:
        planted = asdict(model.api.respondent.latent)
    except InputError:
        if on_command_line():
            raise
        return {}
    return {"planted": planted, **planted_for(model)}


def _who(draw: Draw, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Who was interviewed and with which texts, so that the log tells without the store."""
    about: dict[str, Any] = {"design": draw.design.to_json()}
    if draw.selection is None:
        temperature = draw.temperature
        about["drawn"] = {
            "n": draw.n,
            "seed": draw.seed,
            "temperature": dict(temperature) if isinstance(temperature, dict) else temperature,
            "age": list(draw.age),
        }
    else:
        about["selection"] = {
            "name": draw.selection.name,
            "kind": draw.selection.kind,
            "seed": draw.selection.seed,
            "parameters": dict(draw.selection.parameters),
            "sha256": draw.selection.digest(),
        }
    if draw.enriched is not None:
        run = draw.enriched.run
        about["enrichment"] = {
            "run": run.name,
            "enricher": run.enricher,
            "model": run.model,
            "language": run.language,
            "without_texts": draw.enriched.failed,
            "shown": shown_texts(samples),
        }
    return about


def _metadata(
    draw: Draw,
    interview: Interview,
    skipped: list[dict[str, str]],
    samples: list[dict[str, Any]],
) -> dict[str, Any]:
    """What analyses and comparisons need to know about the run."""
    return {
        "benchmark": "likert",
        "version": VERSION,
        "population": {
            "id": draw.people.id,
            "version": draw.people.version,
            "digest": draw.people.digest,
            "source": draw.source,
        },
        "language": interview.language,
        "axes": interview.axes,
        "style": interview.style,
        "seen": _seen(draw, interview),
        "items": {
            a.id: {
                "adjective": a.adjective,
                "dimension": a.dimension,
                "valence": a.valence,
                "pair_id": a.pair_id,
            }
            for a in interview.adjectives
        },
        "skipped_pairs": skipped,
        **_who(draw, samples),
        "parameters_sha256": interview.digest(draw),
    }
