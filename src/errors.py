"""The one exception for input that a person can put right."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["InputError", "shown_plainly"]


class InputError(ValueError):
    """Input that a person got wrong: a file, an option, a log.

    The message is one line that names the place, what is wrong there and the remedy. Our own
    programs print it and exit with code 2.
    """


@contextmanager
def shown_plainly() -> Iterator[None]:
    """Let inspect's command line show an `InputError` as one line, with exit code 2.

    inspect's own exception for this is private. Its command line is built on click, which prints
    a `ClickException` without a traceback and exits with the code it carries.
    """
    try:
        yield
    except InputError as error:
        import click

        class WrongInput(click.ClickException):
            exit_code = 2

        raise WrongInput(str(error)) from None
