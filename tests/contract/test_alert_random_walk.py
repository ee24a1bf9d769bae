"""Whatever people do and say in whatever order, with log, store, escalator and API: histories read true, and a rerun decides the same."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from monitor.clock import DAY, HOUR
from monitor.escalation.acting import FITTING
from tests.contract.test_alert_walk import Walk, same_again
from tests.unit.api.making import world
from tests.unit.escalation.test_acting import chained

LEVELS = ("none", "blue", "yellow", "orange", "red")


async def step(walk: Walk, chance: Random) -> None:
    """People say more, time passes, or somebody acts on any alert; what does not fit is refused, never an error."""
    kind = chance.choice(["say", "wait", "act", "act", "act"])
    alerts = await walk.alerts()
    if kind == "say" or not alerts:
        await walk.say(chance.choice([1, 3, 25, 60]))
    elif kind == "wait":
        walk.here.clock.advance(chance.choice([0, 0, HOUR, 2 * DAY, 9 * DAY]))
        await walk.wait(chance.choice([1, 65, 130]))
    else:
        action = chance.choice(list(FITTING))
        body: dict[str, Any] = {
            "note": "因为", "level": chance.choice(LEVELS), "verdict": "false", "assignee": chance.choice(["李四", None]),
            "reason": chance.choice(["handled", "false_alarm"]),
        }  # fmt: skip
        if chance.random() < 0.5:
            body["until"] = chance.choice(["30m", "2d"])
        walk.here.clock.advance(chance.choice([1, 1_000_000]))
        answer = await walk.here.client.post(f"/v1/alerts/{chance.choice(alerts)['id']}/{action}", json=body)
        assert answer.status_code in {200, 409}, answer.text


@pytest.mark.parametrize("seed", range(8))
async def test_any_walk_reads_true(tmp_path: Path, seed: int) -> None:
    """Never two open alerts; each level from where the last left off; the log and the acts give the same changes again."""
    chance = Random(seed)
    async with world(tmp_path) as here:
        walk = Walk(here, restarts=seed % 2 == 1)
        for _ in range(40):
            await step(walk, chance)
            assert sum(alert["status"] not in {"resolved", "reviewed"} for alert in await walk.alerts()) <= 1
        await walk.wait(1)
        for alert in await walk.alerts():
            said = (await here.client.get(f"/v1/alerts/{alert['id']}")).json()["transitions"]
            levels = [(one["from"], one["to"]) for one in said if "to" in one]
            statuses = [(one["from_status"], one["to_status"]) for one in said if "to_status" in one]
            assert chained(levels, "none")
            assert chained(statuses[said[0].get("to_status") == "open" :], "open")
            assert (alert["level"], alert["status"]) == (levels[-1][1] if levels else "none", statuses[-1][1] if statuses else "open")
        await same_again(walk)
