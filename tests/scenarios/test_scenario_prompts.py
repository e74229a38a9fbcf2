"""The grid of a scenario: how many prompts, which ids, what goes where."""

import json
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from broken_scenario import rent_text

from pluralens.errors import InputError
from pluralens.scenarios.prompts import Prompt, prompts
from pluralens.scenarios.scenario import load_scenario, scenario_ids

# Ids are what logs and human labels are joined by: a change here loses them.
KNOWN_IDS = {
    ("de", 0, "plain", "none"): "rent/050-economy-good-good/landlord",
    ("en", 0, "plain", "none"): "rent/050-economy-good-good/landlord/en",
    ("de", 1, "plain", "none"): "rent/050-economy-good-good/landlord/p1",
    ("de", 0, "emotional", "none"): "rent/050-economy-good-good/landlord/emotional",
    ("de", 0, "plain", "system"): "rent/050-economy-good-good/landlord/system",
    ("en", 2, "emotional", "inline"): (
        "rent/050-economy-good-good/landlord/en-p2-emotional-inline"
    ),
}
# Published once: what a study has run stays what it was, or gets a new version.
CELLS = {
    "late_paper": (36, "late_paper/05-rule-good-good", "late_paper/30-equality-poor-poor"),
    "late_return": (24, "late_return/080-condition-good-good", "late_return/700-illness-poor-poor"),
    "missed_appointment": (
        24,
        "missed_appointment/030-transport-good-good",
        "missed_appointment/120-family-poor-poor",
    ),
    "piano": (24, "piano/030-work-good-good", "piano/120-rules-poor-poor"),
    "raise": (36, "raise/100-workload-good-good", "raise/600-timing-poor-poor"),
    "rent": (36, "rent/050-economy-good-good", "rent/500-timing-poor-poor"),
    "used_car": (36, "used_car/0400-origin-good-good", "used_car/2400-timing-poor-poor"),
}


def rent(triplet: str, perspective: str, **options: object) -> Prompt:
    found = prompts(load_scenario("rent"), **options)  # type: ignore[arg-type]
    return next(p for p in found if (p.triplet, p.perspective) == (triplet, perspective))


def test_rent_is_36_cells_from_three_perspectives() -> None:
    grid = prompts(load_scenario("rent"), paraphrase=0)
    assert len(grid) == 108
    assert Counter(p.perspective for p in grid) == {"landlord": 36, "tenant": 36, "neutral": 36}
    assert len({p.triplet for p in grid}) == 36
    combinations = product(
        ("050", "200", "500"), ("economy", "costs", "timing"), ("good", "poor"), ("good", "poor")
    )
    names = ("increase", "justification", "landlord_view", "tenant_view")
    wanted = [dict(zip(names, levels, strict=True)) for levels in combinations]
    assert [dict(p.factors) for p in grid if p.perspective == "neutral"] == wanted
    assert len(prompts(load_scenario("rent"))) == 324


def test_rent_has_the_facts_of_the_study() -> None:
    text = rent("rent/200-costs-good-poor", "landlord", language="en", paraphrase=0).user
    assert "considering raising the rent" in text and "My operating costs" in text
    assert all(number in text for number in ("600", "800", "200"))
    text = rent("rent/200-costs-good-poor", "tenant", language="en", paraphrase=0).user
    assert "got a letter" in text and "My living costs" in text
    assert all(number in text for number in ("600", "800", "200"))


@pytest.mark.parametrize("name", sorted(CELLS))
def test_sides_and_cells(name: str) -> None:
    scenario = load_scenario(name)
    cells = list(scenario.cells())
    assert (len(cells), cells[0].id, cells[-1].id) == CELLS[name]
    for prompt in prompts(scenario, paraphrase=0):
        expected = {scenario.plus.id: 1, scenario.minus.id: -1, "neutral": 0}
        assert prompt.side == expected[prompt.perspective]
    assert (scenario.plus.side, scenario.minus.side) == (1, -1)


def test_rent_axis_and_relationship() -> None:
    scenario = load_scenario("rent")
    assert (scenario.plus.id, scenario.minus.id) == ("landlord", "tenant")
    found = {(c.levels["landlord_view"], c.levels["tenant_view"]): c for c in scenario.cells()}
    assert {views: cell.relationship for views, cell in found.items()} == {
        ("good", "good"): "good",
        ("good", "poor"): "one_sided_landlord",
        ("poor", "good"): "one_sided_tenant",
        ("poor", "poor"): "bad",
    }


