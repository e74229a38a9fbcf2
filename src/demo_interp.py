"""`make demo-interp`: every mechanistic analysis on a small model whose bias was planted.

Trains the toy, runs the analyses as inspect evals, draws all figures and prints what was found
beside what was planted. No network.
"""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspect_ai import Task

    from pluralens.interp.toy import ToyTruth
    from pluralens.viz.interp_logs import InterpLog, InterpUnit

__all__ = ["main"]

OUT = Path("out/demo-interp")
SEED = 0
# The tensors of a toy are so small that threads would wait for each other.
THREADS = 1
SHOWN = 3


def main() -> int:
    """Run the demonstration; returns the exit code."""
    from pluralens.errors import InputError

    began, used = time.perf_counter(), time.process_time()
    try:
        _check_extra()
        truth = _trained(OUT / "toy")
        logs = _evaluated(truth, OUT / "logs")
        if logs is None:
            return 1
        _drawn_and_told(logs, truth)
    except InputError as error:
        print(f"demo-interp: {error}", file=sys.stderr)
        return 2
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"\ntook     {wall:.0f} s, {cpu:.0f} s of processor time")
    print(f"figures  {OUT}/   start with {OUT}/winogender-builtin.png")
    print(f"browse   inspect view --log-dir {OUT / 'logs'}")
    return 0


def _check_extra() -> None:
    from pluralens.errors import InputError

    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} not installed; run `make demo-interp`, or pip install "
            '"pluralens[interp]"'
        )


def _trained(folder: Path) -> "ToyTruth":
    """Train the toy; what was planted lies beside its weights, so that logs know it."""
    import torch

    from pluralens._whole_file import write_whole
    from pluralens.interp.toy import labour_market, train_toy
    from pluralens.solvers.planted_checkpoint import PLANTED

    print("== training a small GPT-2 on sentences with planted pronouns", flush=True)
    torch.set_num_threads(THREADS)
    truth = train_toy(folder, seed=SEED, planted=labour_market())
    planted = {
        "kind": "toy with planted bias",
        "what": "log-odds of he against she after each occupation, nats",
        "seed": SEED,
        "log_odds": dict(truth.log_odds),
    }
    text = json.dumps(planted, indent=1, sort_keys=True) + "\n"
    write_whole(folder / PLANTED, text.encode("utf-8"), "free space and run it again")
    return truth


def _tasks(folder: str) -> "list[Task]":
    from pluralens.evals.mechanistic import (
        ablation,
        attribution,
        faithfulness,
        lens,
        patching,
        probe,
    )
    from pluralens.evals.stereoset import stereoset
    from pluralens.evals.winogender import winogender

    reader: dict[str, Any] = {
        "checkpoint": folder, "device": "cpu", "threads": THREADS, "seed": SEED,
    }  # fmt: skip
    # Nothing is kept outside the folder of the demonstration.
    options = {**reader, "cache": False, "sidecar": str(OUT / "logs")}
    analyses = (ablation, patching, attribution, probe, lens, faithfulness)
    return [
        winogender(**reader),
        stereoset(**reader),
        *(analysis(**options) for analysis in analyses),
    ]


def _evaluated(truth: "ToyTruth", folder: Path) -> list[str] | None:
    """Run all analyses; the places of their logs, None if one failed."""
    from inspect_ai import eval as inspect_eval

    print("== running the analyses as inspect evals", flush=True)
    tasks, locations = _tasks(truth.folder), []
    for number, task in enumerate(tasks, start=1):
        began = time.perf_counter()
        (log,) = inspect_eval(task, log_dir=str(folder), display="none", log_realtime=False)
        name = str(log.eval.task).split("/")[-1]
        if log.status != "success":
            reason = log.error.message if log.error else log.status
            print(f"demo-interp: {name} failed: {reason}", file=sys.stderr)
            return None
        took = time.perf_counter() - began
        print(f"   {number} of {len(tasks)}  {name:14}{took:4.0f} s", flush=True)
        locations.append(log.location)
    return locations


