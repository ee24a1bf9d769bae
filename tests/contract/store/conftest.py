"""The stores every suite here runs against; a new backend joins by a branch here."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.store.sessions import Store
from tests.contract.store.records import Opener


@pytest.fixture
async def opener(empty_store: str, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens further connections of their own to one store, as another process would."""
    opened: list[Store] = []

    async def again() -> Store:
        opened.append(await Store.open(empty_store, tmp_path))
        return opened[-1]

    yield again
    for store in opened:
        await store.close()


@pytest.fixture
async def store(opener: Opener) -> Store:
    """An empty store."""
    return await opener()
