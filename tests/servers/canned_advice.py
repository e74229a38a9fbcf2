"""What the OpenAI-compatible test server answers as a teller of triplets, one lean per model."""

import re
from functools import cache
from typing import Any

from pluralens.models.tellers import Teller, load_teller
from pluralens.models.telling import Turn

__all__ = ["advice"]


@cache
def _teller(name: str, model: str) -> Teller:
    number = re.search(r"\d+$", model)
    strength = int(number[0]) / 10 if number else 0.4
    return load_teller(name, **({"strength": strength} if name != "neutral" else {}))


def advice(teller: str, body: dict[str, Any]) -> str:
    """The answer of a simulated teller; model `m3` leans by 0.3 to whoever asks."""
    turns = [Turn(m["role"], str(m["content"])) for m in body["messages"]]
    return _teller(teller, str(body.get("model"))).reply(turns)
