"""A walk through the list of alerts while they change, over any run of changes, filters and sizes of pages."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.alert import STATUSES, Alert, Level
from monitor.store.alerts import AlertFilter
from monitor.store.sessions import Store
from tests.contract.conftest import FreshStore
from tests.contract.store.records import START, alert, raised, recounted

SUBJECTS = ("红十字会", "故宫", "é")
MOMENTS = st.integers(START, START + 5)
LOOKS = st.fixed_dictionaries(
    {"level": st.sampled_from(Level), "status": st.sampled_from(STATUSES), "subject": st.sampled_from(SUBJECTS), "changed_at": MOMENTS}
)
FILTERS = st.builds(
    AlertFilter,
    statuses=st.lists(st.sampled_from(STATUSES), max_size=3).map(tuple),
    levels=st.lists(st.sampled_from(Level), max_size=3).map(tuple),
    min_level=st.none() | st.sampled_from(Level),
    subjects=st.lists(st.sampled_from(SUBJECTS), max_size=2).map(tuple),
    since=st.none() | MOMENTS,
)
# One change between two pages: of which alert (a number not there yet: a new one), to what (None: only its counters)
Change = tuple[int, dict[str, object] | None]
CHANGES = st.lists(st.tuples(st.integers(0, 15), st.none() | LOOKS), max_size=3)


def fits(one: Alert, wanted: AlertFilter) -> bool:
    """The filter in plain words."""
    return (
        (not wanted.statuses or one.status in wanted.statuses)
        and (not wanted.levels or one.level in wanted.levels)
        and (not wanted.subjects or one.subject in wanted.subjects)
        and one.level >= (wanted.min_level or Level.NONE)
        and one.changed_at >= (wanted.since or 0)
    )


async def change(store: Store, changes: list[Change]) -> set[str]:
    """Make the changes; which alerts they were of."""
    async with store.write() as unit:
        for number, looks in changes:
            before = await unit.alerts.get(f"a{number}")
            now = before or alert(f"a{number}")
            await unit.alerts.record([raised(replace(now, **looks)) if looks else recounted(now)])
    return {f"a{number}" for number, _ in changes}


async def walk(store: Store, wanted: AlertFilter, limit: int, meanwhile: list[list[Change]]) -> None:
    """Page by page, with the changes in between; then what must be true of what was seen."""
    async with store.read() as unit:
        before = {one.id: one async for one, _ in unit.alerts.all()}
        seq = await unit.alerts.newest_seq()
    seen: list[Alert] = []
    changed: set[str] = set()
    cursor: str | None = None
    for changes in [*meanwhile, *([[]] * 20)]:
        async with store.read() as unit:
            page = await unit.alerts.list(wanted, limit, cursor)
        seen, cursor = seen + page.items, page.next_cursor
        changed |= await change(store, changes)
        if cursor is None:
            break
    unchanged = [one for one in before.values() if one.id not in changed and fits(one, wanted)]
    assert [one for one in seen if one.id not in changed] == sorted(unchanged, key=lambda one: -one.seq)
    assert len({one.id for one in seen}) == len(seen)
    assert all(fits(one, wanted) for one in seen)
    async with store.read() as unit:
        assert {one.id for one in await unit.alerts.changes(seq)} == changed


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(LOOKS, max_size=12), wanted=FILTERS, limit=st.integers(1, 5), meanwhile=st.lists(CHANGES, max_size=6))
def test_walk(
    fresh_store: FreshStore, first: list[dict[str, object]], wanted: AlertFilter, limit: int, meanwhile: list[list[Change]]
) -> None:
    """Every fitting alert unchanged since the walk began comes exactly once, none twice; `changes` has just those that did change."""

    async def run(folder: Path) -> None:
        async with fresh_store(folder) as url:
            store = await Store.open(url, folder)
            try:
                await change(store, list(enumerate(first)))
                await walk(store, wanted, limit, meanwhile)
            finally:
                await store.close()

    with TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
