"""Contract 4: what whoever holds on to the HTTP API may rely on, over a real store and a real log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import BaseModel

from monitor.alert import Level
from monitor.clock import HOUR, SECOND, moment, rfc3339
from monitor.escalation.acting import FITTING
from monitor.mention import Mention
from monitor.store.mentions import Found
from services.api.mentions import mention_wire
from services.api.schemas import (
    AlertDetail,
    AlertPage,
    ChangesModel,
    MentionPage,
    NotificationPage,
    StoryPage,
    SubjectPage,
)
from services.api.story_schemas import StoryDetail, TreePage
from tests.contract.conftest import Losing
from tests.unit.api.making import NOW, SUBJECT, World, problem_of, raise_alerts, recount, story_of, world


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An open API in an empty folder."""
    async with world(tmp_path, store=empty_store) as made:
        yield made


async def test_the_list_shows_newest_change_first_and_is_walked_by_cursor(here: World) -> None:
    """Every alert unchanged since the walk began comes exactly once, also while others change; `seq` stands beside."""
    alerts = await raise_alerts(here.store, 1, 2, 3, 4, 5)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = AlertPage.model_validate((await here.client.get("/v1/alerts", params=query)).json())
        seen += [alert.id for alert in page.items]
        if len(seen) == 2:
            await recount(here.store, 1)
            assert page.seq == 5
        if page.next_cursor is None:
            break
        query["cursor"] = page.next_cursor

    assert seen == [alert.id for alert in reversed(alerts)][:4]
    changed = ChangesModel.model_validate((await here.client.get("/v1/alerts/changes?since=5")).json())
    assert [alert.id for alert in changed.items] == [alerts[0].id]


async def test_the_list_is_filtered(here: World) -> None:
    """By status, level, least level, subject and time of change; filters of one name are either-or."""
    (blue,) = await raise_alerts(here.store, 1, level=Level.BLUE)
    (red,) = await raise_alerts(here.store, 2, level=Level.RED)

    async def ids(query: str) -> list[str]:
        return [alert["id"] for alert in (await here.client.get(f"/v1/alerts?{query}")).json()["items"]]

    assert await ids("") == [red.id, blue.id]
    assert await ids("level=blue") == [blue.id]
    assert await ids("level=blue&level=red") == [red.id, blue.id]
    assert await ids("min_level=yellow") == [red.id]
    assert await ids("status=open") == [red.id, blue.id]
    assert await ids("status=resolved") == []
    assert await ids(f"subject={SUBJECT}") == [red.id, blue.id]
    assert await ids("subject=nobody") == await ids("subject=%00") == await ids("subject=%ED%A0%80") == []
    assert await ids(f"since={rfc3339(NOW)}") == [red.id, blue.id]
    assert await ids(f"since={rfc3339(NOW + SECOND)}") == []
    assert await ids("since=2020-01-01T00:00:00+08:00") == [red.id, blue.id]


async def test_unknown_query_values_are_422(here: World) -> None:
    """What cannot be meant is refused, by name."""
    for query in (
        "status=bogus", "level=purple", "min_level=4", "limit=0", "limit=201", "limit=x", "since=yesterday", "level=",
        "since=2020-01-01T00:00:00", "since=1", "cursor=abc", "cursor=", "cursor=%00",
    ):  # fmt: skip
        found = problem_of(await here.client.get(f"/v1/alerts?{query}"), 422)
        assert query.partition("=")[0] in found["detail"]


async def test_a_cursor_of_another_list_is_refused(here: World) -> None:
    """Cursors belong to the list that gave them."""
    await raise_alerts(here.store, 1, 2)
    cursor = (await here.client.get("/v1/alerts?limit=1")).json()["next_cursor"]

    for path in ("/v1/stories", "/v1/mentions", "/v1/notifications"):
        problem_of(await here.client.get(path, params={"cursor": cursor}), 422)


async def test_the_list_is_304_until_any_alert_changes(here: World) -> None:
    """The strong ETag holds for one question; a transition or a recount ends it."""
    await raise_alerts(here.store, 1)
    first = await here.client.get("/v1/alerts")
    etag = first.headers["etag"]

    same = await here.client.get("/v1/alerts", headers={"if-none-match": f'"x", {etag}'})
    other = await here.client.get("/v1/alerts?limit=7", headers={"if-none-match": etag})
    await recount(here.store, 1)
    changed = await here.client.get("/v1/alerts", headers={"if-none-match": etag})

    assert not etag.startswith("W/")
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert other.status_code == changed.status_code == 200
    assert changed.headers["etag"] != etag
    assert changed.json()["seq"] == first.json()["seq"] + 1


