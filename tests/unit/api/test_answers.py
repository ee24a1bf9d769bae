"""Answers are found once for a change, however many ask, and never older than the question."""

import asyncio
from pathlib import Path

import pytest

from monitor.store.sessions import Store
from services.api.answers import Answers
from tests.unit.api.making import raise_alerts, recount


class Finding:
    """A way to find an answer that counts how often it is gone."""

    def __init__(self, store: Store) -> None:
        self.store, self.times, self.go = store, 0, asyncio.Event()
        self.go.set()

    async def __call__(self) -> tuple[bytes, int]:
        """The newest seq as the body."""
        self.times += 1
        async with self.store.read() as unit:
            seq = await unit.alerts.newest_seq()
        await self.go.wait()
        return str(seq).encode(), seq


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """A store with one alert."""
    made = await Store.open("sqlite", tmp_path)
    await raise_alerts(made, 1)
    return made


async def test_many_who_ask_at_once_cause_one_finding(store: Store) -> None:
    """And after a change one more, with another ETag; who asks nothing new causes none."""
    answers, find = Answers(), Finding(store)

    first = await asyncio.gather(*(answers.of(store, "q", find) for _ in range(50)))
    assert (find.times, len(set(first)), first[0].body) == (1, 1, b"1")
    await recount(store, 1)
    second = await asyncio.gather(*(answers.of(store, "q", find) for _ in range(50)))

    assert (find.times, len(set(second)), second[0].body) == (2, 1, b"2")
    assert second[0].etag != first[0].etag
    await store.close()


async def test_who_knows_more_is_not_given_what_was_found_before(store: Store) -> None:
    """A finding under way from before a change is not shared with who asks after it."""
    answers, find = Answers(), Finding(store)
    find.go.clear()
    early = asyncio.create_task(answers.of(store, "q", find))
    while not find.times:  # noqa: ASYNC110 - the rounds of the loop are what is waited for
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    await recount(store, 1)
    late = asyncio.create_task(answers.of(store, "q", find))
    await asyncio.sleep(0.05)
    find.go.set()

    assert [(await early).body, (await late).body] == [b"1", b"2"]
    await store.close()


async def test_questions_are_told_apart(store: Store) -> None:
    """The same body to another question has another ETag."""
    answers, find = Answers(), Finding(store)
    assert (await answers.of(store, "a", find)).etag != (await answers.of(store, "b", find)).etag
    await store.close()


async def test_the_room_is_bounded(store: Store) -> None:
    """What was not asked for longest makes room; what is too large for it is answered all the same."""
    answers, find = Answers(room=3_500), Finding(store)
    for question in ("a", "b", "c", "a", "d", "a"):
        await answers.of(store, question, find)
    assert find.times == 4
    await answers.of(store, "c", find)
    assert find.times == 4
    await answers.of(store, "b", find)
    assert find.times == 5
    assert (await Answers(room=10).of(store, "a", find)).body == b"1"
    await store.close()


async def test_errors_are_everybodys_and_not_kept(store: Store) -> None:
    """Who waited is told; who asks again has it looked for again."""
    answers, times = Answers(), 0

    async def fail() -> tuple[bytes, int]:
        nonlocal times
        times += 1
        await asyncio.sleep(0)
        raise ValueError("cursor")

    found = await asyncio.gather(*(answers.of(store, "q", fail) for _ in range(5)), return_exceptions=True)
    assert (times, {type(one) for one in found}) == (1, {ValueError})
    with pytest.raises(ValueError, match="cursor"):
        await answers.of(store, "q", fail)
    assert times == 2
    await store.close()
