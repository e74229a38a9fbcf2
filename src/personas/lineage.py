"""How the personas of a stored selection came about, through all selections before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pluralens.personas.store import SelectionInfo, Store

__all__ = ["Design", "lineage"]


def lineage(store: "Store", name: str) -> list["SelectionInfo"]:
    """The selection, the one it was made from, and so on.

    Raises:
        InputError: There is no such selection.
    """
    found = [store.info(name)]
    while (parent := found[-1].parent) is not None:
        found.append(store.info(parent))
    return found


@dataclass(frozen=True)
class Design:
    """What decides how the shares of a selection are to be read.

    Attributes:
        at_random: Whether everybody was drawn at random; nobody can tell of an imported set.
        axes: Attributes that were balanced, if any were.
        merged: Axis -> group that was made of several values -> those values.
        ages: Youngest and oldest age that could be drawn, if that is known.
    """

    at_random: bool = True
    axes: tuple[str, ...] = ()
    merged: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    ages: tuple[int, int] | None = None

    @classmethod
    def of(cls, selections: Sequence["SelectionInfo"]) -> Self:
        """The design of the first of a lineage."""
        balance: Mapping[str, Any] = next(
            (info.report["axes"] for info in selections if info.kind == "balanced"), {}
        )
        known = all(
            "original_parent" not in info.parameters and info.kind != "import"
            for info in selections
        )
        drawn = [i.parameters["age"] for i in selections if i.parameters.get("age") is not None]
        return cls(
            at_random=known and not balance,
            axes=tuple(balance),
            merged={axis: found["merged"] for axis, found in balance.items() if found["merged"]},
            ages=(int(drawn[0][0]), int(drawn[0][1])) if drawn else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As the metadata of a log has it."""
        return {
            "at_random": self.at_random,
            "axes": list(self.axes),
            "merged": {axis: dict(groups) for axis, groups in self.merged.items()},
            "ages": None if self.ages is None else list(self.ages),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        ages = found.get("ages")
        return cls(
            at_random=bool(found.get("at_random", True)),
            axes=tuple(found.get("axes", ())),
            merged=found.get("merged", {}),
            ages=None if ages is None else (int(ages[0]), int(ages[1])),
        )
