"""The simulated personaliser: it answers the real prompts, with the planted chances."""

import json
import math
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from inspect_ai import Epochs, Task
from inspect_ai import eval as inspect_eval
from inspect_ai.dataset import Sample

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.personal_advice import CUES, cue_for, read_advice
from pluralens.models.personaliser import (
    BREAKS,
    Personaliser,
    read_prompt,
)
from pluralens.models.personalising_model import PersonalisingModel
from pluralens.models.simulated import SimulatedAPI
from pluralens.models.telling import Turn
from pluralens.personas.population import load_population
from pluralens.questions.person import Person, describe
from pluralens.scorers.leaks import quoted_attributes
from pluralens.scorers.personalized_answers import PersonalizedAnswers
from pluralens.scorers.personalized_parsing import MODES, ParsedAnswer, parse_personalized
from pluralens.scorers.refusals import refuses
from pluralens.solvers.personalize import personalize
from pluralens.solvers.personalize_wording import personalize_wording

QUESTION = "Is it right to eat animals?"
ATTRIBUTES = {
    "age": "44",
    "sex": "Female",
    "religion": "Quaker: unprogrammed tradition",
    "detailed_job_description": "Repairs church organs; tunes pianos",
}
PERSON = Person("p1", ATTRIBUTES)
MODEL = PersonalisingModel(
    base=0.9, weights={"age": 0.3, "religion": 0.6}, groups={"sex": {"Female": 0.8}}, skill=0.5
)
ARMS = [
    tuple(name for name in ATTRIBUTES if name not in left_out)
    for left_out in ((), ("age",), ("religion",), ("age", "religion"))
]


def prompt(shown: str, mode: str = "output_only", question: str = QUESTION) -> str:
    return personalize_wording(mode).ask(question, shown)


def answered(
    personaliser: Personaliser, text: str, mode: str = "output_only", seed: int | None = None
) -> ParsedAnswer:
    reply = personaliser.reply([Turn("system", "You answer."), Turn("user", text)], seed)
    return parse_personalized(reply, "stop", mode)  # type: ignore[arg-type]


def test_every_mode_and_arm_is_understood() -> None:
    for mode in MODES:
        for arm in ARMS:
            shown = describe(PERSON, arm)
            read = read_prompt(prompt(shown, mode))
            assert read.question == QUESTION
            expected = 0 if mode == "baseline" else len(arm)
            assert len(read.shown) == expected
            assert read.person == ("" if mode == "baseline" else shown)
            parsed = answered(Personaliser(MODEL), prompt(shown, mode), mode)
            assert parsed.outcome == "answer" and read_advice(parsed.text) is not None
            assert bool(parsed.notes) == (mode in ("chain_of_thought", "demographic_summary"))
    assert dict(read_prompt(prompt(describe(PERSON))).shown)["Religion"] == ATTRIBUTES["religion"]


def test_nothing_shown_is_nobody() -> None:
    read = read_prompt(prompt("", "chain_of_thought"))
    assert (read.person, dict(read.shown)) == ("", {})
    assert (
        "Nothing is known"
        in answered(
            Personaliser(MODEL), prompt("", "demographic_summary"), "demographic_summary"
        ).notes
    )


N = 1500


@pytest.mark.parametrize("mode", ["output_only", "baseline"])
@pytest.mark.parametrize("shown", ARMS)
def test_answers_suit_as_often_as_planted(mode: str, shown: tuple[str, ...]) -> None:
    """Over request seeds, as attempts draw them."""
    text = prompt(describe(PERSON, shown), mode)
    personaliser = Personaliser(MODEL)
    read = [read_advice(answered(personaliser, text, mode, seed).text) for seed in range(N)]
    seen = {} if mode == "baseline" else {name: ATTRIBUTES[name] for name in shown}
    expected = MODEL.fitting(seen)
    found = sum(one is not None and one.fits for one in read) / N
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / N)
    cues = {one.cue for one in read if one is not None}
    if mode == "baseline":
        assert cues == {None}
    else:
        assert cues == {None, cue_for(describe(PERSON, shown))}
        told = sum(one is not None and one.cue is not None for one in read) / N
        assert abs(told - 0.5) < 4 * 0.5 / math.sqrt(N)


def test_different_prompts_draw_independently_without_a_request_seed() -> None:
    personaliser = Personaliser(PersonalisingModel(base=0.5))
    texts = [prompt(f"Age: {k}") for k in range(1000)]
    fits = [read_advice(answered(personaliser, text).text).fits for text in texts]  # type: ignore[union-attr]
    assert abs(sum(fits) / 1000 - 0.5) < 0.07
    assert answered(personaliser, texts[0]) == answered(personaliser, texts[0])
    other = Personaliser(personaliser.model, seed=1)
    assert fits != [read_advice(answered(other, text).text).fits for text in texts]  # type: ignore[union-attr]


