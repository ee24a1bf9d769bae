"""A case from end to end: a story that grew, seen as a tree, written out with what people did, and decided again from that file."""

import asyncio
import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.mention import identity
from monitor.settings import Retention
from monitor.store.sessions import Store
from tests.acceptance.making import Line, write_lines
from tests.acceptance.processes import Ran, ask, free_port, running, until, yuqing

CONFIG = "organisation: 某某集团\ndata: ./var\nsubjects: [{name: 某某集团, rules: [某某集团]}]\naccounts: [./a.yaml]\n"
ACCOUNTS = "- {name: 大声公, role: kol}\n"


def cascade() -> Iterator[Line]:
    """A complaint, two hundred who pass it on within the hour, the press, a listed account, and a later look at the first post."""
    first = "【某某集团的牛奶喝出活虫】孩子喝完上吐下泻进了医院，太可怕了，必须追责！"
    yield said("1", 0, first, author="妈妈")
    for n in range(2, 202):
        yield said(str(n), n / 4, "太可怕了，追责到底", author=f"u{n}", kind="repost", root="1", parent=str(max(1, n // 7)), quoted=first)
    yield said("n1", 30, first, author="晚报", outlet="晚报", media=True, platform="新闻", url="https://n.example/1")
    yield said("k1", 35, "某某集团的牛奶喝出活虫，太可怕了，大家别买", author="大声公", region="北京", kind="comment", parent="1")
    yield said("x1", 40, "转发微博", author="u9001", kind="repost", root="gone", parent="gone", quoted=first)
    yield said("1", 0, first, author="妈妈") | {"views": 90_000, "seen_at": at(55)}
    yield said(
        "z", 600, "某某集团的牛奶喝出活虫，现在怎么样了，必须追责", author="u9002", kind="repost", root="1", parent="1", quoted=first
    )


def at(minute: float) -> str:
    """A moment of the day."""
    return f"2026-03-02T{8 + int(minute) // 60:02}:{int(minute) % 60:02}:{int(minute * 60) % 60:02}Z"


def said(item: str, minute: float, text: str, **more: object) -> Line:
    """One line of the stream."""
    return {"source": "t", "id": item, "text": text, "published_at": at(minute), "platform": "微博"} | more


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a list of accounts."""
    (tmp_path / "a.yaml").write_text(ACCOUNTS, "utf-8")
    file = tmp_path / "c.yaml"
    file.write_text(CONFIG, "utf-8")
    return file


def ran(*arguments: str | Path) -> Ran:
    """A command line that does what it should."""
    done = yuqing(*arguments)
    assert done.code == 0, done.err
    return done


def levels(printed: bytes) -> list[tuple[object, ...]]:
    """The changes of level that were printed."""
    found = [json.loads(line) for line in printed.splitlines()]
    return [(one["at"], one["alert"], one["story"], one["from"], one["to"], one["actor"]) for one in found]


def the_alert(config: Path) -> dict[str, Any]:
    """The only alert there is."""
    (line,) = ran("alerts", "--config", config, "--json").out.splitlines()
    alert: dict[str, Any] = json.loads(line)
    return alert


def test_a_story_is_drawn_as_a_tree(config: Path, tmp_path: Path) -> None:
    """Origin, spread and tree, in lines that fit; the same for programs as JSON; an unknown one is said so."""
    ran("replay", write_lines(tmp_path / "d.jsonl", cascade()), "--config", config)
    alert = the_alert(config)

    shown = ran("story", alert["id"], "--config", config).out.decode()
    told = json.loads(ran("story", alert["story"], "--config", config, "--json").out)
    unknown = yuqing("story", "s0", "--config", config)

    for words in ("某某集团的牛奶喝出活虫", "把握: 中", "有信息指向没有采集到的原帖 (1)", "大声公 1 条", "晚报", "未采集到的原帖", "…还有"):
        assert words in shown, shown
    assert max(len(line) for line in shown.splitlines()) <= 120
    assert "u9001" not in shown
    assert (told["origin"]["id"], told["spread"]["counted"], told["tree"]["items"][0]["descendants"]) == ("1", 205, 202)
    assert (unknown.code, unknown.out) == (2, b"")
    assert "没有编号为 s0 的事件或预警" in unknown.err


def test_a_case_is_decided_again_from_its_export(config: Path, tmp_path: Path) -> None:
    """Mentions with pseudonyms, later looks and listed names: the same story, the same levels, the same counters."""
    ran("replay", write_lines(tmp_path / "d.jsonl", cascade()), "--config", config)
    alert = the_alert(config)
    out = tmp_path / "case.jsonl.gz"

    told = ran("export", "--alert", alert["id"], "--config", config, "-o", out)
    printed = ran("export", "--alert", alert["id"], "--config", config).out
    backtested = ran("backtest", out, "--config", config)
    (tmp_path / "c2.yaml").write_text(CONFIG.replace("./var", "./var2"), "utf-8")
    ran("replay", out, "--config", tmp_path / "c2.yaml")

    assert "205 条信息, 1 次后来的互动数, 0 项处置" in told.err
    assert gzip.decompress(out.read_bytes()) == printed
    assert not {"妈妈".encode(), b"u9001"} & set(printed.replace(b'"', b" ").split())
    assert "大声公".encode() in printed
    transitions = [one for one in alert["transitions"] if "to" in one]
    assert levels(backtested.out) == [(one["at"], one["alert"], one["story"], one["from"], one["to"], one["actor"]) for one in transitions]
    again = the_alert(tmp_path / "c2.yaml")
    assert {key: value for key, value in again.items() if key != "seq"} == {key: value for key, value in alert.items() if key != "seq"}
    assert yuqing("export", "--alert", "a0", "--config", config).code == 2


def test_what_people_did_is_done_again(config: Path, tmp_path: Path) -> None:
    """An acknowledgement and a level set by hand stand in the export, and come again in a backtest and in a replay, once."""
    ran("replay", write_lines(tmp_path / "d.jsonl", cascade()), "--config", config)
    alert = the_alert(config)
    listen = f"127.0.0.1:{free_port()}"
    config.write_text(f"{CONFIG}listen: {listen}\n", "utf-8")
    with running(tmp_path / "err", "run", "--role", "api", "--config", config):
        until(lambda: ask(f"http://{listen}/livez").status == 200)
        for action, body in (("acknowledge", {"by": "张三"}), ("level", {"by": "张三", "level": "red", "note": "领导关注"})):
            answer = ask(f"http://{listen}/v1/alerts/{alert['id']}/{action}", json.dumps(body).encode())
            assert answer.status == 200, answer.body
    out = tmp_path / "case.jsonl"

    told = ran("export", "--alert", alert["id"], "--config", config, "-o", out)
    backtested = ran("backtest", out, "--config", config, "--batch", "7")
    (tmp_path / "c2.yaml").write_text(CONFIG.replace("./var", "./var2"), "utf-8")
    for _ in range(2):
        ran("replay", out, "--config", tmp_path / "c2.yaml")

    assert "2 项处置" in told.err
    assert levels(backtested.out)[-1][4:] == ("red", "张三")
    again = the_alert(tmp_path / "c2.yaml")
    acted = [one for one in again["transitions"] if one["actor"] == "张三"]
    assert [(one.get("to_status"), one.get("to")) for one in acted] == [("acknowledged", None), (None, "red")]
    assert (again["level"], again["status"]) == ("red", "acknowledged")


def test_an_act_that_cannot_be_done_again_is_told(config: Path, tmp_path: Path) -> None:
    """An act on an alert that this log does not come to is named on stderr, and changes nothing else."""
    file = write_lines(tmp_path / "d.jsonl", cascade())
    plain = ran("backtest", file, "--config", config)
    act = {"subject": "某某", "story": "s0", "alert": "a0-001", "action": "acknowledge", "at": "2026-03-02T09:00:00Z", "actor": "张三"}
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"act": act}) + "\n")
    told = ran("backtest", file, "--config", config)

    assert told.out == plain.out
    assert "没有重做" in told.err
    assert "a0-001" in told.err


def other() -> Iterator[Line]:
    """Another happening of the same morning."""
    first = "【某某集团的大楼失火】夜里烧了三层，有人跳窗，太可怕了，谁来负责！"
    yield said("f1", 3, first, author="邻居")
    for n in range(2, 120):
        yield said(f"f{n}", 3 + n / 4, "愤怒，追责", author=f"w{n}", kind="repost", root="f1", parent="f1", quoted=first)


def test_every_act_is_done_again_by_replay_and_backtest(config: Path, tmp_path: Path) -> None:
    """A merge, mentions taken out and a word over the model's: done again by both, alike, from a file and from its export; no traceback."""
    plain = write_lines(tmp_path / "d.jsonl", [*cascade(), *other()])
    ran("replay", plain, "--config", config)
    alerts = [json.loads(line) for line in ran("alerts", "--config", config, "--json").out.splitlines()]
    milk, fire = sorted(alerts, key=lambda one: str(one["opened_at"]))
    about = {"subject": milk["subject"], "actor": "张三", "note": "同一件事"}
    acts: list[Line] = [
        {"act": about | {"story": fire["story"], "alert": "", "action": "merge", "into": milk["story"], "at": at(40)}},
        {"act": about | {"story": milk["story"], "alert": milk["id"], "action": "exclude", "mentions": [digest_of("n1")], "at": at(41)}},
        {"act": about | {"story": milk["story"], "alert": milk["id"], "action": "exclude", "mentions": [digest_of("no")], "at": at(42)}},
        {"act": about | {"story": milk["story"], "alert": "", "action": "score", "mentions": [digest_of("k1")], "at": at(43),
                         "judgement": {"relevant": False, "note": "无关"}}},
    ]  # fmt: skip
    stream = write_lines(tmp_path / "acted.jsonl", [*acts, *cascade(), *other()])
    files = [tmp_path / f"c{n}.yaml" for n in range(2)]
    for n, file in enumerate(files):
        file.write_text(CONFIG.replace("./var", f"./var{n}"), "utf-8")

    backtested = ran("backtest", stream, "--config", config, "--stories", tmp_path / "stories")
    replayed = ran("replay", stream, "--config", files[0])
    from_log = ran("backtest", "--from-bus", "--config", files[0])
    every = ran("backtest", "--from-bus", "--all", "--config", files[0]).out.splitlines()
    told = ran("export", "--alert", fire["id"], "--config", files[0], "-o", tmp_path / "case.jsonl")
    again = ran("backtest", tmp_path / "case.jsonl", "--config", files[1])
    ran("replay", tmp_path / "case.jsonl", "--config", files[1])

    found = [ran("alerts", "--config", file, "--json").out for file in files]
    for err in (backtested.err, replayed.err):
        assert err.count("没有重做") == 1
        assert "exclude: 它的事件里没有这些信息" in err
    first, second = ([unnumbered(line) for line in one.splitlines()] for one in found)
    assert first == second
    assert sorted(levels(backtested.out)) == sorted(levels(from_log.out)) == sorted(levels(again.out))
    lived = [one for alert in first for one in alert["transitions"]]
    assert sorted(map(json.loads, every), key=str) == sorted(lived, key=str)
    assert len(lived) > len(levels(from_log.out))
    merged = next(alert for alert in map(json.loads, found[0].splitlines()) if alert["id"] == fire["id"])
    assert merged["merged_into"] == milk["id"]
    assert f"预警 {fire['id']} 已并入 {milk['id']}" in told.err
    assert "3 项处置" in told.err
    assert not any("recorded_at" in one for one in merged["transitions"] if one["actor"] != "policy")
    drawn = ran("story", fire["story"], "--config", files[0])
    assert f"事件 {fire['story']} 已并入 {milk['story']}" in drawn.err
    wrong = yuqing("export", "--alert", milk["story"], "--config", files[0])
    assert (wrong.code, wrong.out) == (2, b"")
    assert "是事件的编号" in wrong.err


def digest_of(item: str) -> str:
    """What an act calls a mention of the stream."""
    return b64encode(identity("t", item)).decode()


def unnumbered(line: bytes) -> dict[str, Any]:
    """An alert but for what differs between logs."""
    alert: dict[str, Any] = json.loads(line)
    transitions = [{key: value for key, value in one.items() if key != "recorded_at"} for one in alert["transitions"]]
    return {key: value for key, value in alert.items() if key != "seq"} | {"transitions": transitions}


def test_a_case_whose_words_are_gone_is_told(config: Path, tmp_path: Path) -> None:
    """Export writes no file and says why; the story is still told, without its words."""
    ran("replay", write_lines(tmp_path / "d.jsonl", cascade()), "--config", config)
    alert = the_alert(config)

    async def forget() -> None:
        store = await Store.open("sqlite", tmp_path / "var")
        async with store.write() as unit:
            await unit.mentions.expire(1 << 60, Retention(text=0, evidence=0, identity=1 << 61), watched=())
        await store.close()

    asyncio.run(forget())
    exported = yuqing("export", "--alert", alert["id"], "--config", config, "-o", tmp_path / "case.jsonl")
    drawn = ran("story", alert["id"], "--config", config)

    assert (exported.code, exported.out) == (2, b"")
    assert "已过保存期" in exported.err
    assert not (tmp_path / "case.jsonl").exists()
    assert "只剩下它的概况" in drawn.err


def test_acts_amid_a_stream_take_effect_at_their_moments(config: Path, tmp_path: Path) -> None:
    """Set to red by hand, then resolved as a false alarm, while it still grows: a backtest and replays of any batch decide alike."""
    ran("replay", write_lines(tmp_path / "d.jsonl", cascade()), "--config", config)
    alert = the_alert(config)
    about = {"subject": alert["subject"], "story": alert["story"], "alert": alert["id"], "actor": "张三"}
    acts: list[Line] = [
        {"act": about | {"action": "resolve", "at": at(33.51), "reason": "false_alarm"}},
        {"act": about | {"action": "level", "at": at(12.13), "level": 4, "note": "领导关注"}},
        {"act": about | {"action": "handle", "at": at(50)}},
        {"act": about | {"action": "note", "at": at(620), "alert": "a0"}},
    ]
    stream = write_lines(tmp_path / "acted.jsonl", [*acts, *cascade()])
    backtested = levels(ran("backtest", stream, "--config", config).out)
    found = []
    for n, batch in enumerate(("1", "512")):
        file = tmp_path / f"again{n}.yaml"
        file.write_text(CONFIG.replace("./var", f"./again{n}"), "utf-8")
        told = ran("replay", stream, "--config", file, "--batch", batch)
        assert "没有重做" in told.err
        found.append(ran("alerts", "--config", file, "--json").out)
        ran("replay", stream, "--config", file, "--batch", batch)
        assert ran("alerts", "--config", file, "--json").out == found[-1]

    first = json.loads(found[0].splitlines()[0])["transitions"]
    assert [json.loads(line)["transitions"] for line in found[0].splitlines()] == [
        json.loads(line)["transitions"] for line in found[1].splitlines()
    ]
    assert [(one["at"], one["to"]) for one in first if "to" in one] == [
        (when, to) for when, which, *_, to, _ in backtested if which == alert["id"]
    ]
    assert [one["at"] for one in first if one["actor"] == "张三"] == [at(12.13), at(33.51)]
    assert backtested != levels(ran("backtest", tmp_path / "d.jsonl", "--config", config).out)
