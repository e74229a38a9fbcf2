import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import chisquare

from pluralens.errors import InputError
from pluralens.models.reading import read_persona, read_question
from pluralens.models.respondent import LikertRespondent, load_latent, load_respondent
from pluralens.personas.description import describe
from pluralens.personas.population import load_population
from pluralens.scorers.parsing import parse_rating
from pluralens.solvers.prompts import likert_wording

PERSONA: dict[str, Any] = {
    "age": 34, "gender": "female", "education": "abitur_fh",
    "migration": "foreigner_immigrated", "origin": "TR", "religion": "muslim",
    "marital_status": "married", "occupation": "retired", "sexuality": "heterosexual",
}  # fmt: skip


def prompt(
    language: str = "de", *, reverse: bool = False, style: str = "list", **options: Any
) -> str:
    people = load_population("de")
    persona = {**PERSONA, **options.pop("persona", {})}
    text = describe(persona, people, language=language, style=style)
    adjective = options.pop("adjective", "kompetent" if language == "de" else "competent")
    return likert_wording(language, **options).ask(text, adjective, None, reverse)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("style", ["list", "sentence", "bio"])
@pytest.mark.parametrize("paraphrase", [0, 1, 2, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_every_form_of_the_prompt_is_understood(
    language: str, style: str, paraphrase: int, reverse: bool
) -> None:
    question = read_question(prompt(language, style=style, paraphrase=paraphrase, reverse=reverse))
    assert (question.language, question.reversed_order) == (language, reverse)
    assert question.adjective == ("kompetent" if language == "de" else "competent")
    read = read_persona(question.persona, load_population("de"), language)
    assert {k: read.get(k) for k in PERSONA} == PERSONA
    assert (read["age_bin"], read["origin_region"]) == ("30-44", "Asia")


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("style", ["list", "sentence", "bio"])
def test_every_value_of_every_attribute_is_read_back(language: str, style: str) -> None:
    people = load_population("de")
    for attribute in people.attributes:
        for value in people.values(attribute):
            text = describe({**PERSONA, attribute: value}, people, language=language, style=style)
            expected = value if people.is_applicable(attribute, value) else None
            assert read_persona(text, people, language).get(attribute) == expected


@pytest.mark.parametrize("elicit", ["json", "text"])
@pytest.mark.parametrize("rationale", [False, True])
@pytest.mark.parametrize("language", ["de", "en"])
def test_the_asked_form_is_answered_and_parsed(elicit: str, rationale: bool, language: str) -> None:
    respondent = load_respondent(invalid_rate=0, refusal_rate=0)
    reply = respondent.reply(prompt(language, elicit=elicit, rationale=rationale))
    assert parse_rating(reply.text).outcome == "rating"
    if elicit == "json":
        assert ("rationale" in json.loads(reply.text)) == rationale
    else:
        assert ("simul" in reply.text) == rationale


def _ratings(respondent: LikertRespondent, text: str, n: int) -> list[int]:
    found = [parse_rating(respondent.reply(text, request_seed=s).text).rating for s in range(n)]
    return [r for r in found if r is not None]


@pytest.mark.parametrize("adjective", ["kompetent", "inkompetent"])
@pytest.mark.parametrize("reverse", [False, True])
def test_replies_follow_the_latent_model(adjective: str, reverse: bool) -> None:
    """The provider draws from the very distribution that the calibration tests simulate."""
    respondent = load_respondent(invalid_rate=0, refusal_rate=0)
    text = prompt(reverse=reverse, adjective=adjective)
    question = read_question(text)
    favourability, valence = respondent.favourability(question)
    assert valence == (1 if adjective == "kompetent" else -1)
    planted = respondent.latent.base["competence"] + respondent.latent.effect(
        read_persona(question.persona, load_population("de"), "de"), "competence"
    )
    spread = 3**0.5 * (respondent.latent.persona_sd + respondent.latent.item_sd)
    assert abs(favourability - planted) <= spread
    counts = Counter(_ratings(respondent, text, 4000))
    probabilities = respondent.reply(text).probabilities
    assert probabilities is not None
    possible = [r for r in range(1, 6) if probabilities[r - 1] > 0]
    assert set(counts) <= set(possible)
    expected = [4000 * probabilities[r - 1] for r in possible]
    assert chisquare([counts[r] for r in possible], expected).pvalue > 0.001


def test_a_planted_effect_needs_the_words_in_the_prompt() -> None:
    quiet = {"persona_sd": 0.0, "item_sd": 0.0, "invalid_rate": 0.0, "refusal_rate": 0.0}
    respondent = load_respondent(**quiet)
    people = load_population("de")
    shown = {}
    for gender in ("female", "male"):
        for attributes in (["age", "gender"], ["age"]):
            text = describe({**PERSONA, "gender": gender}, people, language="de", shown=attributes)
            asked = likert_wording("de").ask(text, "herzlich", None, False)
            shown[gender, len(attributes)] = respondent.favourability(read_question(asked))[0]
    planted = respondent.latent.effects["gender"]["female"]["warmth"]
    assert shown["female", 2] - shown["male", 2] == pytest.approx(planted)
    assert shown["female", 1] == shown["male", 1]


def test_the_scale_is_answered_as_it_is_shown() -> None:
    respondent = load_respondent(invalid_rate=0, refusal_rate=0, order_bias=0, noise=0)
    normal = respondent.reply(prompt()).probabilities
    mirrored = respondent.reply(prompt(reverse=True)).probabilities
    assert normal is not None and mirrored is not None
    assert normal == pytest.approx(mirrored[::-1])


def test_the_same_request_is_answered_alike_and_another_seed_draws_anew() -> None:
    respondent, text = load_respondent(), prompt()
    texts = [respondent.reply(text, 0, s).text for s in range(50)]
    assert texts == [respondent.reply(text, 0, s).text for s in range(50)]
    assert len(set(texts)) > 1
    other = load_respondent(seed=1).reply(text).probabilities
    assert other != respondent.reply(text).probabilities


def test_refusals_and_invalid_replies_come_at_the_planted_rate() -> None:
    respondent, text = load_respondent(refusal_rate=0.2, invalid_rate=0.25), prompt()
    outcomes = Counter(parse_rating(respondent.reply(text, 0, s).text).outcome for s in range(2000))
    assert outcomes["refused"] / 2000 == pytest.approx(0.2, abs=0.04)
    assert outcomes["invalid"] / 2000 == pytest.approx(0.8 * 0.25, abs=0.04)


def test_a_foreign_prompt_is_refused_with_a_reason() -> None:
    with pytest.raises(InputError, match="persona Likert questions"):
        load_respondent().reply("What is the capital of France?")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("base: {warmth: 3}\neffects: {height: {tall: {warmth: 0.1}}}", "effects.height is no"),
        ("base: {warmth: 3}\neffects: {gender: {man: {warmth: 0.1}}}", "effects.gender.man is no"),
        ("base: {warmth: 3}\neffects: {gender: {male: 0.1}}", "must map dimension"),
        ("base: {warmth: 3}\neffects: [1]", "must map attribute"),
        ("base: {warmth: 3}\nnoize: 0.1", "unknown parameter 'noize'"),
        ("base: {warmth: high}", "base.warmth=.high. must be a finite number"),
        ("effects: {}", "needs at least"),
        ("base: {warmth: 3", "line 1 is not valid YAML"),
    ],
)
def test_a_broken_effects_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "effects.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load_latent(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_effects_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_latent(tmp_path / "none.yaml")
