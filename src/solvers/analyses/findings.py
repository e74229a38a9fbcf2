"""What an analysis gets and what it gives."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pluralens.interp.cache import ResultCache, Stored
from pluralens.solvers.analysis_plan import AnalysisPlan, PreparedUnit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Findings", "Inputs", "NamedValues"]

NamedValues = tuple[tuple[str, ...], NDArray[Any]]
"""Names of the axes, and the array."""


@dataclass(frozen=True)
class Inputs:
    """One analysis of one unit.

    Attributes:
        plan: Checkpoint and settings.
        prepared: The items.
        cache: Where results are looked up.
        progress: Told `(done, total)`; raises when the run was cancelled.
    """

    plan: AnalysisPlan
    prepared: PreparedUnit
    cache: ResultCache
    progress: Callable[[int, int], None]

    @property
    def groups(self) -> list[str]:
        """Group of every item: what is resampled and held out together."""
        return [item.group for item in self.prepared.items]

    @property
    def labels(self) -> dict[str, NDArray[Any]]:
        """Id and group of every item, for the sidecar."""
        return {
            "ids": np.array([item.id for item in self.prepared.items]),
            "groups": np.array(self.groups),
        }

    def key(self, what: str, **options: Any) -> dict[str, Any]:
        """What the numbers of a computation depend on, for the cache."""
        checkpoint = self.plan.checkpoint
        tokens = [
            [
                one.id,
                one.group,
                list(one.prefix),
                [list(t) for t in one.a],
                [list(t) for t in one.b],
            ]
            for one in self.prepared.tokenised.usable
        ]
        return {
            "what": what,
            "parameters": checkpoint.digest,
            "revision": checkpoint.revision,
            "config": _config(checkpoint.model.config),
            "dtype": checkpoint.dtype,
            "device": checkpoint.device,
            "items": tokens,
            "rows": self.plan.settings.rows,
            **options,
        }

    def fetch(self, key: Mapping[str, Any], compute: Callable[[], Stored]) -> tuple[Stored, str]:
        """The computed result, or the kept one."""
        return self.cache.fetch(key, compute)


@dataclass
class Findings:
    """The outcome of one analysis.

    Attributes:
        numbers: At most 30 scalars; NaN where there is no measurement.
        arrays: Small arrays for the log.
        details: Large arrays for the sidecar: effects per prompt.
        top: Rows of the table of the largest components.
        summary: One sentence.
        about: What one must know to read the numbers.
        cache: Where the numbers came from.
        left_out: Why usable items take no part in this analysis -> how many.
        figure: Draws the picture for the transcript; None if there is none.
        export: Older result files: kind -> content.
        probes: Entry of the older summary of probes.
    """

    numbers: dict[str, float]
    arrays: dict[str, NamedValues]
    details: dict[str, NDArray[Any]]
    top: list[dict[str, Any]]
    summary: str
    about: dict[str, Any]
    cache: str
    left_out: dict[str, int] = field(default_factory=dict)
    figure: Callable[[], "Figure"] | None = None
    export: dict[str, Any] = field(default_factory=dict)
    probes: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if len(self.numbers) > 30:
            raise ValueError(f"{len(self.numbers)} numbers are too many for a score")
        self.numbers = {name: float(value) for name, value in self.numbers.items()}
        self.arrays = {name: (dims, np.asarray(v)) for name, (dims, v) in self.arrays.items()}


def _config(config: Any) -> dict[str, Any]:
    """What the weights alone do not say: numbers of heads, activation functions, windows."""
    found: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    found.pop("_name_or_path", None)
    return found
