"""Contract 4, correcting: stories merged, mentions taken out, a person's word over the model's; decided by the service that runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from monitor.alert import residual_id, story_id
from monitor.bus.base import SCORED
from monitor.clock import SECOND
from monitor.escalation.effects import Effects
from monitor.mention import Scored, identity
from services.api.app import create_app
from services.api.schemas import AlertDetail
from services.api.state import ApiState
from services.api.story_schemas import StoryDetail
from services.recording.backtest import Backtest, level_changes
from services.score import record_of
from services.tracing import trace
from services.wiring import desk_maker
from tests.unit.api.making import problem_of
from tests.unit.escalation.making import START, SUBJECT, scored
from tests.unit.pipeline.making import WALL, Parts, parts_in

LINES = [
    "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了, 大家以后千万不要再买他们家的东西",
    "城南路某某集团的门店昨晚突然起火, 消防车来了四辆, 楼上住户全部被疏散, 原因还在调查之中",
]
MILK, FIRE = (story_id(SUBJECT.name, identity("t", f"{name}0")) for name in "pq")


class Here(NamedTuple):
    """A client of an API and what stands behind it."""

    parts: Parts
    client: httpx.AsyncClient

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Do something."""
        return await self.client.post(path, json={"by": "小王", "note": "看过了"} | body)

    async def story(self, key: str) -> dict[str, Any]:
        """A story as the API tells it."""
        found: dict[str, Any] = (await self.client.get(f"/v1/stories/{key}")).json()
        return found

    async def say(self, *mentions: Scored) -> None:
        """These are heard, and decided."""
        parts, since = self.parts, self.parts.store.commits
        parts.clock.at = max(parts.clock.at, mentions[-1].received_at)
        await parts.bus.append(SCORED, [record_of(one) for one in mentions])
        (_, end) = (await parts.bus.bounds(SCORED))[0]
        async with asyncio.timeout(10):
            while await self._decided() < end:
                await parts.store.wait_change(1.0, since)
                since = parts.store.commits

    async def _decided(self) -> int:
        async with self.parts.store.read() as unit:
            return (await unit.positions.read(SCORED, 0)).offset

    async def told(self) -> list[str]:
        """What the messages say in a line, by their ids."""
        async with self.parts.store.read() as unit:
            found = [one for one, _ in (await unit.outbox.page(limit=200)).items]
        return [str(msgspec.json.decode(one.body)["summary"]) for one in sorted(found, key=lambda one: one.id)]

    async def alert_of(self, story: str) -> dict[str, Any]:
        """The alert of a story."""
        return next(one for one in (await self.alerts()).values() if one["story"] == story)

    async def alerts(self) -> dict[str, dict[str, Any]]:
        """Every alert by its story, with its transitions."""
        listed = (await self.client.get("/v1/alerts")).json()["items"]
        return {one["id"]: (await self.client.get(f"/v1/alerts/{one['id']}")).json() for one in listed}


def crowd(name: str, line: str, first: int) -> list[Scored]:
    """Forty accounts that say the same."""
    return [scored(f"{name}{n}", first + n * SECOND, text=f"{line} 转{n}", as_if=False) for n in range(40)]


SOON = START + 120 * SECOND  # after both
BOTH = [*crowd("p", LINES[0], START), *crowd("q", LINES[1], START + 60 * SECOND)]


