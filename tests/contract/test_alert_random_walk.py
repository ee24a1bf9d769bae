"""
Whatever people do and say in whatever order, with log, store, escalator and API, killed between any two steps: histories read true.

One machine has every verb: stories that grow, are tied together by what is said or merged by hand, lose mentions and get them back, alerts
that are acted on in every way, silence, and kills.
"""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alert import Level, Transition
from monitor.clock import DAY, HOUR
from monitor.escalation.acting import FITTING
from monitor.escalation.effects import Effects, StoryRow
from services.recording.backtest import Backtest
from services.wiring import desk_maker
from tests.contract.conftest import FreshStore
from tests.contract.test_alert_walk import TEXTS, Walk
from tests.unit.api.making import SUBJECT, world
from tests.unit.escalation.test_acting import chained

LEVELS = ("none", "blue", "yellow", "orange", "red")
# From which status which other may follow, whoever does it
STATUSES = {
    ("open", "acknowledged"), ("open", "handling"), ("acknowledged", "handling"), ("resolved", "reviewed"),
    *((before, "resolved") for before in ("open", "acknowledged", "handling")),
}  # fmt: skip
Wire = dict[str, Any]


class Machine:
    """The service, and somebody who does one thing after another to it."""

    def __init__(self, walk: Walk, done: Counter[str]) -> None:
        self.walk, self._here, self._done = walk, walk.here, done

    async def step(self, verb: str, die: int) -> None:
        """People say more, time passes, or somebody does something; what does not fit is refused, never an error."""
        chance = Random(die)
        await getattr(self, verb)(chance)

    async def say(self, chance: Random) -> None:
        """More of one of some happenings."""
        await self.walk.say(chance.choice([1, 2, 5, 25, 60]), chance.randrange(len(TEXTS)))

    async def tie(self, chance: Random) -> None:
        """An answer to one happening that is part of the cascade of another: they are one."""
        one, other = chance.sample(range(len(TEXTS)), 2)
        await self.walk.say(1, one, parent=f"root{other}")

    async def wait(self, chance: Random) -> None:
        """Minutes, after a gap of hours or days."""
        self._here.clock.advance(chance.choice([0, 0, 0, HOUR, 2 * DAY, 9 * DAY]))
        await self.walk.wait(chance.choice([1, 2, 65, 130]))

    async def act(self, chance: Random) -> None:
        """Any act on any alert; mostly one that fits its status."""
        alert = await self._some(chance)
        if alert is None:
            return
        fitting = [action for action, statuses in FITTING.items() if alert["status"] in statuses]
        action = chance.choice(fitting if chance.random() < 0.8 else list(FITTING))
        body: Wire = {
            "note": "因为", "level": chance.choice(LEVELS), "verdict": "false", "assignee": chance.choice(["李四", None]),
            "reason": chance.choice(["handled", "false_alarm", "faded"]),
        }  # fmt: skip
        if chance.random() < 0.5:
            body["until"] = chance.choice(["30m", "2d"])
        await self._post(f"/v1/alerts/{alert['id']}/{action}", body, action)

    async def reopen(self, chance: Random) -> None:
        """Any alert of a story whose open one is ended first: only the newest follows on itself."""
        alert = await self._some(chance)
        for one in await self.walk.alerts() if alert else ():
            if alert and one["story"] == alert["story"] and one["status"] not in {"resolved", "reviewed"}:
                await self._post(f"/v1/alerts/{one['id']}/resolve", {}, "resolve")
        if alert:
            await self._post(f"/v1/alerts/{alert['id']}/reopen", {}, "reopen")

    async def merge(self, chance: Random) -> None:
        """Any two stories, by hand."""
        stories = sorted(one.id for one in await self._stories())
        if stories:
            one, other = chance.choice(stories), chance.choice(stories)
            await self._post(f"/v1/stories/{one}/merge", {"into": other}, "merge")
            await self._mostly_decided(chance)

    async def exclude(self, chance: Random) -> None:
        """Some of an alert's mentions, or all."""
        alert = await self._some(chance)
        items = (await self._here.client.get(f"/v1/alerts/{alert['id']}/mentions?limit=200")).json()["items"] if alert else []
        if alert and items:
            some = chance.choice([items, items[: chance.randint(1, len(items))]])
            gone = [{"source": one["source"], "id": one["id"]} for one in some]
            await self._post(f"/v1/alerts/{alert['id']}/exclude", {"mentions": gone, "note": "不相干"}, "exclude")
            await self._mostly_decided(chance)

    async def judge(self, chance: Random) -> None:
        """A word on any mention: harmless, not about it, or about it after all."""
        word: Wire = chance.choice([{"label": "positive"}, {"label": "negative"}, {"relevant": False}, {"relevant": True}])
        one = {"source": "t", "id": f"m{chance.randint(1, max(1, self.walk.said))}", "subject": SUBJECT}
        await self._post("/v1/mentions/score", word | one | {"note": "看过了"}, str(next(iter(word.values()))))
        await self._mostly_decided(chance)

    async def _some(self, chance: Random) -> Wire | None:
        alerts = await self.walk.alerts()
        return chance.choice(alerts) if alerts else None

    async def _mostly_decided(self, chance: Random) -> None:
        """Until it is, others that would change the same story are refused."""
        if chance.random() < 0.7:
            await self.walk.wait(1)

    async def _post(self, path: str, body: Wire, verb: str) -> None:
        self._here.clock.advance(1_000_000)
        answer = await self._here.client.post(path, json=body)
        assert answer.status_code in {200, 202, 404, 409}, (path, answer.text)
        self._done[verb] += answer.status_code < 300

    async def _stories(self) -> list[StoryRow]:
        async with self._here.store.read() as unit:
            return [row for merged in (False, True) for row in (await unit.stories.list(None, 200, merged=merged)).items]

    async def check(self) -> None:
        """At every moment: no story has two open alerts, and none is of a story that went into another."""
        running = [one["story"] for one in await self.walk.alerts() if one["status"] not in {"resolved", "reviewed"}]
        assert len(running) == len(set(running))

    async def check_all(self) -> None:
        """At the end: every history, the chains of episodes, the stories, and the log decided again."""
        alerts = {one["id"]: one for one in await self.walk.alerts()}
        for alert in alerts.values():
            reads_true((await self._here.client.get(f"/v1/alerts/{alert['id']}")).json())
            assert alert["previous"] is None or alerts[alert["previous"]]["next"] == alert["id"]
            assert alert["next"] is None or alerts[alert["next"]]["previous"] == alert["id"]
            assert alert["merged_into"] is None or alert["merged_into"] in alerts
        rows = {row.id: row for row in await self._stories()}
        for row in rows.values():
            whole = (row.mentions, row.state.level, row.live) == (0, Level.NONE, False)
            assert row.merged_into is None or (whole and row.merged_into in rows)
        assert all(rows[one["story"]].merged_into is None for one in alerts.values() if one["status"] not in {"resolved", "reviewed"})
        stored = await self._stored()
        for batch in (512, 3):
            assert await self._decided_again(batch) == stored

    async def _stored(self) -> dict[str, list[Wire]]:
        async with self._here.store.read() as unit:
            histories = {alert.id: history async for alert, history in unit.alerts.all()}
        return by_alert(one for history in histories.values() for one in history)

    async def _decided_again(self, batch: int) -> dict[str, list[Wire]]:
        """Every transition that the log and the acts give, as `backtest --from-bus` finds them."""
        found: list[Transition] = []

        def take(effects: Effects) -> None:
            found.extend(change.transition for change in effects.changes if change.transition)

        async with self._here.store.read() as unit:
            acts = await unit.acts.all(0)
        await Backtest(desk_maker(self._here.api.settings)(), take, batch).log(self._here.bus, 0, acts)
        return by_alert(found)