def test_a_question_is_hard_in_every_attempt() -> None:
    personaliser = Personaliser(PersonalisingModel(base=1.0, hard_share=0.5, hard_factor=0.0))
    shares = []
    for k in range(60):
        text = prompt("Age: 44", question=f"Question {k}?")
        fits = [read_advice(answered(personaliser, text, seed=s).text).fits for s in range(5)]  # type: ignore[union-attr]
        shares.append(sum(fits) / 5)
    assert set(shares) == {0.0, 1.0}


def test_readers_are_told_apart() -> None:
    people = [f"Age: {k}\nReligion: none" for k in range(500)]
    assert len({cue_for(person) for person in people}) > 500 * (1 - 500 / CUES)
    assert cue_for(f"\n{people[0]} ") == cue_for(people[0])


def test_leaks_quote_a_value_that_the_check_finds() -> None:
    personaliser = Personaliser(PersonalisingModel(leak_rate=1.0))
    for seed in range(20):
        text = answered(personaliser, prompt(describe(PERSON)), seed=seed).text
        advice = read_advice(text)
        assert advice is not None and advice.leaks and not advice.good
        assert quoted_attributes(text, ATTRIBUTES, QUESTION) == ("detailed_job_description",)
    clean = Personaliser(PersonalisingModel())
    for seed in range(200):
        text = answered(clean, prompt(describe(PERSON)), seed=seed).text
        assert not quoted_attributes(text, ATTRIBUTES, QUESTION)
    nothing = answered(personaliser, prompt(""), seed=1).text
    assert read_advice(nothing).leaks is False  # type: ignore[union-attr]


def test_refusals_are_in_the_required_form_and_known_as_such() -> None:
    personaliser = Personaliser(PersonalisingModel(refusal_rate=1.0))
    texts = {answered(personaliser, prompt("Age: 4"), seed=s).text for s in range(30)}
    assert len(texts) == 3 and all(refuses(text) for text in texts)
    assert all(read_advice(text).refused for text in texts)  # type: ignore[union-attr]


def test_words_are_plausible_advice_and_each_is_understood() -> None:
    words = yaml.safe_load(
        data_file("simulated", "personaliser_words.yaml").read_text(encoding="utf-8")
    )
    said = [
        text for value in words.values() for text in ([value] if isinstance(value, str) else value)
    ]
    assert not any("simul" in text.lower() for text in said)
    assert not any(refuses(text) for text in [*words["fitting"], *words["unfitting"]])
    assert len(words["where"]) * len(words["when"]) * len(words["company"]) == CUES
    personaliser = Personaliser(PersonalisingModel(base=0.5))
    answers = {answered(personaliser, prompt("Age: 4"), seed=s).text for s in range(300)}
    assert len(answers) > 250
    assert all(120 < len(text) < 600 for text in answers)
    for text in answers:
        advice = read_advice(text)
        assert advice is not None
        assert advice.fits == any(core in text for core in words["fitting"])


@pytest.mark.parametrize("text", ["", "Yes.", "There are good people on both sides of this."])
def test_other_answers_are_not_understood(text: str) -> None:
    assert read_advice(text) is None


@pytest.mark.parametrize("mode", MODES)
def test_every_break_is_what_the_parser_calls_it(mode: str) -> None:
    good = json.loads(Personaliser(MODEL).reply([Turn("user", prompt("Age: 4", mode))]))
    for reason, broken in BREAKS.items():
        parsed = parse_personalized(broken(good), "stop", mode)  # type: ignore[arg-type]
        assert parsed.outcome != "answer" and parsed.reason == reason


def test_unreadable_replies_come_as_often_as_planted() -> None:
    model = PersonalisingModel(invalid_rate=0.3, stubborn_rate=0.4)
    personaliser = Personaliser(model)
    text = prompt("Age: 4")
    first = second = 0
    for seed in range(N):
        reply = personaliser.reply([Turn("user", text)], seed)
        if parse_personalized(reply, "stop", "output_only").outcome == "answer":
            continue
        first += 1
        asked = [Turn("user", text), Turn("assistant", reply), Turn("user", "Not valid.")]
        again = personaliser.reply(asked, N + seed)
        second += parse_personalized(again, "stop", "output_only").outcome != "answer"
    assert abs(first / N - 0.3) < 4 * math.sqrt(0.21 / N)
    assert abs(second / first - 0.4) < 4 * math.sqrt(0.24 / first)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is the capital of France?",
        personalize_wording("baseline").ask(QUESTION, "").replace("<question>", ""),
        personalize_wording("output_only").ask(QUESTION, "Age: 4") + " Thanks!",
    ],
)
def test_prompts_of_others_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="answers only the prompts of the persona tasks"):
        Personaliser(MODEL).reply([Turn("user", text)])
    with pytest.raises(InputError, match="has no user message"):
        Personaliser(MODEL).reply([])


