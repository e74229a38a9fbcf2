"""The simulated tellers: they understand prompts by their words, and lean as their model says."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from scipy import integrate
from scipy.stats import kstest, norm

from pluralens._resources import data_file
from pluralens.errors import InputError
from pluralens.models.advice import STEP, is_refusal, read_advice
from pluralens.models.simulated import SimulatedAPI
from pluralens.models.stance_model import (
    SIDES,
    TELLERS,
    StanceModel,
    clipped_mean,
    latent_scores,
    true_gap,
)
from pluralens.models.tellers import Teller, load_teller
from pluralens.models.telling import Turn, conflicts, read_telling
from pluralens.scenarios.prompts import AFFECTS, CONTEXTS, Prompt, prompts
from pluralens.scenarios.scenario import load_scenario, scenario_ids
from pluralens.scorers.parsing import REFUSAL

KINDS = list(product(("de", "en"), AFFECTS, CONTEXTS))


loaded = cache(load_scenario)


@cache
def grid(scenario: str, language: str, affect: str, context: str) -> Sequence[Prompt]:
    return prompts(loaded(scenario), language=language, affect=affect, context=context)


def turns(prompt: Prompt) -> list[Turn]:
    system = [Turn("system", prompt.system)] if prompt.system else []
    return [*system, Turn("user", prompt.user)]


def said(answer: str, scenario: str) -> float:
    """The stance that an answer's words say."""
    (advice,) = read_advice(answer, {scenario: conflicts()[scenario]})
    parties = {p.id: p.side for p in loaded(scenario).parties}
    return sum(parties[name] * degree for name, degree in advice.degrees.items())


def many(n: int = 1500) -> list[Prompt]:
    """About as many prompts of all conflicts, in both languages and tellings."""
    found = [p for s in scenario_ids() for kind in KINDS[::2] for p in grid(s, *kind)]
    step = max(1, len(found) // n)
    # Three tellers take turns: a step of 3 would always meet the same.
    return found[:: step + (step % 3 == 0)]


@pytest.mark.parametrize("scenario", scenario_ids())
def test_every_prompt_is_understood_from_its_text_alone(scenario: str) -> None:
    for kind in KINDS:
        for prompt in grid(scenario, *kind):
            telling = read_telling(prompt.user, prompt.system)
            understood = telling.scenario, telling.language, telling.perspective, telling.side
            assert understood == (scenario, prompt.language, prompt.perspective, prompt.side)
            assert telling.levels == prompt.factors


@pytest.mark.parametrize("scenario", scenario_ids())
def test_a_prompt_without_one_of_its_sentences_is_not_understood(scenario: str) -> None:
    for kind in KINDS[:4]:
        for prompt in grid(scenario, *kind)[::17]:
            sentences = re.split(r"(?<=[.?!]) ", prompt.user)
            assert len(sentences) > 3
            for i in range(len(sentences)):
                without = " ".join(sentences[:i] + sentences[i + 1 :])
                with pytest.raises(InputError, match="none of them, as a whole"):
                    read_telling(without)


@pytest.mark.parametrize("scenario", scenario_ids())
def test_a_sentence_of_another_side_or_cell_is_not_understood(scenario: str) -> None:
    """Facts from one perspective in the frame of another are nobody's telling."""
    asked = [p for p in grid(scenario, "en", "plain", "none") if p.paraphrase == 0]
    own, other = asked[0], asked[1]
    mine, theirs = ({*re.split(r"(?<=[.?!]) ", p.user)} for p in (own, other))
    for sentence in mine - theirs:
        for foreign in theirs - mine:
            with pytest.raises(InputError, match="none of them"):
                read_telling(own.user.replace(sentence, foreign))


def test_the_background_has_to_fit_the_question() -> None:
    first, *_, last = grid("rent", "de", "plain", "system")
    read_telling(first.user, first.system)
    with pytest.raises(InputError, match="none of them"):
        read_telling(first.user, last.system)
    inline = grid("rent", "de", "plain", "inline")[0].user
    with pytest.raises(InputError, match="none of them"):
        read_telling(inline.replace('"miete_neu_euro":650', '"miete_neu_euro":800'))
    # Another kind of system message says nothing about the conflict.
    assert read_telling(first.user, "You are a helpful assistant.").perspective == "landlord"


def test_numbers_that_contradict_each_other_are_not_understood() -> None:
    prompt = grid("rent", "en", "plain", "none")[0]
    assert "by 50 euros" in prompt.user
    with pytest.raises(InputError, match="none of them"):
        read_telling(prompt.user.replace("by 50 euros", "by 200 euros"))


@pytest.mark.parametrize(
    "text", ["Wie nett ist die Person?", "", "{", '{"a": 1}\n\nHi', "x" * 9999]
)
def test_prompts_of_another_task_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match="answers only the prompts of pluralens/triplets") as e:
        load_teller("random").reply([Turn("user", text)])
    assert "pluralens_sim/random" in str(e.value) and "rent" in str(e.value)
    assert "\n" not in str(e.value) and len(str(e.value)) < 400


