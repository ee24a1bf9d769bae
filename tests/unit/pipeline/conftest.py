"""One house for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree

import pytest

from monitor.store.sessions import Store
from tests.unit.pipeline.making import Parts, parts_in


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store: copied, because migrating one takes longer than most tests here."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> None:
        await (await Store.open("sqlite", folder)).close()

    asyncio.run(make())
    return folder


@pytest.fixture
async def parts(made: Path, tmp_path: Path) -> AsyncIterator[Parts]:
    """Bus, store and metrics on an empty folder."""
    copytree(made, tmp_path, dirs_exist_ok=True)
    async with parts_in(tmp_path) as house:
        yield house
