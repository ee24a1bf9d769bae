"""Wiring: settings become parts, files a recording, and a wrong word a line that says so."""

import gzip
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from monitor.alert import Level
from monitor.bus.base import SCORED
from monitor.clock import MINUTE, SystemClock
from monitor.collecting.recording import Recording
from monitor.errors import ConfigError, InvalidMention, UsageError
from monitor.settings import Secret, Source
from services.house import ROLES, addresses, check_roles, parse_address
from services.recording.replay import in_order
from services.recording.staging import stage_files, tell_bad
from services.score import record_of
from services.wiring import desk_maker, make_score, policies_of, pseudonym_key
from tests.unit.escalation.making import START, SUBJECT, default_policy
from tests.unit.pipeline.making import Parts, blocks, parts_in, raw, score, settings_in


@pytest.mark.parametrize(("text", "address"), [
    ("127.0.0.1:9000", ("127.0.0.1", 9000)), ("localhost:0", ("localhost", 0)), ("[::1]:65535", ("::1", 65535)),
])  # fmt: skip
def test_an_address(text: str, address: tuple[str, int]) -> None:
    """Host and port, an IPv6 host in brackets."""
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "9000", ":9000", "host", "host:", "host:x", "host:-1", "host:65536", "host:1.5", "\0"])
def test_no_address(text: str) -> None:
    """Anything else is said to be none, with an example."""
    with pytest.raises(UsageError, match="请写成 主机:端口"):
        parse_address(text)


def test_all_roles_or_the_api() -> None:
    """One process has them all, in the order of the data's way; the API may stand alone."""
    assert check_roles([], together=False) == check_roles(ROLES[::-1], together=False) == ROLES
    assert check_roles(["api"], together=False) == ("api",)


@pytest.mark.parametrize("roles", [["score"], ["api", "notify"], list(ROLES[:-1])])
def test_some_roles_need_another_bus(roles: list[str]) -> None:
    """A SQLite log serves one process, so a part of the roles is refused in words."""
    with pytest.raises(UsageError, match="SQLite"):
        check_roles(roles, together=False)


def test_servers_serve_any_roles() -> None:
    """Where several processes may work together each takes what it is told to, in the order of the data's way."""
    assert check_roles(["notify", "score"], together=True) == ("score", "notify")
    assert check_roles([], together=True) == ROLES


def test_where_the_api_is() -> None:
    """The addresses a person opens."""
    assert addresses(("127.0.0.1", 8001))["预警接口"] == "http://127.0.0.1:8001/v1/alerts"


async def test_the_pseudonym_key_is_made_once(tmp_path: Path) -> None:
    """Kept in the store over restarts; another folder has another; a configured one goes first."""
    async with parts_in(tmp_path / "a") as parts:
        made = await pseudonym_key(parts.settings, parts.store)
        assert await pseudonym_key(parts.settings, parts.store) == made
        assert await pseudonym_key(replace(parts.settings, pseudonym_key=Secret("mine")), parts.store) == b"mine"
    async with parts_in(tmp_path / "a") as parts, parts_in(tmp_path / "b") as others:
        assert await pseudonym_key(parts.settings, parts.store) == made
        assert await pseudonym_key(others.settings, others.store) != made
    assert len(made) == 32


def test_policies_by_subject(tmp_path: Path) -> None:
    """The default under "", a subject's own under its name; a broken one is every mistake in it."""
    own = tmp_path / "own.yaml"
    shipped = (files("monitor.escalation") / "default.yaml").read_text("utf-8")
    own.write_text(shipped.replace("name: default", "name: own"), "utf-8")
    subjects = (SUBJECT, replace(SUBJECT, name="乙", policy="own.yaml"), replace(SUBJECT, name="丙", policy="default"))
    policies = policies_of(settings_in(tmp_path, subjects=subjects))

    assert {name: policy.name for name, policy in policies.items()} == {"": "default", "乙": "own"}
    assert policies[""] == default_policy()
    with pytest.raises(ConfigError):
        policies_of(settings_in(tmp_path, subjects=(replace(SUBJECT, policy="none.yaml"),)))


def test_each_desk_is_empty(tmp_path: Path) -> None:
    """A maker makes them anew: what one has seen another has not."""
    make = desk_maker(settings_in(tmp_path))

    assert make() is not make()
    assert make().drain().hits == []


def test_the_scorer_hides_authors_and_keeps_moments(tmp_path: Path) -> None:
    """From here on an author is a pseudonym under the key; what hits no subject gives no record."""
    settings = settings_in(tmp_path, subjects=(replace(SUBJECT, floor=Level.BLUE),))
    raws = [raw("a", START, "某某太差了, 气死我了"), raw("b", START, "与此无关"), raw("c", START + 1, "某某")]
    one, other = make_score(settings, b"key"), make_score(settings, b"another")

    assert [(made.mention.id, made.received_at, made.as_if) for made in one(raws)] == [("a", START, True), ("c", START + 1, True)]
    assert one(raws)[0].mention.author not in {"author a", other(raws)[0].mention.author}
    assert one(raws)[0].score.negative


