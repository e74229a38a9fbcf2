"""PERSONA's evaluations from Python: one function, and its asynchronous twin."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model

__all__ = ["EVALUATIONS", "async_evaluate_model", "evaluate_model"]

EVALUATIONS = ("main", "loo", "intersections", "pass_at_k", "comparison")
# What `evaluation_type` may also be called.
ALSO = {"intersectionality": "intersections", "leave_one_out": "loo", "pass@k": "pass_at_k"}
# Settings of the run; everything else is an option of the task.
SETTINGS = (
    "epochs", "limit", "log_dir", "max_connections", "max_samples", "model_args", "model_base_url",
    "score", "temperature", "max_tokens", "display",
)  # fmt: skip


def evaluate_model(
    model: "str | Model",
    evaluation_type: str = "main",
    *,
    grader: "str | Model | Sequence[str | Model] | None" = None,
    **options: Any,
) -> "EvalLog":
    """Run one PERSONA evaluation.

    Args:
        model: inspect's name of the model, such as `openai/gpt-5-mini`, or the model.
        evaluation_type: One of `EVALUATIONS`.
        grader: The critic; several are a panel. None only with `score=False`.
        **options: Of the task, such as `n`, `mode` or `attributes`, and of the run: `limit`,
            `log_dir`, `temperature`, `max_connections` ...

    Returns:
        The log, with `results` and samples.

    Raises:
        InputError: An argument is wrong. What fails later is in the log: see its `status`.
    """
    from inspect_ai import eval as inspect_eval

    with _as_input_errors():
        name, arguments = _prepared(model, evaluation_type, grader, options)
        (log,) = inspect_eval(name, model=model, **arguments)
        return log


async def async_evaluate_model(
    model: "str | Model",
    evaluation_type: str = "main",
    *,
    grader: "str | Model | Sequence[str | Model] | None" = None,
    **options: Any,
) -> "EvalLog":
    """As `evaluate_model`, within a running event loop (a notebook, a service); no `display`."""
    from inspect_ai import eval_async

    if "display" in options:
        raise InputError(
            "display: inspect shows no progress within a running event loop but as the variable "
            "INSPECT_DISPLAY says; leave it out"
        )

    with _as_input_errors():
        name, arguments = _prepared(model, evaluation_type, grader, options)
        (log,) = await eval_async(name, model=model, **arguments)
        return log


def _prepared(
    model: Any, evaluation_type: Any, grader: Any, options: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Name of the task and the arguments of inspect's `eval`.

    The task is named, not made: inspect then makes it when it knows the model, whose settings and,
    if it is a simulated one, planted truth the task takes up.
    """
    from pluralens.scorers.graders import GRADER_ROLE, NO_GRADER

    kind = ALSO.get(str(evaluation_type), evaluation_type)
    if kind not in EVALUATIONS:
        close = get_close_matches(str(kind), EVALUATIONS, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise InputError(
            f"evaluation_type={evaluation_type!r} is unknown; {hint}"
            f"choose one of {', '.join(EVALUATIONS)}"
        )
    if not _panel(grader) and (grader is not None or options.get("score") is not False):
        raise InputError(NO_GRADER)
    if kind == "pass_at_k" and options.get("epochs") is not None:
        raise InputError("epochs: the attempts of pass_at_k are attempts=...; give that instead")
    arguments = dict(options.get("model_args") or {})
    if options.get("model_base_url") is not None:
        arguments["base_url"] = options["model_base_url"]
    _check_model("model", model, arguments)
    for one in _panel(grader):
        _check_model("grader", one, {})
    settings = {name: value for name, value in options.items() if name in SETTINGS}
    return f"pluralens/persona_{kind}", {
        **settings,
        "model_roles": None if grader is None else {GRADER_ROLE: grader},
        "task_args": {name: value for name, value in options.items() if name not in SETTINGS},
    }


def _panel(grader: Any) -> list[Any]:
    if grader is None:
        return []
    return list(grader) if isinstance(grader, (list, tuple)) else [grader]


def _check_model(what: str, given: Any, arguments: dict[str, Any]) -> None:
    """Refuse what inspect would not know, in one line.

    Raises:
        InputError: It is no model, or cannot be one here: no such provider, no key ...
    """
    from inspect_ai.model import Model, get_model

    if isinstance(given, Model):
        return
    if not isinstance(given, str) or not given or "," in given:
        raise InputError(
            f"{what}={given!r} is no model; write provider and name of one, as in "
            "'openai/gpt-5-mini', or give inspect's Model (graders: also a list of them)"
        )
    try:
        get_model(given, **arguments)
    except InputError:
        raise
    except (ValueError, TypeError, ImportError) as error:
        raise _refused(what, given, error) from None
    except Exception as error:
        # inspect's class for what a person has to put right has no public name.
        if type(error).__name__ != "PrerequisiteError":
            raise
        raise _refused(what, given, getattr(error, "message", error)) from None


def _refused(what: str, given: str, reason: object) -> InputError:
    from rich.text import Text

    words = " ".join(Text.from_markup(str(reason)).plain.split()).removeprefix("ERROR: ")
    return InputError(
        f"{what}={given!r} cannot be used ({words.rstrip('.')}); see inspect's list of providers"
    )


@contextmanager
def _as_input_errors() -> Iterator[None]:
    """Raise what tasks refuse as what it is; inspect's command line needs click's exception."""
    import click

    try:
        yield
    except click.ClickException as error:
        raise InputError(error.format_message()) from None
