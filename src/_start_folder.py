"""The folder in which a run was started, which relative paths of its settings mean.

inspect goes to the folder of a task file while that file's tasks are made and run; a relative path
in the environment would then mean another place than the one it was written for. inspect imports
our registry before that, so the registry remembers the folder.
"""

import os
from pathlib import Path

__all__ = ["remember_start_folder", "start_folder"]

_remembered: list[Path] = []


def remember_start_folder() -> None:
    """Take the current folder for the one in which the run was started; the first call counts."""
    if not _remembered:
        _remembered.append(Path(os.getcwd()))


def start_folder() -> Path:
    """The remembered folder, else the current one."""
    return _remembered[0] if _remembered else Path.cwd()
