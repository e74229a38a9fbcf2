"""A grid of prompts as a file: JSON Lines, one flat object per prompt."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from pluralens.errors import InputError
from pluralens.scenarios.prompts import Prompt

__all__ = ["grid_rows", "write_grid"]


def grid_rows(prompts: Iterable[Prompt]) -> Iterator[dict[str, str | int | None]]:
    """One flat row per prompt; factors become `factor_<name>`.

    Args:
        prompts: In the order of the rows; of one or several scenarios.
    """
    for prompt in prompts:
        yield {
            "id": prompt.id,
            "triplet": prompt.triplet,
            "variant": prompt.variant,
            "scenario": prompt.scenario,
            "perspective": prompt.perspective,
            "side": prompt.side,
            **{f"factor_{name}": level for name, level in prompt.factors.items()},
            "relationship": prompt.relationship,
            "language": prompt.language,
            "paraphrase": prompt.paraphrase,
            "asks": prompt.asks,
            "affect": prompt.affect,
            "context": prompt.context,
            "system": prompt.system,
            "user": prompt.user,
            "challenge": prompt.challenge,
            "case": prompt.case,
        }


def write_grid(path: str | Path, prompts: Iterable[Prompt]) -> Path:
    """Write the rows as JSON Lines, UTF-8; the file appears only when it is complete.

    Args:
        path: Where to; an existing file is replaced, missing folders are made.
        prompts: In the order of the lines.

    Returns:
        The path.

    Raises:
        InputError: It is a folder, or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target}: this is a folder; name a file in it")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in grid_rows(prompts)]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write("".join(lines).encode())
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); check the folder, its permissions "
            "and the free space"
        ) from None
    return target
