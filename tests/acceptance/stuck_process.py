"""`yuqing` whose scorer hangs without a word, as clients of Kafka have done. SECONDS (its watchdog's patience), then the command line."""

import asyncio
import sys
from functools import partialmethod

from services.cli import run
from services.keeping.watchdog import Watchdog
from services.score import ScoreRole


async def hang(*_: object, **__: object) -> None:
    """Wait for something that never comes."""
    await asyncio.Event().wait()


if __name__ == "__main__":
    # Ignored types: a real process is made to hang here, by what it has in place of its own methods.
    Watchdog.__init__ = partialmethod(Watchdog.__init__, patience=float(sys.argv[1]))  # type: ignore[method-assign,assignment]
    ScoreRole.advance = hang  # type: ignore[method-assign,assignment]
    sys.exit(run(sys.argv[2:]))
