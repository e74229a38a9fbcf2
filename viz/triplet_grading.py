"""Who graded the answers of a log of triplets, and how: what must be equal to be compared."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pluralens.errors import InputError
from pluralens.viz.log_choice import TRANSPORT

__all__ = ["Grading", "no_stances", "read_grading"]

# What the scorer's options are when they are left out; figures know no scorers, so a test holds the
# two together.
DEFAULTS: Mapping[str, Any] = {
    "see_prompt": False,
    "form": "json",
    "seed": 0,
    "threshold": 0.33,
    "margin": 0.1,
}
# What changes the metrics in the log alone; figures have their own.
OF_METRICS = {"threshold", "margin"}


@dataclass(frozen=True)
class Grading:
    """How a stance score came about.

    Attributes:
        graders: The models that judged, as the score itself says; empty where it does not.
        options: Options of the scorer, with the defaults of those that were not given.
        given: Options that are not the scorer's defaults and that change what graders say.
        own: Arguments, address and generation settings of each grader; None where the log does
            not say (inspect keeps them for scores of the run alone, not for those added later).
    """

    graders: tuple[str, ...]
    options: Mapping[str, Any]
    given: Mapping[str, Any]
    own: Mapping[str, Any] | None

    @property
    def words(self) -> str:
        """`graded by A and B (see_prompt=true)`, or empty where nobody is named."""
        if not self.graders:
            return ""
        notes = ", ".join(f"{name}={_plain(value)}" for name, value in sorted(self.given.items()))
        return f"graded by {' and '.join(self.graders)}" + (f" ({notes})" if notes else "")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def read_grading(
    place: str, log: Any, summaries: Sequence[Any], score: str, first: bool
) -> Grading:
    """Read who gave a score.

    Args:
        place: The log, for messages.
        log: Its header, inspect's `EvalLog`.
        summaries: Its samples, inspect's `EvalSampleSummary`.
        score: Name of the score.
        first: Whether it is the log's first stance score, the only one that the run itself gives.

    Raises:
        InputError: Samples of the log were judged by different graders.
    """
    notes = [(s.scores or {}).get(score) for s in summaries]
    named = [(note.metadata or {}).get("graders") for note in notes if note is not None]
    # In a summary inspect puts a text in place of what is longer than a thousand characters.
    found = {tuple(map(str, panel)) for panel in named if panel and isinstance(panel, list)}
    if len(found) > 1:
        panels = " and some by ".join(sorted(", ".join(panel) for panel in found))
        raise InputError(
            f"{place}: some samples of score {score} are graded by {panels}; score all with the "
            f"same grader: `inspect score {place} --scorer pluralens/stance --model-role "
            "grader=PROVIDER/MODEL --action append`"
        )
    role = (log.eval.model_roles or {}).get("grader") or []
    configs = role if isinstance(role, list) else [role]
    at_run = tuple(config.model for config in configs)
    graders = next(iter(found), at_run if first else ())
    params = _params(log, summaries, score)
    return Grading(
        graders=graders,
        options={**DEFAULTS, **params},
        given={
            k: v
            for k, v in params.items()
            if k not in OF_METRICS and (k not in DEFAULTS or DEFAULTS[k] != v)
        },
        own={c.model: _own(c) for c in configs} if first and graders == at_run else None,
    )


def _params(log: Any, summaries: Sequence[Any], score: str) -> dict[str, Any]:
    """Options with which a score was given.

    inspect numbers the names of added scores in samples, but not always in the header; the order is
    the same in both.
    """
    results = log.results.scores if log.results else []
    named = [one.params for one in results if one.name == score]
    names = list(dict.fromkeys(name for s in summaries for name in (s.scores or {})))
    scorers = log.eval.scorers or []
    if len(named) == 1:
        return dict(named[0])
    return dict(scorers[names.index(score)].options or {}) if len(scorers) == len(names) else {}


def _own(config: Any) -> dict[str, Any]:
    settings = config.config.model_dump(exclude_none=True)
    about = {k: v for k, v in settings.items() if k not in TRANSPORT} | dict(config.args)
    if config.base_url:
        about["base_url"] = config.base_url
    plain = json.loads(json.dumps(about, sort_keys=True, default=str))
    return dict(plain)


def no_stances(place: str, summaries: Sequence[Any]) -> InputError:
    """Why a log has no stance at all, and what to do.

    Args:
        place: The log.
        summaries: Its samples, inspect's `EvalSampleSummary`.
    """
    ended = Counter(f"the {s.limit} limit" if s.limit else "an error" for s in summaries
                    if s.limit or s.error)  # fmt: skip
    again = f"`inspect score {place} --scorer pluralens/stance --model-role grader=PROVIDER/MODEL`"
    if ended and ended.total() == len(summaries):
        counts = ", ".join(f"{n:,} stopped by {what}" for what, n in sorted(ended.items()))
        return InputError(
            f"{place}: none of its {len(summaries):,} samples has a scored answer ({counts}); run "
            "the task again without that limit or error"
        )
    names = sorted({name for s in summaries for name in (s.scores or {})})
    if names:
        return InputError(
            f"{place}: holds no stances, its scores ({', '.join(names)}) are others or none were "
            f"given; score it with {again}"
        )
    return InputError(
        f"{place}: holds no stances (was it made with --no-score?); score it with {again}"
    )
