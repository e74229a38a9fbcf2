"""Find inspect logs and read what figures need from their sample summaries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd

from pluralens._log_faults import unreadable
from pluralens.errors import InputError
from pluralens.stats.likert_frame import base_personas, persona_frame, with_their_bases
from pluralens.stats.persona_frame import COUNTS

__all__ = ["LikertLog", "find_logs", "finished_log", "folder_logs", "read_likert_log"]
__all__ += ["recorded_truth", "sample_summaries"]

DEFAULT_FOLDER = "logs"
OTHER_COUNTS = ("reasked", "compared", "mismatched")
SIMULATED = "pluralens_sim/"


@dataclass(frozen=True)
class LikertLog:
    """One log of `pluralens/likert`, read.

    Attributes:
        path: Where it is.
        model: The evaluated model.
        model_args: Its arguments.
        created: When the run started.
        run: inspect's id of the eval.
        language: Language of the items.
        axes: Attributes to analyse.
        items: Item id -> adjective, dimension, valence.
        unscored: Samples (times epochs) without a score; they are in no table.
        frame: One row per sample, epochs averaged; see `persona_frame`. The unit of estimates.
        runs: One row per sample and epoch: what single ratings and calls are counted from.
        without_base: Twins that were left out because their base has no score.
        metadata: The task's metadata.
    """

    path: str
    model: str
    model_args: dict[str, Any]
    created: str
    run: str
    language: str
    axes: list[str]
    items: dict[str, dict[str, Any]]
    unscored: int
    frame: pd.DataFrame
    runs: pd.DataFrame
    without_base: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def simulated(self) -> bool:
        """Whether the answers come from an instrument with planted effects."""
        return self.model.startswith(SIMULATED)

    @property
    def size(self) -> str:
        """How many personas and twins there are, in words."""
        personas = len(base_personas(self.frame))
        twins = len(self.frame) - personas
        return f"{personas:,} personas" + (f" and {twins:,} twins" if twins else "")

    @property
    def title(self) -> str:
        """The model, and that it is simulated if it is."""
        return f"{self.model} (simulated respondent)" if self.simulated else self.model


def _is_remote(place: str) -> bool:
    return "://" in place


def _task_name(place: str) -> str:
    """Task of a log, unqualified, from its header."""
    return str(_header(place).eval.task).split("/")[-1]


def _header(place: str) -> Any:
    from inspect_ai.log import read_eval_log

    try:
        return read_eval_log(place, header_only=True)
    except unreadable() as error:
        raise InputError(
            f"{place}: is not a complete inspect log ({type(error).__name__}); if the run was "
            "killed, continue it with `inspect eval-retry`, else give another file"
        ) from None


def recorded_truth(metadata: Mapping[str, Any], model: str, model_args: Mapping[str, Any]) -> Any:
    """What a log says was planted in its model; None if that was said of another one.

    A task that is made in Python knows no model, and may have met one of an earlier run.
    """
    about = metadata.get("planted_for")
    if about is not None and about != {"model": model, "model_args": dict(model_args)}:
        return None
    return metadata.get("planted")


def find_logs(places: list[str], *tasks: str) -> list[str]:
    """Logs to draw: files as given, of each folder the newest one of the tasks.

    Args:
        places: Files, folders or remote locations; empty for the default folder.
        *tasks: Task names without the package, for example `likert`.

    Raises:
        InputError: For a place that does not exist or holds no log of them.
    """
    return [_find(place, tasks) for place in places or [DEFAULT_FOLDER]]


def _find(place: str, tasks: tuple[str, ...]) -> str:
    logs = _listed(place, tasks)
    if logs is None:
        return place
    newest = next((log.name for log in logs if _named(log.name, tasks)), None)
    if newest is None:
        raise _none_of(place, len(logs), tasks)
    return _short(newest)


def folder_logs(place: str, *tasks: str) -> list[tuple[str, Any]] | None:
    """All logs of the tasks in a folder, whatever became of the runs.

    Args:
        place: File, folder or remote location.
        *tasks: Task names without the package.

    Returns:
        Paths and headers (inspect's `EvalLog` without samples); None if the place is a file.

    Raises:
        InputError: The place does not exist or holds no log of them, or one whose file name says
            that it is of them cannot be read: leaving it out would leave out a model unseen.
    """
    logs = _listed(place, tasks)
    if logs is None:
        return None
    found = []
    for log in logs:
        try:
            header = _header(log.name)
        except InputError:
            if log.task in tasks:
                raise
            continue
        if str(header.eval.task).split("/")[-1] in tasks:
            found.append((_short(log.name), header))
    if not found:
        raise _none_of(place, len(logs), tasks)
    return found


def _listed(place: str, tasks: tuple[str, ...]) -> list[Any] | None:
    """All logs of a folder as inspect's `EvalLogInfo`, newest first; None for a file."""
    from inspect_ai.log import list_eval_logs

    hint = f"run `inspect eval pluralens/{tasks[0]}` first, or give --log FILE or DIR"
    if not place.strip():
        raise InputError(f"--log is empty; {hint}")
    if _is_remote(place) and place.endswith((".eval", ".json")):
        return None
    try:
        if not _is_remote(place):
            if not Path(place).exists():
                raise InputError(f"{place}: no such file or folder; {hint}")
            if Path(place).is_file():
                return None
        logs = list_eval_logs(place, descending=True)
    except InputError:
        raise
    except unreadable() as error:
        raise InputError(
            f"{place}: cannot be listed ({type(error).__name__}: {error}); check the address, "
            "the rights and, for remote places, the credentials"
        ) from None
    if not logs:
        raise InputError(f"{place}: holds no inspect log; give --log FILE or another folder")
    return list(logs)


def _none_of(place: str, n_logs: int, tasks: tuple[str, ...]) -> InputError:
    return InputError(
        f"{place}: holds {n_logs} logs, but none of the task {' or '.join(tasks)}; give "
        f"--log FILE or another folder, or run `inspect eval pluralens/{tasks[0]}` first"
    )


def _short(place: str) -> str:
    """A local location as a person would type it."""
    if not place.startswith("file://"):
        return place
    path = Path(url2pathname(urlsplit(place).path))
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _named(place: str, tasks: tuple[str, ...]) -> bool:
    """Whether a log says that it is of one of the tasks; unreadable ones never match."""
    try:
        return _task_name(place) in tasks
    except InputError:
        return False


def finished_log(place: str, *tasks: str) -> Any:
    """The header of a log whose run came to its end, inspect's `EvalLog` without samples.

    Args:
        place: File or remote location.
        *tasks: Which tasks it may be of, without the package.

    Raises:
        InputError: It is cut off, failed, unfinished or of another task.
    """
    log = _header(place)
    if log.eval.task.split("/")[-1] not in tasks:
        wanted = " or ".join(f"pluralens/{task}" for task in tasks)
        raise InputError(f"{place}: is a log of {log.eval.task}, not of {wanted}")
    if log.status != "success":
        what = {"started": "is not finished", "cancelled": "was cancelled", "error": "failed"}
        raise InputError(
            f"{place}: the run {what.get(log.status, log.status)}; continue it with "
            f"`inspect eval-retry {place}` and draw the new log"
        )
    return log


def sample_summaries(place: str) -> list[Any]:
    """The summaries of all samples of a log, inspect's `EvalSampleSummary`.

    Raises:
        InputError: The file is cut off or damaged.
    """
    from inspect_ai.log import read_eval_log_sample_summaries

    try:
        return list(read_eval_log_sample_summaries(place))
    except unreadable() as error:
        raise InputError(
            f"{place}: its samples cannot be read ({type(error).__name__}); the file is cut off "
            "or damaged, give a complete copy"
        ) from None


def read_likert_log(place: str) -> LikertLog:
    """Read one log of `pluralens/likert` from its sample summaries.

    Raises:
        InputError: If it is cut off, failed, unfinished, of another task or holds no scores.
    """
    log = finished_log(place, "likert")
    metadata = dict(log.eval.metadata or {})
    if "items" not in metadata or "axes" not in metadata:
        raise InputError(
            f"{place}: lacks the items in its metadata, so it was written by another version of "
            "pluralens; run the task again or use that version"
        )
    summaries = sample_summaries(place)
    scored = [
        (s, s.scores["rating"].value)
        for s in summaries
        if s.scores and "rating" in s.scores and isinstance(s.scores["rating"].value, dict)
    ]
    # Samples stand in the order in which they ended; sums must not depend on that.
    scored.sort(key=lambda pair: (str(pair[0].id), pair[0].epoch))
    if not scored:
        raise InputError(f"{place}: holds no scored sample; score it with `inspect score {place}`")
    runs = persona_frame(
        [str(s.id) for s, _ in scored],
        [s.metadata or {} for s, _ in scored],
        [value for _, value in scored],
    )
    frame = _epochs_joined(runs, [c for c in scored[0][1] if c in runs])
    return LikertLog(
        path=place,
        model=log.eval.model,
        model_args=dict(log.eval.model_args),
        created=str(log.eval.created),
        run=log.eval.eval_id,
        language=str(metadata.get("language", "")),
        axes=[str(a) for a in metadata["axes"]],
        items=metadata["items"],
        unscored=len(summaries) - len(scored),
        frame=with_their_bases(frame),
        runs=runs,
        without_base=len(frame) - len(with_their_bases(frame)),
        metadata=metadata,
    )


def _epochs_joined(runs: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    """One row per sample: scores are means over epochs, counts of calls are sums."""
    if not runs["sample_id"].duplicated().any():
        return runs
    about = runs.drop(columns=numbers).drop_duplicates("sample_id").set_index("sample_id")
    how = {n: "sum" if n in COUNTS or n in OTHER_COUNTS else "mean" for n in numbers}
    joined = runs.groupby("sample_id", sort=False)[numbers].agg(how)
    return about.join(joined).reset_index()
