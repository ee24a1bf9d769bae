"""`POST /v1/subjects/{name}/rescore`: the retained raw log, looked through beside the service."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from monitor.bus.base import SCORED
from monitor.errors import StoreUnavailable
from monitor.store.alerts import EVERY
from services.api.schemas import RescoreModel
from services.keeping.reload import audited
from services.recording import rescoring
from services.recording.rescore import Rescore
from services.recording.rescoring import Rescoring
from tests.unit.api.making import GOOD, SUBJECT, World, key, problem_of, world

PATH = f"/v1/subjects/{quote(SUBJECT)}/rescore"
BOSS = {"Authorization": "Bearer boss"}


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An API with a key of each role over a log of three mentions, two of them of the subject; nothing scores them."""
    async with world(tmp_path, key("eyes", "reader"), key("duty", "staff"), key("boss", "admin"), store=empty_store) as made:
        work = Rescoring(made.bus, made.store, made.clock, made.api.log)
        made.app.state.api = replace(made.api, rescoring=work)
        texts = {"1": "红十字又出事了", "2": "天气好", "3": "给红十字捐款"}
        sent = [GOOD | {"id": item, "text": text} for item, text in texts.items()]
        assert (await made.client.post("/v1/mentions", json=sent, headers=BOSS)).status_code == 202
        yield made
        await work.close()


async def ended(here: World) -> RescoreModel:
    """The newest run, once it has ended."""
    async with asyncio.timeout(30):
        while True:
            run = RescoreModel.model_validate((await here.client.get(PATH, headers=BOSS)).json())
            if run.state != "running":
                return run
            await asyncio.sleep(0.05)


async def test_an_admin_has_the_log_looked_through(here: World) -> None:
    """202 with where to ask; at its end the hits are found, uncounted, and no alert or position has moved. Again adds nothing."""
    begun = await here.client.post(PATH, headers=BOSS)
    assert (begun.status_code, begun.headers["location"]) == (202, PATH)
    told = RescoreModel.model_validate(begun.json())
    assert (told.subject, told.actor, told.state, told.total) == (SUBJECT, "boss", "running", 3)
    first = await ended(here)
    await here.client.post(PATH, headers=BOSS)
    second = await ended(here)

    assert (first.state, first.looked, first.hit, first.new) == ("done", 3, 2, 2)
    assert (second.state, second.looked, second.hit, second.new) == ("done", 3, 2, 0)
    found = (await here.client.get("/v1/mentions", params={"subject": SUBJECT}, headers=BOSS)).json()["items"]
    assert {one["id"]: one["scores"][0]["counted"] for one in found} == {"1": False, "3": False}
    async with here.store.read() as unit:
        assert (await unit.alerts.list(EVERY, 10)).items == []
        assert (await unit.positions.read(SCORED, 0)).version == 0
    async with here.store.write() as unit:
        assert [(one.actor, one.action, one.subject) for one in await audited(unit)] == [("boss", "rescore", SUBJECT)] * 2


async def test_two_at_once_are_refused(here: World) -> None:
    """409 while one goes on, also when both ask in the same moment."""
    answers = await asyncio.gather(*(here.client.post(PATH, headers=BOSS) for _ in range(3)))

    assert sorted(one.status_code for one in answers) == [202, 409, 409]
    problem_of(next(one for one in answers if one.status_code != 202), 409)
    assert (await ended(here)).state == "done"
    assert (await here.client.post(PATH, headers=BOSS)).status_code == 202


async def test_only_an_admin_may_and_only_what_is_watched(here: World) -> None:
    """403 for the others, 404 for a name nobody watches and before the first run; a reader may look on."""
    for token in ("eyes", "duty"):
        problem_of(await here.client.post(PATH, headers={"Authorization": f"Bearer {token}"}), 403)
    problem_of(await here.client.post("/v1/subjects/nobody/rescore", headers=BOSS), 404)
    problem_of(await here.client.get(PATH, headers=BOSS), 404)
    await here.client.post(PATH, headers=BOSS)
    assert (await here.client.get(PATH, headers={"Authorization": "Bearer eyes"})).status_code == 200


@pytest.mark.parametrize(("error", "told"), [(StoreUnavailable("disk full"), "disk full"), (ValueError("x"), rescoring.OURS)])
async def test_a_run_that_fails_says_so_and_the_next_may_begin(
    here: World, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    """The service goes on; what is our own mistake is told to the log alone."""

    async def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(Rescore, "run", fail)
        await here.client.post(PATH, headers=BOSS)
        run = await ended(here)
    assert (run.state, run.error, run.new) == ("failed", told, 0)
    await here.client.post(PATH, headers=BOSS)
    assert (await ended(here)).new == 2


async def test_where_nothing_is_held_nothing_is_rescored(tmp_path: Path, empty_store: str) -> None:
    """503: not here."""
    async with world(tmp_path, store=empty_store) as made:
        problem_of(await made.client.post(PATH), 503)
