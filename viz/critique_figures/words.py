"""Words and columns shared by the figures that compare logs of PERSONA."""

from collections.abc import Mapping, Sequence
from typing import Any

from pluralens.viz.critique_comparison import TASK_WORDS, Study
from pluralens.viz.critique_figures.rows import TITLE_WIDTH
from pluralens.viz.critique_logs import CritiqueLog

__all__ = ["about", "mode_words", "series", "titled"]


def about(study: Study, log: CritiqueLog, label: str) -> dict[str, Any]:
    """The first columns of a row: of what log it is."""
    return {
        "study": study.name,
        "judging": log.judging.words,
        "task": study.task,
        "model": label,
        "simulated": log.simulated,
        "mode": log.mode,
    }


def mode_words(mode: str) -> str:
    """A mode as a reader would call it; the baseline is said to be blind."""
    words = mode.replace("_", " ")
    return f"{words} (sees no persona)" if mode == "baseline" else words or "mode unknown"


def series(rows: Sequence[Mapping[Any, Any]]) -> list[str]:
    """The section of each row: its model, and its study where there are several."""
    several = len({row["study"] for row in rows}) > 1
    return [f"{row['model']}, {row['study']}" if several else str(row["model"]) for row in rows]


def titled(studies: Sequence[Study]) -> str:
    """What is compared, for titles."""
    logs = [log for study in studies for log in study.logs]
    labels = [label for study in studies for label in study.labels]
    if len(logs) == 1:
        (log,) = logs
        about = f"{TASK_WORDS[log.task]}, {mode_words(log.mode)}: {log.size}"
        return "\n".join(part for part in (labels[0], about, log.judging.words) if part)
    models = set(labels)
    simulated = {label for log, label in zip(logs, labels, strict=True) if log.simulated}
    kind = "simulated models" if simulated == models else "models"
    some = f" ({len(simulated)} of them simulated)" if simulated and simulated != models else ""
    who = labels[0] if len(models) == 1 else f"{len(models)} {kind}{some}"
    tasks = len({study.task for study in studies})
    sizes = {log.size for log in logs}
    what = f"{len(logs)} logs of {tasks} tasks" if tasks > 1 else f"{len(logs)} logs"
    what += f", each {sizes.pop()}" if len(sizes) == 1 else ""
    ways = {log.judging.words for log in logs if log.judging.words}
    first = [f"{who}, {what}"] if len(who) + len(what) < TITLE_WIDTH - 2 else [who, what]
    return "\n".join([*first, *(ways if len(ways) == 1 else ())])
