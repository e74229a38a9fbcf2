"""The parser of persona texts: each rule, and that nothing that breaks one gets through."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pluralens.scorers.enrichment_parsing import LIMITS, REASONS, check_texts, parse_texts

GOOD = {
    "name": "Jürgen Groß-Ölschläger",
    "appearance": "Große Brille, weiße Haare.",
    "biography": "Er wuchs in Görlitz auf und mag Käse.",
}


def reply(**changed: Any) -> str:
    return json.dumps({**GOOD, **changed}, ensure_ascii=False)


PLAIN = reply()
WRAPPED = [
    PLAIN,
    json.dumps(GOOD),
    json.dumps(GOOD, indent=2),
    f"```json\n{PLAIN}\n```",
    f"Gerne, hier sind die Texte:\n```\n{PLAIN}\n```\nViel Freude damit!",
    f"Hier: {PLAIN} Passt das so?",
    f'<think>Vielleicht {{"name": "X"}}? Nein.</think>\n{PLAIN}',
    f"Die Person heißt {{Name}}.</thinking>{PLAIN}",
    unicodedata.normalize("NFD", PLAIN),
    PLAIN.replace("Große Brille, ", "Große\n Brille,\t\u00a0\u2028"),
    f"\ufeff{PLAIN}",
]


@pytest.mark.parametrize("text", WRAPPED)
def test_exactly_one_object_is_read_whatever_is_around_it(text: str) -> None:
    parsed = parse_texts(text)
    assert parsed.texts == GOOD and parsed.reason is None and parsed.shown == ""


def test_an_object_that_is_whole_counts_although_the_reply_was_cut_off() -> None:
    assert parse_texts(PLAIN + "\nIch hoffe, dass", "max_tokens").texts == GOOD


LONG = {key: "ß" * (limit + 1) for key, limit in LIMITS.items()}
WRONG = [
    ("", "no object", None),
    ("Das hängt davon ab.", "no object", None),
    ('{"name": Anna}', "no object", None),
    ("{'name': 'Anna'}", "no object", None),
    ("{}", "no object", None),
    ("[]", "no object", None),
    ("<think>Ich denke noch nach", "no object", None),
    ('{"name": {"name": 1, "appearance": 2,}}', "no object", None),
    (PLAIN[:-1] + ', "extra": oops}', "no object", None),
    ('{"a":' * 5000 + "1" + "}" * 5000, "no object", None),
    (PLAIN + PLAIN, "several objects", None),
    (f"So etwa: {PLAIN}\nOder: " + reply(name="Käthe Weiß"), "several objects", None),
    (f'{PLAIN} und {{"name": "Halb', "several objects", None),
    (PLAIN[:-1] + ', "name": "Käthe"}', "duplicate key", None),
    ('{"name": "A", "appearance": {"x": 1, "x": 2}}', "duplicate key", None),
    *[
        (json.dumps({k: v for k, v in GOOD.items() if k != key}), "missing key", key)
        for key in GOOD
    ],
    (json.dumps({"Name": "A", **{k: v for k, v in GOOD.items() if k != "name"}}), "missing key",
     "name"),
    (json.dumps({"persona": GOOD}), "missing key", "name"),
    (reply(hobby="Schach"), "unknown key", None),
    *[(reply(name=value), "not text", "name") for value in (5, None, True, ["A"], {"a": "b"})],
    (PLAIN.replace('"Jürgen Groß-Ölschläger"', "9" * 10_000), "not text", "name"),
    (PLAIN.replace('"Jürgen Groß-Ölschläger"', "NaN"), "not text", "name"),
    *[(reply(**{key: empty}), "empty", key) for key in GOOD for empty in ("", " \n\t\u3000")],
    *[(reply(biography=text), "no letters", "biography") for text in ("…", "1984", "🙂", "- -")],
    *[(reply(**{key: text}), "too long", key) for key, text in LONG.items()],
    *[
        (reply(name=f"An{bad}na"), "bad character", "name")
        for bad in "\0\x07\x1b\x85\xad\u200b\u200d\u200e\u202e\u2066\ufeff\ue000\U000e0041"
        "\ufffd\u3164"
    ],
    (json.dumps({**GOOD, "name": "An\ud800na"}), "bad character", "name"),
    *[
        (reply(**{key: f"Anna {text}"}), "markup", key)
        for key in GOOD
        for text in ("<b>X</b>", "< script>", "</p>", "&lt;", "&#60;", "http://a.de", "HTTPS:x",
                     "www.a.de", "[a](b)", "<!-- x -->")
    ],
    *[(reply(name=f"Anna {text}"), "markup", "name") for text in ("<", "x@y", "[X]", "{X}", "//")],
    ('{"name": "Anna", "appearance": "Gro', "truncated", None),
    ('{"name": "Anna",', "truncated", None),
    (PLAIN[:-1], "truncated", None),
    (PLAIN[:-2], "truncated", None),
    ("Es tut mir leid, dabei kann ich nicht helfen.", "refused", None),
    ("I’m sorry, but I can’t help with that.", "refused", None),
    (reply(name="Es tut mir leid", biography="Ich kann das nicht."), "refused", None),
    (reply(appearance="I cannot describe people."), "refused", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason", "key"), WRONG)
def test_what_breaks_a_rule_is_invalid_with_its_reason(
    text: str, reason: str, key: str | None
) -> None:
    parsed = parse_texts(text)
    assert (parsed.texts, parsed.reason, parsed.key) == (None, reason, key)
    assert reason in parsed.shown and "\n" not in parsed.shown


@pytest.mark.parametrize(
    ("text", "stop", "reason"),
    [
        ("", "max_tokens", "truncated"),
        ("Ich überlege", "max_tokens", "truncated"),
        ("<think>noch nicht fertig", "max_tokens", "truncated"),
        ('{"name": "An', "model_length", "truncated"),
        ('{"name": Anna, "ap', "max_tokens", "truncated"),
        ("", "stop", "no object"),
        (PLAIN, "content_filter", "refused"),
        ("", "content_filter", "refused"),
    ],
)
def test_the_reason_to_stop_counts(text: str, stop: str, reason: str) -> None:
    assert parse_texts(text, stop).reason == reason


def test_every_reason_occurs_above() -> None:
    assert {reason for _, reason, _ in WRONG} == set(REASONS)


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_reason_has_its_wording_and_no_other(language: str) -> None:
    root = Path(__file__).parents[2] / "datasets" / "templates"
    wording = yaml.safe_load((root / f"enrichment.{language}.yaml").read_text(encoding="utf-8"))
    assert set(wording["reasons"]) == set(REASONS)
    assert set(wording["texts"]) == set(LIMITS)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("key", list(LIMITS))
def test_limits_are_counted_in_composed_characters(key: str, form: Any) -> None:
    text = ("äöüßÄÖÜ" * 100)[: LIMITS[key]]
    parsed = parse_texts(reply(**{key: unicodedata.normalize(form, text)}))
    assert parsed.texts is not None and parsed.texts[key] == text
    over = parse_texts(reply(**{key: unicodedata.normalize(form, text + "ä")}))
    assert (over.reason, over.length) == ("too long", LIMITS[key] + 1)


def test_texts_of_the_lists_have_a_name_alone() -> None:
    assert check_texts({"name": "Änne Weiß"}, ("name",)).texts == {"name": "Änne Weiß"}
    assert check_texts(GOOD, ("name",)).reason == "unknown key"


def breaks_no_rule(texts: dict[str, str]) -> bool:
    """The rules again, said another way."""
    limits = {"name": 40, "appearance": 220, "biography": 420}
    if set(texts) != set(limits):
        return False
    for key, text in texts.items():
        lines = re.split(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", text)
        if not 0 < len(text) <= limits[key] or len(lines) != 1 or text != text.strip():
            return False
        if not text.isprintable() or not re.search(r"[^\W\d_]", text) or "  " in text:
            return False
        if unicodedata.normalize("NFC", text) != text or re.search("<[a-z/]", text):
            return False
        text.encode()
    return True


ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
CLEAN_TEXT = st.text("abcäöüß <>\u200b\n{}\"'&;.", min_size=1, max_size=50)


@given(st.fixed_dictionaries({key: ANY_TEXT | CLEAN_TEXT for key in LIMITS}), st.booleans())
def test_whatever_is_accepted_keeps_the_rules(texts: dict[str, str], ascii: bool) -> None:
    parsed = parse_texts("So: " + json.dumps(texts, ensure_ascii=ascii))
    if parsed.texts is None:
        assert parsed.reason in REASONS
    else:
        # Unassigned characters are not printable; Unicode may assign them one day.
        shown = "".join(parsed.texts.values())
        assigned = all(unicodedata.category(c) != "Cn" for c in shown)
        assert not assigned or breaks_no_rule(parsed.texts)
        again = parse_texts(json.dumps(parsed.texts))
        assert again == parsed


@given(st.text(max_size=300), st.sampled_from(["stop", "max_tokens", "content_filter", None]))
def test_any_text_is_read_without_an_error(text: str, stop: str | None) -> None:
    for reply_text in (text, "{" + text, PLAIN[: len(text)] + text):
        parsed = parse_texts(reply_text, stop)
        assert (parsed.texts is None) == (parsed.reason is not None)


@given(st.integers(0, len(PLAIN) - 1))
def test_no_cut_off_reply_is_ever_taken_for_a_whole_one(length: int) -> None:
    parsed = parse_texts(PLAIN[:length], "max_tokens")
    assert parsed.reason == "truncated"
