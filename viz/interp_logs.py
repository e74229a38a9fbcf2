"""Find and read logs of the mechanistic analyses and of the two likelihood benchmarks.

Arrays are in the samples' stores, the checkpoint is in the header; the benchmarks are read from
sample summaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pluralens._log_faults import unreadable
from pluralens.errors import InputError
from pluralens.viz.logs import finished_log, sample_summaries

__all__ = ["ANALYSES", "BENCHMARKS", "TASKS", "InterpLog", "InterpUnit", "identity_of", "losses"]
__all__ += ["read_interp_log", "short_name", "task_of"]

ANALYSES = ("ablation", "patching", "attribution", "probe", "lens", "faithfulness")
BENCHMARKS = {"stereoset": "triplet_likelihood", "winogender": "pronoun_likelihood"}
"""Task -> name of its score."""
TASKS = (*ANALYSES, *BENCHMARKS)

STORE = "AnalysisResults:"


def _by_component(*measures: str) -> tuple[str, ...]:
    """Arrays of numbers per head and MLP."""
    ends = ("", "_low", "_high", "_significant")
    return tuple(f"{site}_{name}{end}" for name in measures for site in ("head", "mlp")
                 for end in ends)  # fmt: skip


# Arrays without which there is nothing to draw; what else a log lacks is left out of the figures.
NEEDED = {
    "ablation": _by_component("effect"),
    "patching": (
        *_by_component("denoising", "noising"),
        *("position", "resid_by_position", "resid_by_position_low", "resid_by_position_high"),
    ),
    "attribution": _by_component("atp"),
    "probe": ("accuracy", "accuracy_low", "accuracy_high", "chance_low", "chance_high"),
    "lens": ("lens", "lens_low", "lens_high", *_by_component("writes")),
    "faithfulness": ("k", "bias", "log_prob", "random_bias", "random_log_prob"),
}
COLUMNS = {
    "stereoset": ("prefers_stereotype", "lm_hits", "tied"),
    "winogender": ("male_sum", "female_sum", "neutral_sum", "male_next", "female_next",
                   "neutral_next"),
}  # fmt: skip
ABOUT = {"stereoset": ("domain", "target"), "winogender": ("occupation", "referent", "share")}
# The parts of a sample that hold pictures and events, which no figure needs.
UNREAD = {"messages", "events", "attachments"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class InterpUnit:
    """One analysis of one data set and domain.

    Attributes:
        id: Such as `builtin/gender`.
        about: Mode, estimand, sizes.
        counts: Where every item of the source went.
        numbers: Scalars by name.
        arrays: Small arrays by name; NaN where there is no measurement.
    """

    id: str
    about: Mapping[str, Any]
    counts: Mapping[str, int]
    numbers: Mapping[str, float]
    arrays: Mapping[str, Floats] = field(repr=False)

    @property
    def n(self) -> int:
        """Items that were used."""
        return int(self.counts.get("used", self.about.get("items", 0)))

    def number(self, name: str) -> float:
        """A scalar; NaN if the log has none of this name."""
        return float(self.numbers.get(name, float("nan")))


@dataclass(frozen=True)
class InterpLog:
    """One log, read.

    Attributes:
        path: Where it is.
        task: Its task, without the package.
        model: The checkpoint, or the served model that read the texts.
        created: When the run started.
        run: inspect's id of the eval.
        identity: What makes the model: hash of its parameters, or its name and address.
        metadata: The task's metadata.
        units: Of an analysis, by id; empty for benchmarks.
        frame: Of a benchmark, one row per sample by id; None for analyses.
        lost: Samples without an outcome.
    """

    path: str
    task: str
    model: str
    created: str
    run: str
    identity: str
    metadata: Mapping[str, Any]
    units: tuple[InterpUnit, ...]
    frame: pd.DataFrame | None = field(repr=False)
    lost: int

    @property
    def planted(self) -> Mapping[str, Any]:
        """What was planted in the checkpoint; empty for others."""
        return dict(self.metadata.get("planted") or {})

    @property
    def title(self) -> str:
        """The checkpoint, its revision, and that it is a toy or has random weights if it has."""
        revision = str(self.metadata.get("revision") or "")
        # A whole commit is too long for a title.
        revision = revision[:7] if len(revision) == 40 else revision
        kind = str(self.planted.get("kind", "toy")) if self.planted else ""
        name = short_name(self.model) + (f"@{revision}" if revision else "")
        return name + (f" ({kind})" if kind else "")

    @property
    def source(self) -> str:
        """Of a benchmark: which sentences, such as `builtin`."""
        about = self.metadata.get("data") or {}
        name = PurePosixPath(str(about.get("source", "data"))).stem
        return f"{name}/{self.metadata['kind']}" if self.task == "stereoset" else name


def short_name(model: str) -> str:
    """A hub id, or the name of a folder."""
    path = PurePosixPath(model.replace("\\", "/"))
    return path.name if path.is_absolute() or len(path.parts) > 2 else model


def identity_of(header: Any) -> str:
    """What makes the model of a log: the hash of its parameters, or its name and address.

    Args:
        header: inspect's `EvalLog` without samples.
    """
    about = header.eval.metadata or {}
    served = f"{header.eval.model} {header.eval.model_base_url or ''}"
    return str(about.get("parameters_sha256") or served.strip())


def task_of(header: Any) -> str:
    """The task of a log, without the package.

    Args:
        header: inspect's `EvalLog` without samples.
    """
    return str(header.eval.task).split("/")[-1]


def read_interp_log(place: str) -> InterpLog:
    """Read one log.

    Args:
        place: File or remote location.

    Raises:
        InputError: It is cut off, failed, unfinished, of another task, holds no outcome, or was
            written by another version.
    """
    header = finished_log(place, *TASKS)
    task, about = task_of(header), dict(header.eval.metadata or {})
    units: tuple[InterpUnit, ...] = ()
    frame: pd.DataFrame | None = None
    if task in ANALYSES:
        units, lost = _units(place, task)
    else:
        frame, lost = _frame(place, task)
    return InterpLog(
        path=place,
        task=task,
        model=str(about.get("checkpoint") or header.eval.model),
        created=str(header.eval.created),
        run=str(header.eval.eval_id),
        identity=identity_of(header),
        metadata=about,
        units=units,
        frame=frame,
        lost=lost,
    )


def _units(place: str, task: str) -> tuple[tuple[InterpUnit, ...], int]:
    from inspect_ai.log import read_eval_log_samples

    try:
        samples = list(
            read_eval_log_samples(place, all_samples_required=False, exclude_fields=UNREAD)
        )
    except unreadable() as error:
        raise _cut_off(place, error) from None
    found: dict[str, InterpUnit] = {}
    for sample in sorted(samples, key=lambda one: (str(one.id), one.epoch)):
        store = {key: value for key, value in sample.store.items() if key.startswith(STORE)}
        if store.get(f"{STORE}arrays") and str(sample.id) not in found:
            found[str(sample.id)] = _unit(place, task, str(sample.id), store)
    if not found:
        ended = sum(bool(sample.error or sample.limit) for sample in samples)
        why = f"{ended:,} of {len(samples):,} samples ended early" if ended else "no sample has one"
        raise InputError(f"{place}: holds no outcome of {task} ({why}); run the task again")
    missing = {str(sample.id) for sample in samples} - set(found)
    return tuple(found.values()), len(missing)


def _unit(place: str, task: str, name: str, store: Mapping[str, Any]) -> InterpUnit:
    arrays: dict[str, Floats] = {}
    try:
        for key, one in store[f"{STORE}arrays"].items():
            arrays[str(key)] = np.asarray(one["values"], dtype=np.float64)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _other_version(place, f"readable arrays of {name}") from None
    for needed in NEEDED[task]:
        if needed not in arrays:
            raise _other_version(place, f"the array {needed} of {name}")
    return InterpUnit(
        id=name,
        about=dict(store.get(f"{STORE}about") or {}),
        counts=dict(store.get(f"{STORE}counts") or {}),
        numbers=dict(store.get(f"{STORE}numbers") or {}),
        arrays=arrays,
    )


def _frame(place: str, task: str) -> tuple[pd.DataFrame, int]:
    """One row per sample with an outcome, by id, and how many samples have none."""
    summaries = sorted(sample_summaries(place), key=lambda one: (str(one.id), one.epoch))
    rows, ids = [], set()
    for one in summaries:
        score = (one.scores or {}).get(BENCHMARKS[task])
        value = score.value if score is not None else None
        if not isinstance(value, dict) or str(one.id) in ids:
            continue
        ids.add(str(one.id))
        missing = [name for name in COLUMNS[task] if name not in value]
        missing += [name for name in ABOUT[task] if name not in (one.metadata or {})]
        if missing:
            raise _other_version(place, f"{missing[0]} of sample {one.id}")
        texts = {name: (one.metadata or {})[name] for name in ABOUT[task]}
        numbers = {name: _float(value[name]) for name in COLUMNS[task]}
        rows.append({"sample_id": str(one.id), **texts, **numbers})
    if not rows:
        raise InputError(
            f"{place}: none of its {len(summaries):,} samples has a score "
            f"{BENCHMARKS[task]}; score it with `inspect score {place}`, or run the task again"
        )
    return pd.DataFrame(rows), len({str(one.id) for one in summaries} - ids)


def _float(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _cut_off(place: str, error: Exception) -> InputError:
    return InputError(
        f"{place}: its samples cannot be read ({type(error).__name__}); the file is cut off or "
        "damaged, give a complete copy"
    )


def _other_version(place: str, what: str) -> InputError:
    return InputError(
        f"{place}: lacks {what}, so it was written by another version of pluralens; run the task "
        "again or use that version"
    )


def losses(log: InterpLog) -> str:
    """What was read from a log, and what of it has no outcome, in one line for the terminal."""
    parts = []
    if log.frame is not None:
        unusable = int(log.frame[list(COLUMNS[log.task][:2])].isna().any(axis=1).sum())
        parts.append(f"{log.source}, {len(log.frame):,} items")
        parts += [f"{unusable:,} unusable"] * bool(unusable)
    for unit in log.units:
        rest = [
            f"{count:,} {name}"
            for name, count in unit.counts.items()
            if count and name not in ("source", "used")
        ]
        parts.append(f"{unit.id}, {unit.n:,} items" + f" ({', '.join(rest)})" * bool(rest))
    parts += [f"{log.lost:,} samples without an outcome"] * bool(log.lost)
    return f"{log.path}: {log.title}, {log.task}, {'; '.join(parts)}"
