"""Contract 4, acknowledging: done once, at the right moment, by one transaction."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from monitor.bus.base import SCORED
from monitor.clock import HOUR, MINUTE, SECOND, rfc3339
from services.api.schemas import (
    AlertDetail,
)
from tests.unit.api.making import NOW, World, problem_of, raise_alerts, recount, world


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An open API in an empty folder."""
    async with world(tmp_path, store=empty_store) as made:
        yield made


async def test_acknowledging_is_a_transition_an_act_and_a_message(here: World) -> None:
    """All of them are written at once: the alert as it then stands, by the wall clock, told to the receiver."""
    (alert,) = await raise_alerts(here.store, 1)
    here.clock.advance(5 * MINUTE)

    answer = await here.client.post(f"/v1/alerts/{alert.id}/acknowledge", json={"by": "小王", "note": "在看"})

    assert answer.status_code == 200, answer.text
    found = AlertDetail.model_validate(answer.json())
    assert (found.status, found.level, answer.headers["etag"]) == ("acknowledged", "orange", '"2.0"')
    last = answer.json()["transitions"][-1]
    assert (last["from_status"], last["to_status"], last["actor"], last["note"]) == ("open", "acknowledged", "小王", "在看")
    assert (last["at"], last["recorded_at"]) == (rfc3339(NOW + 5 * MINUTE), rfc3339(NOW + 5 * MINUTE))
    assert answer.json() == (await here.client.get(f"/v1/alerts/{alert.id}")).json()
    async with here.store.read() as unit:
        (act,) = await unit.acts.all(0)
        assert (act.offset, act.action, act.actor, act.at, act.alert) == (10, "acknowledge", "小王", NOW + 5 * MINUTE, alert.id)
        assert (await unit.positions.read(SCORED, 0)).version == 2
    (told,) = (await here.client.get("/v1/notifications")).json()["items"]
    assert (told["type"], told["receiver"], told["state"]) == ("alert.acknowledged", "duty", "pending")


async def test_only_an_open_alert_can_be_acknowledged(here: World) -> None:
    """A second time is 409 and changes nothing; nobody's alert is 404."""
    (alert,) = await raise_alerts(here.store, 1)
    await here.client.post(f"/v1/alerts/{alert.id}/acknowledge")

    problem_of(await here.client.post(f"/v1/alerts/{alert.id}/acknowledge"), 409)

    assert len((await here.client.get(f"/v1/alerts/{alert.id}")).json()["transitions"]) == 2
    problem_of(await here.client.post("/v1/alerts/nobody/acknowledge"), 404)


async def test_if_match_fails_on_a_transition_and_not_on_a_recount(here: World) -> None:
    """412 only when level, status, assignee or notes have changed since the ETag was given."""
    one, other = await raise_alerts(here.store, 1, 2)
    await recount(here.store, 1)

    async def acknowledged(alert: str, etag: str) -> httpx.Response:
        return await here.client.post(f"/v1/alerts/{alert}/acknowledge", headers={"if-match": etag})

    for stale in ('"0.0"', '"2.0"', 'W/"1.0"', "1.0", "", '"x"'):
        problem_of(await acknowledged(one.id, stale), 412)
    assert (await acknowledged(one.id, '"7.7", "1.0"')).headers["etag"] == '"2.1"'
    problem_of(await acknowledged(one.id, '"1.1"'), 412)
    assert (await acknowledged(other.id, "*")).status_code == 200


async def test_an_idempotency_key_answers_the_same_again(here: World) -> None:
    """The same request under one key is done once and answered alike for 12 hours; with another body it is 422."""
    (alert,) = await raise_alerts(here.store, 1)
    path, key = f"/v1/alerts/{alert.id}/acknowledge", {"idempotency-key": "k1"}
    first = await here.client.post(path, json={"note": "a"}, headers=key)

    again = await here.client.post(path, json={"note": "a"}, headers=key)
    other = await here.client.post(path, json={"note": "b"}, headers=key)
    here.clock.advance(12 * HOUR + SECOND)
    late = await here.client.post(path, json={"note": "a"}, headers=key)

    assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
    problem_of(other, 422)
    problem_of(late, 409)


async def test_a_bad_act_is_refused_and_changes_nothing(here: World) -> None:
    """Broken bodies are 400, wrong members 422, long ones 413."""
    (alert,) = await raise_alerts(here.store, 1)

    for body, status in (
        (b"{", 400), (b"\xff", 400), (b'{"x":' * 9_000, 400), (b'{"note": "\\ud800"}', 400), (b"[]", 422), (b'{"by": 1}', 422),
        (b'{"by": ""}', 422), (b'{"by": "policy"}', 422), (b'{"by": "a\\nb"}', 422), (b'{"note": "\\u0000"}', 422),
        (b" " * 70_000, 413),
    ):  # fmt: skip
        problem_of(await here.client.post(f"/v1/alerts/{alert.id}/acknowledge", content=body), status)

    assert (await here.client.get(f"/v1/alerts/{alert.id}")).headers["etag"] == '"1.0"'


async def test_two_at_once_acknowledge_once(here: World) -> None:
    """Of ten people who press together one acknowledges; the others are told that it is done."""
    (alert,) = await raise_alerts(here.store, 1)

    answers = await asyncio.gather(*(here.client.post(f"/v1/alerts/{alert.id}/acknowledge") for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
