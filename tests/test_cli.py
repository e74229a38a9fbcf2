import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from pluralens.cli import main
from pluralens.personas.making import make_balanced_of
from pluralens.personas.store import Store

HEAVY = {"inspect_ai", "numpy", "pandas", "peewee", "pyarrow", "scipy", "matplotlib", "yaml"}
PROGRAM = (
    sys.executable,
    "-c",
    "import sys; from pluralens.cli import main; sys.exit(main())",
)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "DB_URL": f"sqlite:///{tmp_path / 'store.db'}", "NO_COLOR": "1"}


def start(arguments: str, environment: dict[str, str], **more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [*PROGRAM, *arguments.split()],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def stock(environment: dict[str, str]) -> None:
    with Store.open(environment["DB_URL"]) as store:
        store.add(make_balanced_of("b", population="de", n=9, axes=["gender", "religion"]))


def test_help_is_light() -> None:
    code = (
        "import json, sys\nfrom pluralens.cli import main\n"
        "codes = [main(['--help']), main(['personas', 'pool', '--help']), main([])]\n"
        "print(json.dumps([codes, sorted({m.split('.')[0] for m in sys.modules})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    codes, modules = json.loads(done.stdout.splitlines()[-1])
    assert codes == [0, 0, 0] and not HEAVY & set(modules)
    assert "personas" in done.stdout and "pluralens personas pool --population de" in done.stdout


def test_a_whole_way(environment: dict[str, str], tmp_path: Path) -> None:
    """Processes of their own, as a shell starts them."""
    for line, words in {
        "personas pool --population de --n 2000 --seed 42 --name pool-a": "pool of 2,000",
        "personas balanced --from pool-a --n 200 --name b": "balanced of 200",
        "personas list": "pool-a",
        "db info": "schema version",
    }.items():
        process = start(line, environment, cwd=tmp_path)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0 and words in out, err


def test_wrong_input_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    process = start("personas show nobody", environment, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("pluralens: ") and "nobody" in err


def test_a_terminal_without_the_characters(environment: dict[str, str], tmp_path: Path) -> None:
    environment |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    stock(environment)
    process = start("personas show b", environment, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "largest V" in out and out.isascii(), err


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
def test_interrupted(environment: dict[str, str], tmp_path: Path) -> None:
    process = start(
        "personas pool --population de --n 5000000 --name big",
        environment,
        cwd=tmp_path,
        # Whoever runs the tests in the background may have them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "drawing 5,000,000 personas ...\n"
    # Libraries that are just being imported may swallow one; a person presses again.
    for _ in range(120):
        time.sleep(0.5)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    with Store.open(environment["DB_URL"]) as store:
        assert store.infos() == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")
def test_a_reader_that_stops(environment: dict[str, str], tmp_path: Path) -> None:
    stock(environment)
    for line in ("personas show b", "personas list --json", "--help"):
        process = start(line, environment, cwd=tmp_path)
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        process.wait(60)
        err = process.stderr.read()
        assert "Traceback" not in err and "Exception" not in err and "rror" not in err, err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pluralens {version('pluralens')}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("persona list", "persona"),
        ("--verison", "--verison"),
        ("db", "Missing command; see pluralens db --help"),
        ("db inf", "inf"),
    ],
)
def test_a_wrong_line(capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err
    assert err.startswith("pluralens: ")


def test_what_is_no_fault_of_a_person_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DB_URL", f"sqlite:///{tmp_path / 'store.db'}")

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("pluralens.personas.store.Store.infos", broken)
    with pytest.raises(ZeroDivisionError):
        main(["personas", "list"])
