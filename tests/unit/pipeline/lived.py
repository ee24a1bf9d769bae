"""A life as it is lived: things said, seen again, done by people, minute by minute; its cases, and what is decided from those."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

from monitor.alert import Level
from monitor.bus.base import RAW, SCORED, Record
from monitor.clock import DAY, HOUR, MINUTE, SECOND, moment
from monitor.collecting.recording import Recording
from monitor.escalation.acting import FITTING
from monitor.escalation.effects import Effects, Judgement
from monitor.mention import Mention, Tick, encode
from services import acts, corrections
from services.acts import ActError, Deed, Desk
from services.corrections import Who, nudge
from services.intake import record_of
from services.recording.acts import History, Placed, done_again
from services.recording.backtest import Backtest
from services.recording.case import Case
from services.recording.replay import Replay
from services.recording.staging import stage_files
from services.score import ScoreRole
from services.telling import Told
from services.wiring import desk_maker
from tests.unit.escalation.making import START, SUBJECT
from tests.unit.pipeline.making import Parts, decided_beside, score

Alerts = dict[str, tuple[dict[str, object], list[dict[str, object]]]]  # by id: as it stands, and its transitions


@dataclass
class Life:
    """A service on its parts, its clock moved by hand."""

    parts: Parts
    batch: int = 7
    done: list[str] = field(default_factory=list)
    _offset: int = 0

    def __post_init__(self) -> None:
        self.parts.clock.at = START
        self.escalator = self.parts.escalator(batch=self.batch)
        self._role = ScoreRole(self.parts.bus, score, self.parts.metrics, self.parts.log)
        self.desk = Desk(1, Told({SUBJECT.name: SUBJECT}, (), "", send=False))

    async def push(self, *said: Mention) -> None:
        """Accepted now, all at one moment, and decided."""
        now = self.parts.clock.now()
        await self.parts.bus.append(RAW, [record_of(one, now) for one in said])
        self._offset = await self._role.advance(self._offset)
        await self._decide()

    async def minutes(self, count: int) -> None:
        """So much time passes, a tick a minute."""
        clock = self.parts.clock
        for minute in range(clock.now() // MINUTE + 1, clock.now() // MINUTE + 1 + count):
            clock.at = minute * MINUTE
            await self.parts.bus.append(SCORED, [Record(key=b"", value=encode(Tick(at=clock.at)), kind="tick", partition=0)])
        clock.at += 7 * SECOND
        await self._decide()

    async def act(self, alert: str, action: str, **more: object) -> bool:
        """Somebody acts on an alert, if that fits."""
        deed = Deed(action=action, actor="张三", recorded_at=self._moment(), **more)  # type: ignore[arg-type]
        async with self.parts.store.write() as unit:
            try:
                await acts.done(unit, self.desk, alert, deed)
            except ActError:
                return False
        self.done.append(action)
        return True

    async def correct(self, action: str, *what: object) -> bool:
        """Somebody merges, excludes or scores, if that fits; the desk looks at once."""
        who = Who(actor="李四", note="如此", recorded_at=self._moment())
        async with self.parts.store.write() as unit:
            try:
                await getattr(corrections, action)(unit, self.desk, *what, who)
            except ActError:
                return False
        self.done.append(action)
        await nudge(self.parts.bus, self.parts.clock, 0)
        await self._decide()
        return True

    def _moment(self) -> int:
        self.parts.clock.at += SECOND
        return self.parts.clock.now()

    async def _decide(self) -> None:
        while await self.escalator.advance():
            pass


async def alerts_of(parts: Parts) -> Alerts:
    """Every alert with its transitions, but for what tells of the log and of the wall clock."""
    async with parts.store.read() as unit:
        found = [pair async for pair in unit.alerts.all()]
    return {
        alert.id: (
            {name: value for name, value in alert.wire("").items() if name != "seq"},
            [replace(one, recorded_at=None).wire() for one in history],
        )
        for alert, history in found
    }


async def case_of(parts: Parts, alert: str, file: Path) -> Path:
    """An alert's case as a file."""
    async with parts.store.read() as unit:
        found = await unit.alerts.get(alert)
        assert found is not None
        lines = [line + b"\n" async for _, line in Case(unit, found).lines()]
    await asyncio.to_thread(file.write_bytes, b"".join(lines))
    return file


def levels(alerts: Alerts) -> list[tuple[object, ...]]:
    """The changes of level, as backtest prints them, by alert."""
    history = [one for key in sorted(alerts) for one in alerts[key][1] if "to" in one]
    return [(one["at"], one["alert"], one["from"], one["to"], one["actor"]) for one in history]


