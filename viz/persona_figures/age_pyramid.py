"""Age pyramid: personas per age band and gender, with the official shares as an outline."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pluralens.personas.options import AGE
from pluralens.personas.persona import Personas
from pluralens.personas.population import Population
from pluralens.personas.shares import population_joint
from pluralens.viz.persona_figures.ages import Ages
from pluralens.viz.persona_figures.attributes import percent, value_labels
from pluralens.viz.style import COLOURS, footnote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "has_ages", "table"]

GENDER = "gender"
BAND = 5
SIDES = ("male", "female")
BAND_HEIGHT = 0.21
# Room that a further gender gets at least, relative to one side.
LEAST_WIDTH = 0.3


def has_ages(population: Population) -> bool:
    """Whether there are ages and genders to draw."""
    return AGE in population.drawn and GENDER in population.drawn


def table(personas: Personas, ages: Ages) -> pd.DataFrame:
    """Personas per five-year age band and gender.

    Args:
        personas: The set.
        ages: Youngest and oldest age of the official shares; bands are cut off there.

    Returns:
        Columns age_from, age_to (both included), band, gender, label, n, total (the set's size),
        share (n of total) and official_share (of all residents of these ages), from the youngest
        band up. Shares are fractions; each of the two columns adds up to 1.
    """
    population = personas.population
    years = np.asarray(population.values(AGE), dtype=np.int64)
    genders = population.values(GENDER)
    band = years // BAND
    own = np.zeros((len(years), len(genders)), dtype=np.int64)
    np.add.at(own, (personas.codes[AGE], personas.codes[GENDER]), 1)
    official = population_joint(population, [AGE, GENDER], age=ages)
    rows = []
    for number in np.unique(band[(years >= ages[0]) & (years <= ages[1])]):
        here = (band == number) & (years >= ages[0]) & (years <= ages[1])
        low, high = int(years[here].min()), int(years[here].max())
        for code, gender in enumerate(genders):
            n = int(own[here, code].sum())
            rows.append(
                {
                    "age_from": low,
                    "age_to": high,
                    "band": _band_words(population, low, high),
                    "gender": gender,
                    "label": value_labels(population, GENDER)[code],
                    "n": n,
                    "total": len(personas),
                    "share": n / len(personas),
                    "official_share": float(official[here, code].sum()),
                }
            )
    return pd.DataFrame(rows)


def _band_words(population: Population, low: int, high: int) -> str:
    """`20-24`; the last age stands for all above it if its label says so."""
    top = int(population.values(AGE)[-1])
    is_open = high == top and value_labels(population, AGE)[-1] != str(top)
    return f"{low}+" if is_open else f"{low}" if low == high else f"{low}-{high}"


def _panels(shares: pd.DataFrame) -> list[str]:
    """Genders from left to right: two sides, then any others."""
    present = list(dict.fromkeys(shares["gender"]))
    sides = [s for s in SIDES if s in present]
    if len(sides) < 2:
        by_size = shares.groupby("gender")["official_share"].sum()
        sides = sorted(present, key=lambda g: -by_size[g])[:2]
    return sides + [g for g in present if g not in sides]


def _panel(axes: "Axes", part: pd.DataFrame, colour: str, limit: float, left: bool) -> None:
    from matplotlib import rcParams

    positions = np.arange(len(part))
    axes.barh(positions, 100 * part["share"], height=0.86, color=colour, zorder=2)
    axes.stairs(
        100 * part["official_share"],
        np.arange(len(part) + 1) - 0.5,
        orientation="horizontal",
        baseline=None,
        color=rcParams["text.color"],
        linewidth=1.5,
        zorder=3,
        label="official share",
    )
    axes.set_xlim(*((limit, 0) if left else (0, limit)))
    axes.set_ylim(-0.6, len(part) - 0.4)
    n = int(part["n"].sum())
    axes.set_title(
        f"{part['label'].iloc[0]}\nn = {n:,} ({percent(n / int(part['total'].iloc[0]))})",
        fontsize=9,
        fontweight="normal",
        loc="right" if left else "left",
    )
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _counts(axes: "Axes", part: pd.DataFrame) -> None:
    """Numbers at bars that may be too thin to see."""
    for position, row in enumerate(part.to_dict("records")):
        if row["n"]:
            axes.annotate(
                f"{row['n']:,}",
                (100 * max(row["share"], row["official_share"]), position),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )


def figure(shares: pd.DataFrame, title: str) -> "Figure":
    """Two sides back to back; further genders stand beside them on the same scale."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    panels = _panels(shares)
    parts = [shares[shares["gender"] == gender] for gender in panels]
    most = [100 * float(p[["share", "official_share"]].to_numpy().max()) for p in parts]
    side = 1.06 * max(most[:2])
    further = [max(LEAST_WIDTH * side, 1.2 * m) for m in most[2:]]
    limits = ([side, side] + further)[: len(parts)]
    bands = len(parts[0])
    height = 1.3 + BAND_HEIGHT * max(bands, 6)
    drawn, grid = plt.subplots(
        1,
        len(parts),
        sharey=True,
        squeeze=False,
        figsize=(3.1 * sum(limits) / side + 0.6, height),
        gridspec_kw={"width_ratios": limits, "wspace": 0.08, "top": 0.93},
    )
    for number, (axes, part, limit) in enumerate(zip(grid[0], parts, limits, strict=True)):
        _panel(axes, part, COLOURS[number % len(COLOURS)], limit, left=number == 0)
        marks = max(1, round(4 * limit / side))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=marks, steps=[1, 2, 5, 10]))
        axes.spines["left"].set_visible(number > 0)
        if number > 1:
            _counts(axes, part)
    first = grid[0][0]
    first.set_yticks(range(bands), parts[0]["band"])
    first.set_ylabel("age in years")
    first.spines["right"].set_visible(True)
    # The 0 stands once between the two sides.
    first.xaxis.set_major_formatter(lambda x, _: f"{x:g}" if x else "")
    _surroundings(drawn, shares, title)
    return drawn


def _surroundings(drawn: "Figure", shares: pd.DataFrame, title: str) -> None:
    """Title, legend, the common axis label and the note."""
    from matplotlib.transforms import ScaledTranslation

    first, last = drawn.axes[0], drawn.axes[-1]
    first.annotate(
        f"Age and gender\n{title}",
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 36),
        textcoords="offset points",
        fontsize=11,
        fontweight="bold",
        va="bottom",
    )
    first.annotate(
        "share of the set (%)",
        (0, 0),
        xycoords="axes fraction",
        xytext=(0, -24),
        textcoords="offset points",
        va="top",
    )
    below = ScaledTranslation(0, -20 / 72, drawn.dpi_scale_trans)
    last.legend(
        loc="upper right",
        bbox_to_anchor=(1.0, 0.0),
        bbox_transform=last.transAxes + below,
        borderaxespad=0,
    )
    ages = f"{shares['age_from'].min()} to {shares['age_to'].max()}"
    footnote(
        first,
        f"n = {int(shares['n'].sum()):,} personas. Outline: official share among residents aged "
        f"{ages}, exact from the population's tables. All panels have the same scale.",
        below=44.0,
    )