def _drawn_and_told(logs: list[str], truth: "ToyTruth") -> None:
    """Draw everything, and print the few numbers that matter beside what was planted."""
    from pluralens.viz.interp import draw
    from pluralens.viz.interp_studies import read_studies

    (study,) = read_studies(logs)
    print("== drawing", flush=True)
    draw(study, OUT, ["png", "svg"])
    _tell_pronouns(next(log for log in study.logs if log.task == "winogender"), truth)
    units = {log.task: log.units[0] for log in study.logs if log.units}
    _tell_components(units)
    _tell_numbers(units)


def _tell_pronouns(log: "InterpLog", truth: "ToyTruth") -> None:
    from pluralens.viz.interp_figures import winogender

    table = winogender.table(log)
    measured = table[table["variant"] == "sum"].set_index("occupation")["log_odds"]
    order = sorted(truth.log_odds, key=lambda name: (truth.log_odds[name], name))
    print(f"\n{'log P(he) - log P(she), nats':34}{'measured':>10}{'planted':>10}")
    for name in (order[0], order[len(order) // 2], order[-1]):
        print(f"  {name:32}{measured[name]:>+10.2f}{truth.log_odds[name]:>+10.2f}")
    r = winogender.planted_correlation(table)
    print(f"  {f'correlation, {len(measured)} occupations':32}{r:>10.3f}")


def _tell_components(units: "Mapping[str, InterpUnit]") -> None:
    """The components with the largest exact effects, and what other methods say of them."""
    import numpy as np

    names = {
        "ablated": ("ablation", "effect"),
        "attributed": ("attribution", "atp"),
        "patched": ("patching", "denoising"),
        "writes": ("lens", "writes"),
    }
    columns: dict[str, dict[str, float]] = {}
    for column, (task, array) in names.items():
        arrays = units[task].arrays
        heads, mlps = arrays[f"head_{array}"], arrays[f"mlp_{array}"]
        columns[column] = {
            **{f"layer {i} head {h}": float(value) for (i, h), value in np.ndenumerate(heads)},
            **{f"layer {i} MLP": float(value) for i, value in enumerate(mlps)},
        }
    exact = columns["ablated"]
    largest = sorted(exact, key=lambda name: -abs(exact[name]))[:SHOWN]
    heading = f"largest of {len(exact)} components, nats"
    print(f"\n{heading:34}" + "".join(f"{name:>11}" for name in names))
    for name in largest:
        print(f"  {name:32}" + "".join(f"{one[name]:>+11.2f}" for one in columns.values()))
    print("  (ablated: what the bias loses; patched: share of the difference between twins)")


def _tell_numbers(units: "Mapping[str, InterpUnit]") -> None:
    lens, probe, faith = (units[name].arrays for name in ("lens", "probe", "faithfulness"))
    print(f"\n{'bias along the stereotype, nats':34}" + "".join(
        f"{f'layer {i}' if i else 'embedding':>11}" for i in range(len(lens["lens"]))
    ))  # fmt: skip
    print(f"  {'logit lens':32}" + "".join(f"{value:>+11.2f}" for value in lens["lens"]))
    print(f"  {'probe, accuracy':32}" + "".join(f"{v:>11.2f}" for v in probe["accuracy"][:, 0]))
    band = "".join(
        f"{f'{low:.2f}-{high:.2f}':>11}"
        for low, high in zip(probe["chance_low"][:, 0], probe["chance_high"][:, 0], strict=True)
    )
    print(f"  {'probe, shuffled labels':32}{band}")
    ks, left = faith["k"].astype(int), faith["bias"][0]
    print(f"\n{'heads ablated together':34}" + "".join(f"{k:>11}" for k in ks))
    print(f"  {'bias left':32}" + "".join(f"{value:>+11.2f}" for value in left))
    random = faith["random_bias"].mean(axis=0)
    print(f"  {'bias left, random heads':32}" + "".join(f"{value:>+11.2f}" for value in random))


if __name__ == "__main__":
    sys.exit(main())
