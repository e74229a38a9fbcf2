"""Attribution: by layer and kind of component, and how far it agrees with exact ablation."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from pluralens.viz.interp_figures.panels import finish, side_by_side
from pluralens.viz.interp_figures.words import (
    METHODS,
    about_items,
    baseline_words,
    estimand,
    titled,
)
from pluralens.viz.interp_logs import InterpLog, InterpUnit
from pluralens.viz.style import COLOURS, faint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["by_layer_figure", "by_layer_table", "scatter_figure", "scatter_table"]

MARKERS = ("o", "s", "^")
HEADS, MLPS, RESIDUAL = "attention (sum of heads)", "MLP", "residual stream"
# Fewer components are on a line by accident too often.
FEWEST = 4


def _methods(unit: InterpUnit) -> list[str]:
    return [name for name in METHODS if f"head_{name}" in unit.arrays]


def by_layer_table(unit: InterpUnit) -> pd.DataFrame:
    """Scores by layer.

    Returns:
        One row per method, kind and layer: unit, method, kind, layer, score (nats), ci_low, ci_high
        (NaN where the log has no interval: sums of heads and residual streams), estimand.
    """
    rows: list[dict[str, Any]] = []
    main = str(unit.about.get("estimand", ""))
    for method in _methods(unit):
        heads, mlps = unit.arrays[f"head_{method}"], unit.arrays[f"mlp_{method}"]
        nothing = np.full(len(mlps), np.nan)
        kinds = [
            (HEADS, heads.sum(axis=1), nothing, nothing, main),
            (
                MLPS,
                mlps,
                unit.arrays[f"mlp_{method}_low"],
                unit.arrays[f"mlp_{method}_high"],
                main,
            ),
        ]
        # Between twins, prompts of either direction cancel in a mean over prompts.
        if unit.about.get("baseline") != "twin" and f"resid_{method}" in unit.arrays:
            residual = unit.arrays[f"resid_{method}"]
            kinds.append((RESIDUAL, residual, nothing, nothing, "mean over prompts"))
        for kind, values, low, high, what in kinds:
            rows += [
                {
                    "unit": unit.id,
                    "method": method,
                    "kind": kind,
                    "layer": layer,
                    "score": values[layer],
                    "ci_low": low[layer],
                    "ci_high": high[layer],
                    "estimand": what,
                }
                for layer in range(len(values))
            ]
    return pd.DataFrame(rows)


def by_layer_figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit) -> "Figure":
    """One panel per kind of component, one line per method."""
    from matplotlib.ticker import MaxNLocator

    kinds = list(dict.fromkeys(frame["kind"]))
    drawn, panels = side_by_side(len(kinds), 2.8, 2.6)
    # Methods beside each other, so that none hides another's interval.
    methods = list(dict.fromkeys(frame["method"]))
    for axes, kind in zip(panels, kinds, strict=True):
        axes.axhline(0, color=faint(), linewidth=1.2, zorder=1)
        for place, method in enumerate(methods):
            rows = frame[(frame["kind"] == kind) & (frame["method"] == method)]
            shift = 0.05 * (place - (len(methods) - 1) / 2)
            colour = COLOURS[place]
            x = rows["layer"] + shift
            axes.plot(
                x, rows["score"], color=colour, marker=MARKERS[place], ms=5, label=METHODS[method]
            )
            axes.vlines(x, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1.5)
        axes.set(xlabel="layer", title=kind)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylabel("score (nats)")
    parts = [f"{about_items(unit)}.", estimand(unit)]
    parts.append("Bars: 95 % CI (the log has none for sums of heads and residual streams).")
    if RESIDUAL in kinds:
        parts.append("Residual stream: mean over prompts.")
    finish(
        panels,
        titled("What is attributed to each layer", log, unit),
        " ".join(part for part in parts if part),
    )
    return drawn


def scatter_table(unit: InterpUnit, ablated: InterpUnit) -> pd.DataFrame:
    """Scores beside the exact effects of ablation.

    Args:
        unit: Of an attribution log.
        ablated: The same data in an ablation log of the same checkpoint.

    Returns:
        One row per method and component: unit, method, kind (`head` or `MLP`), layer, component,
        score (nats), removed (nats: clean minus ablated, what goes away without the component),
        fidelity and verdict of the method, as the attribution log has them for heads, and ablation:
        what replaced an ablated output.
    """
    removed_heads, removed_mlps = -ablated.arrays["head_effect"], -ablated.arrays["mlp_effect"]
    rows: list[dict[str, Any]] = []
    for method in _methods(unit):
        agreed = unit.about["fidelity"][method]["heads"]
        about = {
            "unit": unit.id,
            "method": method,
            "fidelity": _number(agreed["pearson"]),
            "verdict": str(agreed["verdict"]),
            "ablation": str(ablated.about.get("mode", "")),
        }
        heads, mlps = unit.arrays[f"head_{method}"], unit.arrays[f"mlp_{method}"]
        for (layer, head), score in np.ndenumerate(heads):
            rows.append(
                {
                    **about,
                    "kind": "head",
                    "layer": layer,
                    "component": str(head),
                    "score": score,
                    "removed": removed_heads[layer, head],
                }
            )
        for layer, score in enumerate(mlps):
            own = {"kind": "MLP", "layer": layer, "component": "MLP", "score": score}
            rows.append({**about, **own, "removed": removed_mlps[layer]})
    return pd.DataFrame(rows)


def scatter_figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit) -> "Figure":
    """One panel per method, with its correlation; says where the fidelity is low."""
    methods = list(dict.fromkeys(frame["method"]))
    drawn, panels = side_by_side(len(methods), 2.5, 2.5)
    for axes, method in zip(panels, methods, strict=True):
        rows = frame[frame["method"] == method]
        axes.axhline(0, color=faint(), linewidth=1.0, zorder=1)
        axes.axvline(0, color=faint(), linewidth=1.0, zorder=1)
        for place, kind in enumerate(("head", "MLP")):
            some = rows[rows["kind"] == kind]
            axes.plot(
                some["removed"],
                some["score"],
                MARKERS[place],
                color=COLOURS[place],
                ms=5,
                alpha=0.8,
                label=f"{kind}s",
            )
        axes.set_title(f"{METHODS[method]}\n{_agreement(rows)}", fontsize=9, fontweight="normal")
        axes.set_xlabel("exact: clean \N{MINUS SIGN} ablated (nats)")
        axes.locator_params(nbins=5)
    panels[0].set_ylabel("attribution score (nats)")
    agreed = unit.about["fidelity"][methods[0]]["heads"]
    finish(
        panels,
        titled("Attribution against exact ablation", log, unit),
        f"One point per component, {about_items(unit)}. r: Pearson, rho: Spearman, over all points."
        f" The slope need not be 1: {frame['ablation'].iloc[0]} ablation, but attribution against "
        f"{baseline_words(unit)} (gradient x activation: zero). Fidelity: r of heads with exact "
        f"replacement by that same baseline, on {agreed['prompts']} prompts; from 0.8 on (and rho "
        "too) it is enough for a ranking.",
    )
    return drawn


def _agreement(rows: pd.DataFrame) -> str:
    both = rows[["score", "removed"]].dropna().to_numpy(dtype=np.float64)
    words = "too few components for a correlation"
    if len(both) >= FEWEST and (both.std(axis=0) > 0).all():
        r, rho = pearsonr(*both.T).statistic, spearmanr(*both.T).statistic
        words = f"r = {r:.2f}, rho = {rho:.2f}"
    first = rows.iloc[0]
    fidelity = "n/a" if first["fidelity"] != first["fidelity"] else f"{first['fidelity']:.2f}"
    low = "" if first["verdict"] == "enough" else " LOW: no ranking"
    return f"{words}\nfidelity {fidelity}{low}"


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
