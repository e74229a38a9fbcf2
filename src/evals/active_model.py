"""The model of the run, as far as a task can know it, and settings that leave it its own."""

from typing import Any

from inspect_ai.model import GenerateConfig, Model, get_model

__all__ = ["active_model", "greedy_config", "on_command_line", "planted_for"]


def on_command_line() -> bool:
    """Whether a command of inspect makes the task, so that the active model is the run's.

    A task that is made in Python may find the model of an earlier run still active.
    """
    import click

    return click.get_current_context(silent=True) is not None


def active_model() -> Model | None:
    """The model of the run; a task that is made in Python has none yet."""
    try:
        return get_model()
    except ValueError:
        return None


def greedy_config(model: Model | None, max_tokens: int | None = None) -> GenerateConfig:
    """Greedy, with room for models that think aloud, unless the run or its model says otherwise.

    `--temperature` and `--max-tokens` are stronger than a task's settings; those of a model that
    was made in Python are weaker, and are left alone here.

    Args:
        model: The model of the run, if it is known.
        max_tokens: Longest reply; None leaves it to the provider.
    """
    given = model.config if model is not None else GenerateConfig()
    return GenerateConfig(
        temperature=0.0 if given.temperature is None else None,
        max_tokens=max_tokens if given.max_tokens is None else None,
    )


def planted_for(model: Model) -> dict[str, Any]:
    """Which model a log's `planted` is of: figures believe it for that one alone."""
    return {"planted_for": {"model": str(model), "model_args": dict(model.model_args)}}
