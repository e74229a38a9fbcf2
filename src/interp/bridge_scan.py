"""Exact ablation of every head and MLP where the fast engine does not know the architecture.

`ablation.scan` through a Bridge: the same definitions of the effect and of what replaces an output,
the same result. Components are ablated in batches of variants, but each variant is a full forward
pass over all positions, so expect a fraction of the fast engine's speed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from pluralens.errors import InputError
from pluralens.interp.ablation import AblationResult, Progress
from pluralens.interp.bias_metric import sequences_of
from pluralens.interp.bridge import BridgeRun, bridge, bridge_rows
from pluralens.interp.checkpoint import Checkpoint
from pluralens.interp.interventions import Donor, by_length, replace_each
from pluralens.interp.memory import Rows, fits_in_memory
from pluralens.interp.replacement import MODES, Mode, resample_partners, resample_positions
from pluralens.interp.stand_ins import mean_stand_ins, zero_stand_ins
from pluralens.interp.tokens import TokenisedItems, TokenItem

__all__ = ["bridge_scan"]


def bridge_scan(
    checkpoint: Checkpoint,
    items: TokenisedItems | Sequence[TokenItem],
    *,
    mode: Mode = "mean",
    seed: int = 0,
    rows: Rows = "auto",
    progress: Progress | None = None,
) -> AblationResult:
    """Ablate every head and every MLP, each alone; `ablation.scan` for other architectures.

    Args:
        checkpoint: Any checkpoint that TransformerLens knows.
        items: Tokenised items.
        mode: As in `ablation.scan`: the same replacements, by the same definitions.
        seed: Of `resample`.
        rows: Tokens computed at once, padding included.
        progress: Told `(done, total)` items after every batch.

    Returns:
        The effects.

    Raises:
        InputError: No items, an unknown mode, an unknown architecture, too few different prompts to
            resample, or not enough memory.
    """
    used = items.usable if isinstance(items, TokenisedItems) else tuple(items)
    if not used:
        raise InputError("ablation: no usable items; see the reasons, or give other data")
    if mode not in MODES:
        raise InputError(f"mode: no {mode!r}; give one of {', '.join(MODES)}")
    at_once = bridge_rows(checkpoint, rows)
    with checkpoint.lock, torch.no_grad(), fits_in_memory(at_once):
        return _scan(bridge(checkpoint), used, mode, seed, at_once, progress)


def _scan(
    wrapped: Any,
    items: Sequence[TokenItem],
    mode: Mode,
    seed: int,
    rows: int,
    progress: Progress | None,
) -> AblationResult:
    batches = by_length(items, rows)
    runs = (BridgeRun(wrapped, [items[i] for i in members]) for members in batches)
    means = mean_stand_ins(runs) if mode == "mean" else None
    partners = resample_partners([i.prefix for i in items], seed) if mode == "resample" else {}
    words = "zero"
    if means is not None:
        words = f"mean over {means.counts[1]} later tokens; of {means.counts[0]} first ones apart"
    elif partners:
        words = f"outputs in another of {len(partners)} prompts, seed {seed}"
    layers, heads, n = int(wrapped.cfg.n_layers), int(wrapped.cfg.n_heads), len(items)
    clean = np.full(n, np.nan, np.float32)
    of_heads = np.full((layers, heads, n), np.nan, np.float32)
    of_mlps = np.full((layers, n), np.nan, np.float32)
    done = 0
    for members in batches:
        inside = [items[i] for i in members]
        run = BridgeRun(wrapped, inside)
        if means is not None:
            donor = means.donor(run)
        elif mode == "zero":
            donor = zero_stand_ins(run)
        else:
            donor = _resampled(wrapped, run, inside, [partners[i.prefix] for i in inside])
        baseline = run.take().metric.cpu().numpy()
        found = replace_each(run, donor, sites=("z", "mlp_out"), rows=rows)
        clean[members] = baseline
        of_heads[:, :, members] = found.heads - baseline
        of_mlps[:, members] = found.mlps - baseline
        done += len(members)
        if progress is not None:
            progress(done, n)
    return AblationResult(
        ids=tuple(item.id for item in items),
        groups=tuple(item.group for item in items),
        clean=clean,
        heads=of_heads,
        mlps=of_mlps,
        about={
            "engine": "TransformerBridge",
            "mode": mode,
            "replacement": words,
            "seed": seed if mode == "resample" else None,
            "dtype": str(next(wrapped.parameters()).dtype).removeprefix("torch."),
            "items": n,
            "tokens": sum(len(s) for item in items for s in sequences_of(item)),
            "rows": rows,
        },
    )


def _resampled(
    wrapped: Any, run: BridgeRun, items: Sequence[TokenItem], sources: Sequence[tuple[int, ...]]
) -> Donor:
    """Outputs in each item's partner, positions aligned as in `replacement.resample_positions`."""
    other = BridgeRun(
        wrapped,
        [
            TokenItem(item.id, item.group, source, ((0,),), ((1,),))
            for item, source in zip(items, sources, strict=True)
        ],
    )
    taken = []
    owners, offsets = run.owner.tolist(), run.offset.tolist()
    places = [
        resample_positions(len(item.prefix), len(source), len(item.prefix) + _most_added(item))
        for item, source in zip(items, sources, strict=True)
    ]
    for owner, offset in zip(owners, offsets, strict=True):
        if owner == len(items):
            taken.append(0)  # padding, which nothing reads
        else:
            place = offset + len(items[owner].prefix) - 1
            taken.append(other.prompts[owner][places[owner][place]])
    index = torch.tensor(taken, device=run.owner.device)
    found = other.take()
    return lambda site, layer: found.at(site, layer)[index]


def _most_added(item: TokenItem) -> int:
    return max(len(target) - 1 for target in item.targets)
