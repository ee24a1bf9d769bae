"""Contract 4, the acts after acknowledging: what each needs, when it fits, what it answers and whom it tells."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.alert import Alert, Level
from monitor.clock import DAY, HOUR, MINUTE, SECOND, rfc3339
from services.api.schemas import AlertDetail
from tests.unit.api.making import NOW, World, key, problem_of, raise_alerts, world

BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": {}, "assign": {"assignee": "李四"}, "handle": {}, "level": {"level": "red", "note": "已上热搜"},
    "note": {"note": "看过了"}, "resolve": {"reason": "false_alarm"}, "review": {"verdict": "right"}, "reopen": {},
}  # fmt: skip
# The acts that lead to each status from open
LEADING = {
    "open": (), "acknowledged": ("acknowledge",), "handling": ("handle",), "resolved": ("resolve",), "reviewed": ("resolve", "review"),
}  # fmt: skip
FITS = {
    "open": {"acknowledge", "assign", "handle", "level", "note", "resolve"},
    "acknowledged": {"assign", "handle", "level", "note", "resolve"},
    "handling": {"assign", "level", "note", "resolve"},
    "resolved": {"note", "review", "reopen"},
    "reviewed": {"note", "reopen"},
}


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An open API in an empty folder."""
    async with world(tmp_path, store=empty_store) as made:
        yield made


async def act(here: World, alert: str, action: str, body: object = None, **headers: str) -> httpx.Response:
    """One act; a good body for it if none is given."""
    said = BODIES[action] if body is None else body
    return await here.client.post(f"/v1/alerts/{alert}/{action}", json=said, headers=headers)


async def done(here: World, alert: str, action: str, body: object = None) -> dict[str, Any]:
    """The alert after an act that must succeed; it is what the detail shows, and of the shape documented."""
    answer = await act(here, alert, action, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    AlertDetail.model_validate(found)
    shown = await here.client.get(f"/v1/alerts/{found['id']}")
    assert (shown.json(), shown.headers["etag"]) == (found, answer.headers["etag"])
    return found


async def raised(here: World, status: str = "open", number: int = 1, level: Level = Level.ORANGE) -> Alert:
    """An alert at that status."""
    (alert,) = await raise_alerts(here.store, number, level=level)
    for action in LEADING[status]:
        await done(here, alert.id, action)
    return alert


async def told(here: World) -> list[str]:
    """The types of the messages that wait, oldest first."""
    return [item["type"] for item in (await here.client.get("/v1/notifications")).json()["items"]][::-1]


@pytest.mark.parametrize("status", FITS)
async def test_what_fits_which_status(here: World, status: str) -> None:
    """All others are 409 and change nothing."""
    for number, action in enumerate(BODIES, start=1):
        alert = await raised(here, status, number)
        before = (await here.client.get(f"/v1/alerts/{alert.id}")).content
        answer = await act(here, alert.id, action)
        assert answer.status_code == (200 if action in FITS[status] else 409), (status, action, answer.text)
        if action not in FITS[status]:
            assert (await here.client.get(f"/v1/alerts/{alert.id}")).content == before


@pytest.mark.parametrize("action", BODIES)
async def test_every_act_is_audited_and_guarded(here: World, action: str) -> None:
    """A transition with actor, note and both clocks; done once for its key; refused when the alert has changed since."""
    status = next(status for status, fits in FITS.items() if action in fits)
    alert = await raised(here, status)
    etag = (await here.client.get(f"/v1/alerts/{alert.id}")).headers["etag"]
    body = BODIES[action] | {"by": "小王", "note": "因为"}
    here.clock.advance(MINUTE)

    problem_of(await act(here, alert.id, action, body, **{"if-match": '"0.0"'}), 412)
    first = await act(here, alert.id, action, body, **{"if-match": etag, "idempotency-key": "k"})
    again = await act(here, alert.id, action, body, **{"if-match": etag, "idempotency-key": "k"})
    said = first.json()["transitions"][-1]

    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content), first.text
    assert (said["actor"], said["note"], said["at"], said["recorded_at"]) == ("小王", "因为", *(rfc3339(NOW + MINUTE),) * 2)
    problem_of(await act(here, alert.id, action, body | {"note": "别的"}, **{"idempotency-key": "k"}), 422)
    problem_of(await act(here, "nobody", action), 404)


