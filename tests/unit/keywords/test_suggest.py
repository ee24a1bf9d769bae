"""New words: what rises is found, what is said by one, copied, known or common is not; what is accepted is written and nothing else."""

import asyncio
import random
import shutil
import tracemalloc
from math import log
from pathlib import Path

import pytest

from monitor.clock import DAY, HOUR, SystemClock, moment
from monitor.escalation.effects import NewHit
from monitor.loading import load_settings
from monitor.mention import Mention, Scored
from monitor.score import Score
from monitor.scoring.corpus import Corpus
from monitor.scoring.library import CHINA
from monitor.scoring.library_file import read_library_file
from monitor.scoring.phrases import Alphabet, Known, Phrase, rising, significance
from services.commands.keywords.accept import quoted
from services.wiring import open_store
from tests.unit.escalation.making import ILL, NO_EMOTION
from tests.unit.keywords.making import LIBRARY, Yuqing, file_of

SYLLABLES = [chr(0x4E00 + 37 * number) for number in range(400)]


def chatter(rng: random.Random) -> str:
    """Words that mean nothing, of which no two belong together."""
    return "".join(rng.choices(SYLLABLES, k=rng.randint(6, 14)))


def corpus(texts: list[tuple[str, str]]) -> Corpus:
    """Of texts with their authors."""
    made = Corpus()
    for number, (words, author) in enumerate(texts):
        made.add(words, author, number)
    return made


def found(now: list[tuple[str, str]], before: list[tuple[str, str]], known: set[str] = frozenset()) -> dict[str, Phrase]:  # type: ignore[assignment]
    """What rises, by its words."""
    return {one.words: one for one in rising(corpus(now).texts(), corpus(before).texts(), Known(known), 50)}


def pile(count: int, seed: int, *words: str, share: float = 0.0) -> list[tuple[str, str]]:
    """So many texts by as many authors, of which a share holds one of the words somewhere."""
    rng = random.Random(seed)
    texts = []
    for number in range(count):
        word = rng.choice(words) if words and rng.random() < share else ""
        texts.append((chatter(rng) + word + chatter(rng), f"a{number}"))
    return texts


def test_a_phrase_that_rises_is_found_whole() -> None:
    """Neither cut short nor with its neighbours, by its authors now and before."""
    phrases = found(pile(600, 1, "毒奶粉", share=0.1), pile(600, 2, "老字号", share=0.1))
    one = phrases["毒奶粉"]
    assert (one.authors, one.authors_before, len(one.examples)) == (one.texts, 0, 3)
    assert one.authors > 10
    assert not [words for words in phrases if words in "毒奶粉" and words != "毒奶粉"]


def test_what_was_said_as_much_before_does_not_rise() -> None:
    """However frequent; what stopped even less."""
    assert "毒奶粉" not in found(pile(600, 1, "毒奶粉", share=0.2), pile(600, 2, "毒奶粉", share=0.2))
    assert "毒奶粉" not in found(pile(600, 1), pile(600, 2, "毒奶粉", share=0.2))


def test_ten_thousand_copies_are_one_text() -> None:
    """Passed on as it is, with a word in front, or with one behind: nobody but the first has said anything."""
    root = "某厂的毒奶粉已经流向全国各地超市货架请大家小心转告身边的亲友"
    copies = [(text, f"c{number}") for number in range(3_000) for text in (root, f"转{number} {root}", f"{root}[怒]{number}")]
    made = corpus(copies)
    assert len([text for text in made.texts() if "毒奶粉" in text.words]) == 1
    assert "毒奶粉" not in found([*pile(600, 1), *copies], pile(600, 2))


def test_one_author_is_one_voice() -> None:
    """Whoever says it in a hundred ways."""
    rng = random.Random(3)
    alone = [(chatter(rng) + "毒奶粉" + chatter(rng), "same") for _ in range(100)]
    assert "毒奶粉" not in found([*pile(600, 1), *alone], pile(600, 2))


def test_what_a_rule_holds_is_no_news() -> None:
    """A part of a word of a rule, and a word with little else around one."""
    now, before = pile(600, 1, "毒奶粉", share=0.2), pile(600, 2)
    assert "毒奶粉" in found(now, before)
    assert "毒奶粉" not in found(now, before, {"毒奶粉"})
    assert "毒奶粉" not in found(now, before, {"毒奶粉事件"})
    assert "毒奶粉" not in found(now, before, {"奶粉"})


