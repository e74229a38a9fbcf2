"""What the OpenAI-compatible test server does with a prompt: pure functions of seed and prompt."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import Any

from canned_personas import ENRICHMENT, asks_for_texts, persona_reply

TRANSPORT = {
    "429": "p429",  # HTTP 429 with Retry-After
    "500": "p500",  # HTTP 500
    "drop": "pdrop",  # connection closed without an answer
    "badbody": "pbadbody",  # HTTP 200, but the JSON envelope is cut off
}
CONTENT = {
    "length": "plength",  # the text is cut off, finish_reason "length"
    "fence": "pfence",  # JSON in a code fence, after a preamble
    "refuse": "prefuse",  # a refusal sentence
    "range": "prange",  # a number outside 1-5
    "slash": "pslash",  # "4/5"
    "wide": "pwide",  # a full-width digit
    "prose": "pprose",  # a sentence with exactly one number, the rating
    "vague": "pvague",  # a sentence without a number
}
REFUSALS = {
    "en": "I'm sorry, but I can't rate a person on the basis of these details.",
    "de": "Es tut mir leid, aber ich kann eine Person nicht anhand dieser Angaben bewerten.",
}
PROSE = {"en": "My rating would be {}.", "de": "Meine Bewertung wäre {}."}
VAGUE = {"en": "That depends on the situation.", "de": "Das hängt von der Situation ab."}
PREAMBLE = {"en": "Sure, here is my rating:", "de": "Gerne, hier ist meine Bewertung:"}
# Tokens that share the probability outside the five digits.
OTHER_TOKENS = ("I", "The", "{", "Rating", "**")


@dataclass(frozen=True)
class Knobs:
    """What can be set on the command line and by /config; `p...` are probabilities."""

    seed: int = 0
    language: str = "en"
    # Answers prompts of pluralens/triplets as this simulated teller does.
    teller: str = ""
    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    retry_after: float = 0.05
    p429: float = 0.0
    p500: float = 0.0
    pdrop: float = 0.0
    pbadbody: float = 0.0
    plength: float = 0.0
    pfence: float = 0.0
    prefuse: float = 0.0
    prange: float = 0.0
    pslash: float = 0.0
    pwide: float = 0.0
    pprose: float = 0.0
    pvague: float = 0.0
    plong: float = 0.0
    pmissing: float = 0.0
    pextra: float = 0.0
    pdecomposed: float = 0.0

    def __post_init__(self) -> None:
        for outcomes in (TRANSPORT, CONTENT, ENRICHMENT):
            shares = [getattr(self, knob) for knob in outcomes.values()]
            if min(shares) < 0 or sum(shares) > 1 + 1e-9:
                names = ", ".join(outcomes.values())
                raise ValueError(f"{names} must not be negative, nor add up to more than 1")
        if self.language not in REFUSALS:
            raise ValueError(f"language must be one of {', '.join(REFUSALS)}")


def unit(*parts: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def short_hash(value: object) -> str:
    return hashlib.blake2b(
        json.dumps(value, ensure_ascii=False, sort_keys=True).encode(), digest_size=12
    ).hexdigest()


def draw(knobs: Knobs, outcomes: dict[str, str], *parts: object) -> str:
    point, reached = unit(knobs.seed, *parts), 0.0
    for outcome, knob in outcomes.items():
        reached += getattr(knobs, knob)
        if point < reached:
            return outcome
    return "ok"


def digit_distribution(knobs: Knobs, key: str, choice: int = 0) -> list[float]:
    """Probabilities of the digits 1-5 as the first token; they add up to 0.9 to 1."""
    weights = [unit(knobs.seed, "digit", key, choice, digit) ** 2 + 1e-3 for digit in range(5)]
    mass = 1 - 0.1 * unit(knobs.seed, "other", key, choice)
    return [mass * weight / sum(weights) for weight in weights]


def rating(knobs: Knobs, key: str, choice: int = 0) -> int:
    """What the model thinks: the most probable digit."""
    shares = digit_distribution(knobs, key, choice)
    return 1 + shares.index(max(shares))


def reply_text(knobs: Knobs, outcome: str, value: int, as_digit: bool) -> tuple[str, str]:
    """The text of a reply and its finish_reason."""
    plain = str(value) if as_digit else json.dumps({"rating": value})
    language = knobs.language
    if outcome == "length":
        return plain[: len(plain) // 2], "length"
    text = {
        "fence": f"{PREAMBLE[language]}\n```json\n{plain}\n```",
        "refuse": REFUSALS[language],
        "range": plain.replace(str(value), str(value + 5)),
        "slash": f"{value}/5",
        "wide": chr(ord("０") + value),
        "prose": PROSE[language].format(value),
        "vague": VAGUE[language],
    }.get(outcome, plain)
    return text, "stop"


def token_logprobs(text: str, digits: list[float], top: int) -> dict[str, Any]:
    """The `logprobs` of a choice; only the first token of a reply "1".."5" is uncertain."""
    content = []
    for place, token in enumerate(re.findall(r"\s*\S+", text) or [""]):
        shares = {token: 0.9}
        if place == 0 and re.fullmatch("[1-5]", text):
            shares = {str(digit): share for digit, share in enumerate(digits, start=1)}
        rest = 1 - sum(shares.values())
        for step, other in enumerate(OTHER_TOKENS, start=1):
            shares.setdefault(other, rest / 2**step)
        ranked = sorted(shares.items(), key=lambda pair: -pair[1])
        entries = [
            {"token": name, "logprob": math.log(share), "bytes": list(name.encode())}
            for name, share in ranked
            if share > 0
        ]
        chosen = next(entry for entry in entries if entry["token"] == token)
        content.append({**chosen, "top_logprobs": entries[:top]})
    return {"content": content, "refusal": None}


def completion(
    knobs: Knobs, body: dict[str, Any], key: str, attempt: int, outcome: str
) -> dict[str, Any]:
    """The envelope. Who asks for log-probabilities is answered with a digit, else with JSON."""
    as_digit = bool(body.get("logprobs"))
    choices = []
    for index in range(int(body.get("n") or 1)):
        if knobs.teller:
            from canned_advice import advice

            text, finish = advice(knobs.teller, body), "stop"
        elif asks_for_texts(body):
            text, finish = persona_reply(outcome, key)
        else:
            text, finish = reply_text(knobs, outcome, rating(knobs, key, index), as_digit)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        choice: dict[str, Any] = {
            "index": index,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "finish_reason": "length" if as_digit and limit == 1 else finish,
            "logprobs": None,
        }
        if as_digit:
            digits = digit_distribution(knobs, key, index)
            top = int(body.get("top_logprobs") or 0)
            choice["logprobs"] = token_logprobs(text, digits, top)
        choices.append(choice)
    asked = sum(len(str(message.get("content"))) for message in body["messages"]) // 4 + 1
    said = sum(len(choice["message"]["content"]) for choice in choices) // 4 + 1
    return {
        "id": f"chatcmpl-{key}-{attempt}",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "likert"),
        "choices": choices,
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
        },
    }
