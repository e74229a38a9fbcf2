"""StereoSet: stereotypes, sense, and both in one, per domain."""

from typing import TYPE_CHECKING

import pandas as pd

from pluralens.stats.stereoset_scores import OVERALL, stereoset_scores
from pluralens.viz.critique_figures.rows import heading, interval, numbers, panels
from pluralens.viz.interp_figures.words import titled
from pluralens.viz.interp_logs import InterpLog
from pluralens.viz.style import COLOURS, faint, footnote, zero_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

SCORES = {
    "ss": ("ss: stereotype preferred, %", 50.0),
    "lms": ("lms: sense preferred, %", 100.0),
    "icat": ("icat, 0 to 100", 100.0),
}
WEIGHTINGS = {"macro": "terms count once (as published)", "micro": "items count once"}


def table(log: InterpLog) -> pd.DataFrame:
    """Scores per domain and overall, from log-likelihoods per token.

    Returns:
        The columns of `pluralens.stats.stereoset_scores`, percent.
    """
    assert log.frame is not None
    return stereoset_scores(log.frame, seed=int(log.metadata.get("seed", 0)))


def figure(scores: pd.DataFrame, log: InterpLog) -> "Figure":
    """One row per domain, one panel per score; the line is where there is no bias, or all sense."""
    domains = list(dict.fromkeys(scores["domain"]))
    made = panels([("", domain) for domain in domains], (2.9, 2.9, 2.9), least=1.5)
    for axes, (name, (label, ideal)) in zip(made.axes, SCORES.items(), strict=True):
        zero_line(axes, ideal)
        for place, weighting in enumerate(WEIGHTINGS):
            rows = scores[scores["weighting"] == weighting].set_index("domain")
            for y, domain in zip(made.at, domains, strict=True):
                row = rows.loc[domain]
                ends = tuple(row[f"{name}{end}"] / 100 for end in ("", "_low", "_high"))
                interval(
                    axes,
                    y + (-0.2, 0.2)[place],
                    (ends[0], ends[1], ends[2]),
                    colour=(COLOURS[0], faint())[place],
                    marker="os"[place],
                    filled=not place,
                )
        axes.set(xlim=(-2, 102), xlabel=label)
    for place, words in enumerate(WEIGHTINGS.values()):
        colour = (COLOURS[0], faint())[place]
        face = colour if not place else made.axes[0].get_facecolor()
        made.axes[0].plot([], [], f"{'os'[place]}-", color=colour, mfc=face, lw=2, label=words)
    macro = scores[scores["weighting"] == "macro"].set_index("domain").loc[domains]
    columns = {
        "items": [f"{n:,}" for n in macro["n_scored"]],
        "terms": [f"{n:,}" for n in macro["n_terms"]],
        "un-\nusable": [f"{n:,}" for n in macro["n_items"] - macro["n_scored"]],
    }
    numbers(made, columns)
    heading(made, titled("Does it find stereotypes likelier?", log))
    footnote(
        made.axes[0],
        "Lines: 50 is no preference (ss), 100 is best (lms, icat). Bars: 95 % CI over "
        f"target terms. {OVERALL}: all domains together. Scores from log-likelihoods per token.",
        below=38,
    )
    return made.figure