@pytest.mark.parametrize("word", ["转发微博", "网页链接", "的时候", "我们", "支持", "11月23日"])
def test_boilerplate_function_words_and_common_words_are_left_out(word: str) -> None:
    """However they rise."""
    assert word not in found(pile(600, 1, word, share=0.2), pile(600, 2))


def test_addresses_and_names_of_accounts_are_no_words() -> None:
    """Nor does a phrase reach over them."""
    alphabet = Alphabet()
    spelled = alphabet.spelled("毒@某人 奶http://t.cn/x粉[怒]iphone 爆炸")
    assert [alphabet.written(run) for run in spelled.split("\n") if run] == ["毒", "奶", "粉", "iphone爆炸"]


def test_significance_is_that_of_the_log_likelihood_ratio() -> None:
    """None where the shares are equal; else as its other form has it, by rows, columns and cells; the surer the more there are."""
    assert significance(10, 100, 100, 1_000) == pytest.approx(0.0, abs=1e-9)
    cells, rows, columns = (30, 70, 100, 900), (130, 970), (100, 1_000)
    other = 2 * (sum(n * log(n) for n in (*cells, 1_100)) - sum(n * log(n) for n in (*rows, *columns)))
    assert significance(30, 100, 100, 1_000) == pytest.approx(other)
    assert significance(300, 1_000, 1_000, 10_000) > significance(30, 100, 100, 1_000)


def test_a_pile_is_bounded_and_stays_an_even_sample() -> None:
    """Memory by its bound, not by the traffic; a word's share stays what it was."""
    made, rng = Corpus(characters=200_000), random.Random(5)
    tracemalloc.start()
    for number in range(20_000):
        made.add(chatter(rng) + ("毒奶粉" if number % 4 == 0 else "天气好") + chatter(rng), f"a{number}", number)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    texts = made.texts()
    assert made.one_of >= 4
    assert sum(len(text.words) + 60 for text in texts) <= 200_000
    assert 0.2 < sum("毒奶粉" in text.words for text in texts) / len(texts) < 0.3
    assert peak < 20_000_000


@pytest.fixture
def stored(config: Path, made: Path, tmp_path: Path) -> Path:
    """A configuration whose store holds five weeks of a subject's mentions; 云锦盏 is of the last."""
    shutil.copytree(made, tmp_path / "var")
    asyncio.run(_store(config))
    return config


async def _store(config: Path) -> None:
    now = SystemClock().now()
    hits = []
    for place, (words, author) in enumerate([*pile(400, 2), *pile(400, 1, "云锦盏", share=0.2)]):
        at = now - (2 * DAY if place >= 400 else 20 * DAY) - place * HOUR // 100
        mention = Mention(source="t", id=str(place), published_at=moment(at), text=f"红会{words}", author=author)
        score = Score(subject="红十字会", hits=(), sentiment=ILL, severity=0.0)
        scored = Scored(received_at=at, mention=mention, score=score, emotion=NO_EMOTION)
        hits.append(NewHit(offset=place, digest=mention.digest, scored=scored, story="", counted=False))
    store = await open_store(load_settings(config, {}))
    async with store.write() as unit:
        await unit.mentions.add(hits, 0, now)
    await store.close()


def test_the_verb_tells_words_counts_and_examples(yuqing: Yuqing, stored: Path) -> None:
    """Of the subject's stored mentions; examples can be found by their ids."""
    report = yuqing("suggest", "--subject", "红十字会", "--config", stored, "--json").json()
    assert (report["mentions"], report["mentions_before"], report["one_of"]) == (400, 400, 1)
    word = report["words"][0]
    assert (word["word"], word["before"]) == ("云锦盏", {"authors": 0, "texts": 0})
    assert [400 <= int(one["id"]) < 800 and "云锦盏" in one["text"] for one in word["examples"]] == [True] * 3
    shown = yuqing("suggest", "--subject", "红十字会", "--config", stored)
    assert f"云锦盏  现在 {word['now']['authors']} 人" in shown.out
    assert "没有名为 无 的监测主题" in yuqing("suggest", "--subject", "无", "--config", stored).err


