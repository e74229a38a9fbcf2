"""Read the bias off every layer, and split it into what each component writes."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.interp.architectures import has_fast_engine
from pluralens.interp.cache import Stored
from pluralens.interp.checkpoint import architecture
from pluralens.interp.lens import direct_attribution, logit_lens
from pluralens.sentences.items import BiasItem
from pluralens.solvers.analyses.baseline import baseline_numbers
from pluralens.solvers.analyses.components import (
    Estimates,
    component_names,
    effect_arrays,
    estimated,
    family,
    stability,
    top,
)
from pluralens.solvers.analyses.findings import Findings, Inputs
from pluralens.solvers.analyses.reasons import counted
from pluralens.solvers.analysis_plan import AnalysisPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["analyse", "check"]

# What writes to the logits beside heads and MLPs, in the order of `other_writes`.
OTHER = ("embedding", "attention_bias", "norm_bias", "unembed_bias")
PARTS = ("embedding", "heads", "mlps", "attention_bias", "norm_bias", "unembed_bias")


def check(plan: AnalysisPlan) -> None:
    """Refuse what the lens cannot read, before the run.

    Raises:
        InputError: Another architecture or dtype, or no item of a unit has one token on either
            side.
    """
    checkpoint = plan.checkpoint
    if not has_fast_engine(checkpoint):
        raise InputError(
            f"{checkpoint.name}: the lens reads GPT-2 and GPT-Neo, not {architecture(checkpoint)}; "
            "run ablation or attribution on this one"
        )
    if checkpoint.dtype != "float32":
        raise InputError(
            f"dtype={checkpoint.dtype}: contributions do not add up in it; give dtype=float32"
        )
    for prepared in plan.units:
        if not any(one.single and len(one.targets) == 2 for one in prepared.tokenised.usable):
            raise InputError(
                f"{prepared.unit.id}: no item has one target of one token on either side, so there "
                "is no logit gap to split; use data=builtin or data=winogender"
            )


def analyse(inputs: Inputs) -> Findings:
    """Bias by layer (logit lens), and direct logit attribution by component."""
    found, status = _read(inputs)
    by_id = {item.id: item for item in inputs.prepared.items}
    used = [by_id[name] for name in found.about["ids"]]
    layers = estimated(found.arrays["bias"].astype(np.float64), inputs.prepared.items)
    split = estimated(family(found.arrays["heads"], found.arrays["mlps"]), used)
    shape: tuple[int, int] = found.arrays["heads"].shape[:2]
    table = top(component_names(*shape), split.tested, column="writes")
    by_layer = layers.tested.mean
    firm, overlaps = stability(split, inputs.plan.settings.seed)
    numbers = {
        "final_bias": by_layer[-1],
        "embeddings_bias": by_layer[0],
        "layer_of_half_the_bias": _half(by_layer),
        "largest_contribution": table[0]["writes"],
        "largest_contribution low": table[0]["ci_low"],
        "largest_contribution high": table[0]["ci_high"],
        "significant_components": float(split.tested.significant.sum()),
        "components": float(split.tested.mean.size),
        "additivity_error": found.about["worst"],
        "items_split": float(len(used)),
        **baseline_numbers(found.arrays["bias"][-1], inputs.prepared.items),
        **firm,
    }
    return Findings(
        numbers=numbers,
        arrays={
            "lens": (("layer",), by_layer),
            "lens_low": (("layer",), layers.tested.ci_low),
            "lens_high": (("layer",), layers.tested.ci_high),
            "lens_mean": (("layer",), layers.mean.mean),
            **effect_arrays("writes", split.tested, shape),
            **_other_parts(found, used),
            **overlaps,
        },
        details={
            **{f"dla_{name}": found.arrays[name] for name in (*PARTS, "gap")},
            "dla_ids": np.array(found.about["ids"]),
            "lens": found.arrays["bias"],
            **inputs.labels,
        },
        top=table,
        summary=(
            f"Bias read off the embeddings {by_layer[0]:+.3f} nats, off the last layer "
            f"{by_layer[-1]:+.3f}; largest direct contribution: {table[0]['component']}, "
            f"{table[0]['writes']:+.3f} (95 % CI {table[0]['ci_low']:+.3f} to "
            f"{table[0]['ci_high']:+.3f})."
        ),
        about={
            "estimand": layers.estimand,
            "layer 0": "embeddings",
            "parts of other_writes": list(OTHER),
            "contribution": "direct, at the prompt's last token, with the final norm's scale fixed",
        },
        cache=status,
        left_out=counted(found.about["refused"]),
        figure=partial(_figure, layers, inputs.prepared.unit.id, len(inputs.prepared.items)),
    )


def _read(inputs: Inputs) -> tuple[Stored, str]:
    settings, checkpoint = inputs.plan.settings, inputs.plan.checkpoint

    def compute() -> Stored:
        tokenised = inputs.prepared.tokenised
        lens = logit_lens(checkpoint, tokenised, rows=settings.rows)
        inputs.progress(1, 2)
        split = direct_attribution(checkpoint, tokenised, rows=settings.rows)
        inputs.progress(2, 2)
        arrays = {name: getattr(split, name) for name in (*PARTS, "gap")}
        about = {"ids": list(split.ids), "refused": split.refused, "worst": split.worst}
        return Stored(arrays={**arrays, "bias": lens.bias}, about=about)

    return inputs.fetch(inputs.key("lens"), compute)


def _half(by_layer: Any) -> float:
    """The first layer from which on at least half of the final bias can be read."""
    final = float(by_layer[-1])
    if final == 0:
        return float("nan")
    there = np.asarray(by_layer) / final >= 0.5
    # The last layer is always there; the run of layers up to it is what counts.
    behind = np.flatnonzero(~there)
    return float(behind[-1] + 1) if len(behind) else 0.0


def _other_parts(found: Stored, used: list[BiasItem]) -> dict[str, Any]:
    """What the embeddings and the biases of the network write, in the same estimand."""
    rows = np.stack(
        [
            found.arrays[name].sum(0) if name == "attention_bias" else found.arrays[name]
            for name in OTHER
        ]
    ).astype(np.float64)
    values = estimated(rows, used).tested.mean
    return {"other_writes": (("part",), values)}


def _figure(layers: Estimates, unit: str, prompts: int) -> "Figure":
    from pluralens.viz.interp_figures.curves import COLUMNS, figure

    one = layers.tested
    rows = [
        ("bias", layer, one.mean[layer], one.ci_low[layer], one.ci_high[layer])
        for layer in range(len(one.mean))
    ]
    return figure(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        title=f"Logit lens: {unit}",
        xlabel="layer (0 = embeddings)",
        ylabel="bias read off the layer (nats)",
        level=0.0,
        note=f"n={prompts:,} prompts. {layers.estimand[0].upper()}{layers.estimand[1:]}. Band: "
        "95 % CI.",
    )
