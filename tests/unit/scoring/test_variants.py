"""Variants: what may stand for a character, what is found of it, and what is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.scoring.fold import fold
from monitor.scoring.variants import MAX_PATTERNS, class_patterns, in_classes, table, variant_places

CHARS = sorted(char for char in table().classes._classes if "\u4e00" <= char <= "\u9fff")


def stands(word: str, text: str) -> list[str]:
    """What of a text stands for the word."""
    folded = fold(text)
    return [folded[start:end] for start, end in variant_places(fold(word), folded)]


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("红十字", "红十字会", ["红十字"]),
        ("红十字", "紅拾字", ["红拾字"]),
        ("红十字", "红*十 . 字", ["红*十 . 字"]),
        ("红十字", "红....十字", []),
        ("红十字", "红a十字", []),
        ("红十字", "工十字", []),
        ("红十字", "纟工十字", ["纟工十字"]),
        ("红十字", "纟 工-十字", ["纟 工-十字"]),
        ("骗子", "马扁子", ["马扁子"]),
        ("骗子", "便子", []),
        ("银行", "吟航", ["吟航"]),
        ("行长", "航涨", ["航涨"]),
        ("行长", "航章", []),
        ("重庆", "虫庆", ["虫庆"]),
        ("日本", "曰本", ["曰本"]),
        ("P2P", "p*2*p", ["p*2*p"]),
        ("好好", "女子女子", ["女子女子"]),
        ("红 十字", "红十字", ["红十字"]),
        ("C++", "c + +", ["c + +"]),
        ("C++", "c", []),
    ],
)
def test_what_stands_for_a_word(word: str, text: str, found: list[str]) -> None:
    """Same syllable and tone, split and look-alike characters, each by itself; up to three signs or spaces between."""
    assert stands(word, text) == found


@given(st.lists(st.sampled_from(CHARS), min_size=1, max_size=5), st.data())
@settings(max_examples=300, deadline=None)
def test_classes_find_whatever_stands_for_a_word(word: list[str], data: st.DataObject) -> None:
    """Any choice of what may stand for each character, with signs between, is found by the word's class patterns, and is a place."""
    chosen = [data.draw(st.sampled_from(sorted({*one.single, *one.split}))) for one in map(table().standing_for, word)]
    signs = st.sampled_from(["", "*", " 、."])
    text = data.draw(st.text(alphabet="在a。", max_size=5)) + "".join(one + data.draw(signs) for one in chosen)
    patterns = class_patterns("".join(word))
    assert len(patterns) <= MAX_PATTERNS
    assert any(pattern in in_classes(text) for pattern in patterns)
    assert list(variant_places("".join(word), fold(text)))


def test_the_tables_are_large_and_folded() -> None:
    """Every character that is written may be met in a folded text, and there are hundreds of each kind."""
    assert len(CHARS) > 8_000
    assert sum(map(len, table()._splits.values())) > 900
    assert sum(map(len, table()._alike.values())) > 1_000
    assert all(fold(char) == char for char in (*CHARS, *table()._splits, *table()._alike))
