"""The README's commands about networks, with a toy in place of the checkpoint."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

pytestmark = pytest.mark.interp
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The second block of the section: the first one is `make demo-interp`."""
    text = README[README.index("## Inside the network") :]
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = [re.sub(r"(^|\s)#.*$", "", line).strip() for line in blocks[1].splitlines()]
    return [line for line in lines if line]


def test_every_command_about_networks_runs(run: Any, tmp_path: Path) -> None:
    from pluralens.interp.toy import labour_market, train_toy

    folder = tmp_path / "toy"
    train_toy(folder, planted=labour_market())
    asked = [c for c in commands() if c.startswith("inspect eval")]
    assert len(asked) == 8
    for command in asked:
        parts = [p.replace("checkpoint=gpt2", f"checkpoint={folder}") for p in shlex.split(command)]
        # The hub is not reached from tests.
        parts = [p.replace("data=hub", "data=builtin") for p in parts]
        done = run(*parts)
        assert done.returncode == 0, done.stdout + done.stderr
    drawn = next(c for c in commands() if c.startswith("python"))
    done = run(*shlex.split(drawn)[1:])
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").rglob("*.png"))) >= 6
