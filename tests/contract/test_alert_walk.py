"""An alert's whole life with log, store, escalator and API: what people do, the policy goes on, and a rerun decides again."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from monitor.bus.base import SCORED, Record
from monitor.clock import DAY, HOUR, MINUTE, SECOND
from monitor.escalation.effects import Effects
from monitor.mention import Tick, encode
from monitor.subject import Subject
from services.escalate import Escalator
from services.recording.backtest import Backtest, all_changes
from services.wiring import desk_maker, make_escalator
from tests.unit.api.making import SUBJECT, World, world
from tests.unit.escalation.making import scored

TEXTS = (
    "红十字会的捐款去了哪里, 请给大家一个交代, 账目为什么一直没有公布",
    "红十字会的血站把过期的血浆送进了医院, 护士长拒收之后才被发现, 家属守在门口",
    "红十字会副会长酒后开车撞倒路灯还骂交警, 围观群众拍下了全过程发到网上",
    "红十字会发到灾区的帐篷一下雨就漏, 村民把霉斑的照片贴了出来",
    "红十字会的急救证书花八百元不用培训就能买到, 中介在群里公开叫卖",
)


class Walk:
    """The service as far as alerts are concerned; `restarts`: the escalator is drawn anew from the store before each step."""

    def __init__(self, here: World, *, restarts: bool) -> None:
        self.here, self._restarts, self.said, self.settings = here, restarts, 0, here.api.settings
        self._escalator = self._fresh()

    def _fresh(self) -> Escalator:
        here = self.here
        return make_escalator(self.settings, here.bus, here.store, here.clock, here.api.metrics, here.api.log, batch=7)

    def watch(self, name: str) -> None:
        """Another subject is watched from now on, and nothing else; what it is called is all that matters here."""
        self.settings = replace(self.settings, subjects=(Subject(name=name, rules=("红十字",)),))
        new = self._fresh()
        self._escalator.use(new._make_desk, new._told)

    def kill(self) -> None:
        """The escalator is gone with all it had in memory; another takes up where the store stands."""
        self._escalator = self._fresh()

    async def say(self, count: int, about: int = 0, *, parent: str | None = None) -> None:
        """So many people say one of the TEXTS, a second apart, and it is decided; `parent`: as an answer to that."""
        records = []
        for _ in range(count):
            self.said += 1
            self.here.clock.advance(SECOND)
            one = scored(f"m{self.said}", self.here.clock.now(), text=TEXTS[about], subject=SUBJECT, root=f"root{about}", as_if=False)
            one = replace(one, mention=replace(one.mention, parent=parent))
            records.append(Record(key=SUBJECT.encode(), value=encode(one)))
        await self.here.bus.append(SCORED, records)
        await self._decide()

    async def wait(self, minutes: int) -> None:
        """Minutes pass, and are ticked."""
        clock = self.here.clock
        for _ in range(minutes):
            clock.advance(MINUTE - clock.now() % MINUTE)
            await self.here.bus.append(SCORED, [Record(key=b"", value=encode(Tick(at=clock.now())), kind="tick")])
        await self._decide()

    async def _decide(self) -> None:
        if self._restarts:
            self._escalator = self._fresh()
        end = (await self.here.bus.bounds(SCORED))[0][1]
        while self._escalator.offset < end:
            await self._escalator.advance()

    async def act(self, action: str, body: dict[str, Any] | None = None, alert: str | None = None) -> dict[str, Any]:
        """What a person does to the newest alert, or to another."""
        self.here.clock.advance(SECOND)
        answer = await self.here.client.post(f"/v1/alerts/{alert or (await self.alerts())[-1]['id']}/{action}", json=body or {})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def alerts(self) -> list[dict[str, Any]]:
        """Every alert, the first opened first."""
        found: list[dict[str, Any]] = (await self.here.client.get("/v1/alerts")).json()["items"]
        return sorted(found, key=lambda one: str(one["opened_at"]))

    async def told(self) -> list[tuple[str, str]]:
        """The messages: of which episode, of what type."""
        items = (await self.here.client.get("/v1/notifications")).json()["items"]
        return [(item["alert"][-3:], item["type"]) for item in reversed(items)]

    async def bodies(self) -> list[dict[str, Any]]:
        """What the messages say, the newest last."""
        async with self.here.store.read() as unit:
            found = (await unit.outbox.page(limit=200)).items
        return [json.loads(one.body) for one, _ in reversed(found)]

    async def changes(self) -> list[dict[str, Any]]:
        """The stored transitions, by alert."""
        async with self.here.store.read() as unit:
            histories = [history async for _, history in unit.alerts.all()]
        return [_timeless(one.wire()) for history in histories for one in history]

    async def decided_again(self, batch: int = 512) -> list[dict[str, Any]]:
        """The transitions that `backtest --from-bus --all` finds in the log, by alert."""
        found: list[dict[str, Any]] = []

        def take(effects: Effects) -> None:
            found.extend(all_changes(effects))

        async with self.here.store.read() as unit:
            acts = await unit.acts.all(0)
        await Backtest(desk_maker(self.here.api.settings)(), take, batch).log(self.here.bus, 0, acts)
        return sorted(found, key=lambda one: str(one["alert"]))


def _timeless(wire: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wire.items() if name != "recorded_at"}


@pytest.fixture(params=[False, True], ids=["lived", "restarted"])
async def walk(request: pytest.FixtureRequest, tmp_path: Path, empty_store: str) -> AsyncIterator[Walk]:
    """A service whose escalator lives, or is started again for every step."""
    async with world(tmp_path, store=empty_store) as here:
        yield Walk(here, restarts=request.param)


async def same_again(walk: Walk) -> None:
    """The log and the acts give the same transitions as were stored when it was lived, whatever the batches."""
    stored = await walk.changes()
    assert await walk.decided_again() == stored
    assert await walk.decided_again(batch=3) == stored


async def test_a_false_alarm_is_quiet_until_it_truly_grows(walk: Walk) -> None:
    """Open, acknowledged, assigned, handling, set by hand, resolved as a false alarm; quiet; then it grows, is told, and reopened."""
    await walk.say(5)
    (first,) = await walk.alerts()
    assert (first["level"], first["status"]) == ("blue", "open")
    await walk.act("acknowledge")
    await walk.act("assign", {"assignee": "李四"})
    await walk.act("handle")
    held = await walk.act("level", {"level": "orange", "note": "领导关注", "until": "30m"})
    assert (held["level"], held["policy_level"]) == ("orange", "blue")
    await walk.wait(31)
    assert [(one["level"], one["assignee"], one["status"]) for one in await walk.alerts()] == [("blue", "李四", "handling")]
    await walk.act("resolve", {"reason": "false_alarm", "note": "旧闻"})
    before = await walk.told()

    await walk.say(20)
    _, second = await walk.alerts()
    assert (second["level"], second["previous"], second["status"]) == ("yellow", first["id"], "open")
    assert second["muted_until"] is not None
    assert await walk.told() == before  # listed, and told to nobody

    await walk.say(90)
    await walk.wait(2)
    assert (await walk.alerts())[-1]["level"] == "orange"
    await walk.act("resolve")
    await walk.act("review", {"verdict": "right"})
    third = await walk.act("reopen", {"note": "又有媒体跟进"})

    assert (third["previous"], third["level"], third["muted_until"], third["assignee"]) == (second["id"], "orange", None, None)
    assert await walk.told() == [
        ("001", "alert.opened"), ("001", "alert.acknowledged"), ("001", "alert.handling"), ("001", "alert.raised"),
        ("001", "alert.lowered"), ("001", "alert.resolved"), ("002", "alert.raised"), ("002", "alert.resolved"),
        ("002", "alert.reviewed"), ("003", "alert.reopened"), ("003", "alert.raised"),
    ]  # fmt: skip
    status, level = (await walk.bodies())[-2:]  # of one moment; which came first, the seq tells
    assert (status["timestamp"], [len(one["data"]["transitions"]) for one in (status, level)]) == (level["timestamp"], [1, 1])
    assert status["data"]["alert"]["seq"] < level["data"]["alert"]["seq"]
    await walk.wait(200)  # the hour's voices are gone, and it sinks
    assert (await walk.alerts())[-1]["level"] in {"none", "blue"}
    await same_again(walk)


async def test_a_hand_set_level_gives_way_to_worse(walk: Walk) -> None:
    """It stays while the policy falls below it and rises again to it; above it the policy is believed."""
    await walk.say(25)
    await walk.act("level", {"level": "yellow", "note": "已核实, 影响有限"})
    await walk.wait(150)
    assert [(one["level"], one["policy_level"]) for one in await walk.alerts()] == [("yellow", "blue")]
    await walk.say(120)
    await walk.wait(2)

    assert [(one["level"], one["policy_level"]) for one in await walk.alerts()] == [("orange", "orange")]
    await same_again(walk)


async def test_what_is_resolved_does_not_come_back_by_falling(walk: Walk) -> None:
    """Resolved at yellow it sinks to none without a word; then it is a new episode, at any level."""
    await walk.say(25)
    await walk.act("resolve")
    await walk.wait(150)
    assert len(await walk.alerts()) == 1
    walk.here.clock.advance(DAY)
    await walk.wait(65)
    await walk.say(5)

    assert [(one["id"][-3:], one["level"]) for one in await walk.alerts()] == [("001", "yellow"), ("002", "blue")]
    await same_again(walk)


async def test_reopened_at_none_it_fades_a_day_later(walk: Walk) -> None:
    """The clock of fading begins again with the reopening, and ends with the alert resolved by policy."""
    await walk.say(5)
    await walk.act("resolve")
    walk.here.clock.advance(30 * HOUR)
    await walk.wait(65)
    reopened = await walk.act("reopen")
    assert (reopened["level"], [said["to_status"] for said in reopened["transitions"]]) == ("none", ["open"])
    walk.here.clock.advance(23 * HOUR)
    await walk.wait(2)
    assert (await walk.alerts())[-1]["status"] == "open"
    walk.here.clock.advance(HOUR)
    await walk.wait(2)

    assert [(one["status"], one["resolution"]) for one in await walk.alerts()] == [("resolved", "handled"), ("resolved", "faded")]
    await same_again(walk)


async def test_an_alert_at_rest_is_acted_on_many_times(walk: Walk) -> None:
    """Nobody decides meanwhile: each act follows from the one before, and the next start takes them all up."""
    await walk.say(5)
    for action, body in (
        ("level", {"level": "red", "note": "因为"}), ("resolve", {"reason": "known"}), ("reopen", {}),
        ("level", {"level": "orange", "note": "因为"}), ("handle", {}),
    ):  # fmt: skip
        await walk.act(action, body)
    newest = (await walk.alerts())[-1]
    assert (newest["level"], newest["policy_level"], newest["status"]) == ("orange", "blue", "handling")
    await same_again(walk)
    await walk.say(20)

    first, second = await walk.alerts()
    assert (first["next"], first["level"], first["status"]) == (second["id"], "red", "resolved")
    assert (second["level"], second["policy_level"], second["status"]) == ("orange", "yellow", "handling")
    await same_again(walk)


async def asleep(walk: Walk) -> bool:
    """Whether the desk has let go of the story of the first alert."""
    async with walk.here.store.read() as unit:
        row = await unit.stories.get((await walk.alerts())[0]["story"])
    assert row is not None
    return not row.live


async def test_an_act_on_a_story_long_asleep_is_not_lost(walk: Walk) -> None:
    """A note and a review stay with its alert when it wakes; reopened, it is decided on again, and fades."""
    await walk.say(5)
    await walk.act("resolve")
    await walk.wait(130)
    walk.here.clock.advance(20 * DAY)
    await walk.wait(65)
    assert await asleep(walk)
    await walk.act("note", {"note": "又有人问起"})
    await walk.act("review", {"verdict": "right"})
    await walk.wait(2)
    assert [(one["status"], one["verdict"]) for one in await walk.alerts()] == [("reviewed", "right")]
    await walk.act("reopen")
    await walk.wait(2)
    assert not await asleep(walk)
    await walk.say(25)
    await walk.wait(1)

    first, second = await walk.alerts()
    assert (first["next"], first["verdict"], second["level"], second["status"]) == (second["id"], "right", "yellow", "open")
    assert second["mentions"] == 30
    await walk.wait(150)
    walk.here.clock.advance(30 * HOUR)
    await walk.wait(65)
    assert (await walk.alerts())[-1]["level"] == "none"
    await same_again(walk)


async def test_an_act_while_its_subject_is_not_watched_is_not_lost(walk: Walk) -> None:
    """Resolved meanwhile it stays resolved when the subject is watched again, and is followed only by what is worse."""
    await walk.say(5)
    walk.watch("别的")
    await walk.wait(1)
    (alert,) = await walk.alerts()
    assert (alert["status"], alert["level"]) == ("open", "blue")
    await walk.act("resolve")
    await walk.wait(2)
    walk.watch(SUBJECT)
    await walk.say(3)
    await walk.wait(1)
    assert [one["status"] for one in await walk.alerts()] == ["resolved"]
    await walk.say(25)

    assert [(one["status"], one["level"]) for one in await walk.alerts()] == [("resolved", "blue"), ("open", "yellow")]


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_an_alert_of_a_subject_no_longer_watched_ends(walk: Walk, acknowledged: bool) -> None:  # noqa: FBT001 - a parameter
    """Its history says so at once, once; a day later it ends if nobody took it up, which those are told who knew; else it waits."""
    await walk.say(5)
    if acknowledged:
        await walk.act("acknowledge")
    before = await walk.told()
    walk.watch("别的")
    await walk.wait(3)
    (alert,) = await walk.alerts()
    said = (await walk.here.client.get(f"/v1/alerts/{alert['id']}")).json()["transitions"]
    assert alert["status"] == ("acknowledged" if acknowledged else "open")
    assert [one["reasons"][0]["code"] for one in said].count("unwatched") == 1
    assert await walk.told() == before
    walk.here.clock.advance(DAY)
    await walk.wait(2)
    (alert,) = await walk.alerts()

    assert (alert["status"], alert["resolution"]) == (("acknowledged", None) if acknowledged else ("resolved", "faded"))
    assert await walk.told() == before + ([] if acknowledged else [("001", "alert.resolved")])
    if acknowledged:
        assert (await walk.act("resolve"))["status"] == "resolved"


async def test_a_subject_watched_again_in_time_goes_on(walk: Walk) -> None:
    """Taken off the list for some hours by a slip, its alert is still open, and rises as ever; the day begins anew the next time."""
    await walk.say(5)
    for _ in range(2):
        walk.watch("别的")
        await walk.wait(1)
        walk.here.clock.advance(20 * HOUR)
        await walk.wait(1)
        walk.watch(SUBJECT)
        await walk.wait(1)
    assert [one["status"] for one in await walk.alerts()] == ["open"]
    await walk.say(25)

    assert [(one["status"], one["level"]) for one in await walk.alerts()] == [("open", "yellow")]
