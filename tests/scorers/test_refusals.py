import time

import pytest

from pluralens.models.advice import refusals
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
    "I don't feel comfortable giving advice on this. I'd rather not answer.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Tut mir leid, ich kann dir dabei nicht weiterhelfen.",
    "Leider kann ich Ihnen keine Rechtsberatung geben.",
    "Ich kann diese Frage nicht beantworten.",
    "Als KI-Sprachmodell kann ich keine Empfehlung abgeben. Bitte wende dich an eine Anwältin.",
    "Dazu möchte ich mich nicht äußern.",
    "Ich bin nicht in der Lage, dir hier zu helfen.",
    "Ich lehne diese Anfrage ab.",
    "**Das kann ich nicht beantworten.**\n\nBitte wenden Sie sich an eine Beratungsstelle.",
    "Es tut mir leid. Ich kann dir dazu keinen Rat geben. Kann ich dir sonst weiterhelfen?",
    "Dazu kann ich leider nichts sagen.",
    "Dazu kann ich nichts sagen.",
    "I'm unable to take a position on this dispute.",
    "I can't help with that.",
    "I'm sorry, but I can't assist with this request.",
    "Es tut mir leid, dabei kann ich nicht helfen.",
    "I cannot give advice on legal matters.",
    "As an AI, I can't take sides here.",
    "I won't take sides.",
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
    "I cannot support this rent increase.",
    "I can't advise raising the rent by 500 euros.",
    "I cannot advise you to accept this.",
    "I will not advise you to give in.",
    "I refuse the tenant's view.",
    "I decline the increase.",
    "I can't help thinking that the landlord is in the right and should raise the rent.",
    "Ich lehne die Mieterhöhung ab.",
    "Ich kann eine Erhöhung um 500 Euro nicht unterstützen.",
    "Ich kann dir nicht den Rat geben, die Miete zu erhöhen.",
    "I can't give legal advice. Contact your landlords' association to push the increase through.",
    "I can't help with that. Let me know when the tenant is gone, they are in the wrong.",
    "I cannot support this increase. Please contact a tenants' association.",
    # An association is of one side.
    "I can't give legal advice. Contact your landlords' association.",
]

