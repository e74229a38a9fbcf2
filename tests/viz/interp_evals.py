"""Logs of scripted analyses and likelihood benchmarks: numbers are given, nothing is computed."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from numpy.typing import NDArray

from pluralens.scorers.analysis_results import AnalysisResults, NamedArray

__all__ = [
    "DIGEST",
    "HEADS",
    "LAYERS",
    "NAN",
    "arrays_of",
    "benchmark",
    "evaluate",
    "noise",
    "numbers_of",
]

QUIET: dict[str, Any] = {"display": "none", "log_realtime": False}
LAYERS, HEADS = 3, 4
DIGEST = "c0ffee" * 10
NAN = float("nan")

Arrays = dict[str, tuple[tuple[str, ...], NDArray[Any]]]


def noise(*shape: int, key: str) -> NDArray[np.float64]:
    """Uniform from -1 to 1, the same on every machine."""
    size = int(np.prod(shape))
    text = b"".join(
        hashlib.blake2b(f"{key}/{i}".encode(), digest_size=8).digest() for i in range(size)
    )
    return (np.frombuffer(text, "<u8") / 2.0**63 - 1).reshape(shape)


def _components(name: str, key: str, shape: tuple[int, int]) -> Arrays:
    heads, mlps = noise(*shape, key=f"{key}h"), noise(shape[0], key=f"{key}m")
    found: Arrays = {}
    for site, values, dims in (("head", heads, ("layer", "head")), ("mlp", mlps, ("layer",))):
        found[f"{site}_{name}"] = (dims, values)
        found[f"{site}_{name}_low"] = (dims, values - 0.3)
        found[f"{site}_{name}_high"] = (dims, values + 0.3)
        found[f"{site}_{name}_significant"] = (dims, (np.abs(values) > 0.3).astype(int))
    return found


def arrays_of(task: str, key: str = "", shape: tuple[int, int] = (LAYERS, HEADS)) -> Arrays:
    """What a log of the task holds."""
    layers = shape[0]
    if task == "ablation":
        return _components("effect", f"{key}effect", shape)
    if task == "patching":
        places = np.arange(-1, -6, -1)
        cells = noise(5, layers, key=f"{key}cells")
        cells[-1, 0] = NAN
        ends = {"": 0.0, "_low": -0.2, "_high": 0.2}
        return {
            **_components("denoising", f"{key}den", shape),
            **_components("noising", f"{key}noi", shape),
            "position": (("position",), places),
            **{
                f"resid_by_position{end}": (("position", "layer"), cells + off)
                for end, off in ends.items()
            },
        }
    if task == "attribution":
        found = {}
        for method in ("atp", "ig", "grad_x_act"):
            found |= _components(method, f"{key}{method}", shape)
            found[f"resid_{method}"] = (("layer",), noise(layers, key=f"{key}r{method}"))
        return found
    if task == "probe":
        names = ("accuracy", "accuracy_low", "accuracy_high", "auc", "auc_low", "auc_high")
        names += ("shuffled", "chance_low", "chance_high", "selectivity", "random_accuracy")
        return {
            name: (("layer", "place"), 0.5 + noise(layers + 1, 2, key=f"{key}{name}") / 4)
            for name in (*names, "gain", "gain_low", "gain_high")
        }
    if task == "lens":
        bias = noise(layers + 1, key=f"{key}lens")
        return {
            "lens": (("layer",), bias),
            "lens_low": (("layer",), bias - 0.1),
            "lens_high": (("layer",), bias + 0.1),
            **_components("writes", f"{key}writes", shape),
        }
    left, log_prob = np.array([1.0, 0.4, 0.1]), np.array([-2.0, -2.1, -2.5])
    dims = ("value, low, high", "k")
    return {
        "k": (("k",), np.array([0, 1, 4])),
        "bias": (dims, np.stack([left, left - 0.1, left + 0.1])),
        "log_prob": (dims, np.stack([log_prob, log_prob - 0.2, log_prob + 0.2])),
        "random_bias": (("draw", "k"), 1 + noise(5, 3, key=f"{key}rb") / 4),
        "random_log_prob": (("draw", "k"), -2 + noise(5, 3, key=f"{key}rl") / 4),
        "ranking": (("place", "layer, head"), np.argwhere(np.ones(shape))),
    }


def numbers_of(task: str) -> dict[str, float]:
    if task == "probe":
        return {"majority": 0.5, "groups": 12.0}
    found = {"groups": 12.0, "stability_tau": 0.8, "stability_tau low": 0.6}
    return {**found, "stability_tau high": 0.9, "stability_jaccard_10": 0.7}


def about_of(task: str, fidelity: float = 0.95) -> dict[str, Any]:
    verdict = "enough" if fidelity >= 0.8 else "low"
    heads = {"pearson": fidelity, "spearman": fidelity, "prompts": 16, "verdict": verdict}
    about: dict[str, Any] = {"estimand": "mean over prompts", "mode": "mean", "items": 24}
    if task == "attribution":
        methods = ("atp", "ig", "grad_x_act")
        about |= {"ranked by": "atp", "baseline": "mean"}
        about["fidelity"] = {method: {"heads": heads} for method in methods}
    if task == "probe":
        about = {"texts": 24, "groups": 12, "shuffles": 10, "places": ["last", "mean"]}
        about["question"] = "do mostly men work in the occupation?"
    if task == "patching":
        about |= {"pairs": 22}
    return about


@solver
def told(units: Mapping[str, Mapping[str, Any]]) -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        own = units[str(state.sample_id)]
        if own.get("fails"):
            raise RuntimeError("scripted failure")
        store = state.store_as(AnalysisResults)
        store.analysis, store.unit = own["task"], str(state.sample_id)
        store.about, store.numbers = dict(own["about"]), dict(own["numbers"])
        store.counts = {"source": 25, "used": 24, "unusable": 1}
        store.arrays = {
            name: NamedArray(dims=list(dims), values=np.asarray(values).tolist())
            for name, (dims, values) in own["arrays"].items()
        }
        return state

    return solve


@scorer(metrics=[mean()], name="analysis")
def outcome() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=1)

    return score


def header(**more: Any) -> dict[str, Any]:
    """The task's metadata that a checkpoint leaves; a `planted` of None is none."""
    about = {"checkpoint": "models/small/toy", "revision": None, "parameters_sha256": DIGEST}
    return {**about, **{name: value for name, value in more.items() if value is not None}}


