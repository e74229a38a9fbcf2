"""Which logs of triplets may stand in one table: the same prompts, asked and graded alike."""

import json
import math
from collections.abc import Set
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError

if TYPE_CHECKING:
    from pluralens.viz.triplet_logs import TripletLog

__all__ = ["SETTINGS", "check_comparable", "shown"]

# What changes the questions, so that only logs that share it are compared: metadata -> option.
SETTINGS = {"languages": "language", "affect": "affect", "context": "context"}
SETTINGS |= {"challenge": "stance"}
APART = "draw them one after the other, with --log FILE and an --out of its own for each"
ALIKE = (
    "score them with the same grader and options (`inspect score LOG --scorer pluralens/stance "
    "--model-role grader=PROVIDER/MODEL --action append`, then --score NAME), or draw them one "
    "after the other"
)


def check_comparable(first: "TripletLog", log: "TripletLog") -> None:
    """Refuse two logs whose difference could be that of the questions or of the graders.

    Args:
        first: One log.
        log: Another; messages begin with it.

    Raises:
        InputError: They are of different scenarios, options, prompts or epochs, or their scores
            were given by different graders or with different options of the scorer.
    """
    _check_scenarios(first, log)
    for name, option in SETTINGS.items():
        here, there = log.settings[name], first.settings[name]
        if here != there:
            raise InputError(
                f"{log.path}: was run with {option}={shown(here)}, {first.path} with "
                f"{option}={shown(there)}; {APART}"
            )
    _check_prompts(first, log)
    _check_grading(first, log)


def _check_scenarios(first: "TripletLog", log: "TripletLog") -> None:
    if set(first.digests) != set(log.digests):
        here, there = (", ".join(sorted(one.digests)) for one in (log, first))
        raise InputError(f"{log.path}: is of scenario {here}, {first.path} of {there}; {APART}")
    changed = [name for name, digest in first.digests.items() if log.digests[name] != digest]
    if changed:
        raise InputError(
            f"{log.path}: has another version of scenario {changed[0]} than {first.path}; run one "
            "of them again, or draw them one after the other"
        )


def _check_prompts(first: "TripletLog", log: "TripletLog") -> None:
    """What the runs were given counts: samples that failed may be missing in either."""
    if first.epochs != log.epochs:
        raise InputError(
            f"{log.path}: was run with --epochs {log.epochs}, {first.path} with --epochs "
            f"{first.epochs}; {APART}"
        )
    if first.asked == log.asked:
        return
    for column, what in (("paraphrase", "paraphrase"), ("triplet_id", "triplets")):
        here, there = (set(one.frame[column]) for one in (log, first))
        if here != there:
            raise InputError(
                f"{log.path}: has {_told(what, here, there)}, {first.path} "
                f"{_told(what, there, here)}; {APART}"
            )
    extra = sorted(first.asked ^ log.asked)
    raise InputError(
        f"{log.path}: has {len(log.asked):,} prompts, {first.path} {len(first.asked):,} "
        f"(the difference begins with {extra[0]}); {APART}"
    )


def _told(what: str, own: Set[Any], others: Set[Any]) -> str:
    """`paraphrase 0,1`, `12 triplets`, or which ones where the numbers are equal."""
    if what == "paraphrase":
        return f"{what} {','.join(map(str, sorted(own)))}"
    if len(own) != len(others):
        return f"{len(own):,} {what}"
    return f"other {what}, such as {min(own - others)}"


def _check_grading(first: "TripletLog", log: "TripletLog") -> None:
    here, there = log.grading, first.grading
    if sorted(here.graders) != sorted(there.graders):
        raise InputError(
            f"{log.path}: is graded by {_named(here.graders)}, {first.path} by "
            f"{_named(there.graders)}; {ALIKE}"
        )
    for name in sorted({*here.options, *there.options}):
        if here.options.get(name) != there.options.get(name):
            raise InputError(
                f"{log.path}: is scored with {name}={shown(here.options.get(name))}, {first.path} "
                f"with {name}={shown(there.options.get(name))}; {ALIKE}"
            )
    if here.own is None or there.own is None:
        return
    for grader in here.own:
        mine, other = here.own[grader], there.own[grader]
        for name in sorted({*mine, *other}):
            if mine.get(name) != other.get(name):
                raise InputError(
                    f"{log.path}: its grader {grader} has {name}={shown(mine.get(name))}, that of "
                    f"{first.path} {name}={shown(other.get(name))}; {ALIKE}"
                )


def _named(graders: tuple[str, ...]) -> str:
    return " and ".join(graders) or "nobody that the log names"


def shown(value: Any) -> str:
    """A setting as a person would write it."""
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
