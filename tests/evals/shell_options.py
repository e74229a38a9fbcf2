"""Options of a task as a command line hands them over."""

from typing import Any

import yaml

__all__ = ["from_shell"]


def from_shell(option: str) -> dict[str, Any]:
    """As inspect reads `-T`: YAML, then text with commas as a list."""
    name, text = option.split("=", 1)
    value = yaml.safe_load(text)
    if isinstance(value, str) and "," in value:
        value = value.split(",")
    return {name: value}
