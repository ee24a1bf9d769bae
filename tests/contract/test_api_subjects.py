"""Contract 4's subjects, and those that an admin posts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from msgspec import structs

from monitor.alert import Level
from services.api.app import renew
from services.api.schemas import SubjectModel, SubjectPage
from services.keeping.reload import Reloader, audited
from tests.unit.api.making import SUBJECT, World, key, problem_of, raise_alerts, world

NIGHT = "夜里 一/二"
PATH = f"/v1/subjects/{quote(NIGHT, safe='')}"
ADMIN = {"Authorization": "Bearer boss"}


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An API with a key of each role, whose subjects can be changed."""
    async with world(tmp_path, key("eyes", "reader"), key("duty", "staff"), key("boss", "admin"), store=empty_store) as made:
        settings = made.api.settings
        reloader = Reloader(settings, settings, made.store, made.clock, made.api.metrics, made.api.log)
        reloader.follow(lambda new: partial(renew, made.app, new))
        made.app.state.api = replace(made.app.state.api, reloader=reloader)
        yield made


async def put(here: World, body: object, path: str = PATH, token: str = "boss") -> httpx.Response:  # noqa: S107 a made-up key
    """A subject, posted."""
    return await here.client.put(path, json=body, headers={"Authorization": f"Bearer {token}"})


async def test_an_admin_puts_a_subject_and_everybody_sees_it(here: World) -> None:
    """201 the first time, 200 after; GET shows it behind the file's own, with where it comes from; who did it is written down."""
    body = {"rules": ["停电"], "floor": "blue", "kinds": ["post"], "platforms": ["微博"], "regions": ["江苏"], "receivers": ["duty"]}
    first, second = await put(here, body), await put(here, body | {"alerts": False})

    assert (first.status_code, second.status_code) == (201, 200)
    assert SubjectModel.model_validate(second.json()).alerts is False
    listed = SubjectPage.model_validate((await here.client.get("/v1/subjects", headers=ADMIN)).json())
    assert [(one.name, one.origin) for one in listed.items] == [(SUBJECT, "file"), (NIGHT, "api")]
    assert (await here.client.get(PATH, headers={"Authorization": "Bearer eyes"})).json() == second.json()
    async with here.store.write() as unit:
        assert [(one.actor, one.action, one.subject) for one in await audited(unit)] == [("boss", "put", NIGHT)] * 2


async def test_who_asked_stands_beside_the_key(here: World) -> None:
    """`by` of the body, as acts have it, else of the query; it is no part of the subject, and nobody signs as the policy."""
    assert (await put(here, {"rules": ["停电"], "by": "小王"})).status_code == 201
    assert (await put(here, {"rules": ["停电"]}, f"{PATH}?by=%E5%B0%8F%E6%9D%8E")).status_code == 200
    async with here.store.write() as unit:
        assert [(one.actor, one.by) for one in await audited(unit)] == [("boss", "小王"), ("boss", "小李")]
    for wrong in ("", "x" * 101, 5, "a\nb", "policy"):
        problem_of(await put(here, {"rules": ["甲"], "by": wrong}), 422)


async def test_only_an_admin_changes_what_is_watched(here: World) -> None:
    """A reader and the staff may not, and without a key nobody may."""
    for token in ("eyes", "duty"):
        problem_of(await put(here, {"rules": ["甲"]}, token=token), 403)
        problem_of(await here.client.delete(PATH, headers={"Authorization": f"Bearer {token}"}), 403)
    problem_of(await here.client.put(PATH, json={}), 401)


async def test_what_is_no_subject_is_refused_whole(here: World) -> None:
    """422 with every mistake, 400 for no JSON, 409 for the file's own, 404 for none."""
    found = problem_of(await put(here, {"rules": ["(("], "receivers": ["nobody"], "zz": 1}), 422)
    assert len(found["errors"]) == 3
    bodies: tuple[object, ...] = ([], "x", 1, {"rules": [[[[[[[[["甲"]]]]]]]]]})
    for body in bodies:
        problem_of(await put(here, body), 422)
    problem_of(await here.client.put(PATH, content=b"{", headers=ADMIN), 400)
    problem_of(await here.client.put(PATH, content=b'{"rules": ["\xff"]}', headers=ADMIN), 400)
    problem_of(await put(here, {"rules": ["甲"]}, "/v1/subjects/" + "a" * 500), 422)
    problem_of(await put(here, {"rules": ["甲"]}, f"/v1/subjects/{quote(SUBJECT)}"), 409)
    problem_of(await here.client.delete(f"/v1/subjects/{quote(SUBJECT)}", headers=ADMIN), 409)
    problem_of(await here.client.delete(PATH, headers=ADMIN), 404)
    problem_of(await here.client.get("/v1/subjects/nobody", headers=ADMIN), 404)


async def test_a_posted_subject_is_taken_back(here: World) -> None:
    """204, and it is watched no longer."""
    await put(here, {"rules": ["甲"]})

    assert (await here.client.delete(PATH, headers=ADMIN)).status_code == 204
    problem_of(await here.client.get(PATH, headers=ADMIN), 404)


async def test_a_subject_tells_what_is_open_about_it(here: World) -> None:
    """Of one as of all."""
    await raise_alerts(here.store, 1, 2, level=Level.RED)

    one = (await here.client.get(f"/v1/subjects/{quote(SUBJECT)}", headers=ADMIN)).json()
    assert (one["open_alerts"], one["level"]) == (2, "red")
    assert one in (await here.client.get("/v1/subjects", headers=ADMIN)).json()["items"]


async def test_where_nothing_reloads_nothing_is_put(tmp_path: Path, empty_store: str) -> None:
    """503: not here."""
    async with world(tmp_path, store=empty_store) as made:
        problem_of(await made.client.put(PATH, json={"rules": ["甲"]}), 503)


async def test_keys_change_with_the_settings(here: World) -> None:
    """A key that is taken away opens nothing from the next request on, a new one does; what is under way is not disturbed."""
    assert (await here.client.get("/v1/subjects", headers=ADMIN)).status_code == 200
    renew(here.app, structs.replace(here.api.settings, api_keys=(key("fresh", "reader"),)))

    problem_of(await here.client.get("/v1/subjects", headers=ADMIN), 401)
    assert (await here.client.get("/v1/subjects", headers={"Authorization": "Bearer fresh"})).status_code == 200
    assert here.app.state.api.stopping is here.api.stopping
