"""Where the arrays go that are too big for a log, and what a log says about them."""

import hashlib
import re
from pathlib import Path

from pluralens._start_folder import start_folder
from pluralens._whole_file import write_whole
from pluralens.scorers.analysis_results import Sidecar

__all__ = ["log_folder", "sidecar_folder", "write_sidecar"]

LOCAL = Path("out") / "interp"
REMEDY = "give another folder with -T sidecar=DIR"


def log_folder() -> str:
    """Folder or address of the run's logs, as far as a task can know it.

    On the command line it is `--log-dir`. A task that is made in Python knows only the environment
    (`INSPECT_LOG_DIR`) and inspect's default.
    """
    import os

    import click

    context = click.get_current_context(silent=True)
    while context is not None:
        given = context.params.get("log_dir")
        if isinstance(given, str) and given:
            return given
        context = context.parent
    return os.environ.get("INSPECT_LOG_DIR") or "logs"


def sidecar_folder(asked: str | None, base: Path) -> tuple[Path, str]:
    """The folder of the sidecars, and why it is not that of the logs (empty if it is).

    Args:
        asked: What the person asked for; None for the folder of the logs.
        base: Where relative paths start.
    """
    if asked is not None:
        return base / Path(asked).expanduser(), "as asked with sidecar="
    logs = log_folder()
    if "://" not in logs:
        return base / Path(logs).expanduser(), ""
    if logs.startswith("file://"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        return Path(url2pathname(urlsplit(logs).path)), ""
    return start_folder() / LOCAL, f"the logs go to {logs}, which is no folder of this machine"


def write_sidecar(folder: Path, note: str, stem: str, content: bytes, arrays: list[str]) -> Sidecar:
    """Write a sidecar under a name that its content decides.

    Args:
        folder: Where to.
        note: Why there and not beside the log.
        stem: Analysis and unit, the beginning of the name.
        content: The file.
        arrays: Names of its arrays.

    Raises:
        InputError: It cannot be written.
    """
    digest = hashlib.sha256(content).hexdigest()
    name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', stem)}-{digest[:12]}.npz"
    write_whole(folder / name, content, REMEDY)
    return Sidecar(
        file=name,
        path=str(folder / name),
        sha256=digest,
        bytes=len(content),
        arrays=sorted(arrays),
        note=note,
    )
