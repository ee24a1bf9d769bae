"""Hints: what is right but perhaps not meant is told, what is meant is not."""

import asyncio
from pathlib import Path

import pytest

from monitor.bus.base import RAW, Record
from monitor.bus.sqlite import SqliteBus
from monitor.clock import SECOND, ManualClock, moment
from monitor.loading import load_settings
from monitor.mention import Mention, Raw, encode
from monitor.settings import Retention
from services.hints import ENOUGH, LONG, hints

NOW = 1_790_000_000_000_000
GOOD = """organisation: 某某集团
public_url: https://yq.example.cn
subjects: [{name: 红十字会, rules: [红十字会|红会总会], receivers: [duty]}]
receivers: [{name: duty, type: webhook, url: "https://h.cn", secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz}]
"""


def _hints(folder: Path, text: str) -> list[str]:
    file = folder / "c.yaml"
    file.write_text(text, "utf-8")
    return list(hints(load_settings(file, {})))


def test_a_good_configuration_gets_no_hint(tmp_path: Path) -> None:
    """Nothing is said where nothing is doubtful, and no folder is made."""
    assert _hints(tmp_path, GOOD) == []
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("public_url: https://yq.example.cn\n", "", "public_url"),
        (", secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "", "没有 secret"),
        ("https://h.cn", "http://h.cn", "不是 https"),
        ("红十字会|红会总会", "红十字会|苹果", "常用词“苹果”"),
        ("红十字会|红会总会", "红", "一个字"),
        ("红十字会|红会总会", "COVID-19", r"COVID\-19"),
        ("红十字会|红会总会", "百度!谷歌", "后者不含前者"),
        ("receivers: [duty]}", "receivers: [duty], alerts: false}", "alerts: false"),
        ("receivers: [duty]}", "receivers: [duty], valid_until: 2020-01-01}", "valid_until"),
        ("receivers: [{", "receivers: [{name: idle, type: webhook, url: 'https://i.cn'}, {", "idle 没有任何主题使用"),
        ("subjects:", "retention: {raw: 1y}\nsubjects:", "retention.raw"),
        ("subjects:", "retention: {text: 5y}\nsubjects:", "retention.text"),
        ("subjects:", "sources: [{name: f, type: file, path: none.csv}]\nsubjects:", "现在不存在"),
    ],
)
def test_what_is_doubtful_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Each doubtful thing is a line that names it."""
    said = _hints(tmp_path, GOOD.replace(old, new, 1))
    assert any(says in line for line in said)


DOUBTFUL = """- {name: 过期库, category: 甲, weight: 0.5, valid_until: 2020-01-31, rules: [甲乙]}
- {name: 用着的, category: 乙, weight: 0.5, rules: [{rule: '红，会'}, "甲乙 or 丙丁"]}
- name: 无主库
  category: 丙
  weight: 0.5
  rules: [甲乙]
- {name: 安全事故, category: 安全事故, weight: 0.5, rules: [甲乙丙]}
"""


def _with_library(folder: Path, text: str) -> list[str]:
    (folder / "l.yaml").write_text(text, "utf-8")
    used = "libraries: [l.yaml]\n" + GOOD.replace("receivers: [duty]}", "receivers: [duty], libraries: [过期库, 用着的]}", 1)
    return _hints(folder, used)


def test_a_hint_on_a_library_names_its_place(tmp_path: Path) -> None:
    """FILE:LINE:COLUMN of what is over, named by nobody, or probably not meant; one that adds to a shipped library needs no subject."""
    said = [line.removeprefix(f"{tmp_path}/") for line in _with_library(tmp_path, DOUBTFUL)]
    assert [line.partition(": ")[0] for line in said] == ["l.yaml:1:10", "l.yaml:3:9", "l.yaml:2:58", "l.yaml:2:68"]
    says = ("2020-01-31 止（valid_until），已失效", "没有主题使用", "要“或”", "大写 OR")
    assert [one in line for one, line in zip(says, said, strict=True)] == [True] * 4


def test_a_file_full_of_doubts_is_told_of_some(tmp_path: Path) -> None:
    """Ten lines and how many more there are."""
    rules = "".join(f"  - 甲{number}，乙\n" for number in range(50))
    other = "- {name: 过期库, category: c, weight: 0.1, rules: [x甲]}\n"
    said = _with_library(tmp_path, f"{other}- name: 用着的\n  category: c\n  weight: 0.5\n  rules:\n{rules}")
    assert len(said) == 11
    assert said[-1].endswith("l.yaml:1: 另有 40 处类似的提示")


def test_a_hint_on_a_subject_names_its_place(tmp_path: Path) -> None:
    """The line and column of the configuration, behind the quote where the rule is quoted."""
    [said] = _hints(tmp_path, GOOD.replace("红十字会|红会总会", '"红会总会 and 捐款"'))
    assert said.startswith(f"{tmp_path}/c.yaml:3:39: 主题 红十字会 的规则 红会总会 and 捐款：")


@pytest.mark.parametrize(("rule", "column"), [("华为技术|苹果", 5), ('"华为技术|苹"', 6), ("苹果", 0)])
def test_a_hint_on_a_common_word_names_its_place(tmp_path: Path, rule: str, column: int) -> None:
    """FILE:LINE:COLUMN of the word itself, behind the words before it."""
    [said] = _hints(tmp_path, GOOD.replace("红十字会|红会总会", rule))
    assert said.startswith(f"{tmp_path}/c.yaml:3:{33 + column}: 主题 红十字会 的规则只凭")


def test_a_file_that_a_folder_leaves_out_is_told(tmp_path: Path) -> None:
    """A folder is its *.yaml; whoever put a .yml into it waits in vain."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "f.yml").write_text("name: 甲", "utf-8")
    assert _hints(tmp_path, "libraries: [rules]\n" + GOOD) == [
        f"{tmp_path}/rules/f.yml:1: 词库文件夹里只读 *.yaml，这个文件没有读；请改名为 f.yaml"
    ]


