"""The stores every suite here runs against; a new backend joins by a branch here."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree

import pytest

from monitor.store.sessions import Store
from tests.contract.store.records import Opener


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded store just made: copied, because making one takes longer than most tests here."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> None:
        await (await Store.open("sqlite", folder)).close()

    asyncio.run(make())
    return folder


@pytest.fixture(params=["sqlite"])  # "postgresql" joins here
async def opener(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens further connections of their own to one store, as another process would."""
    opened: list[Store] = []
    copytree(made, tmp_path, dirs_exist_ok=True)

    async def again() -> Store:
        opened.append(await Store.open(request.param, tmp_path))
        return opened[-1]

    yield again
    for store in opened:
        await store.close()


@pytest.fixture
async def store(opener: Opener) -> Store:
    """An empty store."""
    return await opener()
