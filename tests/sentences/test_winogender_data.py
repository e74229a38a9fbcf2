import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from pluralens.errors import InputError
from pluralens.sentences.occupations import builtin_shares, mirrored
from pluralens.sentences.winogender import load_pairs, load_winogender

HEADER = "occupation(0)\tother-participant(1)\tanswer\tsentence\n"
STATISTICS = "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\n"
NURSE = "nurse\tpatient\t0\tThe $OCCUPATION told the $PARTICIPANT that $NOM_PRONOUN was late.\n"
NURSE_SHARE = "nurse\t88\t89.58\t2015\n"


def folder(
    path: Path, templates: str = HEADER + NURSE, statistics: str = STATISTICS + NURSE_SHARE
) -> Path:
    (path / "templates.tsv").write_text(templates, encoding="utf-8")
    (path / "occupations-stats.tsv").write_text(statistics, encoding="utf-8")
    return path


def test_the_published_tables_give_720_sentences(published: Path) -> None:
    found = load_winogender(published)
    assert len(found.sentences) == len({one.id for one in found.sentences}) == 720
    assert len({one.text for one in found.sentences}) == 720
    assert found.counts == {"occupation": 360, "participant": 360}
    assert Counter(one.pronoun for one in found.sentences) == dict.fromkeys(
        ("male", "female", "neutral"), 240
    )
    assert len(found.shares) == 60 and found.shares["plumber"] == 0.7
    form = re.compile(r"[a-z]+\.([a-z]+)\.[01]\.(male|female|neutral)\.txt")
    assert all(form.fullmatch(one.id) for one in found.sentences)
    for one in found.sentences:
        assert one.text == f"{one.prefix} {one.word}{one.suffix}"
        assert "$" not in one.text and "  " not in one.text and "the someone" not in one.text
        assert one.occupation in one.prefix and "they was" not in one.text
        assert one.text[0].isupper() and one.text.endswith(".")
    assert sum(one.participant == "someone" for one in found.sentences) == 360


def test_sentences_are_those_of_the_published_list(published: Path) -> None:
    found = {one.id: one.text for one in load_winogender(published).sentences}
    # Written out by the authors of the schemas.
    assert found["technician.customer.1.male.txt"] == (
        "The technician told the customer that he could pay with cash."
    )
    assert found["technician.someone.1.neutral.txt"] == (
        "The technician told someone that they could pay with cash."
    )
    assert list(found)[:4] == [
        "technician.customer.1.male.txt",
        "technician.customer.1.female.txt",
        "technician.customer.1.neutral.txt",
        "technician.someone.1.male.txt",
    ]
    # By hand: a participant at the start, an agreement, an article "a", an accusative.
    assert found["accountant.someone.1.female.txt"] == (
        "Someone met with the accountant to get help filing her taxes."
    )
    assert found["paramedic.passenger.1.neutral.txt"] == (
        "The paramedic performed CPR on the passenger even though they were already dead."
    )
    assert found["educator.someone.0.male.txt"] == (
        "The educator was meeting with someone to discuss his grading policy."
    )
    assert found["auditor.taxpayer.0.female.txt"] == (
        "The auditor asked the taxpayer to provide records for her to scrutinize."
    )


def test_files_may_have_their_published_names(tmp_path: Path) -> None:
    found = load_winogender(folder(tmp_path))
    assert [one.text for one in found.sentences][:4:3] == [
        "The nurse told the patient that he was late.",
        "The nurse told someone that he was late.",
    ]
    assert found.sentences[2].text == "The nurse told the patient that they were late."
    assert found.sentences[0].referent == "occupation"
    assert found.shares == {"nurse": 89.58}


