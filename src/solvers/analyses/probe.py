"""Probe the residual stream at every layer and place."""

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.interp.cache import Stored
from pluralens.interp.export import probes_by_layer
from pluralens.interp.probe_texts import ProbeText, occupation_texts, pair_texts
from pluralens.interp.probes import ProbeResult
from pluralens.interp.probes import probe as fit_probes
from pluralens.solvers.analyses.findings import Findings, Inputs
from pluralens.solvers.analyses.reasons import counted
from pluralens.solvers.analysis_plan import AnalysisPlan, PreparedUnit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["analyse", "check"]

LARGEST = 10


def _texts(prepared: PreparedUnit) -> tuple[str, list[ProbeText]]:
    """What the probe looks for, in words, and the texts."""
    found = occupation_texts(prepared.items)
    if found:
        return "do mostly men work in the occupation? (prefix alone)", found
    return "is this the stereotype? (both sentences of every item)", pair_texts(prepared.items)


def check(plan: AnalysisPlan) -> None:
    """Refuse what cannot be probed, before the run.

    Raises:
        InputError: There are fewer groups than folds.
    """
    for prepared in plan.units:
        groups = {text.group for text in _texts(prepared)[1]}
        if len(groups) < plan.settings.folds:
            raise InputError(
                f"{prepared.unit.id}: {len(groups)} groups are too few for "
                f"folds={plan.settings.folds}; give more data or fewer folds"
            )


def analyse(inputs: Inputs) -> Findings:
    """Accuracy and AUC by layer and place, beside shuffled labels and random weights."""
    settings = inputs.plan.settings
    question, texts = _texts(inputs.prepared)
    found, status = _fitted(inputs, texts)
    arrays, places = found.arrays, list(settings.position)
    first = {name: values[:, 0] for name, values in arrays.items()}
    best = int(np.nanargmax(first["accuracy"]))
    above = first["accuracy"] > first["chance_high"]
    numbers = {
        "best_accuracy": first["accuracy"][best],
        "best_accuracy low": first["accuracy_low"][best],
        "best_accuracy high": first["accuracy_high"][best],
        "best_layer": best,
        "best_auc": first["auc"][best],
        "best_selectivity": first["selectivity"][best],
        "best_gain_over_random": first["gain"][best],
        "last_accuracy": first["accuracy"][-1],
        "embeddings_accuracy": first["accuracy"][0],
        "layers_above_chance": float(above.sum()),
        "layers": float(len(above)),
        "majority": found.about["majority"],
        "texts": found.about["texts"],
        "groups": found.about["groups"],
    }
    return Findings(
        numbers=numbers,
        arrays={name: (("layer", "place"), values) for name, values in arrays.items()},
        details={},
        top=_rows(arrays, places),
        summary=(
            f"Best probe at {places[0]}: layer {best}, accuracy {first['accuracy'][best]:.3f} "
            f"(95 % CI {first['accuracy_low'][best]:.3f} to {first['accuracy_high'][best]:.3f}); "
            f"{int(above.sum())} of {len(above)} layers above their chance band."
        ),
        about={**found.about, "question": question, "places": places},
        cache=status,
        left_out=_left_out(inputs, texts, found),
        figure=partial(_figure, arrays, places, inputs.prepared.unit.id, found.about),
        export={"linear_probing": probes_by_layer(first["accuracy"], first["auc"])},
        probes={
            "best_layer": best,
            "best_accuracy": float(first["accuracy"][best]),
            "position": places[0],
        },
    )


def _left_out(inputs: Inputs, texts: Sequence[ProbeText], found: Stored) -> dict[str, int]:
    """Items without a label, and texts that cannot be read."""
    # Either all items have both of their sentences here, or those with a label their prefix.
    known = {text.id for text in texts}
    items = inputs.prepared.items
    without = sum(item.id not in known and f"{item.id}.a" not in known for item in items)
    reasons = counted(found.about["unusable"])
    return ({"about an occupation that is half and half": without} if without else {}) | reasons


def _fitted(inputs: Inputs, texts: Sequence[ProbeText]) -> tuple[Stored, str]:
    settings = inputs.plan.settings

    def compute() -> Stored:
        result = fit_probes(
            inputs.plan.checkpoint,
            texts,
            places=settings.position,  # type: ignore[arg-type]
            folds=settings.folds,
            seed=settings.seed,
            rows=settings.rows,
            progress=inputs.progress,
        )
        arrays = {
            field.name: getattr(result, field.name)
            for field in fields(ProbeResult)
            if isinstance(getattr(result, field.name), np.ndarray)
        }
        about = {**result.about, "majority": result.majority, "unusable": result.unusable}
        return Stored(arrays=arrays, about=about)

    read = [[one.id, one.group, one.text, one.target_end, one.label] for one in texts]
    key = inputs.key(
        "probe",
        texts=read,
        places=list(settings.position),
        folds=settings.folds,
        seed=settings.seed,
    )
    return inputs.fetch(key, compute)


def _rows(arrays: Any, places: list[str]) -> list[dict[str, Any]]:
    """The layers and places that are read best."""
    accuracy = arrays["accuracy"]
    order = np.argsort(-np.nan_to_num(accuracy, nan=-1.0), axis=None, kind="stable")[:LARGEST]
    rows = []
    for flat in order:
        layer, place = divmod(int(flat), len(places))
        cell = (layer, place)
        name = "hook_embed" if layer == 0 else f"blocks.{layer - 1}.hook_resid_post"
        rows.append(
            {
                "component": f"{name} ({places[place]})",
                "accuracy": float(accuracy[cell]),
                "ci_low": float(arrays["accuracy_low"][cell]),
                "ci_high": float(arrays["accuracy_high"][cell]),
                "chance_high": float(arrays["chance_high"][cell]),
                "random_weights": float(arrays["random_accuracy"][cell]),
            }
        )
    return rows


def _figure(arrays: Any, places: list[str], unit: str, about: Any) -> "Figure":
    from pluralens.viz.interp_figures.curves import BAND, COLUMNS, figure

    nothing = np.full(len(arrays["accuracy"]), np.nan)
    names = ("accuracy", "accuracy_low", "accuracy_high")
    series = [(place, *(arrays[name][:, i] for name in names)) for i, place in enumerate(places)]
    series.append(("random weights", arrays["random_accuracy"][:, 0], nothing, nothing))
    series.append((BAND, nothing, arrays["chance_low"][:, 0], arrays["chance_high"][:, 0]))
    rows = [
        (name, layer, value[layer], low[layer], high[layer])
        for name, value, low, high in series
        for layer in range(len(value))
    ]
    return figure(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        title=f"Probe: {unit}",
        xlabel="layer (0 = embeddings)",
        ylabel="accuracy on groups not trained on",
        level=float(about["majority"]),
        note=f"n={about['texts']} texts in {about['groups']} groups. Bands: 95 % CI; grey: "
        "shuffled labels. Line: always naming the more frequent label.",
    )
