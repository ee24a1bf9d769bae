"""
How fast the border reads: `python -m tests.bench.border FILE.jsonl[.gz]` prints one JSON object.

`value` is what `parse` does a second over the file's first 20,000 lines, with every limit of contract 1; `baseline` is the same model in
pydantic with the same limits checked after it. `baseline_unchecked` and `bare` are pydantic and msgspec without the limits that neither
can say (bytes, nesting, NUL, a moving now); `bus` is the hot path, a record read back, against `bus_baseline`.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from monitor.border import _plain, examine, parse
from monitor.clock import DAY
from monitor.mention import Kind, Mention, Raw, Verified, decode_raw, encode

Count = Annotated[int, Field(ge=0, le=2**53, strict=True)] | None
Text = Annotated[str, Field(max_length=65_536)] | None


class Model(BaseModel):
    """A mention as pydantic would say it."""

    model_config = ConfigDict(frozen=True)
    source: Annotated[str, Field(min_length=1, max_length=128)]
    id: Annotated[str, Field(min_length=1, max_length=512)]
    published_at: AwareDatetime
    text: Annotated[str, Field(max_length=65_536)] = ""
    kind: Kind = "post"
    platform: Text = None
    outlet: Text = None
    title: Text = None
    quoted: Text = None
    transcript: Text = None
    url: Text = None
    region: Text = None
    topics: tuple[str, ...] | None = None
    root: Text = None
    parent: Text = None
    author: Text = None
    followers: Count = None
    verified: Verified | None = None
    media: bool | None = None
    likes: Count = None
    comments: Count = None
    reposts: Count = None
    views: Count = None
    gone: bool | None = None
    collected_at: datetime | None = None
    seen_at: datetime | None = None
    subjects: tuple[str, ...] = ()


class Envelope(BaseModel):
    """A record of the bus as pydantic would say it."""

    received_at: int
    mention: Model


def rates(readers: dict[str, tuple[list[bytes], Callable[[bytes], Any]]]) -> dict[str, float]:
    """Lines a second of CPU time: the best of seven rounds, each taking every reader in turn, so that a busy machine slows all alike."""
    best = dict.fromkeys(readers, float("inf"))
    for _ in range(7):
        for name, (lines, read) in readers.items():
            begun = time.process_time()
            for line in lines:
                read(line)
            best[name] = min(best[name], time.process_time() - begun)
    return {name: len(readers[name][0]) / best[name] for name in readers}


def main() -> None:
    """Measure and print."""
    file = Path(sys.argv[1])
    lines = (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).splitlines()[:20_000]
    now = time.time_ns() // 1000 + DAY
    raws = [encode(Raw(received_at=1, mention=parse(line, now))) for line in lines]
    speeds = rates({
        "value": (lines, lambda line: parse(line, now)),
        "baseline": (lines, lambda line: _plain(cast("Mention", Model.model_validate_json(line)), line, now)),
        "baseline_unchecked": (lines, Model.model_validate_json),
        "baseline_over_json": (lines, lambda line: Model.model_validate(json.loads(line))),
        "field_by_field": (lines, lambda line: examine(line, now)),
        "bare": (lines, msgspec.json.Decoder(Mention).decode),
        "bus": (raws, decode_raw),
        "bus_baseline": (raws, Envelope.model_validate_json),
    })  # fmt: skip
    print(json.dumps({"border": {key: round(value) for key, value in speeds.items()} | {"unit": "mentions/s", "ratio": ratio(speeds)}}))


def ratio(speeds: dict[str, float]) -> float:
    """Value by baseline."""
    return round(speeds["value"] / speeds["baseline"], 2)


if __name__ == "__main__":
    main()
