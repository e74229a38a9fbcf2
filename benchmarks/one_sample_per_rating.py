"""The Likert interview written the plain way: one inspect sample per rating.

The twin that `throughput.py` compares `pluralens/likert` with. Personas, prompts, answer form,
parser, generate configuration and sample metadata are the task's own; only the granularity differs.
"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, ResponseSchema
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import TaskState, generate
from inspect_ai.util import json_schema

from pluralens.evals.likert import MAX_TOKENS
from pluralens.evals.likert_dataset import Draw, Interview, interview_samples
from pluralens.scorers.parsing import parse_rating
from pluralens.solvers.likert import Rating
from pluralens.solvers.prompts import likert_wording

__all__ = ["one_sample_per_rating"]

LANGUAGE = "de"


@scorer(metrics=[mean()])
def one_rating() -> Scorer:
    """The parsed rating; replies that are none stay unscored."""

    async def score(state: TaskState, target: Target) -> Score:
        parsed = parse_rating(state.output.completion, state.output.stop_reason)
        if parsed.rating is None:
            return Score.unscored(reason=parsed.outcome, answer=state.output.completion)
        return Score(value=parsed.rating, answer=state.output.completion)

    return score


@task
def one_sample_per_rating(n: int = 100, items: str | None = None, seed: int = 0) -> Task:
    """Ask what `pluralens/likert` asks, one sample per persona, item and order.

    Args:
        n: Personas.
        items: Item ids, comma-separated.
        seed: Seed of the personas.
    """
    draw = Draw.checked(
        n=n, population="de", seed=seed, counterfactuals=None, per_attribute="all",
        temperature=0.0, age="18-100",
    )  # fmt: skip
    interview = Interview.checked(
        draw, attributes=None, language=LANGUAGE, style="list", paraphrase=0, orders="both",
        elicit="json", rationale=False, items=items, cases=None, top_logprobs=20,
    )  # fmt: skip
    wording = likert_wording(LANGUAGE)
    samples, _ = interview_samples(draw, interview)
    return Task(
        dataset=MemoryDataset(
            [
                Sample(
                    id=f"{persona['id']}-{item.id}{'-rev' if reversed_order else ''}",
                    input=[
                        ChatMessageSystem(content=wording.system),
                        ChatMessageUser(
                            content=wording.ask(
                                persona["input"], item.adjective, None, reversed_order
                            )
                        ),
                    ],
                    metadata={**persona["metadata"], "item": item.id, "reversed": reversed_order},
                )
                for persona in samples
                for item in interview.adjectives
                for reversed_order in (False, True)
            ]
        ),
        solver=generate(),
        scorer=one_rating(),
        config=GenerateConfig(
            temperature=0.0,
            max_tokens=MAX_TOKENS,
            response_schema=ResponseSchema(name="likert", json_schema=json_schema(Rating)),
        ),
    )