def evaluate(
    folder: Path,
    task: str,
    units: Mapping[str, Mapping[str, Any]] | Sequence[str] = ("builtin/gender",),
    *,
    about: Mapping[str, Any] | None = None,
    fidelity: float = 0.95,
    **options: Any,
) -> EvalLog:
    """Write the log of an analysis; of each unit, what differs from the usual may be given."""
    given = units if isinstance(units, Mapping) else dict.fromkeys(units, {})
    filled = {
        name: {
            "task": task,
            "arrays": arrays_of(task, name),
            "numbers": numbers_of(task),
            "about": about_of(task, fidelity),
            **own,
        }
        for name, own in given.items()
    }
    made = Task(
        name=task,
        dataset=[Sample(input="?", id=name) for name in filled],
        solver=told(filled),
        scorer=outcome(),
        metadata={**header(), "data": {name: {} for name in filled}, **(about or {})},
    )
    (log,) = inspect_eval(made, model="none", log_dir=str(folder), **QUIET, **options)
    return log


@scorer(metrics={"*": [mean()]}, name="triplet_likelihood")
def triplets(values: Mapping[str, Mapping[str, float]]) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=dict(values[str(state.sample_id)]))

    return score


@scorer(metrics={"*": [mean()]}, name="pronoun_likelihood")
def pronouns(values: Mapping[str, Mapping[str, float]]) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=dict(values[str(state.sample_id)]))

    return score


def benchmark(
    folder: Path,
    task: str,
    samples: Mapping[str, tuple[Mapping[str, Any], Mapping[str, float]]],
    **more: Any,
) -> EvalLog:
    """Write the log of a benchmark from metadata and value per sample."""
    values = {name: value for name, (_, value) in samples.items()}
    scored = {"stereoset": triplets, "winogender": pronouns}[task]
    about = {**header(**more), "seed": 0, "kind": "intrasentence"}
    made = Task(
        name=task,
        dataset=[Sample(input="?", id=k, metadata=dict(own)) for k, (own, _) in samples.items()],
        solver=silent(),
        scorer=scored(values),
        metadata={**about, "data": {"source": "builtin"}},
    )
    (log,) = inspect_eval(made, model="none", log_dir=str(folder), **QUIET)
    return log


@solver
def silent() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return state

    return solve