@pytest.mark.parametrize(("action", "body"), [
    ("assign", {}), ("assign", {"assignee": 1}), ("assign", {"assignee": "李" * 101}), ("assign", {"assignee": "a\nb"}),
    ("level", {"level": "red"}), ("level", {"note": "因为"}), ("level", {"level": "red", "note": "  "}),
    ("level", {"level": "purple", "note": "因为"}), ("level", {"level": 4, "note": "因为"}),
    *(("level", {"level": "red", "note": "因为", "until": until}) for until in (
        rfc3339(NOW), rfc3339(NOW - 1), "0s", "soon", "", "2x", "2026-11-22T08:30:00", "99999999999d", "999999999d", 7,
        "1970-01-01T00:00:00Z",
    )),
    ("note", {}), ("note", {"note": ""}), ("note", {"note": "一" * 4001}), ("resolve", {"reason": "because"}),
    ("resolve", {"reason": "known", "until": rfc3339(NOW - DAY)}), ("resolve", {"by": "policy"}), ("handle", []),
])  # fmt: skip
async def test_what_an_act_needs(here: World, action: str, body: object) -> None:
    """Else it is 422, and nothing is changed."""
    alert = await raised(here)
    problem_of(await act(here, alert.id, action, body), 422)
    assert (await here.client.get(f"/v1/alerts/{alert.id}")).headers["etag"] == '"1.0"'


@pytest.mark.parametrize("body", [{}, {"verdict": "perhaps"}, {"verdict": None}])
async def test_a_review_needs_a_verdict(here: World, body: object) -> None:
    """Right or false; both stay on the alert."""
    alert = await raised(here, "resolved")

    problem_of(await act(here, alert.id, "review", body), 422)
    found = await done(here, alert.id, "review", {"verdict": "false"})
    assert (found["status"], found["verdict"], found["transitions"][-1]["verdict"]) == ("reviewed", "false", "false")


async def test_assigning(here: World) -> None:
    """A name stays on the alert until another one, or nobody, is named; nobody is told."""
    alert = await raised(here)

    assert [
        (found["assignee"], found["transitions"][-1]["assignee"], found["status"])
        for found in [await done(here, alert.id, "assign", {"assignee": who}) for who in ("李四", "王五", "", "李四", None)]
    ] == [("李四", "李四", "open"), ("王五", "王五", "open"), (None, None, "open"), ("李四", "李四", "open"), (None, None, "open")]
    assert await told(here) == []


@pytest.mark.parametrize(("until", "moment"), [
    (None, None), ("2h", NOW + 2 * HOUR), ("7d", NOW + 7 * DAY), (rfc3339(NOW + SECOND), NOW + SECOND),
    ("2030-01-01T08:00:00+08:00", 1_893_456_000_000_000),
])  # fmt: skip
async def test_a_level_by_hand(here: World, until: str | None, moment: int | None) -> None:
    """Raised, lowered, or said again: the policy's own level stays beside it; every change is told, and says until when."""
    alert = await raised(here)
    found = [await done(here, alert.id, "level", {"level": level, "note": "因为", "until": until}) for level in ("red", "red", "none")]

    assert [(one["level"], one["level_zh"], one["policy_level"]) for one in found] == [
        ("red", "红", "orange"), ("red", "红", "orange"), ("none", "无", "orange")
    ]  # fmt: skip
    steps = [(said["from"], said["to"], said["reasons"][0]["code"]) for said in found[-1]["transitions"][1:]]
    assert steps == [("orange", "red", "hand"), ("red", "red", "hand"), ("red", "none", "hand")]
    assert found[-1]["transitions"][-1].get("until") == (None if moment is None else rfc3339(moment))
    assert await told(here) == ["alert.raised", "alert.lowered"]


