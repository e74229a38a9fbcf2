"""`make demo`, without the environment that the Makefile makes around it."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

LINE = re.compile(
    r"^(\S.*?)\s+([+-]\d\.\d\d)\s+([+-]\d\.\d\d) to\s+([+-]\d\.\d\d)\s+([+-]\d\.\d\d)$"
)


def test_the_demonstration_recovers_what_was_planted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pluralens.demo"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    headlines = [m for line in done.stdout.splitlines() if (m := LINE.match(line))]
    assert len(headlines) == 3
    planted = [float(h[5]) for h in headlines]
    assert planted == [0.30, -0.20, 0.16]
    held = 0
    for headline in headlines:
        estimate, low, high, truth = map(float, headline.groups()[1:])
        assert low < estimate < high
        held += low <= truth <= high
    # One run of one seed: an interval may miss, most must not.
    assert held >= 2
    with (tmp_path / "out" / "demo" / "planted_and_recovered.csv").open() as lines:
        covered = [row["covered"] for row in csv.DictReader(lines) if row["covered"]]
    assert covered.count("True") >= 0.85 * len(covered) > 20
    (log,) = (tmp_path / "logs").glob("*.eval")
    assert log.name in done.stdout
    figures = {f.name for f in (tmp_path / "out" / "demo").glob("*.png")}
    assert {"planted_and_recovered.png", "counterfactual_effects.png"} <= figures