@asynccontextmanager
async def api(
    folder: Path, mentions: Sequence[Scored] = BOTH, *, decides: bool = True, wall: int = WALL, store: str = "sqlite"
) -> AsyncIterator[Here]:  # fmt: skip
    """An API on a folder where these are decided; `decides`: the escalator works on beside it. `wall`: what our own clock says."""
    async with parts_in(folder, store=store) as parts:
        parts.clock.at = wall
        await parts.bus.append(SCORED, [record_of(one) for one in mentions])
        escalator = parts.escalator()
        while escalator.offset < len(mentions):
            await escalator.advance()
        task = asyncio.create_task(escalator.run() if decides else asyncio.sleep(0))
        state = ApiState(
            settings=parts.settings, store=parts.store, intake=None, clock=parts.clock, metrics=parts.metrics, log=parts.log,
            bus=parts.bus if decides else None,
        )  # fmt: skip
        transport = httpx.ASGITransport(create_app(state))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                yield Here(parts, client)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_merging_by_hand(tmp_path: Path, empty_store: str) -> None:
    """The older story stays with all mentions, the newer points to it; its alert ends, named by the other, by the person."""
    async with api(tmp_path, store=empty_store) as here:
        answer = await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)

        assert answer.status_code == 200, answer.text
        assert (answer.json()["id"], answer.json()["mentions"]) == (MILK, 80)
        assert (await here.story(FIRE))["merged_into"] == MILK
        alerts = list((await here.alerts()).values())
        kept = next(one for one in alerts if one["status"] == "open")
        lost = next(one for one in alerts if one["status"] == "resolved")
        assert (kept["story"], kept["mentions"]) == (MILK, 80)
        assert lost["merged_into"] == kept["id"]
        last = lost["transitions"][-1]
        assert (last["to"], last["merged_into"], last["actor"], last["note"]) == ("none", kept["id"], "小王", "看过了")
        problem_of(await here.post(f"/v1/stories/{FIRE}/merge", into=MILK), 409)
        problem_of(await here.post(f"/v1/alerts/{lost['id']}/reopen"), 409)


async def test_what_does_not_fit_is_refused(tmp_path: Path, empty_store: str) -> None:
    """No such story, mention or alert: 404; a body that says nothing: 422; and nothing is recorded."""
    async with api(tmp_path, store=empty_store) as here:
        (alert, *_) = await here.alerts()
        one = {"source": "t", "id": "q1"}
        problem_of(await here.post(f"/v1/stories/{FIRE}/merge", into="nothing"), 404)
        problem_of(await here.post("/v1/stories/nothing/merge", into=MILK), 404)
        problem_of(await here.post(f"/v1/stories/{FIRE}/merge"), 422)
        problem_of(await here.post("/v1/alerts/nothing/exclude", mentions=[one]), 404)
        problem_of(await here.post(f"/v1/alerts/{alert}/exclude", mentions=[{"source": "t", "id": "nobody"}]), 404)
        problem_of(await here.post(f"/v1/alerts/{alert}/exclude", mentions=[]), 422)
        problem_of(await here.post("/v1/mentions/score", subject=SUBJECT.name, label="positive", source="t", id="nobody"), 404)
        problem_of(await here.post("/v1/mentions/score", subject=SUBJECT.name, **one), 422)
        problem_of(await here.post("/v1/mentions/score", subject=SUBJECT.name, label="great", **one), 422)
        problem_of(await here.client.post("/v1/mentions/score", json={"subject": SUBJECT.name, "label": "positive", **one}), 422)
        async with here.parts.store.read() as unit:
            assert await unit.acts.all(0) == []


async def test_taking_out(tmp_path: Path, empty_store: str) -> None:
    """The alert is answered without them, who did it stands in its transitions, and the mentions say so; once for its key."""
    async with api(tmp_path, store=empty_store) as here:
        found = {one["story"]: key for key, one in (await here.alerts()).items()}
        out = [{"source": "t", "id": f"p{n}"} for n in range(5, 40)]
        headers = {"Idempotency-Key": "k"}
        body = {"note": "不相干", "mentions": out, "by": "小王"}
        answer = await here.client.post(f"/v1/alerts/{found[MILK]}/exclude", json=body, headers=headers)

        assert answer.status_code == 200, answer.text
        assert (answer.json()["mentions"], answer.json()["authors"]) == (5, 5)
        said = next(one for one in answer.json()["transitions"] if one["reasons"][0]["code"] == "excluded")
        assert (said["actor"], said["note"], said["reasons"][0]["value"]) == ("小王", "不相干", 35)
        again = await here.client.post(f"/v1/alerts/{found[MILK]}/exclude", json=body, headers=headers)
        assert again.json() == answer.json()
        problem_of(await here.client.post(f"/v1/alerts/{found[MILK]}/exclude", json=body), 404)
        items = (await here.client.get("/v1/mentions", params={"q": LINES[0][:8], "limit": 200})).json()["items"]
        assert sum(one["scores"][0].get("excluded", False) for one in items) == 35
        assert (await here.story(MILK))["mentions"] == 5


