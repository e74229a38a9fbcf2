"""PERSONA's tasks put together: solver, scorer, metrics and what the log says of the study."""

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai import Epochs, Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.model import GenerateConfig, Model
from inspect_ai.scorer import Metric

from pluralens.errors import InputError
from pluralens.evals.active_model import (
    active_model,
    greedy_config,
    on_command_line,
    planted_for,
)
from pluralens.evals.persona_study import PersonaStudy
from pluralens.evals.required_grader import require_grader
from pluralens.models.simulated import SimulatedAPI
from pluralens.questions.leave_one_out import FULL
from pluralens.scorers.critique import critique
from pluralens.scorers.identification import identification
from pluralens.solvers.personalize import personalize

__all__ = ["critique_task", "identification_task"]

# N-X: N counts changes after which results are not comparable, X changes of the interface.
VERSION = "1-A"
SAMPLING_TEMPERATURE = 1.0


def critique_task(
    name: str,
    study: PersonaStudy,
    samples: Sequence[Sample],
    *,
    metrics: Sequence[Metric],
    headline: str = "accuracy",
    about: Mapping[str, Any],
    epochs: Epochs | None = None,
    sampled: bool = False,
) -> Task:
    """A task whose answers a critic judges one by one.

    Args:
        name: Of the task.
        study: What its samples share.
        samples: The answers to be asked for.
        metrics: The task's own.
        headline: Key of the metric that stands for the whole.
        about: More of what the log says.
        epochs: Attempts per sample.
        sampled: Draw the answers, so that attempts can differ, instead of decoding greedily.

    Raises:
        InputError: There is no grader, or the simulated model answers no such question.
    """
    require_grader()
    model = active_model()
    return Task(
        dataset=MemoryDataset(list(samples), name=f"{name}-{study.source.name}"),
        solver=personalize(
            mode=study.mode,
            seed=study.seed,
            also_baseline=study.protocol == "pairwise",
            # A solver cannot see the temperature that a task sets.
            sampled=True if sampled else None,
        ),
        scorer=critique(
            protocol=study.protocol, sees=study.sees, seed=study.seed, threshold=study.threshold
        ),
        metrics=list(metrics),
        epochs=epochs,
        # No limit of length: of models that think first, one cuts answers off.
        config=_sampling_config(model) if sampled else greedy_config(model),
        version=VERSION,
        headline_metric=HeadlineMetric(scorer="critique", metric=headline),
        metadata=_metadata(name, study, samples, model) | dict(about),
    )


def identification_task(study: PersonaStudy, samples: Sequence[Sample]) -> Task:
    """The task in which a blind grader tells for whom an answer was written."""
    require_grader()
    model = active_model()
    name = "persona_comparison"
    return Task(
        dataset=MemoryDataset(list(samples), name=f"{name}-{study.source.name}"),
        solver=personalize(mode=study.mode, seed=study.seed),
        scorer=identification(seed=study.seed),
        config=greedy_config(model),
        version=VERSION,
        headline_metric=HeadlineMetric(scorer="identification", metric="identification"),
        metadata=_metadata(name, study, samples, model),
    )


def _sampling_config(model: Model | None) -> GenerateConfig:
    """Attempts that can differ: temperature 1 unless the run or its model says otherwise.

    Raises:
        InputError: The run asks for greedy decoding, whose attempts are all the same answer.
    """
    import click

    given = model.config if model is not None else GenerateConfig()
    line = click.get_current_context(silent=True)
    asked = line.params.get("temperature") if line is not None else None
    temperature = given.temperature if asked is None else asked
    if temperature == 0:
        raise InputError(
            "temperature 0 makes every attempt the same answer; give --temperature above 0, or "
            "leave it out for 1"
        )
    return GenerateConfig(temperature=SAMPLING_TEMPERATURE if temperature is None else None)


def _metadata(
    name: str, study: PersonaStudy, samples: Sequence[Sample], model: Model | None
) -> dict[str, Any]:
    return {
        "benchmark": name,
        "version": VERSION,
        **study.metadata(samples),
        **_planted(model, samples),
    }


def _planted(model: Model | None, samples: Sequence[Sample]) -> dict[str, Any]:
    """The truth behind a simulated personaliser, for figures that show it beside the estimates.

    Raises:
        InputError: The simulated model of the command answers no such question.
    """
    if model is None or not isinstance(model.api, SimulatedAPI):
        return {}
    try:
        planted = model.api.personaliser.model.planted(_people(samples))
    except InputError:
        if on_command_line():
            raise
        return {}
    return {"planted": planted, **planted_for(model)}


def _people(samples: Sequence[Sample]) -> list[Mapping[str, str]]:
    """Whom the study asks about: one per pair, whatever it leaves out of them."""
    about = [sample.metadata or {} for sample in samples]
    return [one["values"] for one in about if one["arm"] == FULL]
