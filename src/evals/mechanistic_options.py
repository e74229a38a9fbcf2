"""Checks of the options of the mechanistic tasks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pluralens._option_values import names, one_path, whole, yes_or_no
from pluralens.errors import InputError
from pluralens.evals.unknown_options import refuse_unknown_options
from pluralens.solvers.analysis_settings import Analysis, AnalysisSettings

__all__ = ["BASELINES", "MODES", "POSITIONS", "SHARED", "checked_settings"]

MODES = ("mean", "zero", "resample")
BASELINES = ("auto", "twin", "mean", "zero")
POSITIONS = ("last", "mean", "target")
DTYPES = ("float32", "bfloat16")
BOS_POLICIES = ("auto", "always", "never")
# More than this per data set is no number of items that anyone has.
MOST = 1_000_000

# Options that every analysis has beside those in its signature.
SHARED = (
    "revision", "device", "dtype", "bos", "threads", "rows", "cache", "export", "sidecar",
)  # fmt: skip
NOT_OPTIONS = {
    "model": "the model is -T checkpoint=..., a Hugging Face id or a folder",
    "datasets": "data sets are -T data=builtin,winogender:DIR,stereoset:FILE",
    "dataset": "data sets are -T data=builtin,winogender:DIR,stereoset:FILE",
    "domain": "domains of StereoSet are -T domains=gender,race",
    "limit": "a number of items is -T n=...; --limit takes the first samples",
    "batch_size": "tokens computed at once are -T rows=...",
    "batch": "tokens computed at once are -T rows=...",
    "no_cache": "write -T cache=false",
    "output_dir": "older result files are written with -T export=DIR",
    "log_dir": "the folder of the logs is --log-dir",
    "temperature": "nothing is sampled",
    "model_role": "nothing is graded",
}


def checked_settings(
    analysis: Analysis, own: Mapping[str, Any], shared: Mapping[str, Any]
) -> AnalysisSettings:
    """Options as a task got them, checked.

    Args:
        analysis: Name of the task.
        own: Options of its signature.
        shared: What its `**kwargs` caught.

    Raises:
        InputError: An option is unknown, or its value is wrong.
    """
    known = [*own, *SHARED]
    unknown = {name: value for name, value in shared.items() if name not in SHARED}
    refuse_unknown_options(unknown, known, NOT_OPTIONS)
    given = {**own, **shared}
    if given.get("checkpoint") in (None, ""):
        raise InputError(
            "checkpoint: which one? give a Hugging Face id such as -T checkpoint=gpt2, or a folder"
        )
    checked = {name: CHECKS[name](name, value) for name, value in given.items()}
    if analysis == "faithfulness" and checked["mode"] == "resample":
        raise InputError("mode='resample' replaces single components; choose mean or zero here")
    return AnalysisSettings(analysis=analysis, **checked)


def _checkpoint(option: str, value: Any) -> str:
    return one_path(option, value, "a Hugging Face id or a folder")


def _sources(option: str, value: Any) -> tuple[str, ...]:
    found = names(option, value)
    if found is None:
        raise InputError(f"{option}={value!r} names nothing; leave it out for the built-in pairs")
    return found


def _revision(option: str, value: Any) -> str | None:
    # A short commit of digits alone arrives as a number.
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str) or not value.strip():
        raise InputError(
            f"{option}={value!r} must be text: a branch, tag or whole commit of the checkpoint"
        )
    return value


def _device(option: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{option}={value!r} must be one of auto, cpu, cuda, cuda:1, mps")
    return value


def _one_of(*choices: str) -> Callable[[str, Any], str]:
    def check(option: str, value: Any) -> str:
        if value not in choices:
            raise InputError(f"{option}={value!r} is unknown; choose one of {', '.join(choices)}")
        return str(value)

    return check


def _several_of(*choices: str) -> Callable[[str, Any], tuple[str, ...]]:
    def check(option: str, value: Any) -> tuple[str, ...]:
        found = choices if value == "all" else names(option, value) or ()
        for one in found:
            if one not in choices:
                raise InputError(
                    f"{option}: {one!r} is unknown; choose from {', '.join(choices)}, or all"
                )
        if not found:
            raise InputError(f"{option}={value!r} names nothing; choose from {', '.join(choices)}")
        return tuple(found)

    return check


def _number(lowest: int, highest: int | None = None) -> Callable[[str, Any], int]:
    def check(option: str, value: Any) -> int:
        return whole(option, value, lowest, highest)

    return check


def _number_or_none(lowest: int, highest: int | None = None) -> Callable[[str, Any], int | None]:
    def check(option: str, value: Any) -> int | None:
        return None if value is None else whole(option, value, lowest, highest)

    return check


def _rows(option: str, value: Any) -> int | str:
    if value == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{option}={value!r} must be `auto` or a whole number of at least 1")
    return value


def _folder(option: str, value: Any) -> str | None:
    if value is None:
        return None
    path = Path(one_path(option, value, "a folder"))
    if path.is_file():
        raise InputError(f"{option}={value}: this is a file; name a folder")
    return str(path)


def _counts(option: str, value: Any) -> tuple[int, ...] | None:
    """`1,2,5` as it comes from a shell: numbers, or text with commas that became a list."""
    if value is None:
        return None
    parts = value if isinstance(value, (list, tuple)) else [value]
    found = []
    for part in parts:
        text = part.strip() if isinstance(part, str) else part
        number = int(text) if isinstance(text, str) and text.isdecimal() else text
        found.append(whole(option, number, 0))
    if len(set(found)) != len(found):
        raise InputError(f"{option}={value!r} names a number twice; name it once")
    return tuple(sorted(found))


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "checkpoint": _checkpoint,
    "data": _sources,
    "domains": names,
    "n": _number_or_none(1, MOST),
    "seed": _number(0),
    "revision": _revision,
    "device": _device,
    "dtype": _one_of(*DTYPES),
    "bos": _one_of(*BOS_POLICIES),
    "threads": _number_or_none(1, 1024),
    "rows": _rows,
    "cache": yes_or_no,
    "export": _folder,
    "sidecar": _folder,
    "mode": _one_of(*MODES),
    "baseline": _one_of(*BASELINES),
    "ig_steps": _number(1, 1000),
    "position": _several_of(*POSITIONS),
    "k": _counts,
    "folds": _number(2, 100),
}