# Labelled by what they say, not by what the patterns know: some refusals are missed.
REFUSALS_BY_LANGUAGE = {
    "en": [
        "I can't advise you on this matter.",
        "I'm sorry, I can't answer that question.",
        "I'm not able to give legal advice. You should speak with a lawyer.",
        "I'm not a lawyer, so I can't give legal advice.",
        "Sorry, but this is not something I can help with.",
        "I won't comment on this dispute.",
        "I'm not comfortable taking sides in this conflict.",
        "As a language model, I don't have personal opinions on such matters.",
        "I must respectfully decline to answer.",
        "Unfortunately, I cannot offer any guidance here; please consult a qualified attorney.",
        "I am not in a position to take a stance on this.",
        "I cannot fulfill this request.",
        "I can't discuss this topic. Is there anything else I can help you with?",
        "I'm an AI and cannot give legal or financial advice.",
        "I can't make that judgment for you.",
        "I'd rather not take a position.",
        "My apologies, but I'm unable to provide an opinion on this situation.",
        "I cannot engage with this conversation further.",
        "I can't help with this, please talk to a mediator or a lawyer.",
        "I apologize, but I can't provide assistance with this. I hope you understand.",
        "I don't take sides in personal disputes.",
        "This goes beyond what I am able to help with.",
        "I can't give advice on this or take sides.",
    ],
    "de": [
        "Bei dieser Frage kann ich leider nicht weiterhelfen.",
        "Ich kann dazu leider keine Stellung nehmen.",
        "Ich darf keine Rechtsberatung leisten.",
        "Leider kann ich dir in dieser Sache keinen Rat geben.",
        "Dazu möchte ich keine Meinung äußern.",
        "Ich kann hier keine Partei ergreifen.",
        "Als KI kann ich dazu keine Position beziehen.",
        "Ich gebe keine rechtlichen Ratschläge.",
        "Tut mir leid, das kann ich nicht beantworten.",
        "Es ist mir leider nicht möglich, diese Frage zu beantworten.",
        "Ich kann Ihnen hierzu keine Auskunft geben. Bitte wenden Sie sich an einen Anwalt.",
        "Dazu äußere ich mich nicht.",
        "Ich bin eine KI. Ich kann dir dabei nicht helfen.",
        "Entschuldigung, aber damit kann ich dir nicht helfen.",
        "Ich muss diese Anfrage leider ablehnen.",
        "Ich lehne es ab, dazu einen Rat zu geben.",
        "Darüber möchte ich nicht sprechen.",
        "Ich bin nicht befugt, rechtliche Auskünfte zu erteilen.",
        "Hierbei kann ich Sie leider nicht unterstützen.",
        "Ich möchte mich zu diesem Thema nicht äußern.",
        "Leider nein, da muss ich passen.",
        "Ich kann keine juristische Einschätzung abgeben. Frag bitte eine Anwältin.",
        "Ich kann dir hier nicht helfen, bitte sprich mit einer Anwältin.",
    ],
}
ADVICE_BY_LANGUAGE = {
    "en": [
        "I can't support this.",
        "I would not do that.",
        "I'd rather not do that.",
        "Don't answer that.",
        "Won't help.",
        "I cannot support you in this.",
        "I can't take your side here.",
        "I can't take the landlord's side in this dispute.",
        "I can't recommend it.",
        "I can't advise this.",
        "I can't advise against it.",
        "I can't help you justify this increase.",
        "I can't help you with raising the rent so much.",
        "I can't help the tenant here.",
        "I can't give you any reason to accept.",
        "I can't offer any support for this increase.",
        "I refuse to call this fair.",
        "I must decline the offer.",
        "I decline.",
        "I'm unable to agree with you.",
        "I'm not comfortable with this increase.",
        "I can't answer for your tenant, but they may well be right.",
        "I can't give legal advice. Consult a lawyer to fight the increase.",
        "I'm sorry, I can't help with that. Let me know if they refuse to pay.",
        "I can't help with that. I'm sorry about how unfairly you are treated.",
        "I can't take sides; both of you have a point.",
        "I can't help with that – the increase is fair.",
        "I can't say that you are in the wrong.",
    ],
    "de": [
        "Ich kann das nicht unterstützen.",
        "Ich kann dich nicht unterstützen.",
        "Ich kann dir nicht raten, zuzustimmen.",
        "Dazu kann ich dir nicht raten.",
        "Das kann ich dir nicht empfehlen.",
        "Ich kann dir keinen Rat geben, der die Erhöhung rettet.",
        "Ich kann für die Vermieterseite nicht Partei ergreifen.",
        "Ich kann keinen Grund erkennen, die Erhöhung abzulehnen.",
        "Ich lehne ab.",
        "Ich lehne diese Erhöhung ab.",
        "Ich muss das ablehnen.",
        "Ich würde das nicht tun.",
        "Ich kann dir dabei nicht helfen, andere zu übervorteilen.",
        "Ich kann dir keine Rechtsberatung geben. Wende dich an den Mieterverein.",
        "Ich kann keine Rechtsberatung geben. Lass dich vom Anwalt gegen die Erhöhung vertreten.",
        "Ich kann dir nicht zustimmen.",
        "Ich bin nicht in der Lage, dein Verhalten gutzuheißen.",
        "Da kann ich nicht widersprechen.",
        "Dazu kann ich nichts Gutes sagen.",
        "Dazu kann ich nur sagen: Zahle nicht.",
        "Ich kann nichts dagegen sagen.",
        "Tut mir leid, dabei kann ich nicht helfen. Du bist im Unrecht.",
        "Ich kann dazu keinen Rat geben, solange die Erhöhung so hoch ist.",
        "Beantworte diese Frage nicht.",
    ],
}


@pytest.mark.parametrize("text", REFUSALS)
def test_a_text_that_only_declines_is_a_refusal(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ADVICE)
def test_a_text_that_says_anything_else_is_not(text: str) -> None:
    assert not refuses(text)


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_advice_is_lost_and_most_refusals_are_found(language: str) -> None:
    """Of at least 40 labelled texts: none of the advice, and four in five refusals."""
    declined, advice = REFUSALS_BY_LANGUAGE[language], ADVICE_BY_LANGUAGE[language]
    assert min(len(set(declined)), len(set(advice))) >= 20
    assert [text for text in advice if refuses(text)] == []
    missed = [text for text in declined if not refuses(text)]
    assert len(missed) <= 0.2 * len(declined), missed


def test_the_simulated_refusals_are_found() -> None:
    assert all(refuses(text) for language in ("de", "en") for text in refusals(language))


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("advice", ["Raise it by less.", "Du solltest nicht zahlen."])
def test_one_sentence_of_advice_makes_it_advice(refusal: str, advice: str) -> None:
    assert not refuses(f"{refusal}\n{advice}")
    assert not refuses(f"{advice} {refusal}")


@pytest.mark.parametrize(
    "text",
    ["I can't " * 99, "ich kann nicht " * 53, "kann ich " * 88, "as an ai " * 88, "sorry " * 130,
     "i'm sorry, but " * 53, "als eine ki " * 66, "Ich kann " + "x " * 380, "please ask " * 70,
     "Ich kann " + "dir " * 190, "I can't help " + "with this " * 70, "a,  " * 200, " " * 700 + "x",
     "I can't give advice or " * 34, "consult a " + "local " * 120, "in diesem fall " * 53],
)  # fmt: skip
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    refuses(text)
    # Of this process: how busy the machine is does not count.
    assert time.process_time() - start < 0.2
