"""The command line `pluralens`.

Exit codes: 0 done; 1 not everything could be done, and the output says what is missing; 2 wrong
input, with one line on standard error that says what to do; 130 interrupted.
"""

import contextlib
import os
import sys
from collections.abc import Sequence

import typer

from pluralens.commands import database, personas
from pluralens.commands import run as running
from pluralens.commands import triplets as triplet_commands
from pluralens.errors import InputError

__all__ = ["app", "main"]

WRONG_INPUT, INTERRUPTED = 2, 130
# The base class of what is wrong with a command line itself. Typer has no public name for it.
WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="pluralens",
    help="How language models treat people: personas, selections and their store.\n\n"
    "The benchmarks themselves run with inspect, as in "
    "`inspect eval pluralens/likert --model openai/gpt-5`.",
    epilog="Example: pluralens personas pool --population de --n 20000 --seed 42 --name pool-a",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(personas.app, name="personas")
app.add_typer(database.app, name="db")
app.command("run", epilog=running.EPILOG)(running.run)
app.command("grid", epilog=triplet_commands.GRID_EPILOG)(triplet_commands.grid)
app.add_typer(triplet_commands.power, name="power")


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Show the version and stop."),
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"pluralens {installed('pluralens')}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: Arguments without the program's name; None for those of this process.

    Returns:
        The exit code.
    """
    if isinstance(getattr(sys.stdout, "errors", None), str) and hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show a character shows its number.
        sys.stdout.reconfigure(errors="backslashreplace")
    command = typer.main.get_command(app)
    arguments = None if argv is None else list(argv)
    try:
        code = command.main(args=arguments, prog_name="pluralens", standalone_mode=False)
        sys.stdout.flush()
    except (InputError, WRONG_USAGE) as error:
        return _refused(error)
    except (KeyboardInterrupt, typer.Abort):
        print("pluralens: interrupted", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        print(
            "pluralens: there is not enough memory for this; ask for fewer personas or pairs",
            file=sys.stderr,
        )
        return WRONG_INPUT
    except BrokenPipeError:
        # Whoever read the output has stopped; there is nobody to tell.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return code if isinstance(code, int) else 0


def _refused(error: Exception) -> int:
    from pluralens.commands.output import plain

    message = str(error)
    context = getattr(error, "ctx", None)
    if isinstance(error, WRONG_USAGE):
        message = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        if context is not None:
            message = f"{message.rstrip('.')}; see {context.command_path} --help"
    print(f"pluralens: {plain(message)}", file=sys.stderr)
    return WRONG_INPUT


if __name__ == "__main__":
    sys.exit(main())
