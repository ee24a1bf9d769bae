"""Contract 4, correcting: stories merged, mentions taken out, a person's word over the model's; decided by the service that runs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from monitor.alert import story_id
from monitor.bus.base import SCORED
from monitor.clock import SECOND
from monitor.escalation.effects import Effects
from monitor.mention import Scored, identity
from services.api.app import create_app
from services.api.state import ApiState
from services.backtest import Backtest, level_changes
from services.score import record_of
from services.wiring import desk_maker
from tests.unit.api.making import problem_of
from tests.unit.escalation.making import START, SUBJECT, scored
from tests.unit.pipeline.making import Parts, parts_in

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

    async def alerts(self) -> dict[str, dict[str, Any]]:
        """Every alert by its story, with its transitions."""
        listed = (await self.client.get("/v1/alerts")).json()["items"]
        return {one["id"]: (await self.client.get(f"/v1/alerts/{one['id']}")).json() for one in listed}


def crowd(name: str, line: str, first: int) -> list[Scored]:
    """Forty accounts that say the same."""
    return [scored(f"{name}{n}", first + n * SECOND, text=f"{line} 转{n}", as_if=False) for n in range(40)]


BOTH = [*crowd("p", LINES[0], START), *crowd("q", LINES[1], START + 60 * SECOND)]


@asynccontextmanager
async def api(folder: Path, mentions: Sequence[Scored] = BOTH, *, decides: bool = True) -> AsyncIterator[Here]:
    """An API on a folder where these are decided; `decides`: the escalator works on beside it."""
    async with parts_in(folder) as parts:
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


async def test_merging_by_hand(tmp_path: Path) -> None:
    """The older story stays with all mentions, the newer points to it; its alert ends, named by the other, by the person."""
    async with api(tmp_path) as here:
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


async def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """No such story, mention or alert: 404; a body that says nothing: 422; and nothing is recorded."""
    async with api(tmp_path) as here:
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


async def test_taking_out(tmp_path: Path) -> None:
    """The alert is answered without them, who did it stands in its transitions, and the mentions say so; once for its key."""
    async with api(tmp_path) as here:
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


async def test_a_word_over_the_models(tmp_path: Path) -> None:
    """It stands beside the model's, and the alert has one negative mention less; `relevant: false` takes it out."""
    async with api(tmp_path) as here:
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
        problem_of(await here.post("/v1/mentions/score", relevant=True, **one), 409)


async def test_at_rest_it_is_recorded_and_takes_effect_later(tmp_path: Path) -> None:
    """Where nobody decides the answer is 202; the next service takes it up; another act on that story must wait for it."""
    async with api(tmp_path, decides=False) as here:
        answer = await here.post(f"/v1/stories/{FIRE}/merge", into=MILK)
        assert answer.status_code == 202, answer.text
        assert (await here.story(FIRE))["merged_into"] is None
        problem_of(await here.post(f"/v1/stories/{MILK}/merge", into=FIRE), 409)
    async with api(tmp_path, [scored("x", START + 200 * SECOND, text="某某 别的", ill=False, as_if=False)]) as here:
        async with asyncio.timeout(10):
            since = here.parts.store.commits
            while (await here.story(FIRE))["merged_into"] != MILK:
                await here.parts.store.wait_change(1.0, since)
                since = here.parts.store.commits


async def test_the_log_decided_again_repeats_them(tmp_path: Path) -> None:
    """`backtest --from-bus` gives the same changes of level with merges, exclusions and corrections in between, ids included."""
    async with api(tmp_path) as here:
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