async def test_taking_out_needs_no_note(tmp_path: Path, empty_store: str) -> None:
    """Why may be said, and need not be; what is not in the story is told, not what else might have been said."""
    async with api(tmp_path, store=empty_store) as here:
        path = f"/v1/alerts/{(await here.alert_of(MILK))['id']}/exclude"
        found = problem_of(await here.client.post(path, json={"mentions": [{"source": "t", "id": "nobody"}]}), 404)
        answer = await here.client.post(path, json={"mentions": [{"source": "t", "id": "p7"}]})

        assert "nobody" in found["detail"]
        assert (answer.status_code, answer.json()["mentions"]) == (200, 39), answer.text


async def test_a_bad_body_tells_all_its_faults(tmp_path: Path, empty_store: str) -> None:
    """What is wrong with each member, what is missing and what is left unsaid, at once."""
    async with api(tmp_path, store=empty_store) as here:
        path = f"/v1/alerts/{(await here.alert_of(MILK))['id']}"
        bad = [
            ("/v1/mentions/score", {"source": "t", "subject": 7, "label": "great"}, ["`id`", "`$.subject`", "`$.label`", "`note`"]),
            ("/v1/mentions/score", {"source": "t", "id": "1", "subject": "s", "note": " "}, ["`relevant`", "`note`"]),
            (f"{path}/exclude", {"by": "", "mentions": [{"source": "t"}]}, ["`$.by`", "`id`", "`$.mentions[0]`"]),
            (f"{path}/level", {"level": "purple"}, ["`$.level`", "`note` is needed: why this level"]),
            (f"{path}/level", [], ["Expected `object`"]),
        ]
        for where, body, faults in bad:
            detail = problem_of(await here.client.post(where, json=body), 422)["detail"]
            assert [fault for fault in faults if fault not in detail] == [], detail


async def test_what_was_passed_over_changes_no_fault(tmp_path: Path, empty_store: str) -> None:
    """Behind a member that is wrong the body may be broken, or nested without end: 422 as for the member alone."""
    async with api(tmp_path, store=empty_store) as here:
        path = f"/v1/alerts/{(await here.alert_of(MILK))['id']}/level"
        for rest in (b'"', b"[" * 30_000):
            answer = await here.client.post(path, content=b'{"level": "purple", "x": ' + rest)
            assert "`$.level`" in problem_of(answer, 422)["detail"]


async def test_a_word_over_the_models(tmp_path: Path, empty_store: str) -> None:
    """It stands beside the model's, and the alert has one negative mention less; `relevant: false` takes it out."""
    async with api(tmp_path, store=empty_store) as here:
        one = {"source": "t", "id": "p7", "subject": SUBJECT.name}
        answer = await here.post("/v1/mentions/score", label="positive", emotion="support", **one)

        assert answer.status_code == 200, answer.text
        (score,) = answer.json()["scores"]
        assert score["sentiment"]["label"] == "negative"
        judged = score["judged"]
        assert (judged["label"], judged["emotion"], judged["actor"], judged["note"]) == ("positive", "support", "小王", "看过了")
        milk = next(alert for alert in (await here.alerts()).values() if alert["story"] == MILK)
        assert (milk["mentions"], milk["negative"]) == (40, 39)
        assert (await here.post("/v1/mentions/score", relevant=False, **one)).json()["scores"][0]["excluded"] is True
        assert (await here.story(MILK))["mentions"] == 39


