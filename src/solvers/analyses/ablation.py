"""Ablate every head and every MLP, one at a time."""

from collections.abc import Callable
from functools import partial

from pluralens.interp.ablation import AblationResult, scan
from pluralens.interp.architectures import has_fast_engine
from pluralens.interp.cache import Stored
from pluralens.interp.export import by_layer, by_layer_and_head
from pluralens.interp.replacement import resample_partners
from pluralens.solvers.analyses.baseline import baseline_numbers
from pluralens.solvers.analyses.components import (
    component_names,
    effect_arrays,
    effect_figure,
    estimated,
    family,
    stability,
    top,
)
from pluralens.solvers.analyses.findings import Findings, Inputs
from pluralens.solvers.analysis_plan import AnalysisPlan

__all__ = ["analyse", "check", "scanned"]


def check(plan: AnalysisPlan) -> None:
    """Refuse to resample what has nothing to resample from, before the run.

    Raises:
        InputError: A unit has fewer than two different prompts.
    """
    if plan.settings.mode == "resample":
        for prepared in plan.units:
            prefixes = [one.prefix for one in prepared.tokenised.usable]
            resample_partners(prefixes, plan.settings.seed)


def scanned(inputs: Inputs) -> tuple[Stored, str]:
    """The scan, or the kept one: `clean [n]`, `heads [layers, heads, n]`, `mlps [layers, n]`."""
    settings, checkpoint = inputs.plan.settings, inputs.plan.checkpoint

    def compute() -> Stored:
        run = scan if has_fast_engine(checkpoint) else _bridge_scan()
        result = run(
            checkpoint,
            inputs.prepared.tokenised,
            mode=settings.mode,
            seed=settings.seed,
            rows=settings.rows,
            progress=inputs.progress,
        )
        arrays = {"clean": result.clean, "heads": result.heads, "mlps": result.mlps}
        return Stored(arrays=arrays, about=result.about)

    seed = settings.seed if settings.mode == "resample" else None
    return inputs.fetch(inputs.key("scan", mode=settings.mode, seed=seed), compute)


def _bridge_scan() -> Callable[..., AblationResult]:
    # Imported here: TransformerLens's own import takes seconds.
    from pluralens.interp.bridge_scan import bridge_scan

    return bridge_scan


def analyse(inputs: Inputs) -> Findings:
    """Effects of the exact scan; ablated minus clean."""
    settings, items = inputs.plan.settings, inputs.prepared.items
    found, status = scanned(inputs)
    layers, heads, _ = found.arrays["heads"].shape
    effects = family(found.arrays["heads"], found.arrays["mlps"])
    estimates = estimated(effects, items)
    names = component_names(layers, heads)
    table = top(names, estimates.tested)
    largest = table[0]
    significant, mean = estimates.tested.significant, estimates.mean.mean
    firm, overlaps = stability(estimates, settings.seed)
    numbers = {
        "largest_effect": largest["effect"],
        "largest_effect low": largest["ci_low"],
        "largest_effect high": largest["ci_high"],
        "largest_effect p": largest["p_adjusted"],
        "significant_heads": float(significant[: layers * heads].sum()),
        "significant_mlps": float(significant[layers * heads :].sum()),
        "components": float(len(names)),
        **baseline_numbers(found.arrays["clean"], items),
        **firm,
    }
    return Findings(
        numbers=numbers,
        arrays={
            **effect_arrays("effect", estimates.tested, (layers, heads)),
            **effect_arrays("mean", estimates.mean, (layers, heads)),
            **overlaps,
        },
        details={**found.arrays, **inputs.labels},
        top=table,
        summary=(
            f"Largest effect of ablation: {largest['component']}, {largest['effect']:+.4f} nats "
            f"(95 % CI {largest['ci_low']:+.4f} to {largest['ci_high']:+.4f}); "
            f"{int(significant.sum())} of {len(names)} components differ from 0 (BH, 5 %)."
        ),
        about={**found.about, "estimand": estimates.estimand, "effect": "ablated minus clean"},
        cache=status,
        figure=partial(
            effect_figure,
            estimates,
            len(items),
            (layers, heads),
            f"Ablation ({settings.mode}): {inputs.prepared.unit.id}",
            "effect",
        ),
        export={
            "head_ablations": by_layer_and_head(mean[: layers * heads].reshape(layers, heads)),
            "mlp_ablations": by_layer(mean[layers * heads :]),
        },
    )
