"""Ratings per second of `pluralens/likert` and of the same items as one sample per rating.

    python benchmarks/throughput.py [--personas 200] [--plain-personas 40] [--alternations 3]

One interleaved run against a loopback server with 50 ms latency and 100 connections: the two ways
take turns, each time in a process of its own, with realtime logging on and off. Goals on two cores:
2.5 times the ratings per second, at most 5 ms of CPU and 500 bytes of log per rating. Exit code 1
when missed. The slow way gets fewer personas, or the run would take most of an hour; everything is
per rating. About 15 minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "servers"))

WAYS = ("pluralens", "plain")
LEAST_RATIO, MOST_CPU_MS, MOST_LOG_BYTES = 2.5, 5.0, 500.0


def measure(way: str, options: argparse.Namespace) -> dict[str, float]:
    """Run one eval in this process."""
    import resource

    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import get_model
    from one_sample_per_rating import one_sample_per_rating

    from pluralens.evals.likert import likert
    from pluralens.solvers.adjectives import load_adjectives, select_items

    items = ",".join(a.id for a in select_items(load_adjectives("de"), None)[: options.items])
    task = (likert if way == "pluralens" else one_sample_per_rating)(
        n=options.personas, items=items, seed=options.seed
    )
    model = get_model("openai-api/local/likert", base_url=options.base_url, api_key="none")
    begun, cpu = time.perf_counter(), time.process_time()
    (log,) = inspect_eval(
        task,
        model=model,
        max_connections=options.connections,
        log_dir=options.log_dir,
        log_realtime=options.realtime,
        log_buffer=options.log_buffer,
        display="none",
    )
    cpu, wall = time.process_time() - cpu, time.perf_counter() - begun
    assert log.status == "success" and log.results, log.error
    asked = options.personas * options.items * 2
    metrics = {name: m.value for s in log.results.scores for name, m in s.metrics.items()}
    rated = metrics["rated"] if way == "pluralens" else log.results.scores[0].scored_samples
    assert rated == asked, (rated, asked)
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "per_second": asked / wall,
        "cpu_ms": 1000 * cpu / asked,
        "log_bytes": Path(log.location.removeprefix("file://")).stat().st_size / asked,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20,
    }


def in_a_process(
    way: str, realtime: bool, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Run one eval in a process of its own, against a server in another."""
    from openai_server import OpenAIServer

    personas = options.personas if way == "pluralens" else options.plain_personas
    with tempfile.TemporaryDirectory() as folder:
        with OpenAIServer(Path(folder), latency_ms=options.latency_ms) as server:
            done = subprocess.run(
                [
                    sys.executable, __file__, "--child", way, "--seed", str(seed),
                    "--personas", str(personas), "--items", str(options.items),
                    "--connections", str(options.connections), "--base-url", server.base_url,
                    "--log-dir", folder,
                    *(["--realtime"] if realtime else []),
                    *(["--log-buffer", str(options.log_buffer)] if options.log_buffer else []),
                ],
                check=True, stdout=subprocess.PIPE, text=True, cwd=folder,
                env={**os.environ, "INSPECT_EVAL_MODEL": ""},
            )  # fmt: skip
            stats = server.stats()
    assert stats["requests"] == personas * options.items * 2, stats
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {
        **found,
        "server_load": stats["cpu_s"] / stats["span_s"],
        "in_flight": stats["max_in_flight"],
    }


def compare(realtime: bool, options: argparse.Namespace) -> bool:
    """Print one interleaved comparison; returns whether it meets the goals."""
    print(f"realtime logging {'on' if realtime else 'off'}")
    print(
        f"{'':>12} {'ratings/s':>10} {'CPU ms':>8} {'log bytes':>10} {'peak RSS':>10} "
        f"{'server CPU':>11} {'in flight':>10}"
    )
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for turn in range(options.alternations):
        for way in WAYS if turn % 2 == 0 else WAYS[::-1]:
            one = in_a_process(way, realtime, turn, options)
            found[way].append(one)
            print(
                f"{way:>12} {one['per_second']:>10.1f} {one['cpu_ms']:>8.2f} "
                f"{one['log_bytes']:>10.0f} {one['mib']:>6.0f} MiB {one['server_load']:>11.0%} "
                f"{one['in_flight']:>10}",
                flush=True,
            )
    ratios = [
        a["per_second"] / b["per_second"]
        for a, b in zip(found["pluralens"], found["plain"], strict=True)
    ]
    ours = {
        name: statistics.median(one[name] for one in found["pluralens"])
        for name in ("per_second", "cpu_ms", "log_bytes")
    }
    print(
        f"ratio {statistics.median(ratios):.2f} (median of {', '.join(f'{r:.2f}' for r in ratios)})"
        f"; {ours['per_second']:.0f} ratings/s, {ours['cpu_ms']:.2f} ms CPU and "
        f"{ours['log_bytes']:.0f} bytes of log per rating\n"
    )
    return (
        statistics.median(ratios) >= LEAST_RATIO
        and ours["cpu_ms"] <= MOST_CPU_MS
        and ours["log_bytes"] <= MOST_LOG_BYTES
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--personas", type=int, default=200)
    parser.add_argument("--plain-personas", type=int, default=40)
    parser.add_argument("--items", type=int, default=30)
    parser.add_argument("--alternations", type=int, default=3)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--log-buffer", type=int, help="samples per log write; inspect's default")
    parser.add_argument("--only", choices=["on", "off"], help="realtime logging in one state only")
    for hidden in ("--child", "--base-url", "--log-dir"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--realtime", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options)))
        return 0
    states = [True, False] if options.only is None else [options.only == "on"]
    met = [compare(realtime, options) for realtime in states]
    print("goals met" if all(met) else "goals missed")
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
