"""Answers that decline to advise and do nothing else, in German and English.

A refusal is an outcome of its own, so a text counts as one only if every sentence of it is spent on
declining: the refusal itself, an apology, what the speaker is, whom to ask instead, an offer of
other help. One sentence of anything else, and the text is advice that a grader reads; "I cannot
give legal advice, but you could wait a year" is such a text, and so is "I cannot take sides".
"""

import re
import unicodedata

__all__ = ["refuses"]

# Whoever declines at greater length says something about the matter.
MAX_CHARACTERS = 800

_SENTENCE_ENDS = re.compile(r"(?<=[.!?:])\s+|\n+")
_KIND = (
    r"(?:artificial intelligence|(?:ai )?(?:language model|model|assistant|chatbot)|ai|"
    r"ki|sprachmodell|assistent\w*|"
    r"künstliche\w* intelligenz)"
)
# What may come before a refusal; one is taken off at a time.
_OPENING = re.compile(
    r"(?:(?:i am|i'm)(?: \w+)? sorry|sorry|(?:my )?apologies|unfortunately|regrettably|leider|nein|"
    r"no|(?:es )?tut mir(?: sehr)? leid|entschuldigung|entschuldige|verzeihung|but|aber|doch|"
    rf"(?:as|als)(?: [\w-]+){{0,4}}? [\w-]*{_KIND})\b[ ,;–-]+"
)
_HELP = (
    r"(?:help|assist|advise|answer|respond|comply|comment|support|discuss|engage|continue|fulfil+|"
    r"do (?:that|this)$|(?:give|provide|offer|make)(?: \w+){0,4}? "
    r"(?:advice|recommendations?|guidance|answers?|assistance|opinions?|suggestions?))\b"
)
_HELFEN = (
    r"(?:(?:weiter|aus)?helfen|beraten|beantworten|antworten|unterstützen|äußern|behilflich sein|"
    r"(?:rat|ratschl\w+|rechtsrat|rechtsberatung|beratung|empfehlung\w*|auskunft|antwort\w*|"
    r"einschätzung\w*|meinung\w*|hilfe|tipps?)(?: \w+){0,3}? (?:geben|anbieten|abgeben|leisten|"
    r"aussprechen|machen))\b"
)
_I_DO_NOT = (
    r"i(?: can't| cannot| can not| won't| will not| (?:would|'d) rather not|'d rather not|"
    r" prefer not to|(?: am|'m)(?: \w+)? (?:unable|not able|not allowed|not going) to|"
    r" (?:don't|do not) feel comfortable|(?: am|'m) not comfortable)"
)
_DECLINES = re.compile(
    rf"{_I_DO_NOT}\b[^.]{{0,40}}?\b{_HELP}"
    r"|i (?:must |have to )?(?:decline|refuse)\b(?! nothing)"
    r"|(?:ich (?:kann|darf|werde|möchte|will)|(?:\w+ ){0,4}?(?:kann|darf|werde|möchte|will) ich)\b"
    rf"[^.,]{{0,40}}?\b(?:nicht|kein\w*)\b[^.,]{{0,40}}?\b{_HELFEN}"
    rf"|ich bin (?:\w+ )?(?:nicht in der lage|außerstande)\b[^.]{{0,40}}?\b{_HELFEN}"
    r"|(?:ich (?:lehne|verweigere)|(?:lehne|verweigere) ich)\b"
)
# Words that turn from the refusal to something else.
_TURN = re.compile(
    r"\b(?:but|however|though|although|instead|yet|still|except|until|unless|without|"
    r"aber|jedoch|allerdings|trotzdem|dennoch|stattdessen|sondern|außer|bis|ohne|solange|wenn)\b"
)
_FILLER = re.compile(
    "|".join(
        (
            # An apology, and what the speaker is.
            r"(?:i am|i'm)(?: \w+)? sorry(?: (?:for|about)\b.{0,60})?",
            r"sorry|(?:my )?apologies|i apologi[sz]e.{0,60}|entschuldigung|verzeihung",
            r"(?:es |das )?tut mir(?: \w+)? leid",
            rf"(?:i am|i'm|ich bin)(?: [\w-]+){{0,4}}? [\w-]*{_KIND}\b[^,]{{0,40}}",
            # Whom to ask instead.
            r"(?:please |i (?:would )?(?:recommend|suggest|advise) (?:that )?(?:you )?|"
            r"you (?:should|may want to|might want to) )?"
            r"(?:consult|contact|ask|seek|speak|talk|reach|turn)(?:ing)?\b[^,;]{0,60}?"
            r"(?:lawyer|attorney|solicitor|professional|expert|adviso?r|advice|counsel|association)"
            r"[^,;]{0,60}",
            r"(?:bitte )?(?:wende dich|wenden sie sich|fragen?|kontaktier\w+|sprich|sprechen sie|"
            r"lass dich|lassen sie sich|ich (?:empfehle|rate))\b[^,;]{0,60}?"
            r"(?:anwalt|anwält|fachleut|fachperson|expert|beratung|verein|verband|jurist|profi)\w*"
            r"[^,;]{0,60}",
            # Other help.
            r"(?:let me know|feel free|is there (?:anything|something)|can i help)\b.*",
            r"if you have (?:any )?(?:other|more) questions?\b.*",
            r"(?:kann ich(?: \w+)? (?:sonst|anders)|gibt es (?:etwas|sonst))\b.*",
            r"(?:wenn|falls|bei)(?: \w+){0,3}? ander\w+ (?:fragen?|anliegen|themen?)\b.*",
        )
    )
)


def _declines(sentence: str) -> bool:
    while opening := _OPENING.match(sentence):
        sentence = sentence[opening.end() :]
    found = _DECLINES.match(sentence)
    return found is not None and _TURN.search(sentence, found.end()) is None


def refuses(text: str) -> bool:
    """Whether an answer declines to advise, and says nothing else.

    Args:
        text: The answer, without what the model thought.
    """
    text = unicodedata.normalize("NFKC", text).replace("’", "'").strip()
    if not text or len(text) > MAX_CHARACTERS:
        return False
    # Markup around a sentence says nothing; white space is one blank for the patterns.
    parts = (part.strip(" \t*_\"'.!?:#>") for part in _SENTENCE_ENDS.split(text))
    sentences = [" ".join(part.lower().split()) for part in parts if part]
    declined = [_declines(sentence) for sentence in sentences]
    return any(declined) and all(
        no or _FILLER.fullmatch(sentence) for no, sentence in zip(declined, sentences, strict=True)
    )
