"""The simulated writer: valid texts by default, and each way of breaking a rule on demand."""

from typing import Any

import click
import pytest

from pluralens.errors import InputError
from pluralens.models.enricher import BREAKS, load_writer
from pluralens.models.simulated import SimulatedAPI
from pluralens.personas.description import describe
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.scorers.enrichment_parsing import REASONS, parse_texts
from pluralens.solvers.enrichment_wording import enrichment_wording

PEOPLE = load_population("de")


def prompts(language: str, n: int = 200) -> list[str]:
    wording = enrichment_wording(language)
    return [
        wording.ask(describe(persona.attributes, PEOPLE, language=language))
        for persona in sample(PEOPLE, n, seed=4)
    ]


@pytest.mark.parametrize("language", ["de", "en"])
def test_texts_are_valid_deterministic_and_marked_as_simulated(language: str) -> None:
    writer = load_writer(seed=2)
    asked = prompts(language)
    texts = [parse_texts(writer.reply(prompt)).texts or {} for prompt in asked]
    assert all(texts) and texts == [parse_texts(writer.reply(p)).texts for p in asked]
    begin = {"de": "Simulierter Text:", "en": "Simulated text:"}[language]
    assert all(t["biography"].startswith(begin) and t["name"] in t["biography"] for t in texts)
    assert len({t["name"] for t in texts}) > 50
    if language == "de":
        assert set("äöüß") <= set("".join(t["name"] + t["appearance"] for t in texts))
    assert texts != [parse_texts(load_writer(seed=3).reply(p)).texts for p in asked]
    assert texts != [parse_texts(writer.reply(p, request_seed=1)).texts for p in asked]


def test_every_rule_can_be_broken_in_its_own_way() -> None:
    assert set(BREAKS) == set(REASONS)
    writer = load_writer(invalid_rate=1.0, stubborn_rate=1.0)
    replies = {writer.reply(prompt) for prompt in prompts("de")}
    assert {parse_texts(reply).reason for reply in replies} == set(REASONS)


def test_rates_are_shares_of_prompts() -> None:
    writer = load_writer(invalid_rate=0.3, stubborn_rate=0.5)
    asked = prompts("en", 2000)
    first = [parse_texts(writer.reply(p)).texts is None for p in asked]
    second = [parse_texts(writer.reply(p, attempt=1)).texts is None for p in asked]
    # Four standard errors of a share at n = 2,000 are at most 0.045.
    assert sum(first) / 2000 == pytest.approx(0.3, abs=0.045)
    assert sum(second) / 2000 == pytest.approx(0.15, abs=0.045)
    assert all(one for one, two in zip(first, second, strict=True) if two)


def test_prompts_of_another_task_are_refused() -> None:
    with pytest.raises(InputError, match="writes only for pluralens/persona_enrichment"):
        load_writer().reply("Wie nett ist die Person?")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": 1}, "unknown parameter 'noise'; known are seed, latency, invalid_rate"),
        ({"invalid_rate": 1.5}, "invalid_rate=1.5 must be a share from 0 to 1"),
        ({"stubborn_rate": "x"}, "stubborn_rate='x' must be a finite number"),
        ({"seed": "x"}, "seed='x' must be a whole number"),
        ({"effects": "a.yaml"}, "effects='a.yaml' is an option of pluralens_sim/likert"),
        ({"logprobs": False}, "logprobs=false is an option of pluralens_sim/likert"),
        ({"latency": -1}, "latency=-1 must be 0 or more seconds"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        SimulatedAPI("enricher", **options)
    assert message in caught.value.message and "\n" not in caught.value.message


def test_the_two_simulated_models_are_not_mistaken_for_each_other() -> None:
    with pytest.raises(InputError, match="rates nobody; use --model pluralens_sim/likert"):
        _ = SimulatedAPI("enricher").respondent
    with pytest.raises(InputError, match="writes no texts; use --model pluralens_sim/enricher"):
        _ = SimulatedAPI("likert").writer
    with pytest.raises(click.ClickException, match="choose one of .*/likert, .*/enricher"):
        SimulatedAPI("writer")
