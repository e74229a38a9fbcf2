"""The heatmap of components and the curves by layer."""

import numpy as np
import pandas as pd
import pytest

from pluralens.viz.interp_figures import curves
from pluralens.viz.interp_figures.heatmap import MLP, component_frame, figure
from pluralens.viz.style import COLOURS, themed

HEADS = np.array([[0.1, -0.4, 0.0], [np.nan, 0.2, 0.3]])
MLPS = np.array([0.5, -0.25])


def frame() -> pd.DataFrame:
    ends = np.concatenate([HEADS.ravel(), MLPS])
    return component_frame(
        HEADS, MLPS, np.abs(HEADS) > 0.15, [True, False], np.stack([ends - 0.05, ends + 0.05])
    )


def test_the_table_has_one_row_per_component() -> None:
    table = frame()
    assert len(table) == 8 and list(table[table["component"] == MLP]["effect"]) == [0.5, -0.25]
    one = table[(table["layer"] == 1) & (table["component"] == "2")].iloc[0]
    assert one["effect"] == 0.3 and one["significant"] and one["ci_low"] == pytest.approx(0.25)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_centred_on_zero_and_uncertain_cells_are_marked(theme: str) -> None:
    with themed(theme):
        drawn = figure(frame(), title="Ablation", unit="effect (nats)", note="n=8")
        heads, mlps = (axes for axes in drawn.axes if axes.get_title(loc="left"))
        (image,) = heads.images
        assert image.get_clim() == (-0.4, 0.4) and image.origin == "lower"
        assert np.array_equal(np.asarray(image.get_array().filled(np.nan)), HEADS, equal_nan=True)
        # Dots on the cells that are not distinguishable from 0, and on no other.
        dots = {(y, x) for x, y in heads.lines[0].get_xydata()}
        assert dots == {(0, 0), (0, 2), (1, 0)}
        assert np.array_equal(image.get_alpha() < 1, ~(np.abs(HEADS) > 0.15))
        bars = mlps.patches
        assert [bar.get_width() for bar in bars] == [0.5, -0.25]
        assert [bar.get_alpha() for bar in bars] == [1.0, 0.35]
        assert mlps.get_ylim() == heads.get_ylim()
        drawn.savefig("heatmap.png")


def test_nothing_at_all_can_be_drawn() -> None:
    empty = component_frame(np.zeros((1, 1)), [0.0], [[False]], [False])
    with themed("light"):
        drawn = figure(empty, title="t", unit="u")
        (image,) = drawn.axes[0].images
        assert image.get_clim() == (-1.0, 1.0)
        drawn.savefig("nothing.png")


def test_a_band_of_chance_is_no_line() -> None:
    rows = [("last", x, 0.5 + x / 10, 0.4, 0.9) for x in range(3)]
    rows += [(curves.BAND, x, np.nan, 0.3, 0.6) for x in range(3)]
    with themed("light"):
        drawn = curves.figure(
            pd.DataFrame(rows, columns=list(curves.COLUMNS)),
            title="Probe", xlabel="layer", ylabel="accuracy", level=0.5,
        )  # fmt: skip
        (axes,) = drawn.axes
        lines = {line.get_label(): line for line in axes.lines}
        assert curves.BAND not in lines and lines["last"].get_color() == COLOURS[0]
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["last", curves.BAND]
        assert any(list(line.get_ydata()) == [0.5, 0.5] for line in axes.lines)
