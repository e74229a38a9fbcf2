"""What a mechanistic task is going to do: its checkpoint in memory, its items as tokens.

Made when the task is made, so that whatever a person got wrong is said before the run begins, and
so that the log's header knows the hash of the parameters.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralens.errors import InputError
from pluralens.solvers.analysis_settings import AnalysisSettings
from pluralens.solvers.planted_checkpoint import planted_truth
from pluralens.solvers.shared_checkpoint import base_folder, shared_checkpoint

if TYPE_CHECKING:
    from pluralens.interp.checkpoint import Checkpoint
    from pluralens.interp.tokens import TokenisedItems
    from pluralens.sentences.items import BiasItem
    from pluralens.solvers.analysis_data import Unit

__all__ = ["AnalysisPlan", "PreparedUnit", "plan_for"]


@dataclass(frozen=True, eq=False)
class PreparedUnit:
    """One sample's items as the checkpoint reads them.

    Attributes:
        unit: The unit.
        items: Those that can be used, in the order of `tokenised.usable`.
        tokenised: As token ids.
        reasons: Why others cannot be used -> how many.
    """

    unit: "Unit"
    items: "tuple[BiasItem, ...]"
    tokenised: "TokenisedItems"
    reasons: Mapping[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """Where every item of the source went; `source` is the sum of the others."""
        unit = self.unit
        counts = {
            "used": len(self.items),
            "unusable": len(self.tokenised.unusable),
            "refused": len(unit.refused),
            "left out by n": unit.left_out,
        }
        return {"source": sum(counts.values()), **counts}


@dataclass(frozen=True, eq=False)
class AnalysisPlan:
    """Settings with what they name.

    Attributes:
        settings: The settings.
        checkpoint: In memory.
        units: One per sample.
        base: Folder that relative paths start from.
        planted: What was planted in a checkpoint trained here; empty for others.
    """

    settings: AnalysisSettings
    checkpoint: "Checkpoint"
    units: tuple[PreparedUnit, ...]
    base: Path
    planted: Mapping[str, Any]

    def unit(self, sample_id: str | int) -> PreparedUnit:
        """The unit of a sample."""
        return next(one for one in self.units if one.unit.id == sample_id)


def plan_for(settings: AnalysisSettings) -> AnalysisPlan:
    """Load the data and the checkpoint, and tokenise.

    Args:
        settings: The settings.

    Returns:
        The plan.

    Raises:
        InputError: The data or the checkpoint cannot be used, or no item of a unit can.
    """
    from pluralens.solvers.analysis_data import load_units

    base = base_folder()
    # Data first: they fail in a moment, a checkpoint in minutes.
    units = load_units(settings.data, settings.domains, n=settings.n, seed=settings.seed, base=base)
    checkpoint = shared_checkpoint(
        settings.checkpoint,
        revision=settings.revision,
        device=settings.device,
        dtype=settings.dtype,
        bos=settings.bos,
        threads=settings.threads,
    )
    planted = planted_truth(checkpoint.name)
    prepared = tuple(_prepared(unit, checkpoint) for unit in units)
    return AnalysisPlan(settings, checkpoint, prepared, base, planted)


def _prepared(unit: "Unit", checkpoint: "Checkpoint") -> PreparedUnit:
    from pluralens.interp.tokens import tokenise

    tokenised = tokenise(unit.items, checkpoint)
    reasons = dict(sorted(Counter(tokenised.unusable.values()).items()))
    if not tokenised.usable:
        most = max(reasons, key=lambda reason: reasons[reason])
        raise InputError(
            f"{unit.id}: none of {len(unit.items)} items can be used with {checkpoint.name}: "
            f"{most}; use other data or another bos"
        )
    by_id = {item.id: item for item in unit.items}
    items = tuple(by_id[one.id] for one in tokenised.usable)
    return PreparedUnit(unit, items, tokenised, reasons)
