"""Effects of components: heads as a signed heatmap by layer, MLPs as bars beside it."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pluralens.viz.style import COLOURS, faint, footnote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "MLP", "component_frame", "figure", "grid_figure"]

COLUMNS = ("layer", "component", "effect", "ci_low", "ci_high", "significant")
MLP = "MLP"
# Signed, light at zero, told apart by people who do not see red or green.
COLOUR_MAP = "RdBu_r"
COLD, WARM = "#6db7ff", "#ff8a5c"
# Beyond this many rows or columns, ticks stand at every second, fourth ... of them.
MOST_TICKS = 24
# The label of the colours stands along the grid's height.
LEAST_HEIGHT = 2.7


def component_frame(
    heads: ArrayLike,
    mlps: ArrayLike,
    significant_heads: ArrayLike,
    significant_mlps: ArrayLike,
    intervals: ArrayLike | None = None,
) -> pd.DataFrame:
    """Effects as a tidy table.

    Args:
        heads: `[layers, heads]`.
        mlps: `[layers]`.
        significant_heads: Whether each is distinguishable from 0, `[layers, heads]`.
        significant_mlps: Likewise, `[layers]`.
        intervals: Lower and upper ends for the heads in order, then the MLPs,
            `[2, layers * heads + layers]`; None where there are none.

    Returns:
        One row per component with the columns of `COLUMNS`; `component` is the number of a head or
        `MLP`.
    """
    by_head = np.asarray(heads, dtype=np.float64)
    layers, n_heads = by_head.shape
    names = [(layer, str(head)) for layer in range(layers) for head in range(n_heads)]
    names += [(layer, MLP) for layer in range(layers)]
    effect = np.concatenate([by_head.ravel(), np.asarray(mlps, dtype=np.float64)])
    ends = np.full((2, len(names)), np.nan) if intervals is None else np.asarray(intervals)
    significant = np.concatenate([np.ravel(significant_heads), np.asarray(significant_mlps)])
    return pd.DataFrame(
        {
            "layer": [layer for layer, _ in names],
            "component": [name for _, name in names],
            "effect": effect,
            "ci_low": ends[0],
            "ci_high": ends[1],
            "significant": significant.astype(bool),
        },
        columns=list(COLUMNS),
    )


def figure(frame: pd.DataFrame, *, title: str, unit: str, note: str = "") -> "Figure":
    """Draw heads and MLPs; what is not distinguishable from 0 is pale and dotted.

    Args:
        frame: See `component_frame`.
        title: What is shown, of what.
        unit: What the numbers are, with their unit.
        note: n and what the marks mean.
    """
    import matplotlib.pyplot as plt

    heads = frame[frame["component"] != MLP]
    mlps = frame[frame["component"] == MLP].sort_values("layer")
    columns = list(dict.fromkeys(heads["component"]))
    grid, sure = (
        heads.pivot(index="layer", columns="component", values=name)[columns].to_numpy()
        for name in ("effect", "significant")
    )
    layers, width = grid.shape
    wide, high = _inches(width), _inches(layers, LEAST_HEIGHT)
    # Placed in inches: a layout engine would shrink a small grid to make room for the text.
    drawn = plt.figure(figsize=(wide + 4.2, high + 1.6))
    left = _place(drawn, 0.6, wide, high)
    bar = _place(drawn, wide + 0.75, 0.14, high)
    right = _place(drawn, wide + 2.0, 2.0, high)
    image = _cells(left, grid.astype(float), sure.astype(bool))
    _ticks(left, layers, width)
    left.set(xlabel="head", ylabel="layer")
    left.set_title(f"{title}\nheads")
    drawn.colorbar(image, cax=bar, label=unit)
    _bars(right, mlps)
    right.set(xlabel=unit, ylim=left.get_ylim())
    right.set_yticks(left.get_yticks(), [""] * len(left.get_yticks()))
    right.set_title("MLPs")
    if note:
        footnote(left, note, below=38)
    return drawn


def grid_figure(
    values: ArrayLike,
    significant: ArrayLike | None,
    *,
    rows: tuple[str, list[str]],
    columns: tuple[str, list[str]],
    title: str,
    unit: str,
    centre: float = 0.0,
    note: str = "",
) -> "Figure":
    """Draw any table of signed numbers by layer.

    Args:
        values: `[rows, columns]`.
        significant: Whether each differs from the centre, `[rows, columns]`; None if not tested.
        rows: Name of the axis and its labels.
        columns: Likewise.
        title: What is shown, of what.
        unit: What the colours are.
        centre: The number that means nothing found.
        note: n and what the marks mean.
    """
    import matplotlib.pyplot as plt

    grid = np.asarray(values, dtype=np.float64)
    sure = np.ones(grid.shape, bool) if significant is None else np.asarray(significant, bool)
    wide, high = max(1.6, 0.55 * grid.shape[1]), _inches(len(grid), LEAST_HEIGHT)
    drawn = plt.figure(figsize=(wide + 2.2, high + 1.6))
    axes = _place(drawn, 0.8, wide, high)
    bar = _place(drawn, wide + 0.95, 0.14, high)
    image = _cells(axes, grid, sure, centre)
    step = -(-len(grid) // MOST_TICKS)
    axes.set_yticks(range(0, len(grid), step), rows[1][::step])
    axes.set_xticks(range(grid.shape[1]), columns[1])
    axes.set(xlabel=columns[0], ylabel=rows[0])
    axes.set_title(title)
    drawn.colorbar(image, cax=bar, label=unit)
    if note:
        footnote(axes, note, below=38)
    return drawn


def _cells(axes: "Axes", grid: NDArray[Any], sure: NDArray[np.bool_], centre: float = 0.0) -> "Any":
    """The coloured cells, layer 0 at the bottom, the centre in the middle of the colours."""
    most = float(np.nanmax(np.abs(grid - centre), initial=0.0)) or 1.0
    image = axes.imshow(
        grid,
        cmap=_colour_map(axes),
        vmin=centre - most,
        vmax=centre + most,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        alpha=np.where(sure, 1.0, 0.35),
    )
    axes.grid(False)
    row, column = np.nonzero(~sure)
    size = max(0.6, min(3.0, 60 / max(grid.shape)))
    axes.plot(column, row, ".", color=faint(0.7), markersize=size, linestyle="none")
    return image


def _colour_map(axes: "Axes") -> "str | Colormap":
    """Zero is the colour of the paper: on a dark one, signs grow out of the dark."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb

    paper = to_hex(axes.get_facecolor())
    if sum(to_rgb(paper)) > 1.5:
        return COLOUR_MAP
    return LinearSegmentedColormap.from_list("signed, dark", [COLD, paper, WARM])


