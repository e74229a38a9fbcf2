"""A grid of prompts as a file: JSON Lines, one flat object per prompt."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pluralens._whole_file import write_whole
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
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in grid_rows(prompts)]
    remedy = "check the folder, its permissions and the free space"
    return write_whole(Path(path), "".join(lines).encode(), remedy)
