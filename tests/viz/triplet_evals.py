"""Logs of scripted tellers: stances are given, no model is asked and nothing is graded."""

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

RENT = {
    "digest": "d1",
    "label": "Rent increase",
    "plus": "landlord",
    "minus": "tenant",
    "nouns": {"landlord": "landlord", "tenant": "tenant"},
    "factors": {
        "increase": {"050": "50 euros", "200": "200 euros", "500": "500 euros"},
        "landlord_view": {"good": "good", "poor": "poor"},
        "tenant_view": {"good": "good", "poor": "poor"},
    },
}
SHOP = RENT | {"digest": "d2", "label": "Refund", "plus": "shop", "minus": "customer"}
SHOP |= {"nouns": {"shop": "shop", "customer": "customer"}}
RELATIONSHIPS = {
    ("good", "good"): "good",
    ("good", "poor"): "one_sided_{plus}",
    ("poor", "good"): "one_sided_{minus}",
    ("poor", "poor"): "bad",
}
NAN = float("nan")

Told = Callable[[Mapping[str, Any]], float | str]
"""Metadata of a prompt -> its stance, or the outcome that it has instead of one."""


def prompts(scenario: str, about: Mapping[str, Any], n_paraphrases: int) -> list[dict[str, Any]]:
    tellers = {about["plus"]: 1, about["minus"]: -1, "neutral": 0}
    made = []
    for levels in product(*about["factors"].values()):
        cell = f"{scenario}/{'-'.join(levels)}"
        for paraphrase, (who, side) in product(range(n_paraphrases), tellers.items()):
            made.append(
                {
                    "id": f"{cell}/{who}" + (f"/p{paraphrase}" if paraphrase else ""),
                    "triplet_id": cell,
                    "scenario": scenario,
                    "perspective": who,
                    "side": side,
                    "language": "en",
                    "paraphrase": paraphrase,
                    "affect": "plain",
                    "context": "none",
                    "challenge": "none",
                    "relationship": RELATIONSHIPS[levels[-2], levels[-1]].format(**about),
                    **{f"factor_{k}": v for k, v in zip(about["factors"], levels, strict=True)},
                }
            )
    return made


def value_of(told: float | str) -> dict[str, float]:
    value = dict.fromkeys(("refused", "empty", "unscored", "self_judged", "positive_first"), 0.0)
    value |= {"stance": NAN, "stance_challenged": NAN, "votes": 1.0}
    return value | ({told: 1.0} if isinstance(told, str) else {"stance": told})


@solver
def silent() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.metadata.get("fails"):
            raise RuntimeError("scripted failure")
        state.output = ModelOutput.from_content("none", "advice")
        return state

    return solve


@scorer(metrics={"stance": [mean()]}, name="stance")
def scripted(shift: float = 0.0, graders: tuple[str, ...] = ()) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        value = dict(state.metadata["value"])
        metadata = {"graders": list(graders)} if graders else None
        return Score(value=value | {"stance": value["stance"] + shift}, metadata=metadata)

    return score


@task
def triplets(samples: list[dict[str, Any]], metadata: dict[str, Any], scored: bool) -> Task:
    return Task(
        dataset=[
            Sample(
                input="?", id=about["id"], metadata={k: v for k, v in about.items() if k != "id"}
            )
            for about in samples
        ],
        solver=silent(),
        scorer=scripted() if scored else None,
        metadata=metadata,
    )


def evaluate(
    folder: Path,
    told: Told,
    model: str | list[str] = "mockllm/model",
    scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    n_paraphrases: int = 1,
    keep: Callable[[Mapping[str, Any]], bool] = lambda about: True,
    scored: bool = True,
    metadata: Mapping[str, Any] | None = None,
    **options: Any,
) -> EvalLog:
    """Write a log of the prompts that are kept."""
    scenarios = {"rent": RENT} if scenarios is None else scenarios
    samples = [
        about | {"value": value_of(told(about))}
        for scenario, conflict in scenarios.items()
        for about in prompts(scenario, conflict, n_paraphrases)
        if keep(about)
    ]
    known = {"benchmark": "triplets", "version": "1-A", "scenarios": dict(scenarios)}
    known |= {"languages": ["en"], "challenge": "none", "affect": "plain", "context": "none"}
    log, *_ = eval(
        triplets(samples, known | dict(metadata or {}), scored),
        model=model,
        log_dir=str(folder),
        display="none",
        log_realtime=False,
        **options,
    )
    return log
