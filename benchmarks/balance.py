"""Evenness, association and time of balanced sets.

    python benchmarks/balance.py [--population de] [--seeds 20]

Goals with the default axes, once the population is loaded: generate 2,000: every axis within 1
percentage point of uniform, Cramer's V of every pair of axes at most 0.10, at most 1 s. Select
2,000 of a pool of 20,000 at temperature 0.8: every axis within 1 percentage point of what the pool
allows, at most 1 s. Selections from colder pools are shown without a goal: they have too few of
many groups. Exit code 1 when a goal is missed.
"""

import argparse
import sys
import time

from pluralens.personas.balancing import BalanceReport, balanced_generate, balanced_select
from pluralens.personas.population import Population, load_population
from pluralens.personas.sampling import sample

N = 2_000
POOL = 20_000
POINTS = 1.0
CRAMERS_V = 0.10
SECONDS = 1.0


def generated(population: Population, seeds: int) -> int:
    """Print the worst of all seeds per axis and pair; the number of goals missed."""
    reports: list[BalanceReport] = []
    seconds = []
    for seed in range(seeds):
        before = time.perf_counter()
        reports.append(balanced_generate(population, N, seed=seed)[1])
        seconds.append(time.perf_counter() - before)
    print(f"generate {N:,}, {seeds} seeds")
    missed = 0
    for axis in zip(*(report.axes for report in reports), strict=True):
        worst = max(a.max_deviation for a in axis)
        missed += _line(f"{axis[0].axis} off uniform", worst, POINTS, "points")
    for pair in zip(*(report.associations for report in reports), strict=True):
        worst = max(p.cramers_v for p in pair)
        missed += _line(f"V {' x '.join(pair[0].axes)}", worst, CRAMERS_V, "")
    return missed + _line("slowest", max(seconds), SECONDS, "s")


def selected(population: Population, seeds: int, temperature: float, goal: bool) -> int:
    """Print the worst of all seeds; the number of goals missed."""
    excess, strongest, before_v, seconds = [], [], [], []
    for seed in range(seeds):
        pool = sample(population, POOL, seed=seed, temperature=temperature)
        before = time.perf_counter()
        _, report = balanced_select(pool, N, seed=seed)
        seconds.append(time.perf_counter() - before)
        excess.append(max(axis.max_deviation - axis.allowed for axis in report.axes))
        strongest.append(report.max_cramers_v)
        before_v.append(max(pair.pool or 0.0 for pair in report.associations))
    print(f"select {N:,} of {POOL:,} at temperature {temperature}, {seeds} seeds")
    missed = _line("off what the pool allows", max(excess), POINTS if goal else None, "points")
    missed += _line("strongest V", max(strongest), None, f"(in the pool {max(before_v):.3f})")
    return missed + _line("slowest", max(seconds), SECONDS if goal else None, "s")


def _line(what: str, value: float, goal: float | None, unit: str) -> int:
    shown = "" if goal is None else f"  goal {goal:g}"
    print(f"  {what:<34} {value:>8.3f} {unit}{shown}")
    return int(goal is not None and not value <= goal)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--population", default="de")
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    population = load_population(arguments.population)
    few = max(1, arguments.seeds // 4)
    missed = generated(population, arguments.seeds)
    missed += selected(population, few, 0.8, goal=True)
    missed += selected(population, few, 0.1, goal=False)
    missed += selected(population, few, 0.0, goal=False)
    print(f"{missed} goals missed" if missed else "goals met")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