async def test_an_alert_tells_its_whole_history(here: World) -> None:
    """Transitions oldest first, reasons, indicators, origin and spread; 304 by its strong ETag, 404 for none."""
    (alert,) = await raise_alerts(here.store, 1, mentions=3)

    answer = await here.client.get(f"/v1/alerts/{alert.id}")

    found = AlertDetail.model_validate(answer.json())
    assert answer.headers["etag"] == '"1.0"'
    assert (found.level, found.level_zh, found.url) == ("orange", "橙", f"https://yuqing.example/v1/alerts/{alert.id}")
    assert [(one.actor, one.model_extra) for one in found.transitions] == [("policy", {"from": "none", "to": "orange"})]
    assert found.reasons[0].code == "authors_10m"
    assert found.indicators == {"heat": 41.5}
    assert found.origin is not None
    assert found.spread is not None
    assert (found.origin.id, found.spread.mentions) == ("1002", 3)
    assert [one.name for one in found.spread.platforms] == ["weibo"]
    assert (await here.client.get(f"/v1/alerts/{alert.id}", headers={"if-none-match": '"1.0"'})).status_code == 304
    for nobody in ("nobody", "%00", "%ff", "a" * 5_000):
        problem_of(await here.client.get(f"/v1/alerts/{nobody}"), 404)


async def test_mentions_of_an_alert_are_paged(here: World) -> None:
    """Newest published first, each once, with their scores and without anything that was never said."""
    (alert,) = await raise_alerts(here.store, 1, mentions=5)

    first = (await here.client.get(f"/v1/alerts/{alert.id}/mentions?limit=3")).json()
    rest = (await here.client.get(f"/v1/alerts/{alert.id}/mentions", params={"limit": 3, "cursor": first["next_cursor"]})).json()

    MentionPage.model_validate(first)
    assert [one["id"] for one in first["items"] + rest["items"]] == [str(1_000 + number) for number in range(5)]
    assert rest["next_cursor"] is None
    assert first["items"][0]["scores"][0]["hits"][0]["text"] == "红十字"
    assert "url" not in first["items"][0]
    problem_of(await here.client.get("/v1/alerts/nobody/mentions"), 404)


async def test_changes_come_rising_and_at_most_two_hundred_at_once(here: World) -> None:
    """`seq` of the answer is where to go on; nothing is skipped at the bound."""
    await raise_alerts(here.store, *range(250))

    first = (await here.client.get("/v1/alerts/changes?since=0")).json()
    rest = (await here.client.get(f"/v1/alerts/changes?since={first['seq']}")).json()

    ChangesModel.model_validate(first)
    assert [alert["seq"] for alert in first["items"] + rest["items"]] == list(range(1, 251))
    assert (first["seq"], rest["seq"]) == (200, 250)
    assert (await here.client.get("/v1/alerts/changes?since=250")).json() == {"items": [], "seq": 250}


async def test_a_waiting_reader_hears_of_a_change_at_once(here: World) -> None:
    """A long poll returns with the change, long before its time is over; without one it returns empty when it is."""
    waiting = asyncio.create_task(here.client.get("/v1/alerts/changes?since=0&wait=25"))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    await raise_alerts(here.store, 1)

    answer = await asyncio.wait_for(waiting, 3)
    assert [alert["seq"] for alert in answer.json()["items"]] == [1]
    empty = await asyncio.wait_for(here.client.get("/v1/alerts/changes?since=1&wait=0.2"), 3)
    assert empty.json() == {"items": [], "seq": 1}
    for query in ("wait=26", "wait=-1", "since=-1", "since=x", "wait=nan", f"since={2**63}"):
        problem_of(await here.client.get(f"/v1/alerts/changes?{query}"), 422)


async def test_waiting_readers_end_when_the_service_stops(here: World) -> None:
    """Whoever waits gets an empty answer at the stop instead of a broken connection."""
    waiting = asyncio.create_task(here.client.get("/v1/alerts/changes?since=0&wait=25"))
    await asyncio.sleep(0.1)

    here.api.stopping.set()

    assert (await asyncio.wait_for(waiting, 3)).json() == {"items": [], "seq": 0}


async def test_answers_have_the_shapes_that_openapi_tells(here: World) -> None:
    """What is documented and what is sent are the same, member by member."""
    (alert,) = await raise_alerts(here.store, 1, mentions=3)
    await here.client.post(f"/v1/alerts/{alert.id}/acknowledge")
    shapes: dict[str, type[BaseModel]] = {
        "/v1/mentions": MentionPage, "/v1/subjects": SubjectPage, "/v1/stories": StoryPage, "/v1/notifications": NotificationPage,
        "/v1/alerts": AlertPage, f"/v1/stories/{story_of(1)}": StoryDetail, f"/v1/stories/{story_of(1)}/mentions": MentionPage,
        f"/v1/stories/{story_of(1)}/tree": TreePage, f"/v1/alerts/{alert.id}": AlertDetail,
    }  # fmt: skip

    for path, shape in shapes.items():
        answer = await here.client.get(path)
        assert answer.status_code == 200
        shape.model_validate(answer.json())
        assert answer.json().get("items", [1]) != []


async def test_mentions_are_searched(here: World) -> None:
    """By words, subject and time; each once."""
    await raise_alerts(here.store, 1, mentions=3)

    async def ids(query: str) -> list[str]:
        return [one["id"] for one in (await here.client.get(f"/v1/mentions?{query}")).json()["items"]]

    assert await ids("") == ["1000", "1001", "1002"]
    assert await ids("q=第1001条") == ["1001"]
    assert await ids("subject=nobody") == []
    assert await ids(f"since={rfc3339(NOW - HOUR - 1_001)}&until={rfc3339(NOW - HOUR - 1_000)}") == ["1001"]


