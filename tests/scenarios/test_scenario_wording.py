"""What makes triplets comparable, measured on every prompt that comes with the package."""

import importlib.util
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from pluralens.scenarios.prompts import CONTEXTS, Prompt, prompts
from pluralens.scenarios.scenario import Scenario, load_scenario, scenario_ids

EVERYTHING = [
    (name, language, affect)
    for name, language, affect in product(scenario_ids(), ("de", "en"), ("plain", "emotional"))
]
# The longest telling of a triplet over the shortest.
MOST = 1.15
# A neutral question with these asks for no side at all.
SIDELESS = (
    "both sides",
    "balanced",
    "options",
    "pros and cons",
    "compromise",
    "beide Seiten",
    "beiden Seiten",
    "ausgewogen",
    "Möglichkeiten",
    "Für und Wider",
    "Kompromiss",
)
FIRST_PERSON = {
    "de": r"ich|mich|mir|mein\w*|wir|uns|unser\w*",
    "en": r"i|me|my|mine|myself|we|us|our|ours",
}


@cache
def scenario(name: str) -> Scenario:
    return load_scenario(name)


@cache
def triplets(
    name: str, language: str, affect: str, context: str = "none"
) -> dict[tuple[str, str], dict[str, Prompt]]:
    found: dict[tuple[str, str], dict[str, Prompt]] = {}
    for prompt in prompts(scenario(name), language=language, affect=affect, context=context):
        found.setdefault((prompt.triplet, prompt.variant), {})[prompt.perspective] = prompt
    assert all(len(members) == 3 for members in found.values())
    return found


def tellings(name: str, language: str) -> Iterator[Prompt]:
    for affect in ("plain", "emotional"):
        for members in triplets(name, language, affect).values():
            yield from members.values()


def words_and_marks(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def assert_matched(name: str, language: str, affect: str, count: Callable[[str], int]) -> None:
    for context in CONTEXTS:
        for key, members in triplets(name, language, affect, context).items():
            lengths = {p: count(member.user) for p, member in members.items()}
            assert max(lengths.values()) <= MOST * min(lengths.values()), (key, lengths)


@pytest.mark.parametrize(("name", "language", "affect"), EVERYTHING)
def test_lengths_agree_in_words(name: str, language: str, affect: str) -> None:
    assert_matched(name, language, affect, words_and_marks)


@pytest.fixture(scope="module", params=["cl100k_base", "o200k_base"])
def byte_pairs(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """A tokenizer that models use; litellm brings the vocabularies, so nothing is fetched."""
    tiktoken = pytest.importorskip("tiktoken")
    package = importlib.util.find_spec("litellm")
    if package is None or package.origin is None:
        pytest.skip("the vocabularies come with litellm, which is not installed")
    folder = Path(package.origin).parent / "litellm_core_utils" / "tokenizers"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        encoding = tiktoken.get_encoding(request.param)
    return cache(lambda text: len(encoding.encode(text)))


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", scenario_ids())
def test_lengths_agree_in_byte_pairs(
    name: str, language: str, byte_pairs: Callable[[str], int]
) -> None:
    for affect in ("plain", "emotional"):
        assert_matched(name, language, affect, byte_pairs)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", scenario_ids())
def test_challenges_agree_in_length(name: str, language: str) -> None:
    told = scenario(name).perspectives.values()
    lengths = [words_and_marks(by_language[language].challenge) for by_language in told]
    assert max(lengths) <= MOST * min(lengths), lengths


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", scenario_ids())
def test_no_party_says_what_it_is(name: str, language: str) -> None:
    """Measured on the finished prompt, by another way than the loader's: word by word."""
    forbidden = {
        word.casefold() for party in scenario(name).parties for word in party.role_words[language]
    }
    for prompt in tellings(name, language):
        if prompt.side:
            said = f"{prompt.user} {prompt.challenge}".casefold()
            words = set(re.findall(r"[\w']+", said))
            assert not words & forbidden, (prompt.id, words & forbidden)
            assert not [w for w in forbidden if " " in w and w in said], prompt.id


@pytest.mark.parametrize(("name", "language", "affect"), EVERYTHING)
def test_the_numbers_of_a_triplet_are_the_same(name: str, language: str, affect: str) -> None:
    for key, members in triplets(name, language, affect).items():
        cell = next(iter(members.values())).factors
        values = scenario(name).fill(cell, language, "neutral").values()
        wanted = Counter(n for v in values for n in re.findall(r"\d+", str(v)))
        for prompt in members.values():
            assert Counter(re.findall(r"\d+", prompt.user)) == wanted, (key, prompt.perspective)
            assert Counter(re.findall(r"\d+", prompt.case)) == wanted


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", scenario_ids())
def test_feeling_adds_no_fact(name: str, language: str) -> None:
    plain, emotional = (triplets(name, language, affect) for affect in ("plain", "emotional"))
    for (key, members), other in zip(plain.items(), emotional.values(), strict=True):
        for perspective, prompt in members.items():
            felt = other[perspective].user
            assert re.findall(r"\d+", prompt.user) == re.findall(r"\d+", felt), key
            assert words_and_marks(felt) > words_and_marks(prompt.user), key


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", scenario_ids())
def test_neutral_is_nobody_and_may_lean(name: str, language: str) -> None:
    for prompt in tellings(name, language):
        texts = [prompt.case] if prompt.side else [prompt.user, prompt.challenge, prompt.case]
        for text in texts:
            found = re.search(rf"\b({FIRST_PERSON[language]})\b", text, re.IGNORECASE)
            assert found is None, (prompt.id, found)
            assert not [word for word in SIDELESS if word.casefold() in text.casefold()], prompt.id


@pytest.mark.parametrize("name", scenario_ids())
def test_every_prompt_ends_with_one_question(name: str) -> None:
    for language in ("de", "en"):
        for prompt in tellings(name, language):
            assert prompt.user.count("?") == 1 and prompt.user.endswith("?"), prompt.user
            assert prompt.challenge.count("?") == 1 and prompt.challenge.endswith(".")
            assert "?" not in prompt.case


@pytest.mark.parametrize("name", scenario_ids())
def test_parties_speak_in_the_first_person(name: str) -> None:
    for language in ("de", "en"):
        for prompt in tellings(name, language):
            if prompt.side:
                assert re.search(rf"\b({FIRST_PERSON[language]})\b", prompt.user, re.IGNORECASE)


@pytest.mark.parametrize("name", scenario_ids())
def test_the_background_does_not_say_who_asks(name: str) -> None:
    for language in ("de", "en"):
        for members in triplets(name, language, "plain", "system").values():
            backgrounds = {prompt.system for prompt in members.values()}
            assert len(backgrounds) == 1
            background = str(backgrounds.pop())
            assert not re.search(rf"\b({FIRST_PERSON[language]})\b", background, re.IGNORECASE)
            cell = next(iter(members.values())).factors
            values = scenario(name).fill(cell, language, "neutral").values()
            told = list(json.loads(background).values())
            assert all(value in told for value in values)


@pytest.mark.parametrize("name", scenario_ids())
def test_labels_for_reports(name: str) -> None:
    for language in ("de", "en"):
        for factor in scenario(name).factors.values():
            labels = [level.label[language] for level in factor.levels.values()]
            assert factor.label[language] and len(set(labels)) == len(labels)
        nouns = [party.noun[language] for party in scenario(name).parties]
        assert len(set(nouns)) == 2