def test_words_that_need_others_are_not_too_common(tmp_path: Path) -> None:
    """A common word with a condition is what one writes on purpose; so is a brand that is no word."""
    assert _hints(tmp_path, GOOD.replace("红十字会|红会总会", "苹果+投诉, 银行-招聘, 可口可乐")) == []


def _fill(folder: Path, texts: list[str]) -> None:
    async def append() -> None:
        bus = SqliteBus(folder, retention=Retention(), clock=ManualClock(NOW))
        await bus.start()
        raws = [
            Raw(received_at=NOW + n, mention=Mention(source="s", id=str(n), text=text, published_at=moment(NOW - SECOND)))
            for n, text in enumerate(texts)
        ]
        await bus.append(RAW, [Record(key=b"k", value=encode(raw)) for raw in raws])
        await bus.append(RAW, [Record(key=b"k", value=b"oops")])
        await bus.close()

    asyncio.run(append())


def test_a_rule_that_hits_nothing_in_the_log_is_told(tmp_path: Path) -> None:
    """Of several rules only the idle ones, with how many records were looked at; a record that cannot be read is passed over."""
    _fill(tmp_path / "var", ["红十字会开会"] * ENOUGH)
    said = _hints(tmp_path, GOOD.replace("红十字会|红会总会", "红十字会, 红十字会+演唱会"))
    assert said == [f"{tmp_path}/c.yaml:3:39: 主题 红十字会 的规则 红十字会+演唱会 在留存的最近 {ENOUGH} 条信息里一条也没命中，请检查写法"]


def test_a_short_log_proves_nothing(tmp_path: Path) -> None:
    """Below a hundred records no rule is called idle; a log that is no log is passed over."""
    _fill(tmp_path / "var", ["别的事"] * (ENOUGH - 1))
    assert _hints(tmp_path, GOOD) == []
    (tmp_path / "var" / "bus.db").write_bytes(b"no database" * 1_000)
    assert _hints(tmp_path, GOOD) == []


def test_many_idle_rules_are_summed_up(tmp_path: Path) -> None:
    """Ten lines at most, then a count."""
    _fill(tmp_path / "var", ["别的事"] * ENOUGH)
    rules = ", ".join(f"无人提起{n}" for n in range(13))
    said = _hints(tmp_path, GOOD.replace("红十字会|红会总会", rules))
    assert len(said) == 11
    assert "另有 3 条" in said[-1]


def test_a_long_look_shows_a_bar_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, gone at the end; nothing where there is no terminal."""
    _fill(tmp_path / "var", ["红十字会开会"] * LONG)
    assert _hints(tmp_path, GOOD) == []
    assert tuple(capsys.readouterr()) == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # what tells the library that somebody looks
    assert _hints(tmp_path, GOOD) == []
    shown = capsys.readouterr()
    assert (shown.out, "用留存的信息核对规则" in shown.err) == ("", True)
