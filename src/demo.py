"""`make demo`: the main job on the built-in population and the simulated respondent.

Runs `inspect eval pluralens/likert` with counterfactual twins, draws the figures and prints the
three headline numbers beside what was planted.
"""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pluralens.viz.logs import LikertLog

__all__ = ["main"]

LOGS, OUT = Path("logs"), Path("out/demo")
# 70 base personas, two other genders, two other orientations and a placebo twin for each, five
# items in two orders: about 4,200 questions. One seed of many: of 95 % intervals one in twenty
# misses; whether it is one in twenty is what tests/stats/test_calibration.py measures.
COMMAND = (
    "inspect", "eval", "pluralens/likert", "--model", "pluralens_sim/likert",
    "-T", "n=70", "-T", "counterfactuals=gender,sexuality,placebo",
    "-T", "items=g1,g2,g3,g4,g5", "-T", "seed=2", "-T", "population_temperature=0.3",
    "--temperature", "1", "--log-dir", str(LOGS), "--display", "plain", "--no-log-realtime",
)  # fmt: skip


def main() -> int:
    """Run the demonstration; returns the exit code."""
    from pluralens.errors import InputError
    from pluralens.viz.likert import draw
    from pluralens.viz.logs import find_logs, read_likert_log

    print("== asking the simulated respondent (no network, planted effects)")
    print("   " + " ".join(COMMAND))
    program = str(Path(sys.executable).with_name(COMMAND[0]))
    done = subprocess.run([program, *COMMAND[1:]], check=False)
    if done.returncode:
        return done.returncode
    try:
        log = read_likert_log(find_logs([str(LOGS)], "likert")[0])
        print("== drawing")
        draw(log, OUT, ["png", "svg"])
        _headlines(log)
    except InputError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    print(f"\nlog      {log.path}")
    print(f"figures  {OUT}/   start with {OUT}/planted_and_recovered.png")
    print(f"browse   inspect view --log-dir {LOGS}")
    print("next     README.md, 'Your own model'")
    return 0


def _headlines(log: "LikertLog") -> None:
    from pluralens.models.respondent import load_latent
    from pluralens.viz.likert_figures import order, truth

    effects = truth.table(log)
    print("\nThree numbers of a simulated respondent, points on the 1-5 scale:")
    print(f"{'':34}{'recovered':>10}  {'95 % interval':>18}  {'planted':>8}")
    for name, outcome in (("warmth", "aligned_warmth"), ("competence", "aligned_competence")):
        pair = effects[effects["value"].isin(["female", "male"]) & (effects["outcome"] == outcome)]
        row = pair[pair["reference"].isin(["female", "male"])].iloc[0]
        numbers = [row["difference"], row["ci_low"], row["ci_high"], row["planted"]]
        if row["value"] == "male":
            # The more frequent value is the reference; the line reads women minus men.
            numbers = [-numbers[0], -numbers[2], -numbers[1], -numbers[3]]
        print(_line(f"{name}, women minus men", *numbers))
    bias = order.table(log).iloc[0]
    planted = 2 * load_latent()[0].order_bias
    interval = bias["order_bias"], bias["ci_low"], bias["ci_high"]
    print(_line("order bias r + r' - 6", *interval, planted))


def _line(name: str, estimate: float, low: float, high: float, planted: float) -> str:
    return f"{name:34}{estimate:>+10.2f}  {low:>+8.2f} to {high:>+6.2f}  {planted:>+8.2f}"


if __name__ == "__main__":
    sys.exit(main())