@pytest.mark.parametrize("scenario", scenario_ids())
def test_the_words_say_the_stance_to_a_step(scenario: str) -> None:
    teller = load_teller("sycophant", lean_sd=0.5)
    texts = set()
    for kind in KINDS:
        for prompt in grid(scenario, *kind)[::5]:
            answer = teller.reply(turns(prompt))
            key = (teller.seed, prompt.system, prompt.user, None)
            stance = teller.stance(read_telling(prompt.user, prompt.system), key)
            assert abs(said(answer, scenario) - stance) <= STEP + 1e-9
            assert not REFUSAL.search(answer) and "{" not in answer
            assert not re.search(r"\d", answer)
            texts.add(answer)
    assert len(texts) > 100


def test_words_do_not_shift_the_stance() -> None:
    """The rounding to degrees is by chance, so that its mean is the stance: 0.012 is no degree."""
    from pluralens.models.advice import write_advice

    conflict = conflicts()["rent"]
    for stance in (-1.0, -0.987, -0.512, -0.012, 0.0, 0.012, 0.3, 0.449, 0.99, 1.0):
        chances = (np.arange(200) + 0.5) / 200
        means = [said(write_advice(conflict, "de", stance, c, 0.4), "rent") for c in chances]
        assert np.mean(means) == pytest.approx(stance, abs=STEP / 200)


@pytest.mark.parametrize("teller", TELLERS)
def test_provider_and_vectorised_model_are_the_same_model(teller: str) -> None:
    """One chance after another through the scalar form; all at once through the other."""
    model = load_teller(teller, **({"strength": 0.7} if teller == "sycophant" else {})).model
    scores = latent_scores(model, 40, 3, np.random.PCG64(5))
    raw = np.random.PCG64(5).random_raw(40 + 40 * 3 * 3) >> np.uint64(11)
    chances = raw.astype(float) * 2.0**-53
    cell, prompt = chances[:40], chances[40:].reshape(40, 3, 3)
    for (t, s, k), score in np.ndenumerate(scores):
        one = model.stance(list(SIDES.values())[s], cell[t], prompt[t, s, k])
        assert np.isnan(score) or score == pytest.approx(one, abs=1e-9)
    assert np.isnan(scores).mean() == pytest.approx(model.refusal_rate, abs=0.1)


