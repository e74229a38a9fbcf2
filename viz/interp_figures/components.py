"""What every head and MLP does: effects of ablation, recoveries, scores, direct contributions."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from pluralens.viz.interp_figures import heatmap
from pluralens.viz.interp_figures.words import (
    METHODS,
    about_items,
    baseline_words,
    estimand,
    titled,
)
from pluralens.viz.interp_logs import InterpLog, InterpUnit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Measure", "figure", "measures", "table"]

MASK = (
    "Faded and dotted: not distinguishable from 0 (BH, 5 %). Lines: 95 % CI (of heads: in the CSV)."
)


class Measure(NamedTuple):
    """One number per component.

    Attributes:
        name: Of the arrays: `head_NAME` and `mlp_NAME`.
        file: Of the figure.
        what: Shown, for titles.
        unit: Of the colours.
        note: How to read the sign.
    """

    name: str
    file: str
    what: str
    unit: str
    note: str


def measures(log: InterpLog, unit: InterpUnit) -> list[Measure]:
    """What a log holds per component, in the order of its figures."""
    if log.task == "ablation":
        words = "Ablated minus clean: negative means that the component carries the bias."
        what = (
            f"What ablating each component does to the bias ({unit.about.get('mode', '')} ablation)"
        )
        return [Measure("effect", "ablation", what, "effect (nats)", words)]
    if log.task == "patching":
        return [
            Measure(
                "denoising",
                "patching_denoising",
                "How much of the bias each component brings into its twin",
                "recovery (share)",
                "Its clean activations in the twin's run: 1 brings all of the difference, 0 none.",
            ),
            Measure(
                "noising",
                "patching_noising",
                "How much of the bias is lost with each component",
                "recovery (share)",
                "The twin's activations in the clean run: 1 takes all of the difference, 0 none.",
            ),
        ]
    if log.task == "lens":
        words = "Direct, with the final norm's scale fixed: positive adds to the bias."
        what = "What each component writes towards the bias itself"
        return [Measure("writes", "lens_contributions", what, "contribution (nats)", words)]
    if log.task != "attribution":
        return []
    method = str(unit.about.get("ranked by", "atp"))
    agreed = unit.about["fidelity"][method]["heads"]
    low = "" if agreed["verdict"] == "enough" else f", fidelity low (r={agreed['pearson']:.2f})"
    return [
        Measure(
            method,
            "attribution",
            f"What {METHODS.get(method, method)} attributes to each component{low}",
            "score (nats)",
            f"Added to the bias, against {baseline_words(unit)}; correlation with exact "
            f"replacement {agreed['pearson']:.2f} on {agreed['prompts']} prompts"
            + ("." if not low else ": too low for a ranking."),
        )
    ]


def table(unit: InterpUnit, measure: Measure) -> pd.DataFrame:
    """Tidy numbers of one measure.

    Returns:
        The columns of `heatmap.COLUMNS`, `unit` first and `hook` last: the name of the hook point.
    """
    name, arrays = measure.name, unit.arrays
    ends = [
        np.concatenate([arrays[f"head_{name}{end}"].ravel(), arrays[f"mlp_{name}{end}"]])
        for end in ("_low", "_high")
    ]
    frame = heatmap.component_frame(
        arrays[f"head_{name}"],
        arrays[f"mlp_{name}"],
        arrays[f"head_{name}_significant"] > 0,
        arrays[f"mlp_{name}_significant"] > 0,
        np.stack(ends),
    )
    frame.insert(0, "unit", unit.id)
    is_mlp = frame["component"] == heatmap.MLP
    site = np.where(is_mlp, "hook_mlp_out", "attn.hook_z")
    frame["hook"] = [f"blocks.{layer}.{s}" for layer, s in zip(frame["layer"], site, strict=True)]
    return frame


def figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit, measure: Measure) -> "Figure":
    """Heads by layer, MLPs beside them."""
    words = " ".join(
        part for part in (f"{about_items(unit)}.", measure.note, estimand(unit), MASK) if part
    )
    return heatmap.figure(
        frame, title=titled(measure.what, log, unit), unit=measure.unit, note=words
    )
