"""One house for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.pipeline.making import Parts, parts_in


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    """Bus, store and metrics on an empty folder."""
    async with parts_in(tmp_path) as made:
        yield made