def by_alert(transitions: Any) -> dict[str, list[Wire]]:
    """The histories, but for when they were written down."""
    found: dict[str, list[Wire]] = {}
    for said in transitions:
        found.setdefault(said.alert, []).append({name: value for name, value in said.wire().items() if name != "recorded_at"})
    return found


def reads_true(alert: Wire) -> None:
    """Levels from none, statuses from open, each from where the last left off, in the order of time; and that is how it stands."""
    said = alert["transitions"]
    levels = [(one["from"], one["to"]) for one in said if "to" in one]
    statuses = [(one["from_status"], one["to_status"]) for one in said if "to_status" in one]
    if said[0].get("to_status") == "open":  # reopened: from what the one before had come to
        assert statuses.pop(0)[0] in {"resolved", "reviewed"}
    assert chained(levels, "none")
    assert chained(statuses, "open")
    assert set(statuses) <= STATUSES
    assert [one["at"] for one in said] == sorted(one["at"] for one in said)
    assert (alert["level"], alert["status"]) == (levels[-1][1] if levels else "none", statuses[-1][1] if statuses else "open")
    assert (alert["first_at"] is None) == (alert["mentions"] == 0)
    assert all(one["reasons"] for one in said)


VERBS = ("say", "say", "tie", "wait", "act", "act", "act", "reopen", "merge", "exclude", "judge", "judge")
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 1 << 32), st.booleans()), max_size=24)
EVERY = {*FITTING, "merge", "exclude", "positive", "negative", "True", "False"}


async def lived(folder: Path, steps: list[tuple[str, int, bool]], done: Counter[str], store: str = "sqlite") -> None:
    """All steps, killed before those that say so."""
    async with world(folder, store=store) as here:
        machine = Machine(Walk(here, restarts=False), done)
        for verb, die, killed in steps:
            if killed:
                machine.walk.kill()
            await machine.step(verb, die)
            await machine.check()
        await machine.walk.wait(1)
        await machine.check_all()


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_any_walk_reads_true(steps: list[tuple[str, int, bool]]) -> None:
    """Never two open alerts of a story; episodes are one chain; the log and the acts give the same transitions again."""
    with TemporaryDirectory() as folder:
        asyncio.run(lived(Path(folder), steps, Counter()))


def test_long_walks_read_true(fresh_store: FreshStore, tmp_path: Path) -> None:
    """The same over some long walks, which between them succeed with everything that people can do."""
    done = Counter[str]()

    async def walked(folder: Path, steps: list[tuple[str, int, bool]]) -> None:
        async with fresh_store(folder) as store:
            await lived(folder, steps, done, store)

    for seed in range(4):
        chance = Random(seed)
        steps = [("say", chance.randrange(1 << 32), False) for _ in range(6)]
        steps += [(chance.choice(VERBS), chance.randrange(1 << 32), chance.random() < 0.4) for _ in range(50)]
        (folder := tmp_path / str(seed)).mkdir()
        asyncio.run(walked(folder, steps))

    assert {verb for verb, count in done.items() if count} == EVERY
