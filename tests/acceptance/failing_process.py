"""`yuqing` with a fault: FAULT is `all` (a bad deploy: nothing can be scored) or words that no text may have. Then the command line."""

import sys
from collections.abc import Sequence

from monitor.mention import Raw, Scored
from services.cli import run
from services.wiring import Scoring

score = Scoring.__call__


def faulty(self: Scoring, raws: Sequence[Raw]) -> list[Scored]:
    """As the service scores, but for the fault."""
    bad = [one for one in raws if sys.argv[1] == "all" or sys.argv[1] in one.mention.text]
    if bad:
        raise ValueError(f"a fault of {len(bad)} of {len(raws)}")
    return score(self, raws)


if __name__ == "__main__":
    Scoring.__call__ = faulty  # type: ignore[method-assign]
    sys.exit(run(sys.argv[2:]))