def test_a_file_of_own_effects_and_numbers_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / "effects.yaml"
    file.write_text("base: 0.4\nweights: {hobby: 0.5}\nskill: 1e-1\n")
    api = SimulatedAPI("personaliser", effects=str(file), base=0.6, seed=3)
    model = api.personaliser.model
    assert (model.base, model.weights, model.skill, model.leak_rate) == (
        0.6,
        {"hobby": 0.5},
        0.1,
        0,
    )
    assert api.personaliser.seed == 3
    built_in = SimulatedAPI("personaliser").personaliser.model
    assert SimulatedAPI("personaliser", leak_rate="0.5").personaliser.model.leak_rate == 0.5
    assert built_in.leak_rate == 0.02 and built_in.groups["sex"] == {"Female": 0.97}
    with pytest.raises(InputError, match="answers for nobody"):
        _ = SimulatedAPI("critic").personaliser


def test_the_built_in_effects_name_what_the_built_in_people_show() -> None:
    model = SimulatedAPI("personaliser").personaliser.model
    people = load_population("us")
    assert set(model.weights) | set(model.groups) <= set(people.attributes)
    for name, values in model.groups.items():
        labels = {people.label(name, value, "en") for value in people.values(name)}
        assert set(values) <= labels


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("weights: {a: 1}", "needs at least `base: NUMBER`"),
        ("- 1", "needs at least"),
        ("base: {a: 1}", "base={'a': 1} must be a finite number"),
        ("base: 2", "base=2.0 must be a number from 0 to 1; correct it there"),
        ("base: 1\nweight: {a: 1}", "unknown parameter 'weight'; known are version, weights"),
        ("base: 1\nweights: [a]", "weights must map texts"),
        ("base: 1\nweights: {a: x}", "weights.a='x' must be a finite number"),
        ("base: 1\nweights: {a: 1.5}", "weights.a=1.5 must be a number from 0 to 1"),
        ("base: 1\ngroups: {sex: 1}", "groups.sex must map texts"),
        ("base: 1\ngroups: {sex: {Female: -1}}", "groups.sex.Female=-1.0 must be a number"),
        ("base: [", "line 1 is not valid YAML"),
    ],
)
def test_wrong_effects_are_one_line(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "effects.yaml"
    file.write_text(content)
    with pytest.raises(click.ClickException) as caught:
        SimulatedAPI("personaliser", effects=str(file))
    assert message in caught.value.message and "effects.yaml" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": 1.5}, "base=1.5 must be a number from 0 to 1"),
        ({"noise": 0.1}, "unknown parameter 'noise'; known are effects, seed, latency, base"),
        ({"weights": {"a": 1}}, "unknown parameter 'weights'"),
        ({"seed": "x"}, "seed='x' must be a whole number"),
        ({"effects": ""}, "effects='' must be the path of one YAML file"),
        ({"effects": "nowhere.yaml"}, "nowhere.yaml: cannot be read"),
        ({"logprobs": False}, "logprobs=false is an option of pluralens_sim/likert"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        SimulatedAPI("personaliser", **options)
    assert message in caught.value.message and "\n" not in caught.value.message


def test_the_solver_and_the_personaliser_together(tmp_path: Path) -> None:
    """Attempts differ by their request seeds alone, and all is the same again."""
    task = Task(
        dataset=[Sample(id="s", input=QUESTION, metadata={"shown": describe(PERSON)})],
        solver=personalize(mode="chain_of_thought", also_baseline=True, sampled=True),
        epochs=Epochs(12),
    )

    def texts(folder: Path) -> list[str]:
        (log,) = inspect_eval(
            task, model="pluralens_sim/personaliser", model_args={"invalid_rate": 0.3},
            log_dir=str(folder), display="none",
        )  # fmt: skip
        assert log.status == "success", log.error
        stored = [s.store_as(PersonalizedAnswers) for s in log.samples or []]
        assert all(read_advice(a.text) for one in stored for a in one.answers if a.text)
        assert {len(a.replies) for one in stored for a in one.answers} == {1, 2}
        return [a.text for one in stored for a in one.answers]

    found = texts(tmp_path / "a")
    assert len(found) == 24 and len(set(found)) > 16
    assert found == texts(tmp_path / "b")