def backtested(parts: Parts, file: Path) -> list[tuple[object, ...]]:
    """The changes of level that a backtest of the file comes to."""
    found: list[dict[str, object]] = []

    def take(effects: Effects) -> None:
        found.extend(change.transition.wire() for change in effects.changes if change.transition)

    backtest = Backtest(desk_maker(parts.settings)(), take, 5)
    with Recording(START + 999 * DAY) as recording:
        history = staged(recording, parts, file)
        backtest.recording(recording.blocks(), score, lambda _: None, history)
    assert not backtest.misfits
    order = sorted((one for one in found if "to" in one), key=lambda one: str(one["alert"]))
    return [(one["at"], one["alert"], one["from"], one["to"], one["actor"]) for one in order]


async def replayed(parts: Parts, file: Path) -> list[tuple[Placed, ActError]]:
    """Replay the file on these parts; the acts that could not be done again."""
    refused: list[tuple[Placed, ActError]] = []
    desk = Desk(1, Told({SUBJECT.name: SUBJECT}, (), "", send=False))

    async def perform(placed: Placed) -> None:
        error = await done_again(parts.store, desk, placed, parts.clock.now())
        if error:
            refused.append((placed, error))

    escalator = parts.escalator(batch=3)
    with Recording(START + 999 * DAY) as recording:
        history = staged(recording, parts, file)
        replay = Replay(parts.bus, ScoreRole(parts.bus, score, parts.metrics, parts.log), {0: escalator})
        replay.also(history, perform)
        async with decided_beside(escalator):
            await replay.run(recording.blocks(), lambda _: None)
    return refused


def staged(recording: Recording, parts: Parts, file: Path) -> History:
    """Read as the command lines do; no line is bad."""

    def bad(name: str, line: int, invalid: Exception) -> None:
        raise AssertionError(f"{name}:{line}: {invalid}")

    return stage_files(recording, [file], [], parts.settings, bad, lambda _: None)


WORDS = (
    "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太恶心了",
    "某某大厦的电梯从十二楼坠落, 三人受伤送医, 必须追责到底",
    "某某工厂夜里偷排污水, 河里的鱼全死了, 村民去告也没人管",
)


def said(item: str, at: int, happening: int, **more: object) -> Mention:
    """One who tells of a happening in words that others share."""
    fields: dict[str, object] = {"text": f"{WORDS[happening]} {item}", "author": f"author {item}", "platform": "微博"}
    return Mention(source="t", id=item, published_at=moment(at), **fields | more)  # type: ignore[arg-type]


async def lived(life: Life, seed: int, steps: int = 40) -> None:
    """A life drawn at random: bursts, late ones, later looks, every act in any order."""
    drawn, items = Random(seed), list[Mention]()
    for step in range(steps):
        now = life.parts.clock.now()
        for _ in range(drawn.randrange(1, 4)):
            await _something(life, drawn, items, now, step)
        await life.minutes(drawn.choice((1, 1, 2, 5, 5, 30, 300 if drawn.random() < 0.3 else 10)))


async def _something(life: Life, drawn: Random, items: list[Mention], now: int, step: int) -> None:
    kind = drawn.random()
    if kind < 0.55:
        late = drawn.choice((0, 0, 0, 5 * MINUTE, 3 * HOUR, 20 * HOUR))
        names = [f"i{step}-{len(items)}-{n}" for n in range(drawn.choice((1, 4, 12, 25)))]
        drawn.shuffle(names)
        burst = [said(name, now - drawn.randrange(late + 1), drawn.randrange(3)) for name in names]
        items += burst
        await life.push(*burst)
    elif kind < 0.65 and items:
        one = drawn.choice(items)
        seen = moment(now - drawn.choice((0, 0, 5 * MINUTE)))
        await life.push(replace(one, seen_at=seen, likes=drawn.choice((3, 40_000)), reposts=drawn.choice((1, 900)), views=10**6))
    else:
        await _deed(life, drawn, items, now)


async def _deed(life: Life, drawn: Random, items: Sequence[Mention], now: int) -> None:
    async with life.parts.store.read() as unit:
        alerts = [alert async for alert, _ in unit.alerts.all()]
    if not alerts:
        return
    alert, action = drawn.choice(alerts), drawn.choice([*FITTING, "merge", "exclude", "correct", "correct"])
    one = drawn.choice(items)
    if action == "merge":
        await life.correct("merge", alert.story, drawn.choice(alerts).story)
    elif action == "exclude":
        await life.correct("exclude", alert.id, [(one.source, one.id)])
    elif action == "correct":
        word = drawn.choice((Judgement(relevant=False), Judgement(label="positive"), Judgement(label="negative")))
        await life.correct("correct", SUBJECT.name, (one.source, one.id), word)
    elif action == "level":
        await life.act(alert.id, "level", level=drawn.choice(list(Level)), note="n", until=drawn.choice((0, now + 3 * HOUR)))
    elif action == "resolve":
        await life.act(alert.id, "resolve", reason=drawn.choice(("handled", "false_alarm", "known")))
    else:
        await life.act(alert.id, action, note="n", assignee="王五")


def shown(alerts: Alerts) -> str:
    """To be read where they differ."""
    return json.dumps(alerts, ensure_ascii=False, indent=1, default=msgspec.to_builtins)