async def test_the_end_and_after(here: World) -> None:
    """Resolved with a reason, looked back at, and reopened as a new alert that names the old one; each is told."""
    alert = await raised(here)
    resolved = await done(here, alert.id, "resolve", {"reason": "known", "until": "30d"})
    await done(here, alert.id, "review", {"verdict": "right"})
    here.clock.advance(HOUR)
    new = await done(here, alert.id, "reopen", {"by": "小王"})
    old = (await here.client.get(f"/v1/alerts/{alert.id}")).json()

    assert (resolved["resolution"], resolved["transitions"][-1]["resolution"]) == ("known", "known")
    assert resolved["muted_until"] == rfc3339(NOW + 30 * DAY)
    assert (new["previous"], new["status"], new["level"], new["muted_until"]) == (alert.id, "open", "orange", None)
    assert [(said.get("from_status"), said.get("to_status"), said.get("from"), said.get("to")) for said in new["transitions"]] == [
        ("reviewed", "open", None, None), (None, None, "none", "orange")
    ]  # fmt: skip
    assert (old["next"], old["status"], old["level"]) == (new["id"], "reviewed", "orange")
    assert await told(here) == ["alert.resolved", "alert.reviewed", "alert.reopened", "alert.raised"]
    assert new["opened_at"] == rfc3339(NOW + HOUR)


async def test_a_story_has_one_open_alert(here: World) -> None:
    """While one is open no other is reopened; of two old ones only the newer, which the refusal names: the episodes are one chain."""
    first = await raised(here, "resolved")
    second = (await done(here, first.id, "reopen"))["id"]

    problem_of(await act(here, first.id, "reopen"), 409)
    await done(here, second, "resolve")
    refused = await act(here, first.id, "reopen")
    problem_of(refused, 409)
    assert second in refused.json()["detail"]
    third = await done(here, second, "reopen")

    assert (third["previous"], third["id"][-4:]) == (second, "-003")
    chain = [(await here.client.get(f"/v1/alerts/{one}")).json() for one in (first.id, second, third["id"])]
    assert [(one["previous"], one["next"]) for one in chain] == [(None, second), (first.id, third["id"]), (second, None)]


async def test_a_note_moves_the_version_and_tells_nobody(here: World) -> None:
    """Whoever wants to act on what they saw is told that something was said since."""
    alert = await raised(here)
    found = await done(here, alert.id, "note", {"note": "已联系法务\n等回复"})

    assert (found["status"], found["transitions"][-1]["note"]) == ("open", "已联系法务\n等回复")
    problem_of(await act(here, alert.id, "handle", **{"if-match": '"1.0"'}), 412)
    assert await told(here) == []


async def test_what_was_answered_is_answered_again_when_its_time_is_over(here: World) -> None:
    """A repeated request whose `until` has passed meanwhile is still the same request."""
    alert = await raised(here)
    body = {"level": "red", "note": "因为", "until": rfc3339(NOW + MINUTE)}
    first = await act(here, alert.id, "level", body, **{"idempotency-key": "k"})
    here.clock.advance(HOUR)

    assert (await act(here, alert.id, "level", body, **{"idempotency-key": "k"})).content == first.content
    problem_of(await act(here, alert.id, "level", body), 422)


async def test_a_key_is_the_actor_and_readers_do_not_act(tmp_path: Path, empty_store: str) -> None:
    """With keys the key's name acts and `by` stands beside it."""
    async with world(tmp_path, key("desk", "staff"), key("screen", "reader"), store=empty_store) as here:
        (alert,) = await raise_alerts(here.store, 1)
        bearer = {"authorization": "Bearer desk"}
        said = (await act(here, alert.id, "assign", {"assignee": "李四", "by": "小王"}, **bearer)).json()["transitions"][-1]

        assert (said["actor"], said["by"]) == ("desk", "小王")
        for action in BODIES:
            problem_of(await act(here, alert.id, action, authorization="Bearer screen"), 403)
            problem_of(await act(here, alert.id, action), 401)


async def test_acts_are_measured(here: World) -> None:
    """Changes of level and status count by their reason; notes and assigning are none."""
    alert = await raised(here)
    for action in ("assign", "note", "level", "resolve"):
        await done(here, alert.id, action)
    metrics = (await here.client.get("/metrics")).text
    counted = [line for line in metrics.splitlines() if line.startswith("yuqing_transitions_total{") and not line.endswith(" 0.0")]

    assert counted == [
        'yuqing_transitions_total{from="orange",reason="hand",to="red"} 1.0',
        'yuqing_transitions_total{from="open",reason="false_alarm",to="resolved"} 1.0',
    ]
