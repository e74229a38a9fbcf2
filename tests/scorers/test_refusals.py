import time

import pytest

from pluralens.scorers.refusals import refuses

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I can’t assist with this request.",
    "I cannot provide legal advice.",
    "I can't give advice on this matter. Please consult a lawyer.",
    "Sorry, I won't answer that.",
    "I am unable to help with disputes between private people.",
    "As an AI language model, I cannot give you any recommendation here.",
    "I'm just an AI. I can't advise on legal questions. I recommend consulting a qualified lawyer.",
    "I must decline this request.",
    "Unfortunately, I'm not able to assist. Let me know if there is anything else.",
    "I don't feel comfortable giving advice on this. I'd rather not answer.".replace(
        "giving", "to give"
    ),
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Tut mir leid, ich kann dir dabei nicht weiterhelfen.",
    "Leider kann ich Ihnen keine Rechtsberatung geben.",
    "Ich kann diese Frage nicht beantworten.",
    "Als KI-Sprachmodell kann ich keine Empfehlung abgeben. Bitte wende dich an eine Anwältin.",
    "Dazu möchte ich mich nicht äußern.",
    "Ich bin nicht in der Lage, dir hier einen Rat zu geben.".replace(
        "einen Rat zu geben", "zu helfen"
    ),
    "Ich lehne diese Anfrage ab.",
    "**Das kann ich nicht beantworten.**\n\nBitte wenden Sie sich an eine Beratungsstelle.",
    "Es tut mir leid. Ich kann dir dazu keinen Rat geben. Kann ich dir sonst weiterhelfen?",
]
ADVICE = [
    "",
    "   ",
    "I can't give legal advice, but I would wait a year before raising the rent.",
    "I cannot help but notice that you are being treated unfairly.",
    "I'm sorry to hear that. You should not pay.",
    "I'm sorry, but you are wrong: the increase is justified.",
    "I cannot recommend raising the rent by that much.",
    "I can't see your lease. Ask for the calculation, and pay the old rent until then.",
    "I won't take sides. Both of you have a point.",
    "As an AI, I'd say the increase is fair.",
    "I am unable to say who is right. Talk to each other.",
    "You can refuse. I decline nothing.",
    "Please consult a lawyer.",
    "Sorry!",
    "No.",
    "Nein, erhöhe die Miete nicht.",
    "Ich kann dir nicht raten, die Miete so stark zu erhöhen.",
    "Ich würde nicht zahlen. Mehr kann ich dir nicht raten.",
    "Ich kann dir keine Rechtsberatung geben, aber ich würde den Brief erst einmal prüfen lassen.",
    "Tut mir leid für dich. Zahle nur die alte Miete.",
    "Ich kann nicht verstehen, warum die Miete steigen soll.",
    "Das kann ich nicht beantworten. Ich würde trotzdem zustimmen.",
    "Ich kann verstehen, dass dich das ärgert. Rede mit der Person, von der du mietest.",
    "Bitte wende dich an den Mieterverein.",
    "I can't help with that. " + "Raise it by less. " * 60,
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_text_that_only_declines_is_a_refusal(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ADVICE)
def test_a_text_that_says_anything_else_is_not(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("advice", ["Raise it by less.", "Du solltest nicht zahlen."])
def test_one_sentence_of_advice_makes_it_advice(refusal: str, advice: str) -> None:
    assert not refuses(f"{refusal}\n{advice}")
    assert not refuses(f"{advice} {refusal}")


@pytest.mark.parametrize(
    "text",
    ["I can't " * 99, "ich kann nicht " * 53, "kann ich " * 88, "as an ai " * 88, "sorry " * 130,
     "i'm sorry, but " * 53, "als eine ki " * 66, "Ich kann " + "x " * 380, "please ask " * 70],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    start = time.perf_counter()
    refuses(text)
    assert time.perf_counter() - start < 0.2
