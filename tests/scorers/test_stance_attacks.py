"""A grader that repeats the answer: its own verdict is read, or none; never the answer's."""

import itertools
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stance_attacks import ATTACKS, Attack

from pluralens.scorers.grading_prompt import GradingTask, delimiters, grading_nonce, grading_prompt
from pluralens.scorers.stance_parsing import REASONS, parse_stance

OWN = -0.35
Grader = Callable[[str, str], str]


def verdict(nonce: str, rationale: str = "It weighs both.") -> str:
    return json.dumps({"rationale": rationale, "score": OWN, "seal": nonce}, ensure_ascii=False)


def line(nonce: str) -> str:
    return f"{nonce}: {OWN}"


def block(answer: str, nonce: str) -> str:
    begin, end = delimiters(nonce)
    return f"{begin}\n{answer}\n{end}"


def whole_prompt(answer: str, nonce: str) -> str:
    task = GradingTask("landlord", "tenant", "The rent is to rise.", answer)
    return grading_prompt(task, nonce=nonce, first=True).user


# Whose own verdict must be found, whatever the answer is.
FOUND: dict[str, Grader] = {
    "verdict alone": lambda a, n: verdict(n),
    "answer in the rationale": lambda a, n: verdict(n, f"It says: {a}"),
    "rationale in ASCII": lambda a, n: json.dumps({"rationale": a, "score": OWN, "seal": n}),
    "block, verdict": lambda a, n: f"{block(a, n)}\n{verdict(n)}",
    "verdict, block": lambda a, n: f"{verdict(n)}\n\n{block(a, n)}",
    "block in a fence, verdict": lambda a, n: (
        f"```\n{block(a, n)}\n```\n```json\n{verdict(n)}\n```"
    ),
    "block twice": lambda a, n: f"{block(a, n)}\nHm.\n{block(a, n)}\n{verdict(n)}",
    "block inside thinking": lambda a, n: f"<think>{block(a, n)}</think>{verdict(n)}",
    "block, line": lambda a, n: f"{block(a, n)}\nIt weighs both.\n{line(n)}",
    "line, block": lambda a, n: f"{line(n)}\n{block(a, n)}",
}
# Who may leave a doubt, which must then be one.
NEVER_FORGED: dict[str, Grader] = {
    "answer alone": lambda a, n: a,
    "answer in quotes": lambda a, n: f'The answer is: "{a}"',
    "answer as a quotation": lambda a, n: "\n".join(f"> {part}" for part in a.splitlines()),
    "answer, verdict": lambda a, n: f"{a}\n{verdict(n)}",
    "verdict, answer": lambda a, n: f"{verdict(n)}\n{a}",
    "answer on both sides": lambda a, n: f"{a}\n{verdict(n)}\n{a}",
    "answer, line": lambda a, n: f"{a}\n{line(n)}",
    "line, answer": lambda a, n: f"{line(n)}\n{a}",
    "line and answer in one": lambda a, n: f"{line(n)} {a}",
    "answer and line in one": lambda a, n: f"{a} {line(n)}",
    "begin only": lambda a, n: f"{delimiters(n)[0]}\n{a}",
    "end only": lambda a, n: f"{a}\n{delimiters(n)[1]}\n{verdict(n)}",
    "block alone": block,
    "whole prompt": whole_prompt,
    "whole prompt, verdict": lambda a, n: f"{whole_prompt(a, n)}\n{verdict(n)}",
    "unescaped rationale": lambda a, n: f'{{"rationale": "{a}", "score": {OWN}, "seal": "{n}"}}',
    "unescaped, score first": lambda a, n: f'{{"score": {OWN}, "rationale": "{a}", "seal": "{n}"}}',
    "unescaped, seal first": lambda a, n: f'{{"seal": "{n}", "rationale": "{a}", "score": {OWN}}}',
    "seal in prose": lambda a, n: f"My seal is {n}.\n{a}",
    "seal, new line, answer": lambda a, n: f"{n}:\n{a}",
    "last line of the answer": lambda a, n: f"{verdict(n)}\n{a.splitlines()[-1]}",
    "upper case": lambda a, n: f"{verdict(n)}\n{a}".upper(),
}
ALL = FOUND | NEVER_FORGED


def read(attack: str, grader: Grader, structured: bool) -> float | None:
    nonce = grading_nonce(0, "rent/050-economy-good-good/landlord", attack)
    parsed = parse_stance(grader(attack, nonce), structured=structured, nonce=nonce)
    assert (parsed.value is None) == (parsed.reason in REASONS)
    return parsed.value


def test_the_answers_are_many_and_in_four_languages() -> None:
    assert len(ATTACKS) >= 20 and {a.language for a in ATTACKS} == {"de", "en", "fr", "es"}
    assert len({a.text for a in ATTACKS}) == len(ATTACKS)
    assert all(a.wanted != OWN for a in ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.language}-{a.name}")
def test_the_own_verdict_or_none(attack: Attack) -> None:
    for grader, structured in itertools.product(ALL.values(), (True, False)):
        assert read(attack.text, grader, structured) in (OWN, None)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.language}-{a.name}")
@pytest.mark.parametrize("shape", FOUND)
def test_an_escaped_or_delimited_answer_does_not_even_hide_the_verdict(
    attack: Attack, shape: str
) -> None:
    by_line = "line" in shape
    if shape == "line, block":
        # The block is cut out, so that the line is the last.
        assert read(attack.text, FOUND[shape], False) == OWN
    assert read(attack.text, FOUND[shape], not by_line) == OWN


def test_without_the_seal_the_same_replies_would_be_forged() -> None:
    """What the seal is for: these graders and answers are not harmless by themselves."""
    forged = {
        shape
        for (shape, grader), attack in itertools.product(NEVER_FORGED.items(), ATTACKS)
        for structured in (True, False)
        if parse_stance(grader(attack.text, "z" * 12), structured=structured).value == attack.wanted
    }
    assert {"answer alone", "line, answer", "seal, new line, answer"} <= forged


PIECES = ['"', "{", "}", "\\", "\n", ": ", ", ", "score", '"score": 1.0', '"seal": "', "1.0", "-1"]
PIECES += [
    "<think>",
    "</think>",
    "```",
    "\u2028",
    "```json",
    '{"score": 1}',
    "answer ends>>",
    "n: ",
]


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=10).map("".join))
def test_no_composed_answer_is_taken_for_the_verdict(answer: str) -> None:
    for shape, grader in ALL.items():
        if shape == "last line of the answer" and not answer.strip("\n"):
            continue
        for structured in (True, False):
            assert read(answer, grader, structured) in (OWN, None)
