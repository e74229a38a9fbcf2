"""Patching the residual stream: at which layer and position the bias is."""

from typing import TYPE_CHECKING

import pandas as pd

from pluralens.viz.interp_figures import heatmap
from pluralens.viz.interp_figures.words import about_items, titled
from pluralens.viz.interp_logs import InterpLog, InterpUnit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]


def table(unit: InterpUnit) -> pd.DataFrame:
    """Recovery by layer and position.

    Returns:
        One row per layer and position: unit, layer, position (from the prompt's end, -1 the last
        token), recovery (share of the difference between prompt and twin), ci_low, ci_high.
    """
    arrays = unit.arrays
    names = {"recovery": "", "ci_low": "_low", "ci_high": "_high"}
    rows = [
        {"unit": unit.id, "layer": layer, "position": int(position)}
        | {name: arrays[f"resid_by_position{end}"][place, layer] for name, end in names.items()}
        for place, position in enumerate(arrays["position"])
        for layer in range(arrays["resid_by_position"].shape[1])
    ]
    return pd.DataFrame(rows).sort_values(["layer", "position"], ignore_index=True)


def figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit) -> "Figure":
    """Layers from below, positions from left to right."""
    wide = {
        name: frame.pivot(index="layer", columns="position", values=name)
        for name in ("recovery", "ci_low", "ci_high")
    }
    grid = wide["recovery"]
    sure = (wide["ci_low"] > 0) | (wide["ci_high"] < 0)
    return heatmap.grid_figure(
        grid.to_numpy(),
        sure.to_numpy(),
        rows=("layer (after the block)", [str(layer) for layer in grid.index]),
        columns=("position, from the prompt's end", [str(place) for place in grid.columns]),
        title=titled("Where patching the residual stream brings the bias", log, unit),
        unit="recovery (share)",
        note=f"{about_items(unit)}. 1: all of the difference between a prompt and its twin, 0: "
        "none. Faded and dotted: the 95 % CI of this cell holds 0 (ends in the CSV)."
        + (" Empty: prompts are shorter." if grid.isna().any(axis=None) else ""),
    )
