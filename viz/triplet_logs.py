"""Find and read logs of the triplets task: one per model, all of the same conflicts.

Which logs: a file is itself. A folder is all its logs, of each model the newest: a roster run
writes one log per model, and what was run again replaces what was there. Without any place, the
newest run in `logs/` is read: the logs that share its eval set, or else its call of inspect.

Two logs are of the same model if name, model arguments, address and generation settings are equal;
where names alone are equal, labels show what differs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.stance_frame import stance_frame
from pluralens.stats.triplet_frame import NEUTRAL
from pluralens.viz.log_choice import chosen_logs, model_identity, moment, run_of
from pluralens.viz.logs import (
    SIMULATED,
    finished_log,
    recorded_truth,
    sample_summaries,
)
from pluralens.viz.triplet_comparison import SETTINGS, check_comparable, shown
from pluralens.viz.triplet_grading import Grading, no_stances, read_grading

__all__ = ["ALL", "Conflict", "TripletLog", "find_triplet_logs", "read_triplet_logs"]

TASK = "triplets"
ALL = "all"
"""Name of all scenarios of a log together."""
SCORE = "stance"
DEFAULT_FOLDER = "logs"
ANYONE = ("party at +1", "party at \N{MINUS SIGN}1")


@dataclass(frozen=True)
class Conflict:
    """A scenario of a log, or all of them together.

    Attributes:
        id: Its id, or `ALL`.
        plus: The party at +1: its id, or `plus` for all together.
        minus: The party at -1: its id, or `minus`.
        plus_noun: The party at +1 in English, as in "the landlord".
        minus_noun: The party at -1.
        label: The conflict in words.
        factors: Factor -> level -> label.
    """

    id: str
    plus: str
    minus: str
    plus_noun: str
    minus_noun: str
    label: str
    factors: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class TripletLog:
    """One log of `pluralens/triplets`, read.

    Attributes:
        path: Where it is.
        model: The evaluated model.
        label: What tables and figures call it; differs between any two logs read together.
        created: When the run started.
        run: inspect's id of the eval.
        score: Name of the stance score that was read.
        scores: Names of all stance scores in the log.
        grading: Who gave that score, and how.
        asked: Ids of the prompts that the run was given, those of failed samples too.
        epochs: How often each was to be asked.
        conflicts: The scenarios.
        digests: Scenario -> hash of its texts.
        settings: Options that change what was asked.
        identity: What makes the model: arguments, address and generation settings.
        planted: What a simulated teller does, if it is one.
        without_score: Samples (times epochs) without the score; they stand in `frame` as unscored.
        frame: One row per prompt and epoch, by sample id; see `pluralens.stats.stance_frame`.
    """

    path: str
    model: str
    label: str
    created: str
    run: str
    score: str
    scores: tuple[str, ...]
    grading: Grading
    asked: frozenset[str]
    epochs: int
    conflicts: tuple[Conflict, ...]
    digests: Mapping[str, str]
    settings: Mapping[str, Any]
    identity: Mapping[str, Any]
    planted: Mapping[str, Any]
    without_score: int
    frame: pd.DataFrame = field(repr=False)

    @property
    def simulated(self) -> bool:
        """Whether the answers come from an instrument with a planted gap."""
        return self.model.startswith(SIMULATED)

    @property
    def size(self) -> str:
        """How many prompts, epochs and triplets there are, in words."""
        prompts, triplets = (self.frame[c].nunique() for c in ("sample_id", "triplet_id"))
        epochs = self.frame["epoch"].nunique()
        times = f" asked {epochs} times" if epochs > 1 else ""
        return f"{prompts:,} prompts{times} in {triplets:,} triplets"

    @property
    def parts(self) -> list[tuple[Conflict, pd.DataFrame]]:
        """Each scenario with its rows; of several, all together come first.

        All together, the parties are called `plus` and `minus`, in relationships too.
        """
        each = [(c, self.frame[self.frame["scenario"] == c.id]) for c in self.conflicts]
        if len(each) == 1:
            return each
        frame = self.frame.assign(
            perspective=self.frame["side"].map({1: "plus", -1: "minus", 0: NEUTRAL}),
            relationship=pd.concat([_by_side(c, rows) for c, rows in each]),
        )
        conflict = Conflict(ALL, "plus", "minus", *ANYONE, f"{len(each)} conflicts", {})
        return [(conflict, frame), *each]


def _by_side(conflict: Conflict, rows: pd.DataFrame) -> "pd.Series[str]":
    """Relationships of one scenario with `plus` and `minus` in place of the parties' ids."""
    return rows["relationship"].replace(
        {f"one_sided_{conflict.plus}": "one_sided_plus"}
        | {f"one_sided_{conflict.minus}": "one_sided_minus"}
    )


def find_triplet_logs(places: Sequence[str]) -> list[str]:
    """Logs to read together, one per model as far as folders go.

    Args:
        places: Files, folders or remote locations; empty for the newest run in `logs/`.

    Raises:
        InputError: A place does not exist or holds no log of triplets.
    """
    return chosen_logs(
        places,
        [TASK],
        kind=lambda header: f"{header.eval.model} {json.dumps(model_identity(header))}",
        together=run_of,
    )


def read_triplet_logs(places: Sequence[str], score: str | None = None) -> list[TripletLog]:
    """Read logs that are shown together.

    Args:
        places: Files or remote locations, each of another model.
        score: Name of the stance score to read, for logs that were scored more than once; None
            for the first one of each log.

    Returns:
        In the order of their labels.

    Raises:
        InputError: A log is cut off, failed, unfinished, of another task, without stances or
            without one of the perspectives; two are of the same model, or cannot be compared (see
            `check_comparable`).
    """
    logs = [_read(place, score) for place in places]
    for log in logs[1:]:
        check_comparable(logs[0], log)
    labelled = _labelled(logs)
    return sorted(labelled, key=lambda log: (log.label, log.path))