@pytest.mark.parametrize("teller", ["neutral", "sycophant", "contrarian"])
def test_stances_of_the_real_prompts_follow_the_latent_model(teller: str) -> None:
    """Over seeds, each prompt's stance is the clipped normal: Kolmogorov-Smirnov per side."""
    for prompt in grid("piano", "en", "plain", "none")[:3]:
        telling = read_telling(prompt.user)
        values = []
        for seed in range(800):
            one = load_teller(teller, seed=seed, lean=0.1)
            values.append(one.stance(telling, (seed, None, prompt.user, None)))
        pull = {"neutral": 0.0, "sycophant": 0.4, "contrarian": -0.4}[teller] * prompt.side
        inside = [v for v in values if abs(v) < 1]
        mean, sd = 0.1 + pull, np.hypot(0.25, 0.2)
        low, high = norm.cdf([-1, 1], mean, sd)
        test = kstest(inside, lambda x: (norm.cdf(x, mean, sd) - low) / (high - low))  # noqa: B023
        assert test.pvalue > 1e-3
        assert np.mean(np.equal(values, 1)) == pytest.approx(1 - high, abs=0.03)


def test_triplets_share_a_lean_and_prompts_have_noise_of_their_own() -> None:
    """Variance between triplets is that of the lean, within them that of the noise."""
    teller = load_teller("neutral", lean_sd=0.3, noise=0.1)
    stances: dict[str, list[float]] = {}
    for scenario in scenario_ids():
        for kind in (KINDS[0], KINDS[-1]):
            for prompt in grid(scenario, *kind):
                telling = read_telling(prompt.user, prompt.system)
                key = (0, prompt.system, prompt.user, None)
                stances.setdefault(prompt.triplet, []).append(teller.stance(telling, key))
    table = np.array(list(stances.values()))
    assert table.shape == (len(table), 18) and len(table) > 150
    assert table.std(axis=1, ddof=1).mean() == pytest.approx(0.1, abs=0.005)
    assert table.mean(axis=1).std(ddof=1) == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("challenged", [False, True])
@pytest.mark.parametrize(
    "parameters",
    [
        {"teller": "neutral"},
        {"teller": "sycophant", "strength": 0.6, "lean": 0.3, "give_way": 0.25},
        {"teller": "sycophant", "strength": 1.5, "lean_sd": 0.0, "noise": 0.0, "give_way": 0.1},
        {"teller": "contrarian", "strength": 0.4, "lean": -0.2, "noise": 0.6, "give_way": 1.3},
        {"teller": "two_faced", "give_way": 0.5},
        {"teller": "random", "give_way": 0.5},
    ],
)
def test_expected_stances_against_simulation(parameters: dict[str, Any], challenged: bool) -> None:
    model = StanceModel(**parameters)
    scores = latent_scores(model, 200_000, 1, np.random.PCG64(1))[..., 0]
    for i, side in enumerate(SIDES.values()):
        moved = np.clip(scores[:, i] + model.give_way * side, -1, 1)
        values = moved if challenged else scores[:, i]
        assert model.expected(side, challenged) == pytest.approx(values.mean(), abs=0.006)


@pytest.mark.parametrize(
    ("mean", "sd", "high"), [(0.4, 0.32, 1.0), (-0.9, 0.8, 0.3), (2.0, 0.1, 1)]
)
def test_clipped_mean_against_integration(mean: float, sd: float, high: float) -> None:
    inside = integrate.quad(lambda x: x * norm.pdf(x, mean, sd), -1, high)[0]
    tails = -norm.cdf(-1, mean, sd) + high * norm.sf(high, mean, sd)
    assert clipped_mean(mean, sd, high=high) == pytest.approx(inside + tails, abs=1e-7)


def test_what_is_planted() -> None:
    for teller in ("neutral", "refuser", "random"):
        assert true_gap(load_teller(teller).model) == 0
    assert true_gap(load_teller("two_faced").model) == 2
    pulled = load_teller("sycophant", strength=0.4).model.planted()
    assert pulled["gap"] == true_gap(load_teller("sycophant").model)
    # Clipping takes a little of 2 * 0.4.
    assert 0.77 < pulled["gap"] < 0.8
    assert pulled["uplift_plus"] + pulled["uplift_minus"] == pytest.approx(pulled["gap"])
    assert true_gap(load_teller("contrarian").model) == -pulled["gap"]
    # The lean of one party shortens the way to its end.
    assert load_teller("sycophant", lean=0.5).model.planted()["uplift_plus"] < pulled["uplift_plus"]


