"""Read a file that a person named."""

from importlib.resources.abc import Traversable

from pluralens.errors import InputError

__all__ = ["file_bytes"]


def file_bytes(file: Traversable, source: str, what: str = "a file") -> bytes:
    """All of a file.

    Args:
        file: The file; a `pathlib.Path` is one.
        source: How errors call it.
        what: What to name where a folder is given, for the message.

    Raises:
        InputError: It is missing, a folder, or cannot be read.
    """
    try:
        if file.is_dir():
            raise InputError(f"{source}: this is a folder; name {what} in it")
        return file.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{source}: there is no such file; check the path") from None
    except OSError as error:
        raise InputError(
            f"{source}: the file cannot be read ({error.strerror}); check path and permissions"
        ) from None
