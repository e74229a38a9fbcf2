"""Exchange activations between prompts and their twins, in both directions."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pluralens.errors import InputError
from pluralens.interp.cache import Stored
from pluralens.interp.fidelity import KINDS, Kind
from pluralens.interp.pairs import TokenPairs, pair_up
from pluralens.interp.patching import DIRECTIONS, Direction, Patching, Recovery, patch, recovery
from pluralens.solvers.analyses.baseline import baseline_numbers
from pluralens.solvers.analyses.components import (
    TOP,
    Estimates,
    component_names,
    family,
    stability,
)
from pluralens.solvers.analyses.findings import Findings, Inputs
from pluralens.solvers.analyses.reasons import counted
from pluralens.solvers.analysis_plan import AnalysisPlan
from pluralens.stats.component_effects import ComponentEffects, component_effects

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["analyse", "check"]

# Places from the prompt's end at which the residual stream is patched; further back they are few.
MOST_POSITIONS = 12
RECOVERY = "share of the difference between a prompt and its twin"


def check(plan: AnalysisPlan) -> None:
    """Refuse data without twins, before the run.

    Raises:
        InputError: No item of a unit has a twin that can be compared.
    """
    for prepared in plan.units:
        pairs = pair_up(prepared.items, plan.checkpoint)
        if not pairs.usable:
            reasons = counted(pairs.unusable)
            most = max(reasons, key=lambda reason: reasons[reason])
            raise InputError(
                f"{prepared.unit.id}: none of {len(prepared.items)} items can be compared with a "
                f"twin: {most}; use data=builtin or data=winogender"
            )


def analyse(inputs: Inputs) -> Findings:
    """Recovery of every component, denoising and noising."""
    pairs = pair_up(inputs.prepared.items, inputs.plan.checkpoint)
    found, status = _patched(inputs, pairs)
    whole, by_place = _results(found, pairs)
    seed = inputs.plan.settings.seed
    recovered = {
        (kind, direction): recovery(whole, kind, direction, seed=seed)
        for kind in KINDS
        for direction in DIRECTIONS
    }
    residual = recovery(by_place, "resids", "denoising", seed=seed)
    shape: tuple[int, int] = whole.heads["denoising"].shape[1:3]
    tests = {one: _tested(whole, one) for one in DIRECTIONS}
    table = _top(component_names(*shape), recovered)
    by_id = {item.id: item for item in inputs.prepared.items}
    items = [by_id[name] for name in whole.ids]
    missing = counted(pairs.unusable)
    denoising = tests["denoising"]
    firm, overlaps = stability(denoising, seed)
    numbers = {
        "largest_recovery": table[0]["denoising"],
        "largest_recovery low": table[0]["ci_low"],
        "largest_recovery high": table[0]["ci_high"],
        "its_noising_recovery": table[0]["noising"],
        "significant_components": float(denoising.tested.significant.sum()),
        "components": float(denoising.tested.mean.size),
        "mean_difference": float(np.abs(whole.clean.astype(np.float64) - whole.corrupt).mean()),
        "pairs": float(len(whole.ids)),
        "pair_groups": float(len(set(whole.groups))),
        "without_a_twin": float(sum(missing.values())),
        **baseline_numbers(whole.clean, items),
        **firm,
    }
    return Findings(
        numbers=numbers,
        arrays={**_arrays(recovered, residual, tests, shape, by_place), **overlaps},
        details={
            **found.arrays,
            "ids": np.array(whole.ids),
            "groups": np.array(whole.groups),
        },
        top=table,
        summary=(
            f"Largest recovery at all positions: {table[0]['component']}, "
            f"{table[0]['denoising']:.3f} (95 % CI {table[0]['ci_low']:.3f} to "
            f"{table[0]['ci_high']:.3f}) of the difference between prompts and twins, "
            f"n={len(whole.ids)} pairs."
        ),
        about={
            **found.about,
            "estimand": "recovery: ratio of means over pairs along each pair's own direction",
            "positions": list(by_place.positions),
        },
        cache=status,
        left_out=missing,
        figure=partial(
            _figure, recovered, denoising.tested, shape, inputs.prepared.unit.id, len(whole.ids)
        ),
    )


def _patched(inputs: Inputs, pairs: TokenPairs) -> tuple[Stored, str]:
    settings, checkpoint = inputs.plan.settings, inputs.plan.checkpoint
    longest = max(len(pair.clean.prefix) for pair in pairs.usable)
    places = [-place for place in range(1, min(longest, MOST_POSITIONS) + 1)]

    def compute() -> Stored:
        # Two parts: every component at all positions, the residual stream at each.
        whole = patch(
            checkpoint, pairs, positions=["all"], rows=settings.rows, progress=inputs.progress
        )
        by_place = patch(
            checkpoint,
            pairs,
            directions=["denoising"],
            positions=places,
            sites=["resid_post"],
            rows=settings.rows,
            progress=inputs.progress,
        )
        arrays = {
            f"{kind}_{one}": whole.patched(kind, one)[0] for kind in KINDS for one in DIRECTIONS
        }
        arrays |= {"clean": whole.clean, "corrupt": whole.corrupt}
        arrays["resids_by_position"] = by_place.resids["denoising"]
        return Stored(arrays=arrays, about={**whole.about, "positions": places})

    twins = [[pair.clean.id, list(pair.corrupt.prefix)] for pair in pairs.usable]
    return inputs.fetch(inputs.key("patching", twins=twins, places=places), compute)


def _results(found: Stored, pairs: TokenPairs) -> tuple[Patching, Patching]:
    """The two parts as the room knows them, also where they came from the cache."""
    arrays = found.arrays
    whole = Patching(
        ids=tuple(pair.clean.id for pair in pairs.usable),
        groups=tuple(pair.group for pair in pairs.usable),
        clean=arrays["clean"],
        corrupt=arrays["corrupt"],
        positions=("all",),
        heads={one: arrays[f"heads_{one}"][None] for one in DIRECTIONS},
        mlps={one: arrays[f"mlps_{one}"][None] for one in DIRECTIONS},
        resids={one: arrays[f"resids_{one}"][None] for one in DIRECTIONS},
        about=dict(found.about),
    )
    by_place = replace(
        whole,
        positions=tuple(found.about["positions"]),
        resids={"denoising": arrays["resids_by_position"]},
    )
    return whole, by_place


def _tested(whole: Patching, direction: Direction) -> Estimates:
    """Recovery per pair over the mean difference: its mean is the ratio, and it can be tested."""
    difference = whole.clean.astype(np.float64) - whole.corrupt
    patched = family(whole.heads[direction][0], whole.mlps[direction][0])
    start, sign = (whole.corrupt, 1) if direction == "denoising" else (whole.clean, -1)
    moved = sign * np.sign(difference) * (patched - start)
    size = np.abs(difference).mean()
    values = moved / size if size else np.zeros_like(moved)
    groups = list(whole.groups)
    effects = component_effects(values, groups)
    return Estimates(RECOVERY, effects, effects, values, groups)


def _both(recovered: dict[tuple[Kind, Direction], Recovery], direction: Direction) -> Any:
    """Estimate, lower and upper end of heads, then MLPs, `[3, components]`."""
    heads, mlps = recovered["heads", direction], recovered["mlps", direction]
    pairs = zip(
        (heads.estimate, heads.ci_low, heads.ci_high),
        (mlps.estimate, mlps.ci_low, mlps.ci_high),
        strict=True,
    )
    return np.stack([np.concatenate([one.ravel(), other.ravel()]) for one, other in pairs])


def _top(
    names: list[str], recovered: dict[tuple[Kind, Direction], Recovery]
) -> list[dict[str, Any]]:
    denoising, noising = (_both(recovered, one) for one in DIRECTIONS)
    order = np.argsort(-np.nan_to_num(denoising[0], nan=-np.inf), kind="stable")[:TOP]
    return [
        {
            "component": names[i],
            "denoising": float(denoising[0, i]),
            "ci_low": float(denoising[1, i]),
            "ci_high": float(denoising[2, i]),
            "noising": float(noising[0, i]),
        }
        for i in order
    ]


def _arrays(
    recovered: dict[tuple[Kind, Direction], Recovery],
    residual: Recovery,
    tests: dict[Direction, Estimates],
    shape: tuple[int, int],
    by_place: Patching,
) -> dict[str, Any]:
    dims = {"heads": ("layer", "head"), "mlps": ("layer",), "resids": ("layer",)}
    short = {"heads": "head", "mlps": "mlp", "resids": "resid"}
    arrays: dict[str, Any] = {"position": (("position",), np.array(by_place.positions))}
    for (kind, direction), one in recovered.items():
        for ending, values in (
            ("", one.estimate),
            ("_low", one.ci_low),
            ("_high", one.ci_high),
        ):
            arrays[f"{short[kind]}_{direction}{ending}"] = (dims[kind], values[0])
    for direction, test in tests.items():
        sure, split = test.tested.significant.astype(np.int64), shape[0] * shape[1]
        arrays[f"head_{direction}_significant"] = (dims["heads"], sure[:split].reshape(shape))
        arrays[f"mlp_{direction}_significant"] = (dims["mlps"], sure[split:])
    names = ("", "_low", "_high")
    for ending, values in zip(names, residual[:3], strict=True):
        arrays[f"resid_by_position{ending}"] = (("position", "layer"), values)
    return arrays


def _figure(
    recovered: dict[tuple[Kind, Direction], Recovery],
    tested: ComponentEffects,
    shape: tuple[int, int],
    unit: str,
    pairs: int,
) -> "Figure":
    from pluralens.viz.interp_figures.heatmap import component_frame, figure

    split, both = shape[0] * shape[1], _both(recovered, "denoising")
    frame = component_frame(
        both[0][:split].reshape(shape),
        both[0][split:],
        tested.significant[:split].reshape(shape),
        tested.significant[split:],
        both[1:],
    )
    return figure(
        frame,
        title=f"Patching (denoising): {unit}",
        unit="recovery of the twin's difference",
        note=f"n={pairs:,} pairs in {tested.n_groups:,} groups. Pale and dotted: not "
        "distinguishable from 0 (BH, 5 %). Lines: 95 % CI (bootstrap).",
    )
