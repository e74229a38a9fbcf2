"""Runs of the PERSONA tasks with the simulated pair, and what their logs say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog, EvalSample, read_eval_log

__all__ = [
    "CRITIC", "PERSONALISER", "answer_texts", "asked", "asked_critic", "by_id", "content",
    "evaluate", "metrics", "value", "within",
]  # fmt: skip

PERSONALISER = "pluralens_sim/personaliser"
CRITIC = "pluralens_sim/critic"
SETTINGS: dict[str, Any] = {"display": "none", "log_realtime": False}
OF_EVAL = ("epochs", "limit", "score", "temperature")


def evaluate(
    folder: Path,
    task: str,
    *,
    model: Any = PERSONALISER,
    grader: Any = CRITIC,
    args: Mapping[str, Any] | None = None,
    **options: Any,
) -> EvalLog:
    """Run `pluralens/persona_<task>`; `args` are those of the model."""
    of_eval = {key: options.pop(key) for key in OF_EVAL if key in options}
    (log,) = inspect_eval(
        f"pluralens/persona_{task}",
        task_args=options,
        model=model,
        model_args=dict(args or {}),
        model_roles={"grader": grader} if grader else {},
        log_dir=str(folder),
        **of_eval,
        **SETTINGS,
    )
    assert log.status == "success", log.error
    # Prompts are in the file once each, and samples in the order of the data set.
    return read_eval_log(log.location, resolve_attachments=True)


def metrics(log: EvalLog) -> dict[str, Any]:
    assert log.results
    return {name: m.value for score in log.results.scores for name, m in score.metrics.items()}


def by_id(log: EvalLog) -> dict[str, EvalSample]:
    """Samples by id and epoch; none is there twice."""
    found = {f"{s.id}/{s.epoch}": s for s in log.samples or []}
    assert len(found) == len(log.samples or [])
    return found


def value(sample: EvalSample) -> dict[str, Any]:
    (score,) = (sample.scores or {}).values()
    return dict(score.value)  # type: ignore[arg-type]


def content(log: EvalLog) -> str:
    """All that a log says of its samples but times and ids of calls; comparable with NaN."""
    found = {
        key: [
            s.input, s.metadata, [[m.role, m.text] for m in s.messages], s.output.completion,
            s.store, {name: one.model_dump() for name, one in (s.scores or {}).items()},
        ]
        for key, s in by_id(log).items()
    }  # fmt: skip
    return json.dumps([found, metrics(log), log.eval.metadata], sort_keys=True, default=str)


def _prompts(sample: EvalSample, role: str | None) -> list[str]:
    return [
        "\n\n".join(message.text for message in event.input)
        for event in sample.events
        if event.event == "model" and event.role == role
    ]


def asked(sample: EvalSample) -> list[str]:
    """What the evaluated model was asked, call by call, conversations in full."""
    return _prompts(sample, None)


def asked_critic(sample: EvalSample) -> list[str]:
    """The same of the critic."""
    return _prompts(sample, "grader")


def answer_texts(sample: EvalSample) -> dict[str, str]:
    """Key of the answer -> its text."""
    return {one["key"]: one["text"] for one in sample.store["PersonalizedAnswers:answers"]}


def within(found: Mapping[str, float], name: str, truth: float) -> bool:
    """Whether a metric's interval holds the truth."""
    return found[f"{name} low"] <= truth <= found[f"{name} high"]