def _read(place: str, score: str | None) -> TripletLog:
    log = finished_log(place, TASK)
    metadata = dict(log.eval.metadata or {})
    if not isinstance(metadata.get("scenarios"), dict):
        raise InputError(
            f"{place}: lacks the scenarios in its metadata, so it was written by another version "
            "of pluralens; run the task again or use that version"
        )
    # Samples stand in the order in which they ended; sums must not depend on that.
    summaries = sorted(sample_summaries(place), key=lambda s: (str(s.id), s.epoch))
    names = _score_names(summaries)
    if not names:
        raise no_stances(place, summaries)
    chosen = score or (SCORE if SCORE in names else names[0])
    if chosen not in names:
        raise InputError(
            f"{place}: has no stance score {chosen!r}; choose --score of {', '.join(names)}"
        )
    values = [_value(summary, chosen) for summary in summaries]
    try:
        frame = stance_frame(
            [str(s.id) for s in summaries],
            [s.metadata or {} for s in summaries],
            [value if value is not None else {"unscored": 1} for value in values],
            [s.epoch for s in summaries],
        )
    except InputError as error:
        raise InputError(f"{place}: {error}") from None
    conflicts = _conflicts(place, metadata["scenarios"], frame)
    return TripletLog(
        path=place,
        model=log.eval.model,
        label=log.eval.model,
        created=str(log.eval.created),
        run=log.eval.eval_id,
        score=chosen,
        scores=tuple(names),
        grading=read_grading(place, log, summaries, chosen, chosen == names[0]),
        asked=frozenset(map(str, log.eval.dataset.sample_ids or frame["sample_id"])),
        epochs=log.eval.config.epochs or 1,
        conflicts=conflicts,
        digests={c.id: str(metadata["scenarios"][c.id].get("digest", "")) for c in conflicts},
        settings={name: metadata.get(name) for name in SETTINGS},
        identity=model_identity(log),
        planted=dict(recorded_truth(metadata, log.eval.model, log.eval.model_args) or {}),
        without_score=sum(value is None for value in values),
        frame=frame,
    )


def _value(summary: Any, name: str) -> dict[str, Any] | None:
    score = (summary.scores or {}).get(name)
    value = score.value if score is not None else None
    return value if isinstance(value, dict) and "stance" in value else None


def _score_names(summaries: Sequence[Any]) -> list[str]:
    """Names of the scores that hold stances, in the order in which they were given."""
    names = dict.fromkeys(name for s in summaries for name in (s.scores or {}))
    return [name for name in names if any(_value(s, name) is not None for s in summaries)]


def _conflicts(place: str, about: Mapping[str, Any], frame: pd.DataFrame) -> tuple[Conflict, ...]:
    """The scenarios that have samples, each with all three perspectives."""
    conflicts = []
    for name in dict.fromkeys(frame["scenario"]):
        if name not in about:
            raise InputError(
                f"{place}: has samples of scenario {name!r}, which its metadata does not name; "
                "run the task again"
            )
        conflict = _conflict(name, about[name])
        told = set(frame.loc[frame["scenario"] == name, "perspective"])
        wanted = (conflict.plus, NEUTRAL, conflict.minus)
        missing = [who for who in wanted if who not in told]
        if missing:
            raise InputError(
                f"{place}: scenario {name} has no prompt of the perspective "
                f"{' or '.join(missing)} (it has {', '.join(w for w in wanted if w in told)}), so "
                "nothing can be compared; run the task again with whole triplets "
                "(-T triplets=N in place of --limit)"
            )
        conflicts.append(conflict)
    return tuple(conflicts)


def _conflict(name: str, about: Mapping[str, Any]) -> Conflict:
    plus, minus = str(about["plus"]), str(about["minus"])
    nouns = about.get("nouns") or {}
    return Conflict(
        id=name,
        plus=plus,
        minus=minus,
        plus_noun=_in_english(nouns.get(plus, plus)),
        minus_noun=_in_english(nouns.get(minus, minus)),
        label=_in_english(about.get("label", name)),
        factors={
            str(factor): {str(level): _in_english(label) for level, label in levels.items()}
            for factor, levels in (about.get("factors") or {}).items()
        },
    )


def _in_english(text: Any) -> str:
    """A text that may be given per language."""
    if isinstance(text, Mapping):
        return str(text.get("en") or next(iter(text.values())))
    return str(text)


def _labelled(logs: Sequence[TripletLog]) -> list[TripletLog]:
    """Labels that tell the logs apart, and say what is simulated.

    Raises:
        InputError: Two logs are of the same model.
    """
    done = []
    for log in logs:
        namesakes = [other for other in logs if other.model == log.model and other is not log]
        for other in namesakes:
            if other.identity == log.identity:
                newer, older = sorted(
                    (log, other), key=lambda one: moment(one.created), reverse=True
                )
                raise InputError(
                    f"{older.path}: is of the same model as {newer.path} ({log.model}); leave one "
                    "of them out (--epochs asks a model repeatedly within one log)"
                )
        keys = sorted({key for one in (log, *namesakes) for key in one.identity})
        notes = [
            f"{key}={shown(log.identity[key])}"
            for key in keys
            if key in log.identity
            and any(other.identity.get(key) != log.identity[key] for other in namesakes)
        ]
        notes = ["simulated"] * log.simulated + notes
        done.append(replace(log, label=log.model + (f" ({', '.join(notes)})" if notes else "")))
    return done
