"""Everything that decides the outcome of a mechanistic analysis, as one value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

__all__ = ["ANALYSES", "Analysis", "AnalysisSettings"]

Analysis = Literal["ablation", "patching", "attribution", "probe", "lens", "faithfulness"]
ANALYSES: tuple[Analysis, ...] = (
    "ablation",
    "patching",
    "attribution",
    "probe",
    "lens",
    "faithfulness",
)


@dataclass(frozen=True)
class AnalysisSettings:
    """Checked options of a task; what an analysis does not use keeps its default.

    Attributes:
        analysis: Which analysis.
        checkpoint: Hub id or folder.
        data: Data sets: `builtin`, `winogender`, `winogender:DIR`, `stereoset`, `stereoset:hub`,
            `stereoset:FILE`.
        domains: Those of StereoSet to keep; None for all.
        n: Most items per sample; None for all.
        seed: Of everything random.
        revision: Of the checkpoint.
        device: Of the checkpoint.
        dtype: Of the checkpoint.
        bos: Its BOS policy.
        threads: CPU threads; None leaves torch's choice.
        rows: Tokens computed at once, or `auto`.
        cache: Whether results are looked up and kept.
        export: Folder for the older result files; None for none.
        sidecar: Folder for effects per prompt; where they go beside the log is found out if None.
        mode: What replaces an ablated output.
        baseline: What attribution compares with; `auto` takes twins where most items have one.
        ig_steps: Steps of integrated gradients.
        position: Where the residual stream is probed.
        k: Numbers of heads ablated together.
        folds: Of the probes' cross-validation.
    """

    analysis: Analysis
    checkpoint: str
    data: tuple[str, ...] = ("builtin",)
    domains: tuple[str, ...] | None = None
    n: int | None = None
    seed: int = 0
    revision: str | None = None
    device: str = "auto"
    dtype: str = "float32"
    bos: str = "auto"
    threads: int | None = None
    rows: int | Literal["auto"] = "auto"
    cache: bool = True
    export: str | None = None
    sidecar: str | None = None
    mode: Literal["mean", "zero", "resample"] = "mean"
    baseline: Literal["auto", "twin", "mean", "zero"] = "auto"
    ig_steps: int = 8
    position: tuple[str, ...] = ("last",)
    k: tuple[int, ...] | None = None
    folds: int = 5

    def to_json(self) -> dict[str, Any]:
        """As a log keeps it."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "AnalysisSettings":
        """From what `to_json` made."""
        known = {field.name for field in fields(cls)}
        given: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one
            for name, one in value.items()
            if name in known
        }
        return cls(**given)
