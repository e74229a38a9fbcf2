"""What the OpenAI-compatible test server writes when it is asked for a persona's texts."""

import json
import unicodedata
from typing import Any

__all__ = ["ENRICHMENT", "TEXTS_ARE_VALID", "asks_for_texts", "persona_reply", "persona_texts"]

# As `canned_replies.CONTENT`, for the other kind of prompt; knobs that mean the same are shared.
ENRICHMENT = {
    "length": "plength",  # the JSON is cut off, finish_reason "length"
    "fence": "pfence",  # JSON in a code fence, after a preamble
    "refuse": "prefuse",  # a refusal sentence
    "prose": "pprose",  # JSON in the middle of prose
    "vague": "pvague",  # a sentence without JSON
    "long": "plong",  # a biography one character over the limit of 420
    "missing": "pmissing",  # no appearance
    "extra": "pextra",  # a fourth key
    "decomposed": "pdecomposed",  # umlauts as letter and combining mark
}
TEXTS_ARE_VALID = ("ok", "fence", "prose", "decomposed")
GIVEN = ("Jürgen", "Käthe", "Björn", "Änne", "Üzeyir", "Søren")
FAMILY = ("Groß-Ölschläger", "Weiß", "Müller", "Şahin", "Ångström", "Nguyễn")
REFUSAL = "Es tut mir leid, aber ich kann keine Person erfinden."


def asks_for_texts(body: dict[str, Any]) -> bool:
    """Whether a request is for structured output with a persona's texts."""
    form = body.get("response_format") or {}
    return bool((form.get("json_schema") or {}).get("name") == "persona_texts")


def persona_texts(key: str) -> dict[str, str]:
    """What the model means to write: a function of the prompt's key alone, composed characters."""
    number = int(key.split("-")[0], 16)
    name = f"{GIVEN[number % 6]} {FAMILY[number // 6 % 6]}"
    return {
        "name": name,
        "appearance": f"Größe {150 + number % 50} cm, graue Haare, weißes Hemd.",
        "biography": f"{name} wuchs in Görlitz auf, übt Flöte und mag Käse (№ {number % 997}).",
    }


def persona_reply(outcome: str, key: str) -> tuple[str, str]:
    """The text of a reply and its finish_reason."""
    texts = persona_texts(key)
    plain = json.dumps(texts, ensure_ascii=False)
    if outcome == "length":
        return plain[: len(plain) // 2], "length"
    without = {name: text for name, text in texts.items() if name != "appearance"}
    too_long = texts["biography"] + "ß" * (421 - len(texts["biography"]))
    text = {
        "fence": f"Gerne:\n```json\n{json.dumps(texts, indent=2)}\n```",
        "refuse": REFUSAL,
        "prose": f"Hier sind die Texte: {plain} Ich hoffe, das hilft!",
        "vague": "Das hängt ganz davon ab.",
        "long": json.dumps({**texts, "biography": too_long}, ensure_ascii=False),
        "missing": json.dumps(without, ensure_ascii=False),
        "extra": json.dumps({**texts, "hobby": "Schach"}, ensure_ascii=False),
        "decomposed": unicodedata.normalize("NFD", plain),
    }.get(outcome, plain)
    return text, "stop"
