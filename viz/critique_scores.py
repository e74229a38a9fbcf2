"""Which score of a log of PERSONA holds verdicts, who gave it, and how."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError

__all__ = ["Judging", "no_verdicts", "read_judging", "score_names", "value_of"]

# What changes what a verdict means: option -> what it is when nobody says.
OPTIONS: Mapping[str, Any] = {"protocol": "debate", "sees": "full", "threshold": 4}
RUBRIC = "rubric"


@dataclass(frozen=True)
class Judging:
    """How verdicts came about.

    Attributes:
        score: Name of the score that was read.
        scores: Names of all scores in the log that hold verdicts.
        graders: The models that judged, as the score itself says; empty where it does not.
        options: Protocol, sees and threshold, as far as the score or the header say.
    """

    score: str
    scores: tuple[str, ...]
    graders: tuple[str, ...]
    options: Mapping[str, Any]

    @property
    def words(self) -> str:
        """`judged by A and B (rubric, threshold 4)`, or empty where nothing is known."""
        protocol = self.options.get("protocol")
        notes = [] if protocol is None else [f"protocol {protocol}"]
        if protocol == RUBRIC and self.options.get("threshold") is not None:
            notes.append(f"accepted from {self.options['threshold']}")
        if self.options.get("sees") == "shown":
            notes.append("sees what the model saw")
        if not self.graders:
            return ", ".join(notes)
        return f"judged by {' and '.join(self.graders)}" + (f" ({', '.join(notes)})" * bool(notes))


def value_of(summary: Any, name: str, measured: str) -> dict[str, Any] | None:
    """The value of a sample's score, if it holds verdicts.

    Args:
        summary: inspect's `EvalSampleSummary`.
        name: Name of the score.
        measured: Key that the value must have.
    """
    score = (summary.scores or {}).get(name)
    value = score.value if score is not None else None
    return value if isinstance(value, dict) and measured in value else None


def score_names(summaries: Sequence[Any], measured: str) -> list[str]:
    """Names of the scores that hold verdicts, in the order in which they were given."""
    names = dict.fromkeys(name for s in summaries for name in (s.scores or {}))
    return [name for name in names if any(value_of(s, name, measured) for s in summaries)]


def read_judging(
    place: str,
    summaries: Sequence[Any],
    score: str,
    names: Sequence[str],
    metadata: Mapping[str, Any],
) -> Judging:
    """Read who gave a score.

    Args:
        place: The log, for messages.
        summaries: Its samples, inspect's `EvalSampleSummary`.
        score: Name of the score.
        names: Of all scores with verdicts.
        metadata: The task's, which says how the run's own score was given.

    Raises:
        InputError: Samples of the log were judged by different graders, or in different ways.
    """
    notes = [(s.scores or {}).get(score) for s in summaries]
    about = [note.metadata or {} for note in notes if note is not None]
    # In a summary inspect puts a text in place of what is longer than a thousand characters.
    panels = [one["graders"] for one in about if isinstance(one.get("graders"), list)]
    graders = _only(place, score, "judged by", [", ".join(map(str, panel)) for panel in panels])
    own = {
        name: _only(
            place, score, f"judged with {name}=", [one[name] for one in about if name in one]
        )
        for name in OPTIONS
    }
    run = metadata if score == names[0] else {}
    found = {name: run.get(name) if value is None else value for name, value in own.items()}
    return Judging(
        score=score,
        scores=tuple(names),
        graders=tuple(graders.split(", ")) if graders else (),
        options={name: value for name, value in found.items() if value is not None},
    )


def _only(place: str, score: str, what: str, given: Sequence[Any]) -> Any:
    """The one value that all samples have, or None."""
    found = {json.dumps(value): value for value in given}
    if len(found) > 1:
        several = f" and some {what} ".join(sorted(map(str, found.values())))
        raise InputError(
            f"{place}: some samples of score {score} are {what} {several}; score all of them alike "
            f"with `inspect score {place} --action append` and choose that score with --score"
        )
    return next(iter(found.values()), None)


def no_verdicts(place: str, summaries: Sequence[Any], scorer: str) -> InputError:
    """Why a log has no verdict at all, and what to do.

    Args:
        place: The log.
        summaries: Its samples, inspect's `EvalSampleSummary`.
        scorer: Of which scores were expected, such as `critique`.
    """
    if not summaries:
        return InputError(f"{place}: holds no samples; run the task again")
    ended = Counter(f"the {s.limit} limit" if s.limit else "an error" for s in summaries
                    if s.limit or s.error)  # fmt: skip
    again = (
        f"`inspect score {place} --scorer pluralens/{scorer} --model-role grader=PROVIDER/MODEL`"
    )
    if ended and ended.total() == len(summaries):
        counts = ", ".join(f"{n:,} stopped by {what}" for what, n in sorted(ended.items()))
        return InputError(
            f"{place}: none of its {len(summaries):,} samples has a scored answer ({counts}); run "
            "the task again without that limit or error"
        )
    names = sorted({name for s in summaries for name in (s.scores or {})})
    which = (
        f"its scores ({', '.join(names)}) are others" if names else "was it made with --no-score?"
    )
    return InputError(
        f"{place}: holds no verdicts of the scorer {scorer} ({which}); score it with {again}"
    )