@pytest.mark.parametrize("word", [{"relevant": True}, {"label": "negative"}])
async def test_a_slip_is_undone(tmp_path: Path, empty_store: str, word: dict[str, Any]) -> None:
    """What was called irrelevant, or excluded, is back in its story once somebody says that it is about the subject after all."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        one = {"source": "t", "id": "p7", "subject": SUBJECT.name}
        # It is about the subject already: it is counted again, that is all
        assert (await here.post("/v1/mentions/score", relevant=True, **one)).status_code == 200
        before = await here.alert_of(MILK)
        assert (await here.post("/v1/mentions/score", relevant=False, **one)).status_code == 200
        again = await here.post("/v1/mentions/score", **word, **one)
        assert again.status_code == 200, again.text
        (score,) = again.json()["scores"]
        assert (score["story"], score.get("excluded", False), score["judged"]["relevant"]) == (MILK, False, True)
        out = [{"source": "t", "id": f"p{n}"} for n in (7, 8)]
        assert (await here.post(f"/v1/alerts/{before['id']}/exclude", mentions=out)).json()["mentions"] == 38
        for item in ("p7", "p8"):
            assert (await here.post("/v1/mentions/score", **one | {"id": item}, **word)).status_code == 200
        after = await here.alert_of(MILK)

        compared = ("mentions", "authors", "negative", "level", "first_at", "last_at", "indicators", "title")
        assert [after[name] for name in compared] == [before[name] for name in compared]
        await same_again(here)


async def test_what_is_said_with_irrelevant_counts_once_it_is_put_back(tmp_path: Path, empty_store: str) -> None:
    """A label beside `relevant: false` changes nothing while the mention is out, and is not forgotten: put back, it counts."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        one = {"source": "t", "id": "p7", "subject": SUBJECT.name}
        (out,) = (await here.post("/v1/mentions/score", label="positive", relevant=False, **one)).json()["scores"]
        assert (out["story"], out["excluded"], out["judged"]["label"]) == ("", True, "positive")
        (back,) = (await here.post("/v1/mentions/score", relevant=True, **one)).json()["scores"]
        assert (back["story"], back["judged"]["label"], back["judged"]["relevant"]) == (MILK, "positive", True)
        after = await here.alert_of(MILK)
        assert (after["mentions"], after["negative"]) == (40, 39)
        await same_again(here)


async def test_a_slip_about_one_that_waits_alone_is_undone(tmp_path: Path, empty_store: str) -> None:
    """It waits again, and is found by the next that says the same; both then are one story."""
    alone = scored("alone", START, text=LINES[0], as_if=False)
    async with api(tmp_path, [alone], wall=START + SECOND, store=empty_store) as here:
        one = {"source": "t", "id": "alone", "subject": SUBJECT.name}
        assert (await here.post("/v1/mentions/score", relevant=False, **one)).json()["scores"][0]["story"] == ""
        assert (await here.post("/v1/mentions/score", relevant=True, **one)).json()["scores"][0]["story"] == residual_id(SUBJECT.name)
        await here.say(scored("second", START + 60 * SECOND, text=LINES[0], author="b", as_if=False))
        story = await here.story(story_id(SUBJECT.name, identity("t", "alone")))

        assert (story["mentions"], story["origin"]["id"]) == (2, "alone")
        await same_again(here)


