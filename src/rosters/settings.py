"""What may stand under `config` and `model_args` of a model in a roster."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["GENERATION", "SETTINGS", "TRANSPORT", "secrets", "wrong_setting"]

Place = tuple[str | int, ...]
Check = tuple[str, Callable[[Any], bool]]

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _is_whole(value: Any, least: int | None = None) -> bool:
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return least is None or value >= least


def _is_number(value: Any, low: float, high: float) -> bool:
    # NaN fails the comparison.
    return not isinstance(value, bool) and isinstance(value, (int, float)) and low <= value <= high


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) and v for v in value)


_COUNT: Check = ("a whole number of at least 1", lambda v: _is_whole(v, 1))
_PENALTY: Check = ("a number from -2 to 2", lambda v: _is_number(v, -2, 2))

# Fields of inspect's GenerateConfig that change what a model says, with what each must be.
GENERATION: Mapping[str, Check] = {
    "temperature": ("a number from 0 to 2", lambda v: _is_number(v, 0, 2)),
    "top_p": ("a number from 0 to 1", lambda v: _is_number(v, 0, 1)),
    "top_k": _COUNT,
    "max_tokens": _COUNT,
    "seed": ("a whole number", _is_whole),
    "frequency_penalty": _PENALTY,
    "presence_penalty": _PENALTY,
    "stop_seqs": ("a list of texts", _are_texts),
    "reasoning_effort": (f"one of {', '.join(EFFORTS)}", lambda v: v in EFFORTS),
    "reasoning_tokens": _COUNT,
}
# Fields that only say how long is waited for an answer, in seconds, and how often it is asked for.
TRANSPORT: Mapping[str, Check] = {
    "max_retries": ("a whole number, 0 or more", lambda v: _is_whole(v, 0)),
    "timeout": _COUNT,
    "attempt_timeout": _COUNT,
}
SETTINGS: Mapping[str, Check] = {**GENERATION, **TRANSPORT}

_SECRET_WORDS = {
    "apikey", "auth", "authorization", "bearer", "credential", "credentials", "key", "keys",
    "passwd", "password", "secret", "secrets", "token",
}  # fmt: skip
# How the keys of well-known services begin.
_SECRET_VALUE = re.compile(
    r"\b(sk-[\w-]{16,}|gsk_\w{16,}|hf_\w{16,}|AIza[\w-]{20,}|csk-\w{16,}|Bearer\s+\S{8,})"
)
_CREDENTIALS_IN_ADDRESS = re.compile(r"^\w+://[^/?#\s]*@")


def wrong_setting(name: str, value: Any) -> str | None:
    """What the setting must be, if it is not that."""
    must, check = SETTINGS[name]
    return None if check(value) else must


def secrets(value: Any, place: Place = ()) -> Iterator[Place]:
    """Places of what is named or looks like a password or key, in a roster's data."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower())
            if _SECRET_WORDS & set(words):
                yield (*place, str(key))
            else:
                yield from secrets(inner, (*place, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for i, inner in enumerate(value):
            yield from secrets(inner, (*place, i))
    elif isinstance(value, str) and (
        _SECRET_VALUE.search(value) or _CREDENTIALS_IN_ADDRESS.search(value)
    ):
        yield place
