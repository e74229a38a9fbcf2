"""Factor forest: what moves the stance, and what moves it differently for each teller."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.stats.factor_effects import factor_effects
from pluralens.viz.likert_figures.forest import ALPHA, Row, forest
from pluralens.viz.style import footnote
from pluralens.viz.triplet_figures.words import about, drawn_part, stance_axis
from pluralens.viz.triplet_logs import ALL, Conflict, TripletLog

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

WORDING = ("relationship", "paraphrase", "language")


def table(logs: Sequence[TripletLog]) -> pd.DataFrame:
    """Regression of the stance on perspective x factors, per model and scenario.

    Factors of one scenario are its own but the two views, of which `relationship` is made up, and
    relationship, paraphrase and language. All scenarios together share but the latter three, and
    `scenario` is one more.

    Returns:
        The columns of `words.ABOUT` and of `pluralens.stats.factor_effects`, and `words`: the term
        for people.
    """
    tables = []
    for log in logs:
        for conflict, frame in log.parts:
            effects = factor_effects(frame, _factors(conflict, frame))
            first = pd.DataFrame([about(log, conflict)] * len(effects))
            words = [_words(conflict, row) for row in effects.to_dict("records")]
            tables.append(pd.concat([first, effects.assign(words=words)], axis=1))
    return pd.concat(tables, ignore_index=True)


def _factors(conflict: Conflict, frame: pd.DataFrame) -> list[str]:
    if conflict.id == ALL:
        return ["scenario", *WORDING]
    # What does not vary within a relationship is one of the views that it follows from.
    by = frame.groupby("relationship")
    varies = frame["relationship"].nunique() < 2
    own = [name for name in conflict.factors if varies or (by[name].nunique() > 1).any()]
    return [*own, *WORDING]


def _words(conflict: Conflict, row: Mapping[Any, Any]) -> str:
    """A term as a reader would call it."""
    tellers = {
        conflict.plus: f"the {conflict.plus_noun}",
        conflict.minus: f"the {conflict.minus_noun}",
    }
    who = f"{tellers.get(row['perspective'], row['perspective'])} asks"
    if row["kind"] == "perspective":
        return f"{who} \N{MINUS SIGN} {tellers.get(row['against'], row['against'])}"
    labels = conflict.factors.get(row["factor"], {})
    level, reference = (
        labels.get(row[key], str(row[key]).replace("_", " ")) for key in ("level", "reference")
    )
    words = level if level == reference else f"{level} \N{MINUS SIGN} {reference}"
    return f"{who}: {words}" if row["kind"] == "interaction" else words


def figure(effects: pd.DataFrame, title: str) -> "Figure":
    """One row per coefficient of one model; what has no estimate says why.

    Args:
        effects: The rows of one model.
        title: Which one, and of how many prompts.
    """
    part = drawn_part(effects)
    rows = [
        Row(
            section=_section(row),
            label=f"{row['words']} ({row['note']})" if row["note"] else row["words"],
            estimate=row["estimate"],
            low=row["ci_low"],
            high=row["ci_high"],
            strong=bool(row["p"] < ALPHA),
        )
        for row in part.to_dict("records")
    ]
    first = part.iloc[0]
    drawn = forest(
        rows,
        title=f"What moves the stance\n{title}",
        xlabel=f"difference of stances, points\n({stance_axis(part)})",
    )
    if part["estimate"].isna().all():
        drawn.axes[0].set_xlim(-1, 1)
    footnote(
        drawn.axes[0],
        f"Least squares over n = {first['n_prompts']:,} answers with a stance; 95 % intervals by "
        f"the jackknife over {first['n_triplets']:,} triplets; blue: p < 0.05, uncorrected, grey: "
        "not. 'Times who asks': how much more the level moves the stance when that party asks "
        "than in the neutral version. Aliased: follows from the terms above it; constant: has one "
        "level only.",
        below=58.0,
    )
    return drawn


def _section(row: Mapping[Any, Any]) -> str:
    if row["kind"] == "perspective":
        return "who asks"
    factor = str(row["factor"]).replace("_", " ")
    return f"{factor}, times who asks" if row["kind"] == "interaction" else factor
