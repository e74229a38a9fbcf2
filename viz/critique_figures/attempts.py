"""Attempts: pass@k and pass^k, and how many attempts it takes until the first success."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from pluralens.errors import InputError
from pluralens.stats.pass_at_k import Attempts, pass_curve
from pluralens.viz.critique_figures.rows import titled
from pluralens.viz.critique_logs import CritiqueLog
from pluralens.viz.style import COLOURS, footnote

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["estimate", "figure", "first_success", "table"]

NAN = float("nan")
SUMMARY = ("mean_attempts", "mean_low", "mean_high", "never", "never_low", "never_high")
CURVES = (
    ("pass_at_k", "ci_low", "ci_high", COLOURS[0], "o", "pass@k: at least one of k"),
    ("pass_all_k", "all_low", "all_high", COLOURS[1], "s", "pass^k: all k"),
)
# Markers of a curve that do not run into each other.
MOST_MARKERS = 24
# Another dash than grid and axes, in a colour that shows on both curves and in either theme.
PLANTED: dict[str, Any] = {"color": "#7F7F7F", "lw": 1.6, "ls": (0, (3, 1.5)), "zorder": 4}


def estimate(log: CritiqueLog) -> Attempts:
    """What the attempts of a log are worth.

    Raises:
        InputError: An attempt occurs twice; the message names the log.
    """
    try:
        return pass_curve(log.main_arm)
    except InputError as error:
        raise InputError(f"{log.path}: {error}") from None


def table(log: CritiqueLog, found: Attempts) -> pd.DataFrame:
    """The curves.

    Returns:
        One row per k: the columns of `pass_curve`, planted_pass_at_k and planted_pass_all_k (of a
        simulated model, as far as they are known; NaN for others).
    """
    curve = found.curve.copy()
    for name in ("pass_at_k", "pass_all_k"):
        known = log.planted.get(name) or {}
        curve[f"planted_{name}"] = [float(known.get(str(int(k)), NAN)) for k in curve["k"]]
    return curve


def first_success(log: CritiqueLog, found: Attempts) -> pd.DataFrame:
    """Kaplan-Meier estimate of the pairs without success so far.

    Returns:
        One row per number of attempts from 0: attempts, without_success, planted; then, repeated
        in every row, mean_attempts (until the first success, counted up to the most attempts) and
        never (share of pairs without any), each with _low and _high; n_pairs, n_unscored (attempts
        without verdict).
    """
    known = log.planted.get("pass_at_k") or {}
    planted = [1.0 if known else NAN]
    planted += [1 - float(known.get(str(t), NAN)) for t in range(1, found.horizon + 1)]
    made = pd.DataFrame({"attempts": range(found.horizon + 1), "without_success": found.survival})
    made["planted"] = planted
    for name in (*SUMMARY, "n_pairs", "n_unscored"):
        made[name] = getattr(found, name)
    return made


def figure(curve: pd.DataFrame, waiting: pd.DataFrame, title: str) -> "Figure":
    """Left: both curves with bands. Right: who still waits for a first success.

    Args:
        curve: The table of the curves.
        waiting: The table of first successes.
        title: Model, size and judges.
    """
    import matplotlib.pyplot as plt

    drawn, (left, right) = plt.subplots(
        1, 2, figsize=(9.4, 3.9), width_ratios=(3, 2), gridspec_kw={"wspace": 0.22}
    )
    planted = curve["planted_pass_at_k"].notna().any()
    for name, low, high, colour, marker, label in CURVES:
        k = curve["k"].astype(float)
        left.fill_between(k, 100 * curve[low], 100 * curve[high], color=colour, alpha=0.2, lw=0)
        if len(curve) == 1:
            # A band over a single k has no width.
            left.vlines(k, 100 * curve[low], 100 * curve[high], color=colour, alpha=0.5, lw=3)
        style: dict[str, Any] = {"color": colour, "ls": "-", "lw": 2, "ms": 5}
        every = max(1, len(curve) // MOST_MARKERS)
        left.plot(k, 100 * curve[name], marker, markevery=every, label=label, **style)
        left.plot(k, 100 * curve[f"planted_{name}"], **PLANTED)
    if planted:
        left.plot([], [], label="planted in the simulated model", **PLANTED)
    left.set_xlabel("k, attempts")
    left.set_ylabel("pairs, %")
    left.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), fontsize=8, borderaxespad=0.3)
    _waiting(right, waiting)
    for axes in (left, right):
        axes.set_ylim(-2, 102)
        _whole_ticks(axes, int(waiting["attempts"].max()))
    left.set_title(
        titled(f"What several attempts are worth\n{title}"), pad=10 + 14.5 * (2 + planted)
    )
    footnote(left, _note(waiting.iloc[0], curve), below=38.0)
    return drawn


def _whole_ticks(axes: "Axes", most: int) -> None:
    step = next(step for step in (1, 2, 4, 5, 10, 20, 50, 100, most) if most / step <= 9)
    first = 0 if axes.get_xlabel().startswith("attempts") else 1
    # From 1 on every step, but at the multiples, as people count.
    ticks = sorted({first, most, *(t for t in range(0, most + 1, step) if first <= t)})
    if len(ticks) > 2 and ticks[-1] - ticks[-2] < step / 2:
        ticks.pop(-2)
    axes.set_xticks(ticks)
    axes.set_xlim(first - 0.03 * most - 0.1, most + 0.03 * most + 0.1)


def _waiting(axes: "Axes", waiting: pd.DataFrame) -> None:
    first = waiting.iloc[0]
    share = 100 * waiting["without_success"]
    axes.step(waiting["attempts"], share, where="post", color=COLOURS[2], lw=2)
    if waiting["planted"].notna().any():
        truth = 100 * waiting["planted"]
        axes.step(waiting["attempts"], truth, where="post", **PLANTED)
    end = waiting["attempts"].iloc[-1]
    if pd.notna(first["never"]):
        ends = 100 * first["never_low"], 100 * first["never_high"]
        axes.plot([end, end], ends, color=COLOURS[2], lw=2, clip_on=False)
        axes.plot(end, 100 * first["never"], "o", color=COLOURS[2], ms=5, clip_on=False)
    axes.set_xlabel("attempts so far")
    axes.set_ylabel("pairs without a success yet, %")


def _note(first: "pd.Series[Any]", curve: pd.DataFrame) -> str:
    if curve.empty:
        return f"No attempt has a verdict ({int(first['n_unscored']):,} without)."
    unscored = int(first["n_unscored"])
    fewer = int(curve["n_pairs"].iloc[-1]) < int(first["n_pairs"])
    return (
        f"n = {int(first['n_pairs']):,} pairs of question and person; unbiased for every k; "
        "bands: 95 % intervals with questions and persons as clusters. Right: Kaplan-Meier, the "
        "line at its end the 95 % interval of the share without any success. Attempts until the "
        f"first success, counted up to {int(curve['k'].max())}: mean {first['mean_attempts']:.2f} "
        f"(95 % {first['mean_low']:.2f} to {first['mean_high']:.2f})."
        + (f" Attempts without a verdict, left out: {unscored:,}." if unscored else "")
        + (f" Pairs at the largest k: {curve['n_pairs'].iloc[-1]:,}." if fewer else "")
    )
