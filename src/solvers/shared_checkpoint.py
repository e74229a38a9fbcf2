"""Checkpoints of one process: tasks that name the same one share it while any of them needs it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from pluralens._start_folder import start_folder

if TYPE_CHECKING:
    from pluralens.interp.checkpoint import Checkpoint

__all__ = ["base_folder", "shared_checkpoint"]

_CHECKPOINTS: "WeakValueDictionary[tuple[Any, ...], Checkpoint]" = WeakValueDictionary()


def base_folder() -> Path:
    """Where relative paths start: inspect goes to the task file's folder, the person did not."""
    import click

    return start_folder() if click.get_current_context(silent=True) else Path(os.getcwd())


def shared_checkpoint(
    name: str,
    *,
    revision: str | None,
    device: str,
    dtype: str,
    bos: str,
    threads: int | None,
) -> "Checkpoint":
    """Load a checkpoint, or take the one that another task has in memory.

    Args:
        name: Hub id or folder; a relative folder starts from `base_folder`.
        revision: As in `interp.checkpoint.load_checkpoint`, as are the others.
        device: Where it runs.
        dtype: What it computes in.
        bos: Its BOS policy.
        threads: CPU threads of the process; None leaves them as they are.

    Raises:
        InputError: It cannot be loaded.
    """
    from pluralens.interp.checkpoint import load_checkpoint

    base = base_folder()
    if base != Path(os.getcwd()) and (base / name).is_dir():
        name = str(base / name)
    # A folder may hold other weights by the time of a second run.
    config = Path(name).expanduser() / "config.json"
    written = config.stat().st_mtime_ns if config.is_file() else None
    key = (name, written, revision, device, dtype, bos)
    found = _CHECKPOINTS.get(key)
    if found is None:
        found = load_checkpoint(
            name, revision=revision, device=device, dtype=dtype, bos=bos, threads=threads
        )
        _CHECKPOINTS[key] = found
    elif threads is not None:
        import torch

        torch.set_num_threads(threads)
    return found
