"""Result files in the form of older research code, for those who have scripts that read them.

`summary.json` has an entry per data set with its `baseline`, the mean bias; beside it
`attribution_patching_<dataset>.json` (hook name -> score), `head_ablations_<dataset>.json`
(`"layer_head"` -> change of the mean bias), `mlp_ablations_<dataset>.json` (`"layer"` -> change),
`linear_probing_<dataset>.json` (`"layer"` -> accuracy and AUC) and `linear_probing_summary.json`.
Data sets are called `stereoset_gender`, `winogender`, `builtin_gender` ... What has no number is
null.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pluralens._whole_file import write_whole
from pluralens.errors import InputError

__all__ = ["by_layer", "by_layer_and_head", "older_name", "probes_by_layer", "write_older_files"]

SUMMARY = "summary.json"
PROBE_SUMMARY = "linear_probing_summary.json"
REMEDY = "give another export folder"


def older_name(dataset: str, domain: str) -> str:
    """How older code calls a data set: without a domain where there is only `all`."""
    return dataset if domain == "all" else f"{dataset}_{domain}"


def by_layer_and_head(effects: ArrayLike) -> dict[str, float | None]:
    """`[layers, heads]` as `"layer_head"` -> number."""
    values = np.asarray(effects, dtype=np.float64)
    return {
        f"{layer}_{head}": _number(values[layer, head])
        for layer in range(values.shape[0])
        for head in range(values.shape[1])
    }


def by_layer(effects: ArrayLike) -> dict[str, float | None]:
    """`[layers]` as `"layer"` -> number."""
    values = np.asarray(effects, dtype=np.float64)
    return {str(layer): _number(value) for layer, value in enumerate(values)}


def probes_by_layer(accuracy: ArrayLike, auc: ArrayLike) -> dict[str, dict[str, float | None]]:
    """Two `[layers + 1]` as `"layer"` -> accuracy and AUC; layer 0 are the embeddings."""
    right, area = (np.asarray(one, dtype=np.float64) for one in (accuracy, auc))
    return {
        str(layer): {"accuracy": _number(right[layer]), "auc": _number(area[layer])}
        for layer in range(len(right))
    }


def write_older_files(
    folder: Path,
    name: str,
    files: Mapping[str, Any],
    *,
    baseline: float | None = None,
    probes: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write files of one data set, and its entries in the summaries; other entries stay.

    Args:
        folder: Where to; made if it is missing.
        name: The data set, see `older_name`.
        files: Kind of file, such as `head_ablations` -> content.
        baseline: Mean bias, for `summary.json`; None leaves that file alone.
        probes: Entry of `linear_probing_summary.json`; None leaves that file alone.

    Returns:
        What was written.

    Raises:
        InputError: A file cannot be written, or a summary that is there already is no such file.
    """
    written = [
        _write(folder / f"{kind}_{name}.json", dict(content)) for kind, content in files.items()
    ]
    if baseline is not None:
        entry = {"baseline": _number(baseline)}
        written.append(_merge(folder / SUMMARY, name, entry))
    if probes is not None:
        written.append(_merge(folder / PROBE_SUMMARY, name, dict(probes)))
    return written


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _merge(path: Path, name: str, entry: Mapping[str, Any]) -> Path:
    summary: Any = {}
    try:
        summary = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as JSON ({type(error).__name__}); delete it or give another "
            "export folder"
        ) from None
    if not isinstance(summary, dict) or not isinstance(summary.get(name, {}), dict):
        raise InputError(f"{path}: this is no summary; delete it or give another export folder")
    return _write(path, {**summary, name: {**summary.get(name, {}), **entry}})


def _write(path: Path, content: Mapping[str, Any]) -> Path:
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    return write_whole(path, text.encode(), REMEDY)