async def test_when_nothing_is_left(tmp_path: Path, empty_store: str) -> None:
    """The level is none at once, said by whom and why; no moment and no origin is made up; it can be resolved as ever."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        key = next(key for key, one in (await here.alerts()).items() if one["story"] == MILK)
        everything = [{"source": "t", "id": f"p{n}"} for n in range(40)]
        answer = await here.post(f"/v1/alerts/{key}/exclude", mentions=everything)
        assert answer.status_code == 200, answer.text
        found = AlertDetail.model_validate(answer.json())

        assert (found.level, found.policy_level, found.status, found.mentions) == ("none", "none", "open", 0)
        assert found.spread is not None
        assert (found.first_at, found.last_at, found.origin, found.spread.first_at, found.samples) == (None, None, None, None, [])
        assert found.title
        last = answer.json()["transitions"][-1]
        assert (last["to"], last["actor"], last["reasons"]) == ("none", "小王", [{"code": "excluded", "value": 40.0, "threshold": 0.0}])
        StoryDetail.model_validate(await here.story(MILK))
        listed = (await here.client.get("/v1/stories")).json()["items"]
        assert (MILK, 0) in [(one["id"], one["mentions"]) for one in listed]
        assert all(one["mentions"] for one in listed if one["id"] != MILK and not one["residual"])
        resolved = await here.post(f"/v1/alerts/{key}/resolve", reason="false_alarm")
        assert (resolved.json()["status"], resolved.json()["level"]) == ("resolved", "none")
        await same_again(here)


async def test_nothing_ill_is_left(tmp_path: Path, empty_store: str) -> None:
    """Where a person calls the last that counted harmless, the level is none at once, as corrected; all are still counted."""
    async with api(tmp_path, crowd("p", LINES[0], START)[:4], wall=START + 9 * SECOND, store=empty_store) as here:
        (key,) = await here.alerts()
        for n in range(4):
            one = {"source": "t", "id": f"p{n}", "subject": SUBJECT.name}
            assert (await here.post("/v1/mentions/score", label="positive", **one)).status_code == 200
        found = (await here.client.get(f"/v1/alerts/{key}")).json()

        assert (found["level"], found["mentions"], found["negative"]) == ("none", 4, 0)
        assert found["transitions"][-1]["reasons"][0]["code"] == "corrected"
        await same_again(here)


async def test_a_copy_of_what_was_taken_out_does_not_bring_the_alert_back(tmp_path: Path, empty_store: str) -> None:
    """It is a story of its own, listed and told to nobody, until it truly grows: then it is told."""
    async with api(tmp_path, crowd("p", LINES[0], START)[:5], wall=SOON, store=empty_store) as here:
        (key,) = await here.alerts()
        everything = [{"source": "t", "id": f"p{n}"} for n in range(5)]
        assert (await here.post(f"/v1/alerts/{key}/exclude", mentions=everything)).status_code == 200
        assert (await here.post(f"/v1/alerts/{key}/resolve", reason="false_alarm")).status_code == 200
        known, told = await here.alerts(), await here.told()
        half_an_hour = SOON + 1800 * SECOND
        await here.say(*copies(30, half_an_hour))
        new = {key: one for key, one in (await here.alerts()).items() if key not in known}
        (muted,) = new.values()

        assert (await here.client.get(f"/v1/alerts/{key}")).json()["status"] == "resolved"
        assert (muted["level"], muted["previous"]) == ("yellow", None)
        assert muted["story"] != MILK
        assert muted["muted_until"] is not None
        assert await here.told() == told

        await here.say(*copies(400, half_an_hour + 600 * SECOND, first=30))
        assert (await here.client.get(f"/v1/alerts/{muted['id']}")).json()["level"] == "orange"
        assert len(await here.told()) > len(told)
        await same_again(here)


def copies(count: int, at: int, first: int = 0) -> list[Scored]:
    """So many other accounts say the first line word for word as it was said first."""
    return [
        scored(f"c{n}", at + n * SECOND, text=f"{LINES[0]} 转0", author=f"copier {n}", as_if=False) for n in range(first, first + count)
    ]


async def test_stories_that_are_one_are_listed_once(tmp_path: Path, empty_store: str) -> None:
    """The one that went into another counts nothing and stands at none; it is listed when asked for, and says where it is."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        assert (await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)).status_code == 200
        listed = (await here.client.get("/v1/stories")).json()["items"]
        gone = (await here.client.get("/v1/stories", params={"merged": "true"})).json()["items"]

        assert [(one["id"], one["mentions"]) for one in listed if not one["residual"]] == [(MILK, 80)]
        assert [(one["id"], one["mentions"], one["level"], one["merged_into"]) for one in gone] == [(FIRE, 0, "none", MILK)]


async def test_scattered_mentions_have_no_origin(tmp_path: Path, empty_store: str) -> None:
    """What belongs together in nothing began nowhere; an episode's spread is of what was said in its time, of nothing afterwards."""
    alone = scored("alone", START, text=LINES[0], as_if=False)
    async with api(tmp_path, [alone], wall=START + SECOND, store=empty_store) as here:
        residual = residual_id(SUBJECT.name)
        async with here.parts.store.read() as unit:
            counted = [(await trace(unit, residual, span)).spread["counted"] for span in ((START, START), (START + 1, START + SECOND))]

        assert (await here.story(residual))["origin"] is None
        assert counted == [1, 0]


