"""Words shared by the figures of mechanistic analyses."""

from pluralens.viz.interp_logs import InterpLog, InterpUnit
from pluralens.viz.triplet_figures.words import wrapped

__all__ = ["METHODS", "about_items", "baseline_words", "estimand", "titled"]

METHODS = {
    "atp": "attribution patching",
    "ig": "integrated gradients",
    "grad_x_act": "gradient x activation",
}
BASELINES = {
    "twin": "the twin's activations",
    "mean": "mean activations",
    "zero": "zero",
}
# Characters of a line of a title.
TITLE_WIDTH = 72


def titled(what: str, log: InterpLog, unit: InterpUnit | None = None, *notes: str) -> str:
    """What is shown, then of which checkpoint and data.

    Args:
        what: What is shown.
        log: Of which checkpoint.
        unit: Of which data; None for benchmarks, whose data the log names.
        notes: What else tells it from others, such as a mode.
    """
    of = unit.id if unit is not None else f"{log.task} {log.source}"
    second = ", ".join([log.title, of, *(note for note in notes if note)])
    return f"{wrapped(what, TITLE_WIDTH)}\n{wrapped(second, TITLE_WIDTH)}"


def about_items(unit: InterpUnit) -> str:
    """`n=528 prompts in 66 groups`, as far as the log says."""
    used = unit.about.get("pairs") or unit.about.get("texts") or unit.about.get("items") or unit.n
    noun = next((name for name in ("pairs", "texts") if unit.about.get(name)), "prompts")
    groups = unit.number("pair_groups" if noun == "pairs" else "groups")
    inside = f" in {int(groups):,} groups" if groups == groups else ""
    return f"n={int(used):,} {noun}{inside}"


def baseline_words(unit: InterpUnit) -> str:
    """What attribution compares activations with."""
    name = str(unit.about.get("baseline", ""))
    return BASELINES.get(name, name)


def estimand(unit: InterpUnit) -> str:
    """What the numbers are the mean of, as a sentence; empty where the log does not say."""
    words = str(unit.about.get("estimand", ""))
    return f"{words[:1].upper()}{words[1:]}." if words else ""
