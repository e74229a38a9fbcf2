"""Logs of PERSONA side by side: which belong together, and what they are called.

A file is itself. A folder is all its logs, of each task, model and mode the newest. Without any
place, the newest run in `logs/` is read: the logs that share its eval set, or else its call of
inspect.

Logs are of one study if task, protocol, what the critic sees, its threshold and the critics are the
same. Only within a study are models and modes compared.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.viz.critique_logs import (
    COMPARISON,
    TASKS,
    CritiqueLog,
    read_critique_log,
)
from pluralens.viz.log_choice import chosen_logs, model_identity, moment, run_of

__all__ = ["TASK_WORDS", "Study", "find_comparable_logs", "read_studies"]

# What the tasks are called in headings.
TASK_WORDS = {
    "persona_main": "one answer per pair",
    "persona_loo": "leave one out",
    "persona_intersections": "intersections",
    "persona_pass_at_k": "several attempts",
    "persona_comparison": "comparison",
}
MODES = ("baseline", "output_only", "chain_of_thought", "demographic_summary")
# Settings of a run that make another study of it, as headers know them.
SETTINGS = ("mode", "protocol", "sees")


@dataclass(frozen=True)
class Study:
    """Logs that were asked and judged alike.

    Attributes:
        name: What it is called: its task, and who judged where that tells it from others. No two
            studies read together have the same.
        task: Its task, without the package.
        logs: By model, then in the order of the modes.
        labels: What figures call each model: `labels[k]` is that of `logs[k]`.
    """

    name: str
    task: str
    logs: tuple[CritiqueLog, ...]
    labels: tuple[str, ...]


def find_comparable_logs(places: Sequence[str]) -> list[str]:
    """Logs to read together.

    Args:
        places: Files, folders or remote locations; empty for the newest run in `logs/`.

    Raises:
        InputError: A place does not exist or holds no log of PERSONA.
    """
    return chosen_logs(places, TASKS, kind=_kind, together=run_of)


def _kind(header: Any) -> str:
    """What a newer log of takes the place of an older one."""
    about = header.eval.metadata or {}
    task = str(header.eval.task).split("/")[-1]
    settings = [about.get(name) for name in SETTINGS]
    return json.dumps([task, header.eval.model, model_identity(header), settings], default=str)


def read_studies(places: Sequence[str], score: str | None = None) -> list[Study]:
    """Read logs that are shown together.

    Args:
        places: Files or remote locations.
        score: Name of the score to read; None for the first one of each log.

    Raises:
        InputError: A log cannot be read (see `read_critique_log`), or two are of the same model and
            mode in the same study.
    """
    logs = [read_critique_log(place, score=score) for place in places]
    # A comparison is judged in a way of its own.
    ways = {log.judging.words for log in logs if log.task != COMPARISON}
    groups: dict[str, list[CritiqueLog]] = {}
    for log in sorted(logs, key=lambda one: (TASKS.index(one.task), one.judging.words, one.path)):
        asked = [one for one in logs if one.task == log.task]
        told = len(ways) > 1 or len({one.judging.words for one in asked}) > 1
        name = TASK_WORDS[log.task] + (f", {log.judging.words}" if told else "")
        groups.setdefault(name, []).append(log)
    return [_study(name, group, logs) for name, group in groups.items()]


def _study(name: str, group: list[CritiqueLog], everything: Sequence[CritiqueLog]) -> Study:
    labelled = sorted(
        ((_label(log, everything), _mode_place(log.mode), log) for log in group),
        key=lambda one: (*one[:2], one[2].path),
    )
    for one, other in zip(labelled, labelled[1:], strict=False):
        if one[0] == other[0] and one[2].mode == other[2].mode:
            newer, older = sorted(
                (one[2], other[2]), key=lambda log: moment(log.created), reverse=True
            )
            raise InputError(
                f"{older.path}: is of the same model and mode as {newer.path} ({one[0]}, "
                f"{newer.mode}); leave one of them out (--epochs asks a model repeatedly within "
                "one log)"
            )
    labels = tuple(label for label, _, _ in labelled)
    return Study(name, group[0].task, tuple(log for _, _, log in labelled), labels)


def _mode_place(mode: str) -> tuple[int, str]:
    """The baseline comes first, as what the others are compared with."""
    return (MODES.index(mode) if mode in MODES else len(MODES), mode)


def _label(log: CritiqueLog, everything: Sequence[CritiqueLog]) -> str:
    """The model, and what tells it from others of its name."""
    identities = [one.identity for one in everything if one.model == log.model]
    keys = sorted({key for identity in identities for key in identity})
    notes = ["simulated"] * log.simulated
    notes += [
        f"{key}={log.identity[key]}"
        for key in keys
        if key in log.identity and any(one.get(key) != log.identity[key] for one in identities)
    ]
    return log.model + (f" ({', '.join(notes)})" if notes else "")
