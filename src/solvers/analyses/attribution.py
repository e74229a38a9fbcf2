"""Attribute the bias to hook points by gradients, and say how far that agrees with exact runs."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from pluralens.interp.attribution import METHODS, Method, attribute
from pluralens.interp.cache import Stored
from pluralens.interp.export import by_layer
from pluralens.interp.fidelity import KINDS, exact_scores, fidelity
from pluralens.interp.interventions import hook_name
from pluralens.interp.pairs import TokenPairs, pair_up
from pluralens.interp.tokens import TokenisedItems
from pluralens.sentences.items import BiasItem
from pluralens.solvers.analyses.baseline import baseline_numbers
from pluralens.solvers.analyses.components import (
    MEAN,
    Estimates,
    component_names,
    effect_arrays,
    effect_figure,
    estimated,
    family,
    occupation_shares,
    stability,
    top,
)
from pluralens.solvers.analyses.findings import Findings, Inputs
from pluralens.solvers.analyses.reasons import counted

__all__ = ["analyse"]

# Prompts of the subsample on which exact runs are made.
FIDELITY_PROMPTS = 16
COMPUTED = ("clean", "corrupt", "direction", *KINDS)


@dataclass(frozen=True)
class _Chosen:
    """What is attributed: all items against a mean or nothing, or those that have a twin."""

    baseline: str
    given: TokenPairs | TokenisedItems
    items: tuple[BiasItem, ...]
    groups: list[str]
    without_twin: dict[str, int]


def _chosen(inputs: Inputs) -> _Chosen:
    """`auto` takes the twins where at least half of the items have one that can be compared."""
    prepared, asked = inputs.prepared, inputs.plan.settings.baseline
    everything = _Chosen(asked, prepared.tokenised, prepared.items, inputs.groups, {})
    if asked in ("mean", "zero"):
        return everything
    pairs = pair_up(prepared.items, inputs.plan.checkpoint)
    missing = counted(pairs.unusable)
    if asked == "auto" and 2 * len(pairs.usable) < len(prepared.items):
        return _Chosen("mean", prepared.tokenised, prepared.items, inputs.groups, missing)
    by_id = {item.id: item for item in prepared.items}
    items = tuple(by_id[pair.clean.id] for pair in pairs.usable)
    return _Chosen("twin", pairs, items, [pair.group for pair in pairs.usable], missing)


def analyse(inputs: Inputs) -> Findings:
    """Scores of all methods with their fidelity; ranked by the one that agrees best."""
    chosen = _chosen(inputs)
    runs, statuses = {}, []
    for method in METHODS:
        runs[method], status = _scored(inputs, chosen, method)
        statuses.append(status)
    found: dict[Method, Estimates] = {}
    for method, run in runs.items():
        found[method] = _estimates(run, family(run.arrays["heads"], run.arrays["mlps"]), chosen)
    shape: tuple[int, int] = runs["atp"].arrays["heads"].shape[:2]
    names = component_names(*shape)
    # Gradient times activation is there for comparison with older work, never to rank by.
    ranked: Method = max(("atp", "ig"), key=lambda method: _least(runs[method]))
    agreement = runs[ranked].about["agreement"]
    trusted = agreement["heads"]["verdict"] == "enough"
    firm, overlaps = stability(found[ranked], inputs.plan.settings.seed)
    return Findings(
        numbers={
            "fidelity": agreement["heads"]["pearson"],
            "fidelity_ranks": agreement["heads"]["spearman"],
            "fidelity_mlps": agreement["mlps"]["pearson"],
            "relative_error": agreement["heads"]["relative_error"],
            "trusted": trusted,
            **{
                f"{method}_fidelity": runs[method].about["agreement"]["heads"]["pearson"]
                for method in METHODS
            },
            "significant_components": float(found[ranked].tested.significant.sum()),
            **baseline_numbers(runs["atp"].arrays["clean"], chosen.items),
            "without_a_twin": float(sum(chosen.without_twin.values())),
            **firm,
        },
        arrays={**_arrays(runs, found, shape, chosen), **overlaps},
        details=_details(runs, chosen),
        top=top(names, found[ranked].tested, column="score") if trusted else [],
        summary=_summary(ranked, agreement["heads"], trusted),
        about={
            "ranked by": ranked,
            "baseline": runs[ranked].about["baseline"],
            "estimand": found[ranked].estimand,
            "score": "what the hook point adds to the bias, against the baseline",
            "engine": runs[ranked].about["engine"],
            "ig_steps": inputs.plan.settings.ig_steps,
            "fidelity": {method: runs[method].about["agreement"] for method in METHODS},
            "fidelity_prompts": runs[ranked].about["prompts"],
            "items": len(chosen.items),
        },
        left_out=chosen.without_twin,
        cache=statuses[0] if len(set(statuses)) == 1 else ", ".join(statuses),
        figure=partial(
            effect_figure,
            found[ranked],
            len(chosen.items),
            shape,
            f"Attribution ({ranked}, {chosen.baseline}): {inputs.prepared.unit.id}",
            "score",
        ),
        export={"attribution_patching": _by_hook(runs["atp"], chosen)},
    )


def _scored(inputs: Inputs, chosen: _Chosen, method: Method) -> tuple[Stored, str]:
    settings, checkpoint = inputs.plan.settings, inputs.plan.checkpoint
    baseline = "zero" if method == "grad_x_act" else chosen.baseline
    steps = settings.ig_steps if method == "ig" else None

    def compute() -> Stored:
        result = attribute(
            checkpoint,
            chosen.given,
            method=method,
            baseline=baseline,  # type: ignore[arg-type]
            ig_steps=settings.ig_steps,
            rows=settings.rows,
            progress=inputs.progress,
        )
        agreed = fidelity(
            checkpoint,
            chosen.given,
            result,
            prompts=FIDELITY_PROMPTS,
            seed=settings.seed,
            rows=settings.rows,
        )
        arrays = {name: getattr(result, name) for name in COMPUTED}
        if method == "atp":
            # What the scores are held against; `ig` has the same baseline and the same prompts.
            exact = exact_scores(
                checkpoint,
                chosen.given,
                baseline=baseline,  # type: ignore[arg-type]
                members=[result.ids.index(name) for name in agreed.prompts],
                rows=settings.rows,
            )
            arrays |= {f"exact_{kind}": getattr(exact, kind) for kind in KINDS}
        about = {
            **result.about,
            "agreement": {kind: asdict(agreed.agreement[kind]) for kind in KINDS},
            "prompts": list(agreed.prompts),
        }
        return Stored(arrays=arrays, about=about)

    key = inputs.key(
        "attribution",
        method=method,
        baseline=baseline,
        ig_steps=steps,
        fidelity_prompts=FIDELITY_PROMPTS,
        seed=settings.seed,
        # Of the items, those that are attributed, in order.
        given=[[item.id, item.twin if baseline == "twin" else None] for item in chosen.items],
    )
    return inputs.fetch(key, compute)


def _estimates(run: Stored, values: Any, chosen: _Chosen) -> Estimates:
    """Estimates of scores, `[components, n]`; between twins in the pairs' own direction.

    Along the stereotype no direction is needed: the contrast of twin occupations is one.
    """
    scores = np.asarray(values, dtype=np.float64)
    if not occupation_shares(chosen.items):
        scores = scores * run.arrays["direction"]
    found = estimated(scores, chosen.items, chosen.groups)
    if found.estimand == MEAN and run.about["baseline"] == "twin":
        return found._replace(estimand="mean over pairs, each in its own direction")
    return found


def _least(run: Stored) -> float:
    """The smaller correlation of heads; what cannot be told comes last."""
    heads = run.about["agreement"]["heads"]
    least = min(heads["pearson"], heads["spearman"])
    return -2.0 if np.isnan(least) else float(least)


def _arrays(
    runs: dict[Method, Stored],
    found: dict[Method, Estimates],
    shape: tuple[int, int],
    chosen: _Chosen,
) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for method, run in runs.items():
        arrays |= effect_arrays(method, found[method].tested, shape, all_columns=False)
        resids = _estimates(run, run.arrays["resids"], chosen).tested.mean
        arrays[f"resid_{method}"] = (("layer",), resids)
    # Scores and exact values on the same prompts in the pairs' own direction: what fidelity is of.
    sampled = set(runs["atp"].about["prompts"])
    places = [place for place, item in enumerate(chosen.items) if item.id in sampled]
    direction = runs["atp"].arrays["direction"][places]
    for kind, name, dims in (
        ("heads", "head", ("layer", "head")),
        ("mlps", "mlp", ("layer",)),
        ("resids", "resid", ("layer",)),
    ):
        arrays[f"{name}_exact"] = (
            dims,
            (runs["atp"].arrays[f"exact_{kind}"] * direction).mean(-1),
        )
        for method in ("atp", "ig"):
            scores = runs[method].arrays[kind][..., places]
            arrays[f"{name}_{method}_sampled"] = (dims, (scores * direction).mean(-1))
    return arrays


def _details(runs: dict[Method, Stored], chosen: _Chosen) -> dict[str, Any]:
    details: dict[str, Any] = {
        f"{method}_{kind}": run.arrays[kind] for method, run in runs.items() for kind in KINDS
    }
    return {
        **details,
        "clean": runs["atp"].arrays["clean"],
        "corrupt": runs["atp"].arrays["corrupt"],
        "ids": np.array([item.id for item in chosen.items]),
        "groups": np.array(chosen.groups),
    }


def _by_hook(run: Stored, chosen: _Chosen) -> dict[str, float | None]:
    """Hook name -> score; that of `hook_z` is the sum over the heads."""
    sites = (("z", run.arrays["heads"].sum(1)), ("mlp_out", run.arrays["mlps"]))
    found: dict[str, float | None] = {}
    for site, values in (*sites, ("resid_post", run.arrays["resids"])):
        scores = _estimates(run, values, chosen).tested.mean
        for layer, score in by_layer(scores).items():
            found[hook_name(site, int(layer))] = score  # type: ignore[arg-type]
    return found


def _summary(method: Method, heads: dict[str, Any], trusted: bool) -> str:
    words = (
        f"{method} against exact replacement, heads: correlation {heads['pearson']:.3f} "
        f"(ranks {heads['spearman']:.3f}), relative error {heads['relative_error']:.2f} on "
        f"{heads['prompts']} prompts"
    )
    return f"{words}." if trusted else f"{words}: too low, so the scores are no ranking."
