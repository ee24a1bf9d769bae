"""Contract 4, pushing mentions: bad ones never stop their neighbours, what is acknowledged is durable, the rest is told in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monitor.bus.base import RAW, Outcome, Record, Taken
from monitor.errors import BusUnavailable
from services.api import mentions as mentions_api
from services.api.schemas import (
    ReceiptModel,
)
from tests.unit.api.making import GOOD, SUBJECT, World, lines, problem_of, world


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An open API in an empty folder."""
    async with world(tmp_path, store=empty_store) as made:
        yield made


async def on_the_log(here: World) -> int:
    """How many mentions are durable."""
    return (await here.bus.bounds(RAW))[0][1]


async def test_one_object_an_array_and_lines_are_taken(here: World) -> None:
    """202 with the four counts, whatever the form; sniffed without a content type, told by it with one."""
    one = await here.client.post("/v1/mentions", json=GOOD)
    array = await here.client.post("/v1/mentions", content=json.dumps([GOOD, GOOD | {"id": "2"}]))
    sniffed = await here.client.post("/v1/mentions", content=lines(GOOD | {"id": "3"}, GOOD | {"id": "4"}))
    told = await here.client.post("/v1/mentions", content=lines(GOOD | {"id": "5"}), headers={"content-type": "application/x-ndjson"})

    assert [answer.status_code for answer in (one, array, sniffed, told)] == [202] * 4
    assert one.json() == {"accepted": 1, "duplicate": 0, "updated": 0, "rejected": []}
    assert array.json() == {"accepted": 1, "duplicate": 1, "updated": 0, "rejected": []}
    assert sniffed.json()["accepted"] == 2
    assert told.json()["accepted"] == 1
    assert await on_the_log(here) == 5


async def test_a_bad_one_never_stops_its_neighbours(here: World) -> None:
    """In an array a lone surrogate, a NUL, a wrong element or an over-long text is rejected by its index; the rest is durable."""
    bad = [GOOD | {"id": "2", "text": "\ud800"}, GOOD | {"id": "3", "text": "a\0"}, 7, GOOD | {"id": "4", "text": "x" * 70_000}, {}]
    body = json.dumps([GOOD, *bad, GOOD | {"id": "9"}])

    answer = await here.client.post("/v1/mentions", content=body)

    assert answer.status_code == 202
    receipt = ReceiptModel.model_validate(answer.json())
    assert (receipt.accepted, [one.index for one in receipt.rejected]) == (2, [1, 2, 3, 4, 5])
    assert all(one.errors for one in receipt.rejected)
    assert len(receipt.rejected[-1].errors) == 4


async def test_a_broken_line_rejects_only_itself(here: World) -> None:
    """Broken JSON or UTF-8 in one line of NDJSON leaves the other lines alone; blank lines do not count."""
    body = lines(GOOD) + b"\n{broken\n\n\xff\xfe\n" + b'{"a":' * 5_000 + b"\n" + lines(GOOD | {"id": "2"}) + b"\n"

    answer = await here.client.post("/v1/mentions", content=body)

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == [1, 2, 3]


async def test_a_body_broken_as_a_whole_is_400(here: World) -> None:
    """Broken JSON, broken UTF-8 and bottomless nesting of the whole are a bad request."""
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    for body in (b"", b"{", b"[1,", b"\xff\xff", b'[{"a":"\xff"}]', b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, deep):
        problem_of(await here.client.post("/v1/mentions", content=body, headers={"content-type": "application/json"}), 400)


async def test_when_every_one_was_rejected_it_is_422(here: World) -> None:
    """The problem carries the receipt with the reasons."""
    for body in ({}, [{}, 1, "x"], 5, "text", GOOD | {"published_at": "2026-01-01T00:00:00"}):
        found = problem_of(await here.client.post("/v1/mentions", json=body), 422)
        assert found["accepted"] == 0
        assert found["rejected"][0]["errors"]

    assert await on_the_log(here) == 0


async def test_an_empty_array_is_taken(here: World) -> None:
    """Nothing sent is nothing rejected."""
    answer = await here.client.post("/v1/mentions", json=[])

    assert (answer.status_code, answer.json()["rejected"]) == (202, [])


async def test_a_body_over_ten_mebibytes_is_413(here: World) -> None:
    """By its announced length, and counted as it comes when it is chunked; exactly the limit is read."""

    async def chunks(total: int) -> AsyncIterator[bytes]:
        for _ in range(total // 65_536):
            yield b" " * 65_536

    announced = await here.client.post("/v1/mentions", content=b" " * (mentions_api.LIMIT + 1))
    chunked = await here.client.post("/v1/mentions", content=chunks(mentions_api.LIMIT + 65_536))
    limit = await here.client.post("/v1/mentions", content=json.dumps(GOOD).encode().ljust(mentions_api.LIMIT))

    problem_of(announced, 413)
    problem_of(chunked, 413)
    assert limit.json()["accepted"] == 1


async def test_a_compressed_body_is_415(here: World) -> None:
    """What is packed cannot be counted."""
    found = await here.client.post("/v1/mentions", content=b"\x1f\x8b", headers={"content-encoding": "gzip"})

    problem_of(found, 415)
    assert found.headers["accept-encoding"] == "identity"


async def test_a_full_bus_is_503_with_the_time_to_come_again(tmp_path: Path, empty_store: str) -> None:
    """The same push goes through once a consumer has taken more."""
    async with world(tmp_path, max_backlog=1, store=empty_store) as here:
        await here.client.post("/v1/mentions", json=GOOD)
        full = await here.client.post("/v1/mentions", json=GOOD | {"id": "2"})
        problem_of(full, 503)
        assert int(full.headers["retry-after"]) > 0

        await here.bus.take(Taken("score", RAW, {0: 1}))
        assert (await here.client.post("/v1/mentions", json=GOOD | {"id": "2"})).status_code == 202


@pytest.mark.parametrize("trouble", ["hangs", "fails"])
async def test_a_bus_that_cannot_take_it_is_503_in_time(here: World, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    """A bus that hangs is waited for no longer than promised; one that fails is told at once."""

    async def append(topic: str, records: list[Record], **_: Any) -> list[Outcome]:
        if trouble == "hangs":
            await asyncio.sleep(60)
        raise BusUnavailable(f"{topic}: {len(records)} records cannot be written")

    monkeypatch.setattr(here.bus, "append", append)
    monkeypatch.setattr(mentions_api, "PATIENCE", 0.2)

    answer = await asyncio.wait_for(here.client.post("/v1/mentions", json=GOOD), 5)

    problem_of(answer, 503)
    assert "retry-after" in answer.headers
    assert mentions_api.PATIENCE < 10


async def test_a_name_that_nobody_watches_is_told(here: World) -> None:
    """The mention is taken and counted all the same; the receipt says which one names what, and nothing where nothing is odd."""
    report = GOOD | {"kind": "report"}
    sent = [report, report | {"id": "2", "subjects": ["红十会", SUBJECT]}, {}, report | {"id": "3", "subjects": [SUBJECT]}]

    answer = await here.client.post("/v1/mentions", json=sent)
    plain = await here.client.post("/v1/mentions", json=report | {"id": "4", "subjects": [SUBJECT]})

    receipt = ReceiptModel.model_validate(answer.json())
    assert (answer.status_code, receipt.accepted, [one.index for one in receipt.rejected]) == (202, 3, [2])
    assert receipt.warnings is not None
    assert [(one.index, one.unknown_subjects) for one in receipt.warnings] == [(1, ["红十会"])]
    assert "warnings" not in plain.json()
