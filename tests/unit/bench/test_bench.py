"""The bench: the same stream each time, honest ratios, wrong use told before anything is measured."""

import json
from pathlib import Path

import pytest

from services.bench.figure import figure
from services.bench.naive import Naive, naive_rate, shipped_words
from services.bench.stream import NAMES, made_up_stream
from services.cli import run
from services.commands.bench import MEASURES


def test_the_stream_is_the_same_each_time() -> None:
    """A made-up stream depends on nothing, is in the order of time, and has each identity once."""
    lines = made_up_stream(1_500)
    assert lines == made_up_stream(1_500)
    read = [json.loads(line) for line in lines]
    assert len({line["id"] for line in read}) == len(read) == 1_500
    assert [line["published_at"] for line in read] == sorted(line["published_at"] for line in read)


def test_the_stream_is_shaped_like_a_real_one() -> None:
    """Reposts of some hundred and twenty characters, two in five without words of their own, most of a name that is watched."""
    read = [json.loads(line) for line in made_up_stream(6_200)]
    reposts = [line for line in read if line["kind"] == "repost"]
    assert 100 < sum(len(line["quoted"]) for line in reposts) / len(reposts) < 140
    assert 0.3 < sum("转发" in line["text"] or line["text"] == "Repost" for line in reposts) / len(reposts) < 0.5
    assert all(any(name in line["quoted"] for name in NAMES) for line in reposts)


def test_a_ratio_above_one_is_better() -> None:
    """Also where less is better; figures are rounded to what means something."""
    assert figure(2000.4, "mentions/s", 1000.2, 7)["ratio"] == 2.0
    assert figure(0.25, "s", 0.5, 7, less_is_better=True)["ratio"] == 2.0
    assert figure(0.123456, "s", 0.5, 7)["value"] == 0.123
    assert figure(1.0, "s", 0.0, 7)["ratio"] == 0.0


def test_the_naive_loop_does_its_work() -> None:
    """The baseline is honest: it finds the name and the keywords and judges the words."""
    judged = Naive(NAMES).judged({"id": "1", "text": f"{NAMES[0]}太坏了, {shipped_words()[0]}"})
    assert judged["subjects"] == [NAMES[0]]
    assert len(judged["hits"]) > 1
    assert 0 <= judged["sentiment"] <= 1
    assert naive_rate(made_up_stream(20), NAMES, 5) > 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replya"], "是不是想写 replay"),
        (["nothing"], "、".join(MEASURES)),
        (["scorer", "--file", "none.jsonl", "--subject", "x"], "none.jsonl"),
        (["scorer", "--file", "none.jsonl"], "--subject"),
        (["scorer", "--mentions", "1"], "不小于 100"),
    ],
)
def test_wrong_use_is_2_with_what_there_is(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """An unknown name is refused with the list, before anything is measured."""
    assert run(["bench", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err


def test_the_scorer_is_measured_with_the_model_of_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both figures say which model they are of, and a mention alone is told in milliseconds."""
    file = tmp_path / "yuqing.yaml"
    file.write_text("organisation: 某某\nsubjects: [{name: 某某, rules: [某某]}]\nsentiment: lexicon\n", "utf-8")
    assert run(["bench", "scorer", "scorer_single", "--mentions", "200", "--config", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: (one["sentiment"], one["unit"]) for name, one in told.items()} == {
        "scorer": ("lexicon", "mentions/s"), "scorer_single": ("lexicon", "ms"),
    }  # fmt: skip
    assert 0 < told["scorer_single"]["median"] <= told["scorer_single"]["value"]
    assert told["scorer_single"]["mentions"] == 200
