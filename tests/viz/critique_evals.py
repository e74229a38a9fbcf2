"""Logs of scripted PERSONA tasks: verdicts are given, no model is asked and nothing is judged."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspect_ai import Epochs, Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

__all__ = ["NAN", "QUIET", "chance", "comparison", "evaluate", "sample", "verdict"]

NAN = float("nan")
QUIET: dict[str, Any] = {"display": "none", "log_realtime": False}
HEADER = {"mode": "output_only", "protocol": "debate", "sees": "full"}


def chance(*key: object) -> float:
    """Uniform from 0 to 1, the same on every machine."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def verdict(accepted: float | None, **more: float) -> dict[str, float]:
    """A value of the scorer `critique`; None is an answer that no critic gave a verdict on."""
    unscored = accepted is None
    value = {"accepted": NAN if accepted is None else accepted, "unscored": float(unscored)}
    known = {"invalid": 0.0, "refused": 0.0, "leak": 0.0, "length": 100.0, "self_judged": 0.0}
    return {**value, **known, "votes": float(not unscored), **more}


def sample(
    question: str, person: str, value: Mapping[str, float] | Sequence[Any], **more: Any
) -> dict[str, Any]:
    """A sample; its value may be a list, one per epoch."""
    arm = more.pop("arm", "full")
    about = {
        "id": f"{question}-{person}" + ("" if arm == "full" else f"-{arm}"),
        "question_id": question,
        "persona_id": person,
        "pair": f"{question}/{person}",
        "arm": arm,
        "left_out": arm.partition(":")[2],
        "value": value,
    }
    return about | more


def comparison(
    question: str, people: tuple[str, str], hits: tuple[float, float] | None
) -> dict[str, Any]:
    """A sample of the comparison task; hits with the right answer first, and second."""
    first, second = hits or (NAN, NAN)
    value = {
        "identified": (first + second) / 2,
        "hits_first": first,
        "hits_second": second,
        "first_chosen": (first + 1 - second) / 2,
        "consistent": float(first == second) if hits else NAN,
        "invalid": 0.0,
        "unscored": float(hits is None),
        "self_judged": 0.0,
    }
    return sample(
        question,
        people[0],
        value,
        persona_id_second=people[1],
        pair=f"{question}/{people[0]}/{people[1]}",
    )


@solver
def told() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.metadata.get("fails"):
            raise RuntimeError("scripted failure")
        state.output = ModelOutput.from_content("none", "an answer")
        return state

    return solve


def _score(state: TaskState, graders: Sequence[str]) -> Score:
    value = state.metadata["value"]
    own = value[state.epoch - 1] if isinstance(value, list) else value
    return Score(value=dict(own), metadata={"graders": list(graders), "epoch": state.epoch})


@scorer(metrics={"accepted": [mean()]}, name="critique")
def critique(graders: Sequence[str] = ("mockllm/critic",)) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return _score(state, graders)

    return score


@scorer(metrics={"identified": [mean()]}, name="identification")
def identification(graders: Sequence[str] = ("mockllm/critic",)) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return _score(state, graders)

    return score


def evaluate(
    folder: Path,
    name: str,
    samples: Iterable[Mapping[str, Any]],
    model: str = "mockllm/model",
    *,
    scored: bool = True,
    graders: Sequence[str] = ("mockllm/critic",),
    header: Mapping[str, Any] | None = None,
    epochs: int = 1,
    **options: Any,
) -> EvalLog:
    """Write the log of a task of this name."""
    chosen = identification if name == "persona_comparison" else critique
    made = Task(
        name=name,
        dataset=[
            Sample(input="?", id=one["id"], metadata={k: v for k, v in one.items() if k != "id"})
            for one in samples
        ],
        solver=told(),
        scorer=chosen(graders) if scored else None,
        epochs=Epochs(epochs),
        metadata={"benchmark": name, **HEADER, **(header or {})},
    )
    log, *_ = inspect_eval(made, model=model, log_dir=str(folder), **QUIET, **options)
    return log
