"""What reaches the model: every analysed attribute, and within pairs nothing else."""

from typing import Any

import pytest

from pluralens.evals.likert_dataset import Interview, interview_samples
from pluralens.evals.likert_people import Draw
from pluralens.personas.counterfactuals import counterfactual_pairs
from pluralens.personas.description import describe
from pluralens.personas.population import load_population
from pluralens.personas.sampling import sample
from pluralens.solvers.likert import asked_orders
from pluralens.solvers.prompts import likert_wording

CHANGED = ["gender", "age", "origin", "religion", "sexuality"]
LANGUAGES = ["de", "en"]


def draw(**options: Any) -> Draw:
    defaults: dict[str, Any] = {
        "n": 10, "population": "de", "seed": 0, "counterfactuals": None, "per_attribute": "all",
        "temperature": 0.0, "age": "18-100",
    }  # fmt: skip
    return Draw.checked(**{**defaults, **options})


def interview(people: Draw, **options: Any) -> Interview:
    defaults: dict[str, Any] = {
        "attributes": None, "language": "de", "style": "list", "paraphrase": 0, "orders": "both",
        "elicit": "json", "rationale": False, "items": None, "cases": None, "top_logprobs": 20,
    }  # fmt: skip
    return Interview.checked(people, **{**defaults, **options})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", ["list", "sentence", "bio"])
def test_every_analysed_value_stands_in_the_prompt(language: str, style: str) -> None:
    people = load_population("de")
    for persona in sample(people, 300, seed=5, temperature=0.7, age=(0, 100)):
        text = describe(persona.attributes, people, language=language, style=style)
        for attribute, value in persona.attributes.items():
            label = people.label(attribute, value, language)
            if people.is_applicable(attribute, value):
                assert label in text
                assert style == "bio" or people.attribute_label(attribute, language) in text
            elif style == "list":
                assert people.attribute_label(attribute, language) not in text


def test_age_0_is_printed() -> None:
    people = load_population("de")
    (baby,) = sample(people, 1, seed=1, age=(0, 0))
    assert "Alter: 0" in describe(baby.attributes, people, language="de").splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_prompts_of_a_pair_differ_only_in_the_changed_and_the_forced_lines(
    language: str,
) -> None:
    """2,000 bases with one twin for each of five attributes: the whole prompts are compared."""
    people = load_population("de")
    bases = sample(people, 2000, seed=11, temperature=0.3)
    found = counterfactual_pairs(people, bases, CHANGED, per_attribute=1, seed=11)
    texts = {p.persona_id: p.attributes for p in bases}
    wording = likert_wording(language)
    adjective = "freundlich" if language == "de" else "friendly"

    def prompt(attributes: Any) -> list[str]:
        text = describe(attributes, people, language=language)
        return wording.ask(text, adjective, None, False).splitlines()

    compared = dict.fromkeys(CHANGED, 0)
    for twin, link in zip(found.twins, found.links, strict=True):
        before, after = prompt(texts[link.base_id]), prompt(twin.attributes)
        allowed = {link.attribute, *(name for name, _, _ in link.forced)}
        labels = {people.attribute_label(name, language) for name in allowed}
        changed = set(before) ^ set(after)
        assert {line.split(":")[0] for line in changed} <= labels, (link, changed)
        own = people.attribute_label(link.attribute, language)
        assert sum(line.startswith(f"{own}:") for line in changed) == 2
        kept = [line for line in before if line.split(":")[0] not in labels]
        assert kept == [line for line in after if line.split(":")[0] not in labels]
        compared[link.attribute] += 1
    assert sum(compared.values()) > 9900 and min(compared.values()) > 1900


def test_reversing_the_scale_reverses_the_texts_and_keeps_the_numbers() -> None:
    wording = likert_wording("en")
    normal = wording.ask("P", "friendly", None, False).split("\n\n")
    upside_down = wording.ask("P", "friendly", None, True).split("\n\n")
    assert normal[:2] == upside_down[:2] and normal[3:] == upside_down[3:]
    texts = [line.split(" = ") for line in normal[2].splitlines()]
    mirrored = [line.split(" = ") for line in upside_down[2].splitlines()]
    assert [n for n, _ in texts] == [n for n, _ in mirrored] == list("12345")
    assert [t for _, t in texts] == [t for _, t in mirrored][::-1]
    assert texts[0][1] == "not at all friendly" and texts[4][1] == "very friendly"


def test_the_persona_is_the_common_prefix_of_all_its_questions() -> None:
    wording = likert_wording("de")
    asked = [wording.ask("PERSONA", a, None, r) for a in ("nett", "klug") for r in (False, True)]
    assert all(text.startswith("PERSONA\n\n") for text in asked)


def test_samples_are_flat_base_major_and_stable() -> None:
    people = draw(n=5, counterfactuals="gender,religion,placebo", per_attribute=1)
    samples, skipped = interview_samples(people, interview(people))
    assert len(samples) == 5 * 4 and skipped == []
    assert len({s["id"] for s in samples}) == len(samples)
    for s in samples:
        assert all(isinstance(v, (str, int, float)) for v in s["metadata"].values())
        assert max(len(str(v)) for v in s["metadata"].values()) < 1000
    roles = [s["metadata"]["role"] for s in samples]
    assert roles == ["base", "counterfactual", "counterfactual", "placebo"] * 5
    assert samples == interview_samples(people, interview(people))[0]
    longer, _ = interview_samples(
        longer_draw := draw(n=8, counterfactuals="gender,religion,placebo", per_attribute=1),
        interview(longer_draw),
    )
    assert longer[:20] == samples


def test_only_shown_attributes_are_analysed() -> None:
    people = draw()
    assert interview(people).axes[0] == "gender"
    assert interview(people, attributes="age,religion").axes == ["age_bin", "religion"]
    named = interview(people, style="name_only").axes
    assert "religion" not in named and "gender" in named


def test_names_are_matched_across_a_pair() -> None:
    people = draw(n=12, counterfactuals="gender", per_attribute=1)
    samples, _ = interview_samples(people, interview(people, style="name_only"))
    for base, twin in zip(samples[::2], samples[1::2], strict=True):
        first, second = base["metadata"]["name"], twin["metadata"]["name"]
        assert first != second
        assert first.split()[-1] == second.split()[-1]
    plain = draw(n=4, counterfactuals="religion", per_attribute=1)
    told, _ = interview_samples(plain, interview(plain, style="bio"))
    assert all(s["metadata"]["name"] in s["input"] for s in told)
    assert told[0]["metadata"]["name"] == told[1]["metadata"]["name"] != ""


def test_random_orders_are_even_and_reproducible() -> None:
    orders = [asked_orders("random", 0, f"p{i}", "g1") for i in range(2000)]
    assert orders == [asked_orders("random", 0, f"p{i}", "g1") for i in range(2000)]
    # Four standard errors of a fair coin.
    assert abs(sum(o == (True,) for o in orders) - 1000) < 4 * 22.4


@pytest.mark.parametrize("language", LANGUAGES)
def test_paraphrases_ask_the_same_thing(language: str) -> None:
    asked = {likert_wording(language, k).ask("P", "xyz", None, False) for k in range(4)}
    assert len(asked) == 4
    assert all(text.split("\n\n")[1].count("xyz") == 1 for text in asked)