def test_an_accepted_word_has_its_origin_and_the_file_stays(yuqing: Yuqing, stored: Path, tmp_path: Path) -> None:
    """One line more, at the end of the list; comments, order and what follows are as they were."""
    library = file_of(tmp_path / "l.yaml", LIBRARY + "\n# 尾巴\n")
    counts = yuqing("suggest", "--subject", "红十字会", "--config", stored, "--json").json()["words"][0]
    ran = yuqing("accept", "云锦盏", "--to", library, "--subject", "红十字会", "--config", stored, "--by", "张三")
    assert (ran.code, ran.out) == (0, "")
    lines = library.read_text("utf-8").splitlines()
    assert [line for line in lines if "云锦盏" not in line] == (LIBRARY + "\n# 尾巴\n").splitlines()
    assert lines[7].startswith(f"  - {{rule: 云锦盏, note: '红十字会: 近 7d {counts['now']['authors']} 人")
    assert lines[7].endswith("张三 收'}")
    again = yuqing("accept", "云锦盏", "--to", library)
    assert (again.code, "已经有" in again.err) == (2, True)


@pytest.mark.parametrize(
    "text",
    [
        LIBRARY,
        LIBRARY.rstrip(),
        LIBRARY.replace("\n", "\r\n"),
        "\ufeff" + LIBRARY,
        "name: 甲\ncategory: 乙\nweight: 0.1\nrules: [甲, '乙']  # 一行\n",
        "name: 甲\nrules:\n- 甲\n- rule: 乙\n  note: |\n    两行\n    备注\n\n# 其他\ncategory: 乙\nweight: 0.1\n",
        "name: 甲\nrules:\n  - {rule: 乙,\n     note: 丙}\n\n  # 末尾的话\ncategory: 乙\nweight: 0.1\n",
    ],
)
@pytest.mark.parametrize("word", ["新词", "C++", "a b", "=和服", "'x", "X OR Y"])
def test_a_word_is_added_to_whatever_is_right(yuqing: Yuqing, tmp_path: Path, text: str, word: str) -> None:
    """In every way to write a list; all that was there stays, byte for byte, and the word means its characters."""
    library = tmp_path / "l.yaml"
    library.write_bytes(text.encode())
    (before,) = read_library_file("l", text.encode(), CHINA, [])
    assert yuqing("accept", word, "--to", library).code == 0
    data = library.read_bytes()
    (after,) = read_library_file("l", data, CHINA, [])
    assert after.rules[:-1] == before.rules
    assert after.rules[-1].rule.source == quoted(word)
    kept = iter(data)
    assert all(byte in kept for byte in text.encode())


def test_what_would_be_wrong_is_not_written(yuqing: Yuqing, tmp_path: Path) -> None:
    """A rule that cannot be read, a file that is wrong already, a library that is not told from another, one that is not there."""
    library = file_of(tmp_path / "l.yaml", LIBRARY)
    two = file_of(tmp_path / "two.yaml", "[{name: a, category: b, weight: 1, rules: [x]}, {name: c, category: d, weight: 1, rules: [x]}]")
    wrong = file_of(tmp_path / "w.yaml", "name: a\n")
    before = {path: path.read_bytes() for path in (library, two, wrong)}
    assert "左括号" in yuqing("accept", "(a", "--as", "rule", "--to", library).err
    assert "词是空的" in yuqing("accept", "", "--to", library).err
    assert ["换行" in yuqing("accept", word, "--to", library).err for word in ("新\n词", "新词\n", "新\u2028词")] == [True] * 3
    assert "用 --category" in yuqing("accept", "新词", "--to", two).err
    assert f"{wrong}:1" in yuqing("accept", "新词", "--to", wrong).err
    assert yuqing("accept", "新词", "--to", tmp_path / "none.yaml").code == 2
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".db") == ["l.yaml", "two.yaml", "w.yaml"]
    assert yuqing("accept", "新词", "--to", two, "--category", "d").code == 0
    assert yuqing("accept", "新词", "--to", tmp_path / "none.yaml", "--category", "d").code == 0