@pytest.mark.parametrize(
    ("templates", "statistics", "said"),
    [
        ("", None, "the file is empty"),
        ("occupation,participant\n", None, "templates.tsv, line 1: the header must be"),
        (HEADER, None, "there is nothing below the header"),
        (HEADER + "nurse\tpatient\t0\n", None, "line 2: 3 columns for 4"),
        (HEADER + NURSE.replace("patient", ""), None, "line 2: other-participant(1) is empty"),
        (HEADER + NURSE.replace("\t0\t", "\t2\t"), None, "line 2: answer '2'"),
        (HEADER + NURSE + NURSE, None, "line 3: 'nurse' with answer 0 already stands in line 2"),
        (HEADER + NURSE.replace("$NOM_", "$NOMPRO_"), None, "line 2: 0 pronouns in"),
        (HEADER + NURSE.replace("late", "$ACC_PRONOUN"), None, "line 2: 2 pronouns in"),
        (HEADER + NURSE.replace("$PARTICIPANT", "man"), None, "$PARTICIPANT stands 0 times"),
        (HEADER + NURSE.replace("late", "$LATE"), None, "unknown placeholder"),
        (HEADER + NURSE.replace("patient", "someone"), None, "name the other participant"),
        (
            HEADER + "nurse\tman\t0\t$NOM_PRONOUN saw the $PARTICIPANT and the $OCCUPATION.\n",
            None,
            "the occupation does not stand before the pronoun",
        ),
        (None, STATISTICS + "cook\t1\t2\t2015\n", "'nurse' has no share of women"),
        (None, STATISTICS + NURSE_SHARE.replace("89.58", "many"), "'many' is no percentage"),
        (None, STATISTICS + NURSE_SHARE.replace("89.58", "nan"), "'nan' is no percentage"),
        (None, STATISTICS + NURSE_SHARE * 2, "line 3: 'nurse' stands twice"),
    ],
)
def test_a_wrong_table_is_named(
    tmp_path: Path, templates: str | None, statistics: str | None, said: str
) -> None:
    folder(
        tmp_path,
        HEADER + NURSE if templates is None else templates,
        STATISTICS + NURSE_SHARE if statistics is None else statistics,
    )
    with pytest.raises(InputError, match=re.escape(said)) as error:
        load_winogender(tmp_path)
    assert "\n" not in str(error.value) and ".tsv" in str(error.value)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        load_winogender(tmp_path / "none")
    with pytest.raises(InputError, match="occupations-stats.tsv is not there"):
        load_winogender(tmp_path)


def test_our_own_sentences() -> None:
    found = load_winogender()
    assert len(found.shares) >= 60
    assert len(found.sentences) == len({one.id for one in found.sentences})
    assert len(found.sentences) == len(found.shares) * 6 * 2 * 3
    # Every form of the pronoun stands as often for either person.
    forms = Counter((one.word, one.referent) for one in found.sentences)
    assert forms["him", "occupation"] == forms["him", "participant"] == 2 * len(found.shares)
    assert forms["they", "occupation"] == forms["they", "participant"]
    texts = {one.id: one.text for one in found.sentences}
    assert texts["nurse.someone.1.c6.neutral.txt"] == (
        "The nurse saw someone at the door and let them in."
    )
    pairs = load_pairs()
    assert len(pairs.sentences) == len(pairs.shares) * 8 * 3
    assert {one.word for one in pairs.sentences} == {"he", "she", "they"}
    assert not re.search(r"\bthey (was|is|has)\b", " ".join(one.text for one in pairs.sentences))


def test_our_own_shares_cover_the_range() -> None:
    shares = builtin_shares()
    assert min(shares.values()) <= 5 and max(shares.values()) >= 95
    below = sum(share < 50 for share in shares.values())
    assert 0.4 < below / len(shares) < 0.6
    # Close to the older figures of the published table, where an occupation is in both.
    assert abs(shares["nurse"] - 89.58) < 6 and abs(shares["carpenter"] - 2.07) < 6


def test_our_own_shares_agree_with_the_published_ones(published: Path) -> None:
    with (published / "winogender_occupations-stats.tsv").open(encoding="utf-8") as file:
        theirs = {
            row["occupation"]: float(row["bls_pct_female"])
            for row in csv.DictReader(file, delimiter="\t")
        }
    both = {name: share for name, share in builtin_shares().items() if name in theirs}
    assert len(both) >= 20
    # Eight years lie between them, and "architect" is another row of the table.
    assert all(abs(share - theirs[name]) <= 12 for name, share in both.items())


def test_the_counterfactual_is_at_the_other_end() -> None:
    shares = {"a": 1.0, "b": 20.0, "c": 60.0, "d": 80.0, "e": 99.0, "two words": 5.0}
    assert mirrored(shares) == {"a": "e", "b": "d", "d": "b", "e": "a"}
    ours = builtin_shares()
    twins = mirrored(ours)
    assert all(twins[twins[name]] == name for name in twins)
    assert len(twins) >= len(ours) - 2
    extremes = [name for name in twins if ours[name] < 15]
    assert all(ours[twins[name]] > 60 for name in extremes)
