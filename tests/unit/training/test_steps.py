"""The one command: from a folder of sets to weights that are the same bytes for the same seed."""

import gzip
import random
import re
from pathlib import Path

import numpy as np
import pytest

from monitor.errors import ConfigError
from monitor.scoring.scorer import build_scorer
from monitor.scoring.sentiment.base import LABELS
from monitor.scoring.sentiment.table import read_table
from services.training import card
from services.training.__main__ import main
from services.training.corpus import SETS, WITHOUT_LABELS, read_staff
from services.training.steps import Steps, read_learnt

SAID = {
    "neg": ("太差了", "骗子公司", "再也不来", "垃圾服务", "气死我了"),
    "neu": ("今天开会", "明天上班", "路过门口", "已经收到", "请问几点"),
    "pos": ("非常满意", "真心推荐", "服务热情", "下次还来", "质量很好"),
}
OF_EMOTION = {"angry": "neg", "anger": "neg", "sad": "neg", "sadness": "neg", "neutral": "neu", "none": "neu",
              "happy": "pos", "like": "pos"}  # fmt: skip
SETS_OF_EMOTION = {"smp_usual_emo": ("angry", "sad", "neutral", "happy"), "nlpcc13_emo": ("anger", "none", "like"),
                   "nlpcc14_emo": ("anger", "sadness", "none", "like"), "clue_emo": ("anger", "sadness", "like")}  # fmt: skip
ROWS = 120
LAST = "ship"


def folder(path: Path) -> Path:
    """Invented sets, each a little different."""
    path.mkdir()
    for name in (*SETS, *WITHOUT_LABELS):
        dice = random.Random(name)
        labels = SETS_OF_EMOTION.get(name, ("neg", "pos", "neu") if name == "ecom3" else ("neg", "pos"))
        with gzip.open(path / f"{name}.tsv.gz", "wt", encoding="utf-8") as file:
            for number in range(ROWS):
                label = labels[number % len(labels)]
                words = SAID[OF_EMOTION.get(label, label)]
                file.write(f"{label}\t{'，'.join(dice.choice(words) for _ in range(3))}{name}{dice.randrange(10_000)}\n")
    return path


def trained(data: Path, home: Path, seed: int) -> dict[str, bytes]:
    """The bytes of the weights after every step, with two folds held out."""
    home.mkdir()
    steps = Steps(data, home, home / "out", seed, ROWS)
    for name in ("vectors", "learn", "fold:smp", "fold:goods", LAST):
        steps.run(name)
    return {path.name: path.read_bytes() for path in sorted((home / "out").iterdir())}


@pytest.fixture
def kept_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model card of its own, so that the project's stays."""
    mine = tmp_path / "CARD.md"
    mine.write_text(f"# 卡\n\n{card.BEGIN}{card.END}完\n", "utf-8")
    monkeypatch.setattr(card, "CARD", mine)
    monkeypatch.setattr(card, "FIGURES", tmp_path / "figures.json")
    return mine


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path, kept_card: Path) -> None:
    """Twice the same weights, another seed others; they judge what they were taught, and the card tells how well."""
    data = folder(tmp_path / "sets")
    first, again = trained(data, tmp_path / "one", 1), trained(data, tmp_path / "two", 1)
    assert first == again
    assert set(first) == {"emotion.npz", "network.npz", "table.npz"}
    assert trained(data, tmp_path / "three", 2)["table.npz"] != first["table.npz"]
    model = read_table(tmp_path / "one" / "out" / "table.npz")
    shares = model.probabilities(["骗子公司,气死我了", "今天开会,已经收到", "服务热情,非常满意"])
    assert [LABELS[place] for place in shares.argmax(axis=1)] == list(LABELS)
    written = kept_card.read_text("utf-8")
    assert "| `default` | smp_usual_emo |" in written
    assert written.endswith("完\n")


def test_what_people_judged_is_learnt_where_it_is_wanted(tmp_path: Path) -> None:
    """A saying that no set has is taken for what people called it, given as `yuqing sentiment export` writes it."""
    data, judged = folder(tmp_path / "sets"), tmp_path / "judged.tsv.gz"
    with gzip.open(judged, "wt", encoding="utf-8") as file:
        file.write("# yuqing sentiment export: 某某集团\n")
        file.writelines(f"neg\t绝绝子{ending}\n" for ending in ("了", "啊", "呀", "吧", "呢", "嘛", "哦", "喽"))
    shares = []
    for name, staff in (("without", []), ("with", [judged])):
        home = tmp_path / name
        home.mkdir()
        steps = Steps(data, home, home / "out", 1, ROWS, read_staff(staff))
        for step in ("vectors", "learn"):
            steps.run(step)
        scores = read_learnt(home / "learnt.npz").tone.scores(["绝绝子"])[0]
        shares.append(scores[0] - scores[2])
    assert shares[1] > shares[0] + 0.4


@pytest.mark.parametrize(
    ("lines", "told"),
    [("neg\t好\nbad\t差\n", r"judged.tsv:2: the label is 'bad'"), ("neg 好\n", r"judged.tsv:1: no tab"), (None, "judged.tsv")],
)
def test_a_wrong_line_of_what_people_judged_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str | None, told: str
) -> None:
    """By file and line, before anything is learnt."""
    judged = tmp_path / "judged.tsv"
    if lines is not None:
        judged.write_text(lines, "utf-8")
    assert main(["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--staff", str(judged)]) == 2
    assert re.search(told, capsys.readouterr().err)


def test_a_step_of_no_name_is_refused(tmp_path: Path) -> None:
    """A misspelt step does nothing silently."""
    with pytest.raises(ValueError, match="no step"):
        Steps(tmp_path, tmp_path, tmp_path, 1, 1).run("vektors")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "nowhere"], "nowhere: 没有这个目录"),
        (["--data", ".", "--steps", "foo"], "没有 foo 这一步"),
        (["--data", ".", "--steps", "vectors,"], "没有 空的 这一步"),
        (["--data", ".", "--steps", "fold:none"], "没有 fold:none 这一步"),
        (["--data", ".", "--most", "0"], "至少要一条"),
        (["--data", ".", "--staff", "none.jsonl"], "none.jsonl"),
        (["--data", ".", "--steps", "learn"], "."),
    ],
)
def test_wrong_use_is_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """Nothing is trained by halves: what makes no sense is told first, and no traceback with it."""
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--work", "work", "--out", "out"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert says in told[-1]
    assert len(told) <= 2
    assert "Traceback" not in "".join(told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arrays", [{}, {"weights": np.zeros((8, 2), np.int8)}, {"weights": np.zeros((6, 3), np.int8)}])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A file of other arrays is told by what is wrong with it."""
    rest = {"unit": np.array(1.0), "bias": np.zeros(3), "scale": np.ones(3), "shift": np.zeros(3)} if arrays else {}
    np.savez(tmp_path / "x.npz", **arrays, **rest)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"no array|three classes"):
        read_table(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
def test_a_broken_file_is_told_as_a_mistake_of_the_configuration(tmp_path: Path, content: bytes) -> None:
    """A file that is no model at all is refused by its name before anything is scored."""
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ConfigError, match="不是情感模型文件"):
        build_scorer([], sentiment=str(tmp_path / "x.npz"))
