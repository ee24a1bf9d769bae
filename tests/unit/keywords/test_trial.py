"""A dry run: what other rules would have made of the retained log, compared; nothing is written, nobody is told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from monitor.bus.base import RAW, Record
from monitor.clock import MINUTE, SECOND, SystemClock, moment
from monitor.loading import load_settings
from monitor.mention import Mention, Raw, encode
from monitor.scoring.explaining import Asked, rules_of
from monitor.subject import Subject
from services.keywords.candidate import configuration
from services.keywords.pairing import edited
from services.recording.backtest import Backtest, level_changes
from services.wiring import desk_maker, make_score, open_bus
from tests.unit.keywords.making import CONFIG, LIBRARY, Yuqing, file_of

ANGRY = "太坏了，{}，强烈谴责，气愤！骗子"


@pytest.fixture
def served(config: Path) -> Path:
    """A configuration with a library and an hour of mentions in its log: 40 about 红会, 40 about 壹基金."""
    file_of(config.parent / "own.yaml", LIBRARY)
    config.write_text(CONFIG.replace("rules: [红会]", "rules: [红会], libraries: [自备]") + "libraries: [own.yaml]\n", "utf-8")
    asyncio.run(_fill(config))
    return config


def mentions() -> list[Mention]:
    """An hour up to now."""
    begin = SystemClock().now() - 80 * MINUTE
    words = ("红会贪污善款", "壹基金贪污善款", "今天天气好")
    return [
        Mention(
            source="t", id=f"{number:03}", published_at=moment(begin + number * 20 * SECOND), author=f"a{number}",
            text=ANGRY.format(f"{words[number % 3]} {number}") if number % 3 < 2 else words[2],
        )
        for number in range(120)
    ]  # fmt: skip


def raws() -> list[Raw]:
    """As they were received."""
    return [Raw(received_at=int(one.published_at.timestamp()) * SECOND, mention=one) for one in mentions()]


async def _fill(config: Path) -> None:
    bus = open_bus(load_settings(config, {}), SystemClock())
    await bus.start()
    await bus.append(RAW, [Record(key=b"", value=encode(raw)) for raw in raws()])
    await bus.close()


def whole(folder: Path) -> dict[str, bytes]:
    """Every file of the data folder that holds data."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".db"}


def report(yuqing: Yuqing, config: Path, new: Path, *more: str) -> Any:
    """What a dry run says."""
    ran = yuqing("dry-run", new, "--config", config, "--json", *more)
    assert ran.code == 0, ran.err
    return ran.json()


