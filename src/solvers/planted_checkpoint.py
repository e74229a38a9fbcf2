"""What was planted in a checkpoint that was trained here: the truth beside the estimates."""

import json
from pathlib import Path
from typing import Any

from pluralens.errors import InputError

__all__ = ["PLANTED", "planted_truth"]

PLANTED = "planted.json"
"""Name of the file beside the weights."""


def planted_truth(checkpoint: str) -> dict[str, Any]:
    """The truth that a checkpoint's folder holds; empty for other checkpoints.

    Args:
        checkpoint: Hub id or folder.

    Raises:
        InputError: The file is damaged.
    """
    file = Path(checkpoint).expanduser() / PLANTED
    if not file.is_file():
        return {}
    try:
        planted = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: this cannot be read ({error}); make the toy again, or delete the file"
        ) from None
    if not isinstance(planted, dict):
        raise InputError(f"{file}: this is no JSON object; make the toy again, or delete the file")
    return planted
