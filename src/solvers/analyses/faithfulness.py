"""Ablate the heads that a ranking puts first, together: bias left, and what it costs."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pluralens.errors import InputError
from pluralens.interp.blocks import head_shape
from pluralens.interp.cache import Stored
from pluralens.interp.faithfulness import faithfulness, rank_heads
from pluralens.interp.tokens import TokenItem, tokenise_sentences
from pluralens.sentences.occupations import mirrored
from pluralens.solvers.analyses.ablation import scanned
from pluralens.solvers.analyses.baseline import baseline_numbers
from pluralens.solvers.analyses.components import (
    STEREOTYPE,
    estimated,
    family,
    occupation_shares,
    stability,
)
from pluralens.solvers.analyses.findings import Findings, Inputs
from pluralens.solvers.analysis_plan import AnalysisPlan
from pluralens.stats.component_effects import twin_contrasts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["analyse", "check"]

# Enough for a perplexity; more would cost as much as the bias itself.
MOST_SENTENCES = 200
CURVES = ("bias", "absolute", "log_prob")
RANDOM = ("random_bias", "random_absolute", "random_log_prob")


def check(plan: AnalysisPlan) -> None:
    """Refuse numbers of heads that the network does not have.

    Raises:
        InputError: One is larger than the number of heads, or none is above 0.
    """
    layers, heads, _ = head_shape(plan.checkpoint)
    wanted = plan.settings.k
    if wanted is None:
        return
    if max(wanted) > layers * heads or max(wanted) < 1:
        raise InputError(
            f"k={','.join(map(str, wanted))}: {plan.checkpoint.name} has {layers * heads} heads; "
            f"give numbers from 1 to {layers * heads}"
        )


def analyse(inputs: Inputs) -> Findings:
    """Curves of bias and cost by number of heads, beside random heads."""
    items, settings = inputs.prepared.items, inputs.plan.settings
    scan, _ = scanned(inputs)
    layers, heads, _ = scan.arrays["heads"].shape
    clean = estimated(scan.arrays["clean"].astype(np.float64)[None], items)
    estimates = estimated(family(scan.arrays["heads"], scan.arrays["mlps"]), items)
    # What is to fall is the bias that there is: where it points to B, A and B change places.
    towards_a = float(clean.tested.mean[0]) >= 0
    effects = estimates.tested.mean[: layers * heads].reshape(layers, heads)
    ranking = rank_heads(effects if towards_a else -effects, "lowest")
    found, status = _curves(inputs, ranking, towards_a, estimates.estimand)
    arrays, about = found.arrays, found.about
    area, advantage = arrays["area"], arrays["advantage"]
    ks = arrays["ks"].astype(int)
    half = int(np.searchsorted(ks, max(1, ks[-1] // 8)))
    bias, perplexity = arrays["bias"][0], np.exp(-arrays["log_prob"][0])
    firm, overlaps = stability(estimates, settings.seed, layers * heads)
    numbers = {
        "area": area[0],
        "area low": area[1],
        "area high": area[2],
        "random_area": about["random_area"],
        "advantage": advantage[0],
        "advantage low": advantage[1],
        "advantage high": advantage[2],
        **baseline_numbers(scan.arrays["clean"], items),
        "heads_ablated": ks[half],
        "bias_left": bias[half],
        "perplexity_before": perplexity[0],
        "perplexity_after": perplexity[half],
        "towards_a": towards_a,
        **firm,
    }
    return Findings(
        numbers=numbers,
        arrays={
            "k": (("k",), ks),
            **{name: (("value, low, high", "k"), arrays[name]) for name in CURVES},
            **{name: (("draw", "k"), arrays[name]) for name in RANDOM},
            **overlaps,
            "ranking": (("place", "layer, head"), np.array(ranking)),
        },
        details={},
        top=[
            {
                "component": f"blocks.{layer}.attn.hook_z head {head}",
                "rank": place + 1,
                "effect alone": float(effects[layer, head]),
            }
            for place, (layer, head) in enumerate(ranking[:10])
        ],
        summary=(
            f"With the first {ks[half]} of {ks[-1]} heads ablated the bias goes from {bias[0]:.3f} "
            f"to {bias[half]:.3f} nats, the perplexity from {perplexity[0]:.2f} to "
            f"{perplexity[half]:.2f}; random heads leave {advantage[0]:+.3f} more area "
            f"(95 % CI {advantage[1]:+.3f} to {advantage[2]:+.3f})."
        ),
        about={
            **about,
            "estimand": estimates.estimand,
            "direction": "towards A" if towards_a else "towards B (A and B change places)",
            "ranking": "by exact ablation of single heads on the same prompts, lowest effect first",
        },
        cache=status,
        figure=partial(_figure, arrays, ks, inputs.prepared.unit.id, about),
    )


def _curves(
    inputs: Inputs, ranking: list[tuple[int, int]], towards_a: bool, estimand: str
) -> tuple[Stored, str]:
    settings, checkpoint = inputs.plan.settings, inputs.plan.checkpoint
    items = [one if towards_a else _turned(one) for one in inputs.prepared.tokenised.usable]
    texts = _sentences(inputs)
    groups, shares = inputs.groups, occupation_shares(inputs.prepared.items)

    def contrast(values: Any) -> Any:
        # With A and B in the other places, the twins' roles are still those of the shares.
        return twin_contrasts(values, groups, shares, mirrored(shares)).values

    def compute() -> Stored:
        result = faithfulness(
            checkpoint,
            items,
            ranking,
            sentences=tokenise_sentences(texts, checkpoint),
            contrast=contrast if estimand == STEREOTYPE else None,
            ks=settings.k,
            mode=settings.mode,  # type: ignore[arg-type]
            seed=settings.seed,
            rows=settings.rows,
            progress=inputs.progress,
        )
        arrays = {
            "ks": np.array(result.ks),
            **{name: np.stack(getattr(result, name)) for name in CURVES},
            **{name: getattr(result, name) for name in RANDOM},
            "area": np.array(result.area),
            "advantage": np.array(result.advantage),
        }
        return Stored(arrays=arrays, about={**result.about, "random_area": result.random_area})

    key = inputs.key(
        "faithfulness",
        mode=settings.mode,
        seed=settings.seed,
        k=settings.k,
        ranking=ranking,
        texts=texts,
        towards_a=towards_a,
        estimand=estimand,
        shares=shares,
    )
    return inputs.fetch(key, compute)


def _turned(item: TokenItem) -> TokenItem:
    return replace(item, a=item.b, b=item.a)


def _sentences(inputs: Inputs) -> list[str]:
    """Whole sentences of the items, evenly spread over them: what the perplexity is of."""
    items = inputs.prepared.items
    step = -(-2 * len(items) // MOST_SENTENCES)
    return [
        item.prefix + word + item.suffix
        for item in items[::step]
        for word in (item.targets_a[0], item.targets_b[0])
    ]


def _figure(arrays: Any, ks: Any, unit: str, about: Any) -> "Figure":
    from pluralens.viz.interp_figures.curves import BAND, COLUMNS, figure

    low, high = arrays["random_bias"].min(axis=0), arrays["random_bias"].max(axis=0)
    mean = arrays["random_bias"].mean(axis=0)
    rows = [("ranked heads", k, *arrays["bias"][:, i]) for i, k in enumerate(ks)]
    rows += [("random heads, mean", k, mean[i], np.nan, np.nan) for i, k in enumerate(ks)]
    rows += [(BAND, k, np.nan, low[i], high[i]) for i, k in enumerate(ks)]
    return figure(
        pd.DataFrame(rows, columns=list(COLUMNS)),
        title=f"Faithfulness ({about['mode']}): {unit}",
        xlabel="heads ablated together",
        ylabel="bias left (nats)",
        level=0.0,
        note=f"n={about['items']} prompts, {about['units']} units. Band: 95 % CI; grey: range of "
        f"{about['random_draws']} random rankings.",
    )
