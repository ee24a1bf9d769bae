"""The verbs of `yuqing keywords`: Chinese help with examples that are right."""

import shlex

import click
import pytest

from services.commands.keywords import WORDS, command
from tests.unit.keywords.making import Yuqing


@pytest.mark.parametrize("word", WORDS)
def test_every_verb_explains_itself(yuqing: Yuqing, word: str) -> None:
    """On stdout with 0, in Chinese, with an example."""
    shown = yuqing(word, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert f"用法：yuqing keywords {word}" in shown.out
    assert f"例: yuqing keywords {word}" in shown.out
    assert not any(english in shown.out for english in ("Usage", "Options", "OPTIONS", "Show this", "required"))


@pytest.mark.parametrize("word", WORDS)
def test_examples_are_right(yuqing: Yuqing, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """Each is a command line that the verb takes as it stands."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = yuqing(word, "--help").out.replace("\\\n", "")
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("例: ")]
    assert lines
    for line in lines:
        name, verb, said, *arguments = shlex.split(line.removeprefix("例: "))
        assert (name, verb, said) == ("yuqing", "keywords", word)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        found.make_context(word, arguments)


def test_all_are_listed(yuqing: Yuqing) -> None:
    """In the help of `keywords` itself; without a word it is shown on stderr, with 2."""
    assert all(word in yuqing("--help").out for word in WORDS)
    assert yuqing().code == 2
