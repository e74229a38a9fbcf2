"""Find and read logs of the PERSONA tasks: what was asked about whom, and what critics said.

Everything comes from sample summaries and the header. A sample without a score stands in the frame
as unscored, so that what is missing is counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.critique_frame import FULL, critique_frame
from pluralens.viz.critique_scores import Judging, no_verdicts, read_judging, score_names, value_of
from pluralens.viz.log_choice import model_identity
from pluralens.viz.logs import (
    SIMULATED,
    find_logs,
    finished_log,
    recorded_truth,
    sample_summaries,
)

__all__ = ["COMPARISON", "TASKS", "CritiqueLog", "find_critique_logs", "losses"]
__all__ += ["read_critique_log"]

COMPARISON = "persona_comparison"
TASKS = (
    "persona_main", "persona_loo", "persona_intersections", "persona_pass_at_k", COMPARISON,
)  # fmt: skip
BASELINE = "baseline"
PAIRWISE = "pairwise"


@dataclass(frozen=True)
class CritiqueLog:
    """One log of a PERSONA task, read.

    Attributes:
        path: Where it is.
        task: Its task, without the package.
        model: The evaluated model.
        created: When the run started.
        run: inspect's id of the eval.
        identity: What makes the model: arguments, address and generation settings.
        judging: Which score was read, who gave it and how.
        metadata: The task's metadata.
        planted: What is known of a simulated model; empty for others.
        without_score: Samples (times epochs) without the score; they are in `frame` as unscored.
        frame: One row per sample and epoch, by sample id; see `critique_frame`.
    """

    path: str
    task: str
    model: str
    created: str
    run: str
    identity: Mapping[str, Any]
    judging: Judging
    metadata: Mapping[str, Any]
    planted: Mapping[str, Any]
    without_score: int
    frame: pd.DataFrame = field(repr=False)

    @property
    def simulated(self) -> bool:
        """Whether the answers come from an instrument with planted effects."""
        return self.model.startswith(SIMULATED)

    @property
    def mode(self) -> str:
        """How the answers were made, such as `output_only`."""
        return str(self.metadata.get("mode", ""))

    @property
    def title(self) -> str:
        """The model, and that it is simulated if it is."""
        return f"{self.model} (simulated)" if self.simulated else self.model

    @property
    def heading(self) -> str:
        """Model, mode, size and who judged, for titles."""
        mode = f"mode {self.mode.replace('_', ' ')}, " if self.mode else ""
        judged = f"\n{self.judging.words}" if self.judging.words else ""
        return f"{self.title}\n{mode}{self.size}{judged}"

    @property
    def size(self) -> str:
        """How many pairs, questions and persons there are, in words."""
        frame = self.frame
        people = set(frame["persona_id"]) | set(frame["persona_id_second"].dropna())
        what = "comparison" if self.task == COMPARISON else "pair"
        words = f"{_counted(frame['pair'].nunique(), what)} of "
        words += f"{_counted(frame['question_id'].nunique(), 'question')} and "
        words += _counted(len(people), "person")
        epochs = frame["epoch"].nunique()
        return words + (f", {epochs} attempts each" if epochs > 1 else "")

    @property
    def main_arm(self) -> pd.DataFrame:
        """The answers for which everything was shown; all where there is no such arm."""
        full = self.frame[self.frame["arm"] == FULL]
        return full if len(full) else self.frame

    @property
    def planted_accuracy(self) -> float:
        """Accuracy to be expected of a critic without errors; NaN where it is not known."""
        name = "accuracy"
        if self.judging.options.get("protocol") == PAIRWISE:
            name = "win_rate"
        elif self.mode == BASELINE:
            name = "baseline"
        return float(self.planted.get(name, float("nan")))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + "s" * (number != 1)


def find_critique_logs(places: list[str], *tasks: str) -> list[str]:
    """Logs to draw: files as given, of each folder the newest one.

    Args:
        places: Files, folders or remote locations; empty for `logs/`.
        *tasks: Which tasks they may be of, without the package; default all of PERSONA.

    Raises:
        InputError: A place does not exist or holds no such log.
    """
    return find_logs(places, *(tasks or TASKS))


def read_critique_log(place: str, *tasks: str, score: str | None = None) -> CritiqueLog:
    """Read one log.

    Args:
        place: File or remote location.
        *tasks: Which tasks it may be of; default all of PERSONA.
        score: Name of the score to read, for logs that were scored more than once; None for the
            first.

    Raises:
        InputError: It is cut off, failed, unfinished, of another task, or holds no verdicts.
    """
    log = finished_log(place, *(tasks or TASKS))
    task = str(log.eval.task).split("/")[-1]
    # Samples stand in the order in which they ended; sums must not depend on that.
    summaries = sorted(sample_summaries(place), key=lambda s: (str(s.id), s.epoch))
    measured = "identified" if task == COMPARISON else "accepted"
    names = score_names(summaries, measured)
    if not names:
        raise no_verdicts(place, summaries, "identification" if task == COMPARISON else "critique")
    chosen = score or names[0]
    if chosen not in names:
        raise InputError(
            f"{place}: has no score {chosen!r} with verdicts; choose --score of {', '.join(names)}"
        )
    values = [value_of(summary, chosen, measured) for summary in summaries]
    try:
        frame = critique_frame(
            [str(s.id) for s in summaries],
            [s.metadata or {} for s in summaries],
            [{measured: None, "unscored": 1} if value is None else value for value in values],
            [s.epoch for s in summaries],
        )
    except InputError as error:
        raise InputError(f"{place}: {error}; run the task again") from None
    metadata = dict(log.eval.metadata or {})
    return CritiqueLog(
        path=place,
        task=task,
        model=log.eval.model,
        created=str(log.eval.created),
        run=log.eval.eval_id,
        identity=model_identity(log),
        # Comparisons have no protocol, whatever their header says of the study.
        judging=read_judging(
            place, summaries, chosen, names, {} if task == COMPARISON else metadata
        ),
        metadata=metadata,
        planted=dict(recorded_truth(metadata, log.eval.model, log.eval.model_args) or {}),
        without_score=sum(value is None for value in values),
        frame=frame,
    )


def losses(log: CritiqueLog) -> str:
    """What was read from a log, and what of it has no verdict, in one line for the terminal."""
    counts = log.frame["outcome"].value_counts()
    lost = "".join(
        f"; {counts[outcome]:,} {outcome}" for outcome in counts.index if outcome != "scored"
    )
    if log.without_score:
        lost += f" ({log.without_score:,} of them samples without a score)"
    if log.judging.words:
        lost += f"; {log.judging.words}"
    if (log.frame["self_judged"] == 1).any():
        lost += "; the model judges itself"
    if len(log.judging.scores) > 1:
        scores = ", ".join(log.judging.scores)
        lost += f"; score {log.judging.score} of {scores} (choose with --score)"
    return f"{log.path}: {log.title}, {log.task}, {log.size}{lost}"