async def lines(here: Here, alert: str) -> list[dict[str, Any]]:
    """The history of an alert."""
    found: list[dict[str, Any]] = (await here.client.get(f"/v1/alerts/{alert}")).json()["transitions"]
    return found


async def test_one_act_is_one_line_that_tells_all(tmp_path: Path, empty_store: str) -> None:
    """A merge by hand is one line on each alert, naming the other; a correction names the mention and what was said of it."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        milk, fire = await here.alert_of(MILK), await here.alert_of(FIRE)
        before = {alert: len(await lines(here, alert)) for alert in (milk["id"], fire["id"])}
        one = {"source": "t", "id": "p7", "subject": SUBJECT.name}
        assert (await here.post("/v1/mentions/score", label="positive", **one)).status_code == 200
        assert (await here.post("/v1/mentions/score", relevant=False, **one)).status_code == 200
        said, out = (await lines(here, milk["id"]))[before[milk["id"]] :]
        assert [line["reasons"][0]["code"] for line in (said, out)] == ["corrected", "corrected"]
        assert [line["mentions"] for line in (said, out)] == [[{"source": "t", "id": "p7"}]] * 2
        assert [line["judged"] for line in (said, out)] == [{"label": "positive"}, {"relevant": False}]

        assert (await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)).status_code == 200
        (kept,), (lost,) = (await lines(here, milk["id"]))[before[milk["id"]] + 2 :], (await lines(here, fire["id"]))[before[fire["id"]] :]
        assert (kept["merged"]["alert"], kept["actor"], kept["note"]) == (fire["id"], "小王", "看过了")
        assert (lost["merged_into"], lost["into"]["title"], lost["to"], lost["note"]) == (milk["id"], milk["title"], "none", "看过了")

        everything = [{"source": "t", "id": f"{name}{n}"} for name in "pq" for n in range(40) if (name, n) != ("p", 7)]
        assert (await here.post(f"/v1/alerts/{milk['id']}/exclude", mentions=everything)).status_code == 200
        (line,) = (await lines(here, milk["id"]))[before[milk["id"]] + 3 :]
        assert (line["to"], line["reasons"][0]["value"], line["mentions"]) == ("none", 79.0, everything[:20])
        await same_again(here)


@pytest.mark.parametrize("ended", [MILK, FIRE])
async def test_a_merge_with_an_alert_that_has_ended_names_both(tmp_path: Path, empty_store: str, ended: str) -> None:
    """The open alert names the one that had ended, and that one where its story is now; neither level nor status moves."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        alerts = {MILK: await here.alert_of(MILK), FIRE: await here.alert_of(FIRE)}
        over, running = alerts[ended], alerts[FIRE if ended == MILK else MILK]
        assert (await here.post(f"/v1/alerts/{over['id']}/resolve", reason="handled")).status_code == 200
        assert (await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)).status_code == 200
        kept, gone = (await lines(here, running["id"]))[-1], (await lines(here, over["id"]))[-1]

        assert kept["merged"] == {"alert": over["id"], "story": ended, "title": over["title"]}
        assert (gone["merged_into"], gone["into"]["alert"]) == (running["id"], running["id"])
        assert not {"to", "to_status"} & (kept.keys() | gone.keys())
        assert [line["reasons"][0]["code"] for line in (kept, gone)] == ["merged", "merged"]
        assert (await here.client.get(f"/v1/alerts/{running['id']}")).json()["story"] == MILK
        await same_again(here)


