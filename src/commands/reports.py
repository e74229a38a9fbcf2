"""What is told about a stored selection: as one JSON document, and as tables."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pluralens.commands.output import show_line, show_table

if TYPE_CHECKING:
    from pluralens.personas.store import SelectionInfo

__all__ = ["document", "show_balance", "show_pairs"]


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
    strongest: dict[str, tuple[float, str]] = {}
    for pair in report["associations"]:
        if pair["cramers_v"] is None:
            continue
        for axis, other in (pair["axes"], pair["axes"][::-1]):
            strongest[axis] = max(
                strongest.get(axis, (-1.0, "")), (float(pair["cramers_v"]), other)
            )
    rows = []
    for axis, found in report["axes"].items():
        v, other = strongest.get(axis, (None, "-"))
        rows.append(
            (axis, len(found["groups"]), found["max_deviation"], found["allowed"], v, other)
        )
    show_table(("axis", "groups", "max deviation (pp)", "at best (pp)", "largest V", "with"), rows)
    for axis, found in report["axes"].items():
        for group, values in found["merged"].items():
            show_line(f"{axis}: {', '.join(values)} merged into {group}")


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
