"""Hashes of JSON values, of which seeds, orders and ids are made; free of numpy."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

__all__ = ["keyed_hash"]


def keyed_hash(purpose: str, size: int, content: Sequence[Any]) -> bytes:
    """Hash of JSON values, `size` bytes; `purpose` (at most 16 bytes) keeps uses apart."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=size, person=purpose.encode()).digest()
