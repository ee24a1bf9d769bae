"""A process with nothing but the notify role: FOLDER of the store, URL of the receiver `duty`. Ends when nothing waits."""

import asyncio
import sys
from pathlib import Path

from monitor.store.sessions import Store
from tests.unit.notifying.rig import make, webhooks


async def main(folder: str, url: str) -> None:
    """Send all that waits."""
    store = await Store.open("sqlite", Path(folder))
    async with webhooks(duty=url) as hooks:
        await make(store, hooks).drain()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
