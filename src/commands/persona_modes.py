"""`pluralens run persona --modes all`: the modes of PERSONA side by side."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from pluralens.commands.output import show_table
from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.rosters.running import Standing

__all__ = ["PERSONA_TASK", "ModeStanding", "chosen_modes", "mode_document", "run_modes"]
__all__ += ["show_modes"]

PERSONA_TASK = "persona_main"
ALL = "all"
# Key of the log's metrics -> column.
NUMBERS = {
    "accuracy": "accuracy",
    "accuracy low": "low",
    "accuracy high": "high",
    "invalid_share": "invalid",
    "leak_rate": "leak",
}


class ModeStanding(NamedTuple):
    """How far a model is in one mode, and what came of it.

    Attributes:
        mode: The mode.
        standing: How far the model is.
        numbers: Column -> number, empty while there are no results.
    """

    mode: str
    standing: "Standing"
    numbers: Mapping[str, float]


def chosen_modes(given: str, task: str) -> tuple[str, ...]:
    """The modes of `--modes`.

    Raises:
        InputError: The task has none, or one is unknown or named twice.
    """
    from pluralens.scorers.personalized_parsing import MODES

    if task != PERSONA_TASK:
        raise InputError(f"--modes is of the task persona; {task} takes -T mode=... if it has one")
    if given.strip() == ALL:
        return MODES
    named = [name.strip() for name in given.split(",") if name.strip()]
    for name in named:
        if name not in MODES:
            close = get_close_matches(name, MODES, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise InputError(
                f"--modes: {name!r} is no mode; {hint}choose of {', '.join(MODES)}, or all"
            )
        if named.count(name) > 1:
            raise InputError(f"--modes names {name} twice; name it once")
    if not named:
        raise InputError(f"--modes {given!r} names nothing; choose of {', '.join(MODES)}, or all")
    return tuple(named)


def run_modes(
    modes: Sequence[str], run_one: Callable[[str], "Sequence[Standing]"]
) -> list[ModeStanding]:
    """Run mode after mode.

    Args:
        modes: Which.
        run_one: Runs all models in one mode.
    """
    return [
        ModeStanding(mode, standing, _numbers(standing))
        for mode in modes
        for standing in run_one(mode)
    ]


def _numbers(standing: "Standing") -> dict[str, float]:
    from inspect_ai.log import read_eval_log

    results = read_eval_log(standing.log, header_only=True).results if standing.log else None
    metrics = {
        name: metric.value
        for score in (results.scores if results else [])
        for name, metric in score.metrics.items()
    }
    return {column: float(metrics[key]) for key, column in NUMBERS.items() if key in metrics}


def show_modes(done: Sequence[ModeStanding]) -> None:
    """One row per model and mode."""
    show_table(
        ("model", "mode", "status", "samples", "accuracy", "95 % interval", "invalid", "leak"),
        [
            (
                one.standing.model.label,
                one.mode,
                one.standing.status,
                f"{one.standing.done:,}/{one.standing.total:,}",
                _shown(one.numbers.get("accuracy")),
                f"{_shown(one.numbers.get('low'))} to {_shown(one.numbers.get('high'))}",
                _shown(one.numbers.get("invalid")),
                _shown(one.numbers.get("leak")),
            )
            for one in done
        ],
        title="share of answers that suit their person (PERSONA)",
    )


def _shown(number: float | None) -> str:
    return "-" if number is None or number != number else f"{number:.3f}"


def mode_document(one: ModeStanding) -> dict[str, Any]:
    """What `--json` says of a mode."""
    return {"mode": one.mode, **{k: None if v != v else v for k, v in one.numbers.items()}}
