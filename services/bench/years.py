"""Alerts as years leave them behind, and what is asked of so many."""

from collections.abc import Iterator
from datetime import datetime
from random import Random

from msgspec.structs import replace

from monitor.alert import STATUSES, Alert, Counters, Level, Reason, ReasonCode, alert_id, story_id
from monitor.clock import SECOND, micros, rfc3339
from monitor.escalation.effects import AlertChange
from monitor.store.alerts import CURSORS
from monitor.store.sessions import Store
from services.bench.stream import BEGIN, NAMES

_AT_ONCE = 2_000
_START = micros(BEGIN)
_SAMPLES: tuple[dict[str, object], ...] = tuple({"source": "bench", "id": str(n), "text": "太可怕了" * 9} for n in range(3))
Asked = list[tuple[str, str]]


async def fill(store: Store, alerts: int) -> None:
    """Nearly all of them resolved, few of them red, most about one subject, what is open among the last."""
    made = _alerts(alerts)
    for _ in range(0, alerts, _AT_ONCE):
        async with store.write() as unit:
            await unit.alerts.record([AlertChange(one, None) for one, _ in zip(made, range(_AT_ONCE), strict=False)])


def _alerts(count: int) -> Iterator[Alert]:
    drawn = Random(3)  # noqa: S311 - a measurement must be repeatable, not secret
    for number in range(count):
        subject = NAMES[min(int(drawn.paretovariate(1.2)), len(NAMES)) - 1]
        story = story_id(subject, str(number).encode())
        at = _START + number * 60 * SECOND
        counters = Counters(
            title=f"{subject}被多名消费者联名投诉 {number}", mentions=40, authors=35, negative=30, engagement=900,
            platforms=("微博", "新闻"), first_at=at, last_at=at, samples=_SAMPLES,
            indicators={"heat": 41.5, "authors_1h": 35.0},
        )  # fmt: skip
        level, status = Level(drawn.choices(range(5), (70, 20, 8, 1.9, 0.1))[0]), drawn.choices(STATUSES, (0, 0, 0, 9, 1))[0]
        alert = Alert(
            id=alert_id(story, 1), subject=subject, story=story, episode=1, level=level, policy_level=level, status=status,
            opened_at=at, changed_at=at, counters=counters, reasons=(Reason(ReasonCode.AUTHORS_1H, 35, 20),),
        )  # fmt: skip
        yield replace(alert, status=drawn.choice(STATUSES)) if number > count * 0.98 else alert


def questions(alerts: int, count: int) -> Iterator[Asked]:
    """Every filter and every two of them, at any depth; no question comes twice."""
    drawn = Random(4)  # noqa: S311 - a measurement must be repeatable, not secret
    for _ in range(count):
        since = _START + drawn.randrange(alerts) * 60 * SECOND
        could: list[Asked] = [
            [("status", "open"), ("status", "acknowledged"), ("status", "handling")], [("status", drawn.choice(STATUSES))],
            [("level", drawn.choice(list(Level)).word), ("level", "red")], [("min_level", drawn.choice(list(Level)).word)],
            [("subject", drawn.choice(NAMES))], [("since", rfc3339(since))],
        ]  # fmt: skip
        chosen = {name: value for part in drawn.sample(could, drawn.randrange(3)) for name, value in [(part[0][0], part)]}
        yield [*(pair for part in chosen.values() for pair in part), ("cursor", CURSORS.after(1 + drawn.randrange(alerts)))]


def plain(question: Asked, alerts: int, mark: str) -> tuple[str, list[str | int]]:
    """The page as one would ask for it by SQL in an afternoon; `mark`: what stands for a value, `{n}` in it for its number."""
    values: dict[str, list[str | int]] = {}
    for name, value in question:
        values.setdefault(name, []).append(_column(name, value))
    depth = max(0, alerts - CURSORS.key(str(values.pop("cursor")[0]))[0])
    said = {"status": "status IN", "level": "level IN", "subject": "subject IN", "min_level": "level >=", "since": "changed_at >="}
    given = [*((name, value) for name, some in values.items() for value in some), ("", depth)]
    marks = {name: [mark.format(n=n) for n, (of, _) in enumerate(given, 1) if of == name] for name in (*values, "")}
    where = [f"{said[name]} ({', '.join(marks[name])})" for name in values]
    query = f"SELECT body FROM alert WHERE {' AND '.join(where) or '1 = 1'} ORDER BY seq DESC LIMIT 50 OFFSET {marks[''][0]}"  # noqa: S608 our own words
    return query, [value for _, value in given]


def _column(name: str, value: str) -> str | int:
    """As it is stored."""
    if name == "since":
        return micros(datetime.fromisoformat(value))
    return Level.of(value).value if "level" in name else value