async def test_stories_that_merge_by_themselves_say_so_on_both_alerts(tmp_path: Path, empty_store: str) -> None:
    """The alert that ends names the one that stays, with its title; that one has a line that names the other; the message says it."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        milk, fire = await here.alert_of(MILK), await here.alert_of(FIRE)
        tie = scored("tie", START + 200 * SECOND, text="这两件事是一回事", root="p0", kind="repost", as_if=False)
        await here.say(replace(tie, mention=replace(tie.mention, parent="q0")))
        found = await here.alerts()
        kept, lost = found[milk["id"]], found[fire["id"]]

        assert (lost["merged_into"], lost["status"]) == (milk["id"], "resolved")
        assert lost["transitions"][-1]["into"] == {"alert": milk["id"], "story": MILK, "title": milk["title"]}
        (line,) = [one for one in kept["transitions"] if "merged" in one]
        assert (line["merged"], line["actor"]) == ({"alert": fire["id"], "story": FIRE, "title": fire["title"]}, "policy")
        (said,) = [one for one in await here.told() if "并入" in one]
        assert f"并入《{milk['title']}》({milk['id']})" in said
        assert (await here.story(MILK))["mentions"] == 81
        await same_again(here)


async def same_again(here: Here) -> None:
    """The log decided again, with the acts, gives every change of level that is stored: same alerts, moments, actors, reasons."""
    stored = [said for said in await here.parts.transitions() if said.to_level is not None]
    found: list[dict[str, Any]] = []
    async with here.parts.store.read() as unit:
        acts = await unit.acts.all(0)
    taken = Backtest(desk_maker(here.parts.settings)(), lambda effects: found.extend(level_changes(effects)), 7)
    await taken.log(here.parts.bus, 0, acts)

    def encoded(wire: dict[str, Any]) -> bytes:
        return msgspec.json.encode({name: value for name, value in wire.items() if name != "recorded_at"}, order="sorted")

    # As bytes: a figure has one form wherever it stands
    assert sorted(map(encoded, found)) == sorted(encoded(said.wire()) for said in stored)


async def test_at_rest_it_is_recorded_and_takes_effect_later(tmp_path: Path, empty_store: str) -> None:
    """Where nobody decides the answer is 202; the next service takes it up; another act on that story must wait for it."""
    async with api(tmp_path, decides=False, store=empty_store) as here:
        answer = await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)
        assert answer.status_code == 202, answer.text
        assert (await here.story(FIRE))["merged_into"] is None
        problem_of(await here.post(f"/v1/stories/{MILK}/merge", into=FIRE), 409)
    async with api(tmp_path, [scored("x", START + 200 * SECOND, text="某某 别的", ill=False, as_if=False)], store=empty_store) as here:
        async with asyncio.timeout(10):
            since = here.parts.store.commits
            while (await here.story(FIRE))["merged_into"] != MILK:
                await here.parts.store.wait_change(1.0, since)
                since = here.parts.store.commits


async def test_the_log_decided_again_repeats_them(tmp_path: Path, empty_store: str) -> None:
    """`backtest --from-bus` gives the same changes of level with merges, exclusions and corrections in between, ids included."""
    async with api(tmp_path, wall=SOON, store=empty_store) as here:
        found = {one["story"]: key for key, one in (await here.alerts()).items()}
        one = {"source": "t", "id": "p7", "subject": SUBJECT.name}
        assert (await here.post("/v1/mentions/score", label="positive", **one)).status_code == 200
        out = [{"source": "t", "id": f"q{n}"} for n in range(9, 40)]
        assert (await here.post(f"/v1/alerts/{found[FIRE]}/exclude", mentions=out)).status_code == 200
        assert (await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)).status_code == 200
        live = {(said.alert, said.to_level, said.at) for said in await here.parts.transitions() if said.to_level is not None}
        again: list[Effects] = []
        async with here.parts.store.read() as unit:
            acts = await unit.acts.all(0)
        await Backtest(desk_maker(here.parts.settings)(), again.append, 7).log(here.parts.bus, 0, acts)
        changes = [change.transition for effects in again for change in effects.changes]

    assert [act.action for act in acts] == ["score", "exclude", "merge"]
    assert {(said.alert, said.to_level, said.at) for said in changes if said and said.to_level is not None} == live
    assert [line for effects in again for line in level_changes(effects)]