def test_a_mention_always_has_its_text_and_platform() -> None:
    """Also where only the title says something, and the source is its platform."""
    said = Mention(source="晚报", id="1", title="题", published_at=moment(NOW))
    found = Found(mention=said, name=None, role=None, received_at=NOW, scores=())
    wire, other = mention_wire(found), mention_wire(replace(found, mention=replace(said, platform="新闻")))
    assert (wire["text"], wire["platform"], other["platform"]) == ("", "晚报", "新闻")


async def test_subjects_tell_what_is_open(here: World) -> None:
    """The number of open alerts and the highest of their levels stand beside each subject."""
    await raise_alerts(here.store, 1, level=Level.BLUE)
    await raise_alerts(here.store, 2, level=Level.RED)

    (subject,) = (await here.client.get("/v1/subjects")).json()["items"]

    assert (subject["name"], subject["open_alerts"], subject["level"]) == (SUBJECT, 2, "red")


async def test_health_and_metrics_answer(here: World) -> None:
    """Alive, ready, and counted; alerts are counted by level and status at the moment of asking."""
    await raise_alerts(here.store, 1)

    assert (await here.client.get("/livez")).status_code == 200
    assert (await here.client.get("/readyz")).json() == {"status": "ready", "unready": [], "parts": {"store": "ok"}}
    here.api.metrics.source_newest_item_timestamp_seconds.labels("paper").set(1_790_000_000)
    assert (await here.client.get("/readyz")).json()["newest_items"] == {"paper": "2026-09-21T14:13:20Z"}
    assert 'yuqing_alerts{level="orange",status="open"} 1.0' in (await here.client.get("/metrics")).text


async def test_what_is_not_fit_is_named(tmp_path: Path, empty_store: str) -> None:
    """/readyz is 503 with the name of the part; a failing source is told and does no harm; /livez stays."""
    parts = {"bus": "disk full", "source:paper": "timed out", "clock": None}
    async with world(tmp_path, readiness=lambda: parts, informative="source:", store=empty_store) as here:
        answer = await here.client.get("/readyz")
        assert (answer.status_code, answer.json()["unready"]) == (503, ["bus"])
        assert answer.json()["parts"]["source:paper"] == "timed out"

        del parts["bus"]
        assert (await here.client.get("/readyz")).status_code == 200
        assert (await here.client.get("/livez")).status_code == 200


async def test_every_error_is_a_problem(here: World) -> None:
    """Unknown paths, wrong methods and calls of later days as well."""
    problem_of(await here.client.get("/v2/nothing"), 404)
    problem_of(await here.client.get("/v1/alerts/"), 404)
    allowed = await here.client.delete("/v1/alerts")
    problem_of(allowed, 405)
    assert "GET" in allowed.headers["allow"]


async def test_head_answers_as_get_without_a_body(here: World) -> None:
    """The same status and headers, nothing behind them."""
    for path in ("/v1/alerts", "/livez", "/v1/alerts/nobody"):
        get, head = await here.client.get(path), await here.client.head(path)

        assert (head.status_code, head.headers["content-length"], head.content) == (get.status_code, get.headers["content-length"], b"")


async def test_the_documentation_is_complete(here: World) -> None:
    """OpenAPI 3.1 names every call of contract 4 that exists, with the bodies it takes; /docs shows it."""
    document = (await here.client.get("/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    acts = {f"/v1/alerts/{{alert}}/{action}" for action in FITTING}
    assert set(document["paths"]) == acts | {
        "/v1/mentions", "/v1/alerts", "/v1/alerts/changes", "/v1/alerts/{alert}", "/v1/alerts/{alert}/mentions", "/v1/subjects",
        "/v1/subjects/{name}", "/v1/subjects/{name}/rescore", "/v1/stories", "/v1/stories/{story}", "/v1/stories/{story}/mentions",
        "/v1/stories/{story}/tree", "/v1/stories/{story}/merge", "/v1/alerts/{alert}/exclude", "/v1/mentions/score",
        "/v1/notifications", "/v1/dead-letters", "/v1/dead-letters/{letter}", "/v1/dead-letters/replay", "/v1/dead-letters/drop",
        "/v1/keywords", "/v1/keywords/{name}", "/v1/keywords/reload", "/livez", "/readyz", "/metrics",
    }  # fmt: skip
    assert "application/x-ndjson" in document["paths"]["/v1/mentions"]["post"]["requestBody"]["content"]
    assert (await here.client.get("/docs")).status_code == 200


async def test_a_store_that_is_away_is_503_and_no_traceback(here: World, lose_store: Losing) -> None:
    """Readers are told to come again; the process stays alive."""
    await here.store.close()
    await lose_store()

    problem_of(await here.client.get("/v1/alerts"), 503)

    assert (await here.client.get("/readyz")).json()["unready"] == ["store"]
    assert (await here.client.get("/livez")).status_code == 200
    assert (await here.client.get("/metrics")).status_code == 200
