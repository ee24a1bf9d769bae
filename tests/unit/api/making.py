"""A whole API over a real store and a real bus in a folder, and things to put into it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import structlog
from fastapi import FastAPI
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from monitor.alert import POLICY, Alert, Counters, Level, Reason, ReasonCode, Transition, alert_id, story_id
from monitor.bus.base import SCORED
from monitor.bus.sqlite import SqliteBus
from monitor.clock import HOUR, ManualClock, moment, rfc3339
from monitor.escalation.effects import AlertChange, NewHit, StoryRow, StoryState
from monitor.mention import Mention, Scored
from monitor.metrics import Metrics
from monitor.score import Emotion, Hit, Score, Sentiment
from monitor.settings import ApiKey, Receiver, Retention, Role, Secret, Settings
from monitor.store.sessions import Store
from monitor.subject import Subject
from services.api.app import create_app
from services.api.schemas import Problem
from services.api.state import ApiState
from services.intake import Intake

NOW = 1_790_000_000_000_000
SUBJECT = "红十字会"
GOOD: dict[str, Any] = {"source": "weibo", "id": "1", "text": "你好", "published_at": rfc3339(NOW - HOUR)}


@dataclass(frozen=True)
class World:
    """An API with what stands behind it, and a client that talks to it."""

    app: FastAPI
    api: ApiState
    bus: SqliteBus
    store: Store
    clock: ManualClock
    client: httpx.AsyncClient


def key(name: str, role: Role, rate: int | None = None) -> ApiKey:
    """A key whose secret is its name."""
    return ApiKey(name=name, role=role, sha256=sha256(name.encode()).hexdigest(), rate=rate)


@asynccontextmanager
async def world(folder: Path, *keys: ApiKey, store: str = "sqlite", max_backlog: int = 1_000_000, **changes: Any) -> AsyncIterator[World]:
    """Everything the API needs, in `folder`; `changes` of the ApiState."""
    clock = ManualClock(NOW)
    bus = SqliteBus(folder, retention=Retention(), clock=clock, max_backlog=max_backlog)
    await bus.start()
    opened = await Store.open(store, folder)
    settings = Settings(
        file=folder / "c.yaml", organisation="某某", data=folder, store=store, api_keys=keys,
        subjects=(Subject(name=SUBJECT, rules=("红十字",)),),
        receivers=(Receiver(name="duty", type="webhook", url=Secret("https://duty.example/hook")),), public_url="https://yuqing.example",
    )  # fmt: skip
    metrics = Metrics(CollectorRegistry())
    log = structlog.stdlib.get_logger()
    state: dict[str, Any] = {"settings": settings, "store": opened, "clock": clock, "metrics": metrics, "log": log}
    api = ApiState(**(state | {"intake": Intake(bus, clock, metrics)} | changes))
    app = create_app(api)
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            yield World(app, api, bus, opened, clock, client)
    finally:
        await opened.close()
        await bus.close()


def mention_of(number: int, **changes: Any) -> Mention:
    """A mention published some minutes before now."""
    plain = Mention(source="weibo", id=str(number), text=f"红十字 第{number}条", published_at=moment(NOW - HOUR - number), author="p" * 32)
    return replace(plain, **changes)


def hit_of(mention: Mention, story: str, offset: int) -> NewHit:
    """The mention as decided for the subject."""
    sentiment, calm = Sentiment("negative", 0.8, 0.1, 0.1), Emotion("none", 0, 0, 0, 0, 0, 0, 1)
    hit = Hit("红十字", "subject", "text", "红十字", 0, 3)
    score = Score(subject=SUBJECT, hits=(hit,), sentiment=sentiment, severity=0.6)
    scored = Scored(received_at=NOW, mention=mention, score=score, emotion=calm, name="某报")
    return NewHit(offset=offset, digest=mention.digest, scored=scored, story=story, counted=True)


def story_of(number: int) -> str:
    """The id of the numbered story."""
    return story_id(SUBJECT, str(number).encode())


def opened(number: int, level: Level = Level.ORANGE) -> AlertChange:
    """The opening of the numbered story's first alert."""
    story = story_of(number)
    reasons = (Reason(ReasonCode.AUTHORS_10M, 35, 30),)
    counters = Counters(
        title=f"事件{number}", mentions=3, authors=3, negative=3, platforms=("微博", "新闻"), engagement=9, first_at=NOW - HOUR,
        last_at=NOW, samples=({"source": "weibo", "id": "1", "text": "第一条"},), indicators={"heat": 41.5},
    )  # fmt: skip
    alert = Alert(
        id=alert_id(story, 1), subject=SUBJECT, story=story, episode=1, level=level, policy_level=level, status="open",
        opened_at=NOW, changed_at=NOW, counters=counters, reasons=reasons,
    )  # fmt: skip
    transition = Transition(
        at=NOW, alert=alert.id, subject=SUBJECT, story=story, actor=POLICY, reasons=reasons, from_level=Level.NONE, to_level=level
    )
    return AlertChange(alert, transition)


async def raise_alerts(store: Store, *numbers: int, level: Level = Level.ORANGE, mentions: int = 0) -> list[Alert]:
    """Put stories with their alerts (and mentions) into the store, as the escalator would."""
    changes = [opened(number, level) for number in numbers]
    async with store.write() as unit:
        position = await unit.positions.read(SCORED, 0)
        await unit.positions.move(position, offset=position.offset + 10, now=NOW, last_act=0)
        rows = [_row(change) for change in changes]
        await unit.stories.put(rows, 0)
        for number in numbers:
            hits = [hit_of(mention_of(number * 1_000 + n), story_of(number), n) for n in range(mentions)]
            await unit.mentions.add(hits, 0, NOW)
        return [change.alert for change in await unit.alerts.record(changes)]


def _row(change: AlertChange) -> StoryRow:
    alert = change.alert
    return StoryRow(
        id=alert.story, subject=SUBJECT, founder=b"f" * 16, residual=False, title=alert.counters.title, opened_at=NOW, last_at=NOW,
        mentions=3, live=True, state=StoryState(level=alert.level, alert=alert),
    )  # fmt: skip


async def recount(store: Store, number: int) -> None:
    """Let only the counters of the numbered alert move."""
    async with store.write() as unit:
        found = await unit.alerts.get(opened(number).alert.id)
        assert found is not None
        counters = replace(found.counters, mentions=found.counters.mentions + 1)
        await unit.alerts.record([AlertChange(replace(found, counters=counters), None)])


def lines(*objects: object) -> bytes:
    """Objects as NDJSON."""
    return b"\n".join(json.dumps(one, ensure_ascii=False).encode() for one in objects)


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem of an answer that is one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    Problem.model_validate(found)
    assert found["status"] == status
    return found
