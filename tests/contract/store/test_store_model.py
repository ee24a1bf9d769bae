"""The numbers of alerts against a model of a few lines, over any run of units that end well or badly."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alert import Alert
from monitor.escalation.effects import AlertChange
from monitor.store.sessions import Store
from tests.contract.conftest import FreshStore
from tests.contract.store.records import alert, raised, recounted

Change = tuple[int, bool]  # which alert, with a transition?
CHANGES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=6)
UNITS = st.lists(st.tuples(CHANGES, st.booleans()), max_size=6)


class Numbers:
    """What the numbers should be."""

    def __init__(self) -> None:
        self.seq = 0
        self.alerts: dict[int, tuple[int, int, int]] = {}

    def change(self, which: int, *, transition: bool) -> None:
        """One change."""
        self.seq += 1
        _, version, counter = self.alerts.get(which, (0, 0, 0))
        self.alerts[which] = (self.seq, version + transition, counter + (not transition))


def given_out(changes: list[Change]) -> list[AlertChange]:
    """The changes as the escalator gives them, with numbers that say nothing."""
    return [raised(alert(f"a{which}")) if transition else recounted(alert(f"a{which}", seq=77)) for which, transition in changes]


def numbers(found: list[Alert]) -> dict[int, tuple[int, int, int]]:
    """The numbers of stored alerts."""
    return {int(each.id[1:]): (each.seq, each.version, each.counter) for each in found}


async def lived(store: Store, units: list[tuple[list[Change], bool]]) -> Numbers:
    """Every unit done, or rolled back at its end."""
    model = Numbers()
    for changes, ends_well in units:
        with suppress(KeyError):
            async with store.write() as unit:
                await unit.alerts.record(given_out(changes))
                if not ends_well:
                    raise KeyError
        for which, transition in changes if ends_well else ():
            model.change(which, transition=transition)
    return model


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(units=UNITS)
def test_numbers(fresh_store: FreshStore, units: list[tuple[list[Change], bool]]) -> None:
    """Whatever happens, seq has no gap and no repeat, and each alert has the newest of its own."""

    async def run(url: str, folder: Path) -> None:
        store = await Store.open(url, folder)
        model = await lived(store, units)
        async with store.read() as unit:
            assert await unit.alerts.newest_seq() == model.seq
            assert numbers((await unit.alerts.list(limit=200)).items) == model.alerts
            assert [each.seq for each in await unit.alerts.changes(0)] == sorted(seq for seq, _, _ in model.alerts.values())
            for which, (_, version, _) in model.alerts.items():
                assert len(await unit.alerts.transitions(f"a{which}")) == version
        await store.close()

    async def on_a_fresh_one() -> None:
        with TemporaryDirectory() as folder:
            async with fresh_store(Path(folder)) as url:
                await run(url, Path(folder))

    asyncio.run(on_a_fresh_one())
