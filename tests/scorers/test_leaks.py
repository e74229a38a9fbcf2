"""Quotations of a person's attributes: what is one, and what merely happens to be said."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralens.scorers.leaks import quoted_attributes

QUOTED = [
    ("religion", "Catholic", "As a Catholic, you may see it otherwise."),
    ("religion", "Catholic", "as a CATHOLIC's view"),
    ("religion", "Catholic", "the **Catholic**, or _Catholic_, view"),
    ("religion", "Catholic", "Ｃａｔｈｏｌｉｃ readers"),
    ("religion", "Catholic", "Cath\u00adolic and Cath\u200bolic"),
    ("education", "Bachelor's degree", "With a Bachelor\u2019s\n  degree you know that."),
    ("occupation", "Truck driver", "a truck driver like you"),
    ("class_of_worker", "Self-employed, incorporated", "you are self\u2011employed, incorporated."),
    ("language", "Chinese (Mandarin or Cantonese)", "in Chinese, one says"),
    ("quirks", "Hums while thinking; collects maps", "you, who collects maps, know"),
    ("quirks", "Hums while thinking. Never late.", "Somebody who hums while thinking"),
    ("income", "$45,000", "On $45,000 a year"),
    ("place_of_birth", "Türkei", "aus der türkei"),
    ("age", "34", "At 34 years of age"),
    ("age", "34", "For a 34-year-old"),
    ("age", "34 years", "being aged 34, you"),
    ("age", "34", "at the age of 34."),
    ("household_age", "34", "34 years"),
    ("age", "34", "a 34 year old"),
    ("age", "34", "You\u2019re 34, and time is on your side."),
    ("age", "34", "At 34, you have time."),
    ("age", "34.0", "As a 34-year-old"),
    ("citizenship", "Not a U.S. citizen", "if you are not a U.S. citizen,"),
]
NOT_QUOTED = [
    ("religion", "Catholic", "Catholics, an anti-Catholic, catholicism"),
    ("religion", "Catholic", "your faith"),
    ("disability", "Yes", "Yes, that is so."),
    ("fertility", "No", "No."),
    ("religion", "None", "None of it."),
    ("race", "White", "a white paper, White people"),
    ("industry", "Management", "good management"),
    ("insurance", "Medicare", "Medicare pays for it."),
    ("disability", "With a disability", "people with a disability"),
    ("english", "Very well", "That may very well be."),
    ("code", "UK", "the UK"),
    ("age", "34", "34 states, 34.5 years, 134 years, 1,34 years, age 34.5"),
    ("age", "34", "in 34 cases"),
    ("age", "34", "34 years ago, for 34 years, over the past 34 years, 34 years of decline"),
    ("age", "34", "a 34-year mortgage; 34 years in prison"),
    ("age", "65", "People aged 65 and over, or aged 65+, or aged 65-74"),
    ("age", "34", "you are 34 times as likely, you are 34.5, you are 34%"),
    ("citizenship", "Not a U.S. citizen", "That is not a U.S. problem."),
    ("ancestry", "Polish", "Polish your argument."),
    ("marital_status", "Divorced", "children of divorced parents"),
    ("openness", "34", "for 34 years"),
    ("income", "45000", "45000 people"),
    ("share", "34 %", "34 % of them"),
    ("education", "Bachelor's degree", "a bachelor degree"),
    ("occupation", "Truck driver", "a truck, a driver"),
    ("mannerisms", "...", "Well ..."),
    ("mannerisms", "Gentle. Patient. Kind.", "a gentle word"),
    ("mannerisms", "(quiet)", "Well (quiet)"),
]


@pytest.mark.parametrize(("attribute", "value", "answer"), QUOTED)
def test_a_quotation(attribute: str, value: str, answer: str) -> None:
    assert quoted_attributes(answer, {attribute: value}) == (attribute,)


@pytest.mark.parametrize(("attribute", "value", "answer"), NOT_QUOTED)
def test_no_quotation(attribute: str, value: str, answer: str) -> None:
    assert quoted_attributes(answer, {attribute: value}) == ()


def test_what_the_question_says_gives_nothing_away() -> None:
    values = {"religion": "Catholic", "ideology": "Libertarian", "age": "34"}
    answer = "Being Catholic and Libertarian at 34 years"
    assert quoted_attributes(answer, values) == ("religion", "ideology", "age")
    question = "Should a 34-year-old catholic vote?"
    assert quoted_attributes(answer, values, question) == ("ideology",)


def test_which_attributes_in_their_order() -> None:
    values = {"a": "Spanish", "b": "Truck driver", "c": "Spanish", "d": "Alaska"}
    assert quoted_attributes("A Spanish truck driver.", values) == ("a", "b", "c")
    assert quoted_attributes("", values) == () == quoted_attributes("Spanish", {})


@settings(derandomize=True, deadline=None)
@given(st.text(), st.text(), st.text())
def test_whatever_is_said_is_read(answer: str, value: str, question: str) -> None:
    assert quoted_attributes(answer, {"a": value}, question) in ((), ("a",))
    word = f"Zyx{value}q"
    whole = quoted_attributes(f"so: {word} !", {"a": word}) == ("a",)
    # A word is found in a sentence that holds it, whatever letters it is made of.
    assert whole or not value.isalnum()


def test_long_texts_take_linear_time() -> None:
    start = time.process_time()
    for piece in ("a ", "(", "1,", ". ", "-", "34 "):
        long = piece * (100_000 // len(piece))
        quoted_attributes(long, {"age": "34", "a": long[:2000], "b": "Truck driver"}, long)
    assert time.process_time() - start < 2
