"""What a mechanistic analysis leaves behind: the store that solver, scorer and figures share."""

from typing import Any

from inspect_ai.util import StoreModel
from pydantic import BaseModel, Field

__all__ = ["AnalysisResults", "NamedArray", "Sidecar"]


class NamedArray(BaseModel):
    """A small array.

    Attributes:
        dims: Name of each axis, such as `layer` and `head`.
        values: Nested lists; NaN where there is no measurement.
    """

    dims: list[str]
    values: list[Any]


class Sidecar(BaseModel):
    """A file with what is too big for a log.

    Attributes:
        file: Its name; it lies beside the log.
        path: Where it was written, in case the log was moved.
        sha256: Of the file.
        bytes: Its size.
        arrays: Names of its arrays.
        note: Why it does not lie beside the log; empty if it does.
    """

    file: str
    path: str
    sha256: str
    bytes: int
    arrays: list[str]
    note: str = ""


class AnalysisResults(StoreModel):
    """The outcome of one analysis of one unit.

    Attributes:
        analysis: `ablation`, `patching` ...
        unit: The sample's id, such as `builtin/gender`.
        about: Checkpoint, mode, estimand, sizes: what one must know to read the numbers.
        counts: Where every item of the source went.
        reasons: Why items cannot be used -> how many.
        left_out: Why usable items take no part in this analysis -> how many.
        numbers: Scalars by name, the sample's score.
        arrays: Small arrays by name.
        top: The ten largest components, largest first; the keys are the columns of a table.
        summary: One sentence.
        cache: Where the numbers came from: `hit`, `computed` ...
        sidecar: File with the effects per prompt.
        exported: Older result files that were written.
    """

    analysis: str = ""
    unit: str = ""
    about: dict[str, Any] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    reasons: dict[str, int] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    numbers: dict[str, float] = Field(default_factory=dict)
    arrays: dict[str, NamedArray] = Field(default_factory=dict)
    top: list[dict[str, Any]] = Field(default_factory=list)
    summary: str = ""
    cache: str = ""
    sidecar: Sidecar | None = None
    exported: list[str] = Field(default_factory=list)