def _inches(cells: int, least: float = 1.6) -> float:
    """How wide or high a grid is drawn."""
    return max(least, min(7.5, 0.24 * cells))


def _place(drawn: "Figure", left: float, wide: float, high: float) -> "Axes":
    """Axes at a place in inches, 0.8 from below."""
    width, height = drawn.get_size_inches()
    return drawn.add_axes((left / width, 0.8 / height, wide / width, high / height))


def _bars(axes: "Axes", mlps: pd.DataFrame) -> None:
    sure = mlps["significant"].to_numpy(bool)
    effect = mlps["effect"].to_numpy(float)
    layer = mlps["layer"].to_numpy(int)
    colours = [COLOURS[1] if value > 0 else COLOURS[0] for value in effect]
    bars = axes.barh(layer, effect, color=colours, height=0.7)
    for bar, strong in zip(bars, sure, strict=True):
        bar.set_alpha(1.0 if strong else 0.35)
    low, high = (mlps[name].to_numpy(float) for name in ("ci_low", "ci_high"))
    if np.isfinite(low).any():
        axes.hlines(layer, low, high, color=faint(0.9), linewidth=1.0)
    axes.axvline(0, color=faint(), linewidth=1.2, zorder=1)
    axes.grid(False, axis="y")
    axes.locator_params(axis="x", nbins=5)


def _ticks(axes: "Axes", layers: int, width: int) -> None:
    for number, place in ((layers, axes.set_yticks), (width, axes.set_xticks)):
        place(range(0, number, -(-number // MOST_TICKS)))
