"""Probes: what can be read from the residual stream, beside what can be read by chance."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.viz.interp_figures.panels import finish, side_by_side
from pluralens.viz.interp_figures.words import about_items, titled
from pluralens.viz.interp_logs import InterpLog, InterpUnit
from pluralens.viz.style import COLOURS, faint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]

NUMBERS = (
    "accuracy", "accuracy_low", "accuracy_high", "auc", "auc_low", "auc_high", "shuffled",
    "chance_low", "chance_high", "selectivity", "random_accuracy", "gain", "gain_low", "gain_high",
)  # fmt: skip
PLACES = {"last": "last token", "mean": "mean over tokens", "target": "target's last token"}


def table(unit: InterpUnit) -> pd.DataFrame:
    """Probes by layer and place.

    Returns:
        One row per place and layer (0 = embeddings): unit, place, layer, then `accuracy` and `auc`
        with intervals, `shuffled` (mean accuracy on shuffled labels) with the chance band,
        `selectivity`, `random_accuracy` (random weights) and `gain` over it with its interval, and
        `majority`. Shares; NaN where the log has none.
    """
    return pd.DataFrame(list(_rows(unit)))


def _rows(unit: InterpUnit) -> Iterator[dict[str, Any]]:
    layers, n_places = unit.arrays["accuracy"].shape
    names = [str(name) for name in unit.about.get("places", [])] or [""] * n_places
    for place, name in enumerate(names):
        for layer in range(layers):
            numbers = {
                key: float(unit.arrays[key][layer, place]) if key in unit.arrays else np.nan
                for key in NUMBERS
            }
            majority = unit.number("majority")
            yield {"unit": unit.id, "place": name, "layer": layer, **numbers, "majority": majority}


def figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit) -> "Figure":
    """One panel per place."""
    from matplotlib.ticker import MaxNLocator

    places = list(dict.fromkeys(frame["place"]))
    drawn, panels = side_by_side(len(places), 3.2, 2.7, gap=0.4)
    for axes, place in zip(panels, places, strict=True):
        rows = frame[frame["place"] == place]
        x = rows["layer"]
        axes.axhline(rows["majority"].iloc[0], color=faint(), linewidth=1.2, zorder=1)
        axes.fill_between(
            x, rows["chance_low"], rows["chance_high"], color=faint(0.17), lw=0, label="chance band"
        )
        axes.plot(x, rows["shuffled"], ":", color=faint(0.8), label="shuffled labels, mean")
        axes.plot(x, rows["random_accuracy"], "s--", color=COLOURS[1], ms=4, label="random weights")
        axes.plot(x, rows["accuracy"], "o-", color=COLOURS[0], ms=5, label="this network")
        axes.fill_between(
            x, rows["accuracy_low"], rows["accuracy_high"], color=COLOURS[0], alpha=0.2, lw=0
        )
        axes.set(xlabel="layer (0 = embeddings)", title=PLACES.get(place, place), ylim=(0, 1.02))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylabel("accuracy (share of texts)")
    shuffles = unit.about.get("shuffles")
    note = (
        f"{about_items(unit)}; groups are held out whole. Blue band: 95 % CI. Chance band: 95 % of "
        "shuffled labels" + (f", from {shuffles} shuffles" if shuffles else "") + ". Solid line: "
        "always naming the more frequent label."
    )
    question = unit.about.get("question", "what can be read")
    finish(panels, titled(f"Probe: {question}", log, unit), note)
    return drawn
