"""How firm rankings of components are when prompts are resampled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.viz.critique_figures.rows import heading, numbers, panels
from pluralens.viz.interp_logs import InterpLog, InterpUnit
from pluralens.viz.interp_studies import InterpStudy
from pluralens.viz.style import COLOURS, footnote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "has_any", "table"]

COLUMNS = ["task", "unit", "measure", "k", "value", "ci_low", "ci_high", "components"]
RANKED = ("ablation", "patching", "attribution", "lens", "faithfulness")
TAU, JACCARD = "tau", "jaccard"


def _ranked(study: InterpStudy) -> list[tuple[InterpLog, InterpUnit]]:
    return [
        (log, unit)
        for task in RANKED
        for log, unit in study.units(task)
        if unit.number("stability_tau") == unit.number("stability_tau")
    ]


def has_any(study: InterpStudy) -> bool:
    """Whether a log says how firm its ranking is."""
    return bool(_ranked(study))


def table(study: InterpStudy) -> pd.DataFrame:
    """Agreement of the rankings of resampled prompts with that of all prompts.

    Returns:
        One row per task, unit and measure: `tau` (Kendall's tau-b over all components; k is 0) or
        `jaccard` (of the first k); value (mean over resamples), ci_low, ci_high (NaN where the log
        has none), and components: how many are ranked, NaN where the log does not say. Overlaps of
        all components are left out: they are 1 by themselves.
    """
    rows: list[dict[str, Any]] = []
    for log, unit in _ranked(study):
        components = _components(log, unit)
        about = {"task": log.task, "unit": unit.id, "components": components}
        ends = [unit.number(f"stability_tau{end}") for end in ("", " low", " high")]
        rows.append(about | {"measure": TAU, "k": 0} | _numbers(ends))
        for k, *found in _overlaps(unit):
            # The first ten of ten are always the same.
            if k >= components:
                continue
            rows.append(about | {"measure": JACCARD, "k": k} | _numbers(found))
    return pd.DataFrame(rows, columns=COLUMNS)


def _numbers(values: Sequence[float]) -> dict[str, float]:
    return dict(zip(("value", "ci_low", "ci_high"), values, strict=True))


def _overlaps(unit: InterpUnit) -> list[tuple[int, float, float, float]]:
    """k, mean and interval of each overlap that the log has."""
    arrays = unit.arrays
    if "stability_k" in arrays:
        columns = [arrays[f"stability_jaccard{end}"] for end in ("", "_low", "_high")]
        return [
            (int(k), *(float(column[place]) for column in columns))  # type: ignore[misc]
            for place, k in enumerate(arrays["stability_k"])
        ]
    value = unit.number("stability_jaccard_10")
    return [(10, value, float("nan"), float("nan"))] if value == value else []


def _components(log: InterpLog, unit: InterpUnit) -> float:
    heads = next((unit.arrays[name] for name in unit.arrays if name.startswith("head_")), None)
    if heads is None:
        return float(len(unit.arrays["ranking"])) if "ranking" in unit.arrays else float("nan")
    return float(heads.size + heads.shape[0])


def figure(frame: pd.DataFrame, title: str) -> "Figure":
    """One row per analysis: tau at the left, overlaps of the first components at the right."""
    keys = list(dict.fromkeys(zip(frame["unit"], frame["task"], strict=True)))
    keys.sort(key=lambda key: list(frame["unit"]).index(key[0]))
    ks = sorted({int(k) for k in frame.loc[frame["measure"] == JACCARD, "k"]})
    # Overlaps stand below each other.
    made = panels(keys, (3.4, 3.4) if ks else (4.2,), least=max(1.0, 0.55 * len(ks)))
    left, right = made.axes[0], made.axes[-1]
    for y, (unit, task) in zip(made.at, keys, strict=True):
        own = frame[(frame["unit"] == unit) & (frame["task"] == task)]
        _interval(left, y, own[own["measure"] == TAU].iloc[0], 0)
        overlaps = own[own["measure"] == JACCARD]
        for _, row in overlaps.iterrows():
            place = ks.index(int(row["k"]))
            _interval(right, y + 0.42 * (place - (len(ks) - 1) / 2), row, place)
    for place, k in enumerate(ks):
        right.plot([], [], "osD^vP"[place % 6], color=COLOURS[place % 6], label=f"k = {k}")
    left.set(xlim=(-1.05 if (frame["ci_low"] < 0).any() else -0.05, 1.05))
    left.set_xlabel("Kendall's tau, all components")
    if ks:
        right.set(xlim=(-0.05, 1.05), xlabel="Jaccard index of the first k")
    counts = frame.drop_duplicates(["unit", "task"]).set_index(["unit", "task"])["components"]
    told = [f"{counts[key]:.0f}" if counts[key] == counts[key] else "?" for key in keys]
    numbers(made, {"components": told})
    heading(made, f"How firm the rankings are\n{title}")
    footnote(
        left,
        "Rankings (by absolute effect) of resampled groups of prompts against that of all prompts: "
        "mean and 95 % range over resamples. 1: the same ranking."
        + (" Without a bar: the log has no interval." if frame["ci_low"].isna().any() else "")
        + ("" if ks else " Overlaps of the first k say nothing with so few components."),
        below=38,
    )
    return made.figure


def _interval(axes: "Axes", y: float, row: "pd.Series[Any]", place: int) -> None:
    colour, marker = COLOURS[place % 6], "osD^vP"[place % 6]
    axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, lw=2)
    axes.plot(row["value"], y, marker, color=colour, ms=6, clip_on=False)
