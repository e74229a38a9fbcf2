"""Write a file whole or not at all."""

import os
import tempfile
from pathlib import Path

from pluralens.errors import InputError

__all__ = ["write_whole"]


def write_whole(target: Path, content: bytes, remedy: str) -> Path:
    """Write under another name first, so that nobody ever sees half a file.

    Args:
        target: The file; missing folders are made, an existing file is replaced.
        content: All of it.
        remedy: What to do when it cannot be written, for the message.

    Returns:
        The path.

    Raises:
        InputError: It is a folder, or it or its folder cannot be written.
    """
    if target.is_dir():
        raise InputError(f"{target}: this is a folder; name a file in it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{target.parent}: cannot be made a folder ({error.strerror}); {remedy}"
        ) from None
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); {remedy}") from None
    return target
