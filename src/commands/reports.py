"""What is told about a stored selection: as one JSON document, and as tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pluralens.commands.output import show_line, show_table

if TYPE_CHECKING:
    from pluralens.personas.store import SelectionInfo

__all__ = ["document", "show_balance", "show_pairs"]

# Cramer's V from which an association is told that the pool did not have.
NEW_ASSOCIATION = 0.1
# Values of an axis in one line.
MOST_SHOWN = 12


def document(info: "SelectionInfo") -> dict[str, Any]:
    """Everything about a selection but its members."""
    return {
        "name": info.name,
        "kind": info.kind,
        "n": info.n,
        "pairs": info.pairs,
        "population": info.population,
        "source": info.source,
        "digest": info.digest,
        "seed": info.seed,
        "parameters": dict(info.parameters),
        "report": dict(info.report),
        "parent": info.parent,
        "created": info.created.isoformat(),
    }


def show_balance(report: Mapping[str, Any]) -> None:
    """Print how even the axes are; see `pluralens.personas.balancing.BalanceReport`."""
    chosen = report["method"] == "select"
    strongest: dict[str, tuple[float, str, float | None]] = {}
    for pair in report["associations"]:
        if pair["cramers_v"] is None:
            continue
        for axis, other in (pair["axes"], pair["axes"][::-1]):
            found = (float(pair["cramers_v"]), other, pair["pool"])
            strongest[axis] = max(strongest.get(axis, (-1.0, "", None)), found, key=lambda x: x[0])
    rows = []
    for axis, about in report["axes"].items():
        v, other, before = strongest.get(axis, (None, "-", None))
        row = (axis, len(about["groups"]), about["max_deviation"], about["allowed"], v, other)
        rows.append((*row, before) if chosen else row)
    header = ("axis", "groups", "max deviation (pp)", "at best (pp)", "largest V", "with")
    show_table((*header, "V in the pool") if chosen else header, rows)
    for axis, about in report["axes"].items():
        for group, values in about["merged"].items():
            show_line(f"{axis}: {', '.join(values)} merged into {group}")
        if about["small"]:
            show_line(f"{axis}: below --min-share, no region left to join: {_some(about['small'])}")
        # Who is generated lacks what --age and --exclude leave out; that was asked for.
        if chosen and about.get("missing"):
            show_line(f"{axis}: not in the pool, so not counted: {_some(about['missing'])}")
    _show_new(report["associations"], chosen=chosen)


def _show_new(associations: Sequence[Mapping[str, Any]], *, chosen: bool) -> None:
    """Every pair of axes that goes together more than the pool's did and than chance makes it."""
    new = [
        pair
        for pair in associations
        if (pair["cramers_v"] or 0.0)
        > max(NEW_ASSOCIATION, pair["pool"] or 0.0, pair.get("by_chance") or 0.0)
    ]
    if not new:
        return
    show_line(f"associated {'more than in the pool' if chosen else 'in spite of balancing'}:")
    for pair in sorted(new, key=lambda pair: -pair["cramers_v"]):
        place = "in the pool" if chosen else "by chance"
        beside = pair["pool"] if chosen else pair.get("by_chance")
        note = "" if beside is None else f" ({place} {beside:.2f})"
        show_line(f"  {' x '.join(pair['axes'])} {pair['cramers_v']:.2f}{note}")
    show_line(
        "the pool has too few with these combinations; balance fewer axes, or, where such people "
        "can exist, draw the pool with a higher --temperature or use --population in place of "
        "--from"
        if chosen
        else "some combinations of these groups cannot exist, or there are too few personas for "
        "all of them; balance on one axis of each pair, or ask for more personas"
    )


def _some(values: Sequence[str]) -> str:
    """A list for a line: the first of many, and how many more."""
    more = len(values) - MOST_SHOWN
    return ", ".join(values[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def show_pairs(report: Mapping[str, Any]) -> None:
    """Print how many pairs there are per attribute, and who has none."""
    skipped = Counter(skip["attribute"] for skip in report["skipped"])
    attributes = dict.fromkeys([*report["pairs"], *skipped])
    show_table(
        ("changed", "pairs", "personas without"),
        [(name, report["pairs"].get(name, 0), skipped[name]) for name in attributes],
    )
    reasons = Counter((skip["attribute"], skip["reason"]) for skip in report["skipped"])
    for (attribute, reason), count in reasons.most_common():
        show_line(f"skipped {count:,} in {attribute}: {reason}")
