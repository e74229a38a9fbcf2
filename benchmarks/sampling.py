"""Time and peak memory of drawing personas, each size in a process of its own.

    python benchmarks/sampling.py [--population de] [--sizes 20000 1000000]

Goals on two cores: 20,000 personas in at most 0.3 s once the population is loaded; 1,000,000 in at
most 8 s and 1.5 GiB for the whole process, imports and loading included. Exit code 1 when missed.
"""

import argparse
import json
import subprocess
import sys
import time

# size -> (seconds of drawing, seconds of the process, GiB of the process)
GOALS = {20_000: (0.3, None, None), 1_000_000: (None, 8.0, 1.5)}


def measure(population: str, size: int) -> dict[str, float]:
    """Draw once, in this process."""
    import resource

    from pluralens.personas.population import load_population
    from pluralens.personas.sampling import sample

    before = time.perf_counter()
    loaded = load_population(population)
    between = time.perf_counter()
    personas = sample(loaded, size, age=(0, 100))
    after = time.perf_counter()
    assert len(personas) == size
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {"load": between - before, "draw": after - between, "gib": peak / 2**30}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--population", default="de")
    parser.add_argument("--sizes", type=int, nargs="+", default=sorted(GOALS))
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.population, arguments.child)))
        return 0
    missed = 0
    print(f"{'personas':>10} {'load':>8} {'draw':>8} {'process':>8} {'peak RSS':>10}")
    for size in arguments.sizes:
        command = [sys.executable, __file__, "--population", arguments.population]
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, "--child", str(size)], check=True, capture_output=True, text=True
        )
        whole = time.perf_counter() - begun
        found = json.loads(done.stdout)
        goals = GOALS.get(size, (None, None, None))
        for value, goal in zip((found["draw"], whole, found["gib"]), goals, strict=True):
            missed += goal is not None and value > goal
        print(
            f"{size:>10,} {found['load']:>6.3f} s {found['draw']:>6.3f} s {whole:>6.2f} s "
            f"{found['gib']:>6.2f} GiB"
        )
    print("goals missed" if missed else "goals met")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