def test_the_same_rules_change_nothing_and_decide_as_backtest(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """No rule and no subject gains or loses; the alerts are those that `backtest` makes of the same mentions; the log stays as it is."""
    before = whole(tmp_path / "var")
    found = report(yuqing, served, file_of(tmp_path / "copy.yaml", LIBRARY))
    assert whole(tmp_path / "var") == before
    assert (found["records"], found["mentions"], found["lost"], found["rules"]) == (120, 120, False, [])
    (subject,) = found["subjects"]
    assert (subject["mentions"], subject["gained"], subject["lost"]) == ([40, 40], 0, 0)
    alerts = found["alerts"]
    assert alerts["before"] == alerts["after"]
    assert alerts["gained"] == alerts["lost"] == alerts["changed"] == []
    settings, levels = load_settings(served, {}), list[dict[str, object]]()
    backtest = Backtest(desk_maker(settings)(), lambda effects: levels.extend(level_changes(effects)), 7)
    for offset, scored in enumerate(make_score(settings, b"k")(raws())):
        backtest.observe(scored, offset)
    assert len({line["alert"] for line in levels}) == alerts["before"]["alerts"] > 0


def test_gained_and_lost_are_told_by_rule_with_examples(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """A new rule gains its mentions, three of them shown, and with them an alert; nobody is told and nothing is lost."""
    new = file_of(tmp_path / "new.yaml", LIBRARY.replace("慈善总会", "慈善晚会\n  - 壹基金"))
    found = report(yuqing, served, new)
    rules = {one["rule"]: one for one in found["rules"]}
    assert (rules["壹基金"]["change"], rules["壹基金"]["gained"], rules["壹基金"]["owner"]) == ("new", 40, "词库 自备")
    assert (rules["慈善晚会"]["change"], rules["慈善晚会"]["was"]) == ("edited", "慈善总会")
    assert [one["id"] for one in rules["壹基金"]["examples"]["gained"]] == ["001", "004", "007"]
    assert all("【壹基金】" in one["text"] for one in rules["壹基金"]["examples"]["gained"])
    (subject,) = found["subjects"]
    assert (subject["mentions"], subject["gained"], subject["lost"]) == ([40, 80], 40, 0)
    assert found["alerts"]["after"]["alerts"] >= found["alerts"]["before"]["alerts"]


EDITED = LIBRARY.replace("慈善总会", "壹基金|{}")


def test_an_edited_rule_is_held_against_what_it_was(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """Only what is truly gained and lost is counted and shown, at the rule as it is now; nothing is called removed."""
    file_of(tmp_path / "own.yaml", EDITED.format("天气"))
    found = report(yuqing, served, file_of(tmp_path / "new.yaml", EDITED.format("红会")))
    (rule,) = found["rules"]
    assert (rule["rule"], rule["was"], rule["change"]) == ("壹基金|红会", "壹基金|天气", "edited")
    assert (rule["gained"], rule["lost"], rule["already"], rule["still"]) == (0, 40, 40, 0)
    assert (len(rule["examples"]["lost"]), rule["examples"]["gained"]) == (1, [])
    assert all("【天气】" in one["text"] for one in rule["examples"]["lost"])
    shown = yuqing("dry-run", tmp_path / "new.yaml", "--config", served).out
    assert "[改写] 壹基金|红会（原为 壹基金|天气；词库 自备）：多出 0 条，少掉 40 条" in shown
    assert "[删去]" not in shown


def test_a_removed_rule_whose_mentions_others_hit_says_so(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """Nothing is lost with it, and no example claims so; a rule that joins others gains nothing either."""
    file_of(tmp_path / "own.yaml", LIBRARY + "  - 善款\n  - 贪污\n")
    (removed,) = report(yuqing, served, file_of(tmp_path / "new.yaml", LIBRARY + "  - 贪污\n"))["rules"]
    counts = {name: removed[name] for name in ("change", "gained", "lost", "already", "still")}
    assert counts == {"change": "removed", "gained": 0, "lost": 0, "already": 0, "still": 80}
    assert removed["examples"] == {"gained": [], "lost": []}
    assert "另有 80 条不再由它命中，别的规则仍然命中" in yuqing("dry-run", tmp_path / "new.yaml", "--config", served).out


def asked(*rules: str) -> list[Asked]:
    """Rules of one subject."""
    return rules_of([Subject(name="s", rules=rules)], [])


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (("a甲", "红会"), ("a甲", "会费+(涨价|乱收|退费)"), {"会费+(涨价|乱收|退费)": "红会"}),
        (("a甲", "红会"), ("a甲", "壹基金"), {}),
        (("红会|红十字", "总会"), ("壹基金", "总会|分会", "红会|红十字会"), {"总会|分会": "总会", "红会|红十字会": "红会|红十字"}),
        (("红会",), ("红会", "壹基金"), {}),
        (("红会", "甲", "乙"), ("甲", "乙", "壹基金"), {}),
    ],
)
def test_an_edited_rule_is_found_by_its_words_or_its_place(old: tuple[str, ...], new: tuple[str, ...], pairs: dict[str, str]) -> None:
    """The most alike, else the one that stood there and shares a character; what was added, or taken away elsewhere, was nothing before."""
    found = edited(asked(*old), asked(*new))
    assert {one: was for (one, _), (was, _) in found.items()} == pairs


def test_a_changed_configuration_is_tried_whole(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """Its subjects, libraries and policy; what the old one hit and the new one does not is lost, and its alert with it."""
    new = file_of(tmp_path / "new-c.yaml", served.read_text("utf-8").replace("rules: [红会]", "rules: [红会+壹基金]"))
    found = report(yuqing, served, new)
    changed = {one["rule"]: (one["gained"], one["lost"]) for one in found["rules"] if one["change"] != "same"}
    assert changed == {"红会+壹基金": (0, 40)}
    assert (found["alerts"]["after"]["alerts"], len(found["alerts"]["lost"])) == (0, found["alerts"]["before"]["alerts"])
    shown = yuqing("dry-run", new, "--config", served)
    assert "不会再有：红十字会" in shown.out
    assert "没有写入任何东西" in shown.out
    assert "命中 40 → 0 条（多出 0，少掉 40）" in shown.out


def test_a_library_beside_needs_somebody_who_uses_it(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """Nobody names it: 2, and what to do; with --subject it is tried for that one."""
    beside = file_of(tmp_path / "beside.yaml", LIBRARY.replace("自备", "另一个").replace("慈善总会", "壹基金"))
    ran = yuqing("dry-run", beside, "--config", served)
    assert (ran.code, "没有监测主题使用词库 另一个" in ran.err) == (2, True)
    assert report(yuqing, served, beside, "--subject", "红十字会")["subjects"][0]["gained"] == 40


@pytest.mark.parametrize(
    ("text", "says"), [("name: x\n", "缺少 rules"), ("organisation: x\n", "subjects"), (LIBRARY.replace("慈善总会", "(慈"), "左括号")]
)
def test_what_is_wrong_in_it_is_told(yuqing: Yuqing, served: Path, tmp_path: Path, text: str, says: str) -> None:
    """As `check` tells it, with FILE:LINE, and nothing runs."""
    ran = yuqing("dry-run", file_of(tmp_path / "new.yaml", text), "--config", served)
    assert (ran.code, ran.out) == (2, "")
    assert f"{tmp_path / 'new.yaml'}:" in ran.err
    assert says in ran.err


def test_the_file_in_force_is_no_candidate(yuqing: Yuqing, served: Path, tmp_path: Path) -> None:
    """It cannot differ from itself: the reader is told to try a copy."""
    ran = yuqing("dry-run", tmp_path / "own.yaml", "--config", served)
    assert (ran.code, "改那一份再试" in ran.err) == (2, True)


def test_without_a_log_there_is_nothing_to_try_on(yuqing: Yuqing, config: Path, tmp_path: Path) -> None:
    """2, and no folder is made; so it is for a period that is none."""
    new = file_of(tmp_path / "new.yaml", LIBRARY)
    assert "还没有日志" in yuqing("dry-run", new, "--config", config).err
    assert "7d" in yuqing("dry-run", new, "--config", config, "--since", "soon").err
    assert not (tmp_path / "var").exists()


def test_a_configuration_is_known_by_its_outermost_keys(tmp_path: Path) -> None:
    """A library, a list of them, a broken file and a folder are none."""
    texts = [LIBRARY, "[{name: a, category: subjects, weight: 1, rules: [x]}]", "a: [", "\xff"]
    assert [configuration(file_of(tmp_path / f"{place}.yaml", text)) for place, text in enumerate(texts)] == [None] * 4
    assert configuration(tmp_path) is None
    assert configuration(file_of(tmp_path / "c.yaml", CONFIG)) is not None