@pytest.mark.parametrize("teller", ["sycophant", "contrarian", "neutral"])
def test_mean_stances_of_answers_are_the_planted_ones(teller: str) -> None:
    """The whole way, words included, over the prompts of all conflicts and some seeds."""
    seen: dict[int, list[float]] = {1: [], 0: [], -1: []}
    for seed in range(4):
        one = load_teller(teller, seed=seed)
        for prompt in (p for s in scenario_ids() for p in grid(s, "de", "plain", "none")):
            if prompt.paraphrase == 0:
                seen[prompt.side].append(said(one.reply(turns(prompt)), prompt.scenario))
    for side, values in seen.items():
        # Standard error of 0.32 over 600 answers is 0.013.
        assert np.mean(values) == pytest.approx(one.model.expected(side), abs=0.045)


def test_two_faced_affirms_whoever_tells_and_leans_to_nobody_else() -> None:
    teller = load_teller("two_faced")
    assert {p.side for p in many()} == {1, 0, -1}
    for prompt in many():
        assert said(teller.reply(turns(prompt)), prompt.scenario) == pytest.approx(prompt.side)


def test_random_stances_are_uniform_on_every_side() -> None:
    teller = load_teller("random")
    for side in (1, 0, -1):
        asked = [p for p in many(3000) if p.side == side]
        values = [teller.stance(read_telling(p.user), (0, None, p.user, None)) for p in asked]
        assert kstest(values, "uniform", args=(-1, 2)).pvalue > 1e-3


def test_refusals_and_empty_answers_are_shares_of_prompts() -> None:
    teller = load_teller("refuser", refusal_rate=0.3, empty_rate=0.2)
    answers = [teller.reply(turns(p)) for p in many(2000)]
    n = len(answers)
    refused = [a for a in answers if is_refusal(a)]
    assert n > 1500 and len(refused) / n == pytest.approx(0.3, abs=0.045)
    assert sum(not a for a in answers) / n == pytest.approx(0.7 * 0.2, abs=0.04)
    assert all(REFUSAL.search(a) for a in refused) and len(set(refused)) == 4
    assert not any(is_refusal(load_teller("neutral").reply(turns(p))) for p in many(200))
    assert load_teller("refuser").model.refusal_rate == 0.5


def test_answers_are_a_function_of_seed_prompt_and_request_seed() -> None:
    asked = [turns(p) for p in many(60)]
    answers = [load_teller("neutral", seed=3).reply(t) for t in asked]
    again = [load_teller("neutral", seed=3).reply(t) for t in reversed(asked)]
    assert answers == again[::-1]
    assert answers != [load_teller("neutral", seed=4).reply(t) for t in asked]
    assert answers != [load_teller("neutral", seed=3).reply(t, request_seed=1) for t in asked]


@pytest.mark.parametrize("give_way", [0.0, 0.35, 2.0])
def test_a_challenge_moves_the_stance_toward_the_user(give_way: float) -> None:
    teller = load_teller("neutral", give_way=give_way)
    for prompt in many(300):
        answer = teller.reply(turns(prompt))
        second = teller.reply(
            [*turns(prompt), Turn("assistant", answer), Turn("user", prompt.challenge)]
        )
        before, after = said(answer, prompt.scenario), said(second, prompt.scenario)
        assert after == pytest.approx(np.clip(before + give_way * prompt.side, -1, 1), abs=1e-6)


