"""Near-copies are found, and no set that is held out has one in training."""

from pathlib import Path

import pytest

from monitor.scoring.fold import fold
from monitor.scoring.words import clean
from services.training.copies import near_copies
from services.training.corpus import FAMILIES, SETS, read_ours, read_set
from services.training.folds import FOLDS, without_copies

DATA = Path(__file__).parents[4] / "shared" / "data" / "sentiment"
LONG = "昨天晚上八点左右本市某小区突发火灾，消防员二十分钟内扑灭了大火，没有人员受伤，起火原因还在调查。"


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        (LONG, True),
        (LONG.replace("，", " "), True),
        (LONG.replace("八点", "九点"), True),
        (f"转发：{LONG}", True),
        (LONG[:20], False),
        ("昨天晚上八点左右本市下雨了", False),
        ("", False),
        ("好", False),
    ],
)
def test_retouched_texts_are_copies(text: str, copy: bool) -> None:  # noqa: FBT001 - a table of cases
    """Signs, a word or a few more around it do not make another text."""
    assert near_copies([text], [LONG, "完全不同的另一句话"]).tolist() == [copy]


def test_short_texts_are_copies_only_when_equal() -> None:
    """Two short texts that share a word are two texts."""
    assert near_copies(["很好!", "很好吃", "好"], ["很好"]).tolist() == [True, False, False]


def test_every_set_is_held_out_once_with_its_siblings() -> None:
    """The folds name known sets, none twice, and a family of posts is never torn."""
    held = [name for names in FOLDS.values() for name in names]
    assert len(held) == len(set(held))
    assert set(held) <= set(SETS)
    for family in ("smp", "nlpcc", "weibo100k"):
        assert any(set(FAMILIES[family]) <= set(names) for names in FOLDS.values())


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared research data")
def test_no_line_held_out_is_taught() -> None:
    """What is taught beside a set held out has no line of it, near-copies included, though the raw sets share hundreds."""
    held = [read_set(DATA, name, most=4_000) for name in ("htl", "eprstmt")]
    others = [text for rows in held for text in rows.texts]
    raw = read_set(DATA, "ecom3", most=4_000)
    assert near_copies(raw.texts, others).sum() > 100
    for rows in (raw, *read_ours()):
        assert not near_copies(without_copies(rows, held).texts, others).any()


def test_no_case_of_whom_it_is_said_is_a_lesson() -> None:
    """What our own files teach is none of the cases by which the word on a subject is judged, nor a near-copy; all but one phrase."""
    lines = (Path(__file__).parents[1] / "scoring" / "targeted.tsv").read_text("utf-8").splitlines()[1:]
    judged = {clean(fold(text)) for text in (line.split("\t")[0] for line in lines)} - {""}
    taught = [text for rows in read_ours() for text in rows.texts]
    copies = {text for text, copied in zip(taught, near_copies(taught, sorted(judged)), strict=True) if copied}
    assert copies <= {"可怜的孩子"}  # leaves the lessons when the weights are next learnt
