"""The room is light: nothing heavy until a file is read, and inspect never."""

import subprocess
import sys


def test_importing_needs_no_pydantic_yaml_or_inspect() -> None:
    code = (
        "import sys\n"
        "import pluralens.scenarios.balance, pluralens.scenarios.grid\n"
        "print([m for m in ('pydantic', 'yaml', 'numpy', 'inspect_ai') if m in sys.modules])\n"
        "from pluralens.scenarios.scenario import load_scenario\n"
        "load_scenario('rent')\n"
        "print([m for m in ('numpy', 'inspect_ai') if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["[]", "[]"]