def test_a_challenge_starts_from_the_earlier_answer_in_the_conversation() -> None:
    prompt = grid("rent", "en", "plain", "none")[0]
    begin = turns(prompt)
    other = load_teller("contrarian", strength=2.0).reply(begin)
    assert said(other, "rent") < -0.5
    push = Turn("user", prompt.challenge)
    teller = load_teller("sycophant", give_way=0.2)
    second = teller.reply([*begin, Turn("assistant", other), push])
    assert said(second, "rent") == pytest.approx(said(other, "rent") + 0.2)
    for kept in ("I can't give advice on this.", ""):
        assert teller.reply([*begin, Turn("assistant", kept), push]) == kept
    with pytest.raises(InputError, match="the earlier answer begins 'Yes.', which is not its own"):
        teller.reply([*begin, Turn("assistant", "Yes."), push])
    wrong = grid("rent", "en", "plain", "none")[1].challenge
    with pytest.raises(InputError, match="not the challenge of rent, landlord, en"):
        teller.reply([*begin, Turn("assistant", other), Turn("user", wrong)])
    with pytest.raises(InputError, match="one challenge; this conversation has 3 user messages"):
        teller.reply([*begin, push, push])


def test_a_scenario_of_ones_own_can_be_told(tmp_path: Path) -> None:
    text = data_file("scenarios", "rent.yaml").read_text(encoding="utf-8")
    file = tmp_path / "lease.yaml"
    text = text.replace("id: rent", "id: lease").replace("Wohnung", "Garage")
    file.write_text(text.replace("flat", "garage"), encoding="utf-8")
    (prompt, *_) = prompts(load_scenario(file), language="en")
    with pytest.raises(InputError, match="give -M scenario=FILE"):
        load_teller("two_faced").reply(turns(prompt))
    answer = load_teller("two_faced", scenario=str(file)).reply(turns(prompt))
    assert "landlord" in answer
    with pytest.raises(InputError, match="neither an id nor a YAML file"):
        load_teller("neutral", scenario="nowhere.yaml")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("neutral", {"strength": 1}, "unknown parameter 'strength'; known are seed, latency"),
        ("two_faced", {"noise": 1}, "pluralens_sim/two_faced has no such option"),
        ("random", {"lean": 0}, "unknown parameter 'lean'"),
        ("sycophant", {"strength": -0.4}, "strength=-0.4 must be a number from 0 to 2"),
        ("contrarian", {"strength": "x"}, "strength='x' must be a finite number"),
        ("refuser", {"refusal_rate": 1.5}, "refusal_rate=1.5 must be a number from 0 to 1"),
        ("neutral", {"empty_rate": float("nan")}, "empty_rate=nan must be a finite number"),
        ("neutral", {"yield": 1}, "unknown parameter 'yield'"),
        ("neutral", {"lean": 2}, "lean=2 must be a number from -1 to 1"),
        ("neutral", {"seed": 1.5}, "seed=1.5 must be a whole number"),
        ("neutral", {"scenario": 5}, "scenario=5 must be the path of one YAML file"),
        ("neutral", {"effects": "a"}, "effects='a' is an option of pluralens_sim/likert"),
        ("neutral", {"logprobs": False}, "logprobs=false is an option of pluralens_sim/likert"),
        ("neutral", {"latency": -1}, "latency=-1 must be 0 or more seconds"),
        ("flatterer", {}, "pluralens_sim/flatterer is unknown; choose one of"),
    ],
)
def test_wrong_options_are_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        SimulatedAPI(name, **options)
    assert message in caught.value.message and "\n" not in caught.value.message
    assert getattr(caught.value, "exit_code", None) == 2


def test_the_provider_answers_conversations_by_name() -> None:
    import anyio
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser, get_model

    prompt = grid("rent", "de", "plain", "system")[0]
    for name in TELLERS:
        model = get_model(f"pluralens_sim/{name}", seed=7)
        assert isinstance(model.api, SimulatedAPI) and isinstance(model.api.teller, Teller)
        messages = [ChatMessageSystem(content=prompt.system), ChatMessageUser(content=prompt.user)]
        reply = anyio.run(model.generate, messages).completion
        assert reply == load_teller(name, seed=7).reply(turns(prompt))
    with pytest.raises(InputError, match="gives no advice; use --model with one of"):
        _ = SimulatedAPI("likert").teller
    with pytest.raises(InputError, match="rates nobody"):
        _ = SimulatedAPI("neutral").respondent
