"""The logit lens: the bias that could be read off each layer."""

from typing import TYPE_CHECKING

import pandas as pd

from pluralens.viz.interp_figures import curves
from pluralens.viz.interp_figures.words import about_items, estimand, titled
from pluralens.viz.interp_logs import InterpLog, InterpUnit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure", "table"]


def table(unit: InterpUnit) -> pd.DataFrame:
    """Bias by layer.

    Returns:
        One row per layer (0 = embeddings): unit, layer, bias (nats), ci_low, ci_high.
    """
    arrays = unit.arrays
    return pd.DataFrame(
        {
            "unit": unit.id,
            "layer": range(len(arrays["lens"])),
            "bias": arrays["lens"],
            "ci_low": arrays["lens_low"],
            "ci_high": arrays["lens_high"],
        }
    )


def figure(frame: pd.DataFrame, log: InterpLog, unit: InterpUnit) -> "Figure":
    """One line from the embeddings to the model's own bias."""
    names = {"layer": "x", "bias": "value", "ci_low": "low", "ci_high": "high"}
    rows = frame.rename(columns=names).assign(series="bias")[list(curves.COLUMNS)]
    drawn = curves.figure(
        rows,
        title=titled("Bias read off each layer (logit lens)", log, unit),
        xlabel="layer (0 = embeddings)",
        ylabel="bias (nats)",
        level=0.0,
        note=f"{about_items(unit)}. {estimand(unit)} The last layer's is the model's own. Band: "
        "95 % CI.",
    )
    legend = drawn.axes[0].get_legend()
    if legend is not None:
        # One line needs no name.
        legend.remove()
    return drawn