def test_known_ids() -> None:
    for (language, paraphrase, affect, context), expected in KNOWN_IDS.items():
        prompt = rent(
            "rent/050-economy-good-good",
            "landlord",
            language=language,
            paraphrase=paraphrase,
            affect=affect,
            context=context,
        )
        assert prompt.id == expected
        assert prompt.variant == f"{language}-p{paraphrase}-{affect}-{context}"


def test_ids_are_unique_over_everything() -> None:
    seen: Counter[str] = Counter()
    pairs: Counter[tuple[str, str, str]] = Counter()
    for name in scenario_ids():
        scenario = load_scenario(name)
        for language, affect, context in product(
            scenario.languages, ("plain", "emotional"), ("none", "system", "inline")
        ):
            grid = prompts(scenario, language=language, affect=affect, context=context)
            seen.update(p.id for p in grid)
            pairs.update((p.triplet, p.variant, p.perspective) for p in grid)
            assert all(p.id.startswith(f"{p.triplet}/{p.perspective}") for p in grid)
    assert len(seen) == sum(n for n, *_ in CELLS.values()) * 3 * 3 * 2 * 2 * 3
    assert set(seen.values()) == {1} and set(pairs.values()) == {1}


def test_prompts_differ_wherever_their_ids_do() -> None:
    for name in scenario_ids():
        for language in ("de", "en"):
            texts = Counter(
                p.user
                for affect in ("plain", "emotional")
                for p in prompts(load_scenario(name), language=language, affect=affect)
            )
            assert set(texts.values()) == {1}, texts.most_common(1)


def test_context() -> None:
    none, system, inline = (
        rent("rent/200-costs-good-poor", "tenant", language="en", context=context)
        for context in ("none", "system", "inline")
    )
    assert none.system is None and inline.system is None and system.system is not None
    assert system.user == none.user
    assert inline.user == f"{system.system}\n\n{none.user}"
    facts = json.loads(system.system)
    assert (facts["rent_now_euros"], facts["increase_euros"], facts["rent_new_euros"]) == (
        600,
        200,
        800,
    )
    assert system.system == json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    landlord = rent("rent/200-costs-good-poor", "landlord", language="en", context="system")
    assert landlord.system == system.system


def test_what_does_not_depend_on_the_telling() -> None:
    """The grader's facts are the same for a whole triplet in a language: nothing to tell by."""
    for language in ("de", "en"):
        cases: dict[str, set[str]] = {}
        for affect in ("plain", "emotional"):
            for prompt in prompts(load_scenario("rent"), language=language, affect=affect):
                cases.setdefault(prompt.triplet, set()).add(prompt.case)
        assert {len(found) for found in cases.values()} == {1}
        assert len({next(iter(found)) for found in cases.values()}) == 36


def test_what_paraphrases_ask() -> None:
    for name in scenario_ids():
        assert {(p.paraphrase, p.asks) for p in prompts(load_scenario(name))} == {
            (0, "open"),
            (1, "plus"),
            (2, "minus"),
        }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "fr"}, r"language='fr' is unknown; choose one of de, en"),
        ({"affect": "angry"}, r"affect='angry' is unknown; choose one of plain, emotional"),
        ({"context": "user"}, r"context='user' is unknown; choose one of none, system, inline"),
        ({"paraphrase": 3}, r"paraphrase=3 is unknown; choose a whole number from 0 to 2"),
        ({"paraphrase": -1}, r"paraphrase=-1 is unknown"),
        ({"paraphrase": True}, r"paraphrase=True is unknown"),
        ({"paraphrase": 1.0}, r"paraphrase=1\.0 is unknown"),
    ],
)
def test_options_that_do_not_exist(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        prompts(load_scenario("rent"), **options)  # type: ignore[arg-type]


def test_a_new_conflict_is_a_new_file(tmp_path: Path) -> None:
    text = rent_text().replace("id: rent\n", "id: lease\n")
    text = text.replace('"050": {label', '"075": {label')
    text = text.replace("increase: 50, new_rent: 650", "increase: 75, new_rent: 675")
    (tmp_path / "lease.yaml").write_text(text, "utf-8")
    first = prompts(load_scenario(tmp_path / "lease.yaml"))[0]
    assert first.id == "lease/075-economy-good-good/landlord"
    assert "675" in first.user and "650" not in first.user