def test_other_settings_bring_their_own_model(tmp_path: Path) -> None:
    """A reload with another `sentiment` judges by it, one of the same name by the file as it is then; a file that is none is refused."""
    raws, mine = [raw("a", START, "某某今天开门")], tmp_path / "own.npz"

    def write(bias: tuple[float, float, float]) -> None:
        np.savez(mine, weights=np.zeros((8, 3), np.int8), unit=np.array(1.0), bias=np.array(bias), scale=np.ones(3), shift=np.zeros(3))

    named, own = settings_in(tmp_path, sentiment="lexicon"), settings_in(tmp_path, sentiment=str(mine))
    first = make_score(named, b"key")
    write((9.0, 0.0, 0.0))
    second = first.rebuilt(own)
    write((0.0, 0.0, 9.0))
    third = second.rebuilt(own)
    assert [score(raws)[0].score.sentiment.label for score in (first, second, third, third.rebuilt(named))] == [
        "neutral", "negative", "positive", "neutral",
    ]  # fmt: skip
    mine.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="不是情感模型文件"):
        third.rebuilt(own)


def test_a_configured_file_lends_its_name(tmp_path: Path) -> None:
    """A line without a source gets the configured one's name, else the file's; its own stays; naive times are in the zone."""
    naive = '{"id":"1","text":"x","published_at":"2026-03-02 08:00:00"}'
    lines = f'{naive}\n{{"id":"2","source":"own","text":"x","published_at":"2026-03-02T00:00:00Z"}}\n'
    known, other = tmp_path / "known.jsonl", tmp_path / "other.jsonl.gz"
    for file in (known, other):
        file.write_text(lines, "utf-8")
    settings = settings_in(tmp_path, sources=(Source(name="导出", type="file", path=str(known)),))
    with Recording(SystemClock().now()) as recording:
        stage_files(recording, [known, other], [], settings, lambda *_: pytest.fail("none is bad"), lambda _: None)
        raws = [one for block in recording.blocks() for one in block.raws]

    assert [(one.mention.source, one.mention.id) for one in raws] == [("other", "1"), ("own", "2"), ("导出", "1")]
    assert {one.received_at for one in raws} == {START - 8 * 3_600_000_000}


def test_facts_of_a_configured_hot_list_lend_its_name(tmp_path: Path) -> None:
    """Looks get the configured list's name and platform, else the file's name, and stand among the mentions in the order of time."""
    look = '{"at":"2026-03-02 08:0%d:00","list":"榜","rank":%d,"title":"某某上榜"}\n'
    known, other, said = tmp_path / "known.jsonl", tmp_path / "other.jsonl.gz", tmp_path / "said.jsonl"
    known.write_text(look % (2, 9) + look % (0, 5), "utf-8")
    other.write_bytes(gzip.compress((look % (3, 1)).encode()))
    said.write_text('{"id":"1","text":"x","published_at":"2026-03-02 08:01:00"}', "utf-8")
    settings = settings_in(tmp_path, sources=(Source(name="热搜", type="hotlist", path=str(known), platform="微博"),))
    with Recording(SystemClock().now()) as recording:
        stage_files(recording, [said], [known, other], settings, lambda *_: pytest.fail("none is bad"), lambda _: None)
        raws = [one for block in recording.blocks() for one in block.raws]

    assert [(one.mention.source, one.mention.platform, one.mention.rank) for one in raws] == [
        ("热搜", "微博", 5), ("said", None, None), ("热搜", "微博", 9), ("other", None, 1)]  # fmt: skip
    assert [one.received_at - raws[0].received_at for one in raws] == [0, MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_a_bad_line_is_told_without_tricks(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with its place, control characters made visible."""
    tell_bad("f\x1b[31m.jsonl", 7, InvalidMention(["text: \x07"]))
    out, err = capsys.readouterr()

    assert out == ""
    assert err.endswith("\n")
    assert "\x1b" not in err
    assert ":7: " in err


@pytest.mark.parametrize("send", [True, False])
async def test_messages_that_are_not_to_be_sent_wait_for_nobody(parts: Parts, send: bool) -> None:  # noqa: FBT001 a column of the table
    """With `--no-send` what would have been told is kept as disabled; else it waits for its receiver."""
    await parts.bus.append(SCORED, [record_of(one) for block in blocks(2) for one in in_order(score(block.raws), block.raws)])
    await parts.escalator(send=send).advance()
    async with parts.store.read() as unit:
        pending, _ = await unit.outbox.pending()
        kept = await unit.outbox.page()

    assert kept.items
    assert {notification.state for notification, *_ in kept.items} == ({"pending"} if send else {"disabled"})
    assert pending == (len(kept.items) if send else 0)
