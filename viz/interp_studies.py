"""Logs of one checkpoint, which are shown side by side: found, and put together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.viz.interp_logs import (
    ANALYSES,
    TASKS,
    InterpLog,
    InterpUnit,
    identity_of,
    read_interp_log,
    short_name,
    task_of,
)
from pluralens.viz.log_choice import chosen_logs, moment

__all__ = ["InterpStudy", "find_interp_logs", "read_studies"]


@dataclass(frozen=True)
class InterpStudy:
    """Logs of one checkpoint.

    Attributes:
        logs: At most one per task and unit, in the order of `TASKS`.
        hidden: Notes on what newer logs took the place of.
    """

    logs: tuple[InterpLog, ...]
    hidden: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The checkpoint."""
        return short_name(self.logs[0].model)

    @property
    def run(self) -> str:
        """What tells it from other checkpoints of the same name."""
        return self.logs[0].identity

    def units(self, task: str) -> list[tuple[InterpLog, InterpUnit]]:
        """All units of a task."""
        return [(log, unit) for log in self.logs if log.task == task for unit in log.units]

    def unit(self, task: str, unit_id: str) -> InterpUnit | None:
        """One of them; None if there is none."""
        return next((unit for _, unit in self.units(task) if unit.id == unit_id), None)


def find_interp_logs(places: Sequence[str]) -> list[str]:
    """Logs to read together.

    A file is itself. Of a folder: of each task, data set and checkpoint the newest log. Without any
    place, those of the checkpoint of the newest log in `logs/`.

    Args:
        places: Files, folders or remote locations.

    Raises:
        InputError: A place does not exist or holds no such log.
    """
    return chosen_logs(places, TASKS, kind=_kind, together=identity_of)


def _kind(header: Any) -> str:
    """What a newer log of takes the place of an older one."""
    about = header.eval.metadata or {}
    data = about.get("data") or {}
    task = task_of(header)
    units = sorted(data) if task in ANALYSES else [data.get("source"), about.get("kind")]
    return json.dumps([task, identity_of(header), units], default=str)


def read_studies(places: Sequence[str]) -> list[InterpStudy]:
    """Read logs and put those of one checkpoint together.

    Of two logs of one task, checkpoint and unit the newer one is shown; the study says so.

    Args:
        places: Files or remote locations.

    Raises:
        InputError: A log cannot be read, see `read_interp_log`.
    """
    logs = [read_interp_log(place) for place in places]
    by_model: dict[str, list[InterpLog]] = {}
    for log in sorted(logs, key=lambda one: (one.model, one.identity)):
        by_model.setdefault(log.identity, []).append(log)
    return [_study(group) for group in by_model.values()]


def _study(group: Sequence[InterpLog]) -> InterpStudy:
    taken: dict[tuple[str, str], str] = {}
    kept: list[InterpLog] = []
    hidden: list[str] = []
    newest = sorted(group, key=lambda log: (moment(log.created), log.path), reverse=True)
    for log in newest:
        names = [unit.id for unit in log.units] or [log.source]
        free = [name for name in names if (log.task, name) not in taken]
        for name in names:
            newer = taken.setdefault((log.task, name), log.path)
            if name not in free:
                hidden.append(f"{log.path}: {log.task} of {name} is shown from {newer}, newer")
        if free:
            units = tuple(unit for unit in log.units if unit.id in free)
            kept.append(InterpLog(**{**vars(log), "units": units}))
    kept.sort(key=lambda log: (TASKS.index(log.task), log.source if log.frame is not None else ""))
    return InterpStudy(tuple(kept), tuple(hidden))
