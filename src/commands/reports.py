"""What is told about a stored selection: as one JSON document, and as tables."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pluralens.commands.output import show_line, show_table

if TYPE_CHECKING:
    from pluralens.personas.store import SelectionInfo

__all__ = ["document", "show_balance", "show_pairs"]

# Cramer's V from which an association is told that the pool did not have.
NEW_ASSOCIATION = 0.1


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
    chosen = any(pair["pool"] is not None for pair in report["associations"])
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
    new = [v for v, _, before in strongest.values() if v > max(NEW_ASSOCIATION, before or 0.0)]
    if new:
        show_line(
            f"associated more than before, V up to {max(new):.2f}: those rare in one axis are "
            "alike in others; draw the pool with a higher --temperature, balance fewer axes, or "
            "use --population, which draws rare combinations"
        )


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
