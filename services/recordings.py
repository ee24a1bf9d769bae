"""Files become a recording: staged in a thread, each bad line told on stderr and put aside as a dead letter."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.progress import Progress

from monitor.border import FileDefaults
from monitor.bus.base import RAW
from monitor.clock import micros
from monitor.collecting.recording import OnBad, Recording
from monitor.errors import InvalidMention
from monitor.logs import visible
from monitor.mention import Mention
from monitor.settings import Settings, Source, SourceType
from services.dead import bury_bytes
from services.house import House
from services.intake import complete


async def stage(recording: Recording, files: Sequence[Path], facts: Sequence[Path], house: House, bar: Progress) -> None:
    """Read every file, and every one of facts, into the recording, with a bar that counts lines."""
    task = bar.add_task("读取", total=None)
    loop = asyncio.get_running_loop()

    def on_bad(file: str, line: int, invalid: InvalidMention) -> None:
        tell_bad(file, line, invalid)
        origin = f"{file}:{line}/{blake2b(invalid.raw, digest_size=8).hexdigest()}"
        letter = bury_bytes(house.bus, house.metrics, RAW, origin, invalid.raw, "invalid", str(invalid))
        asyncio.run_coroutine_threadsafe(letter, loop).result()

    await asyncio.to_thread(stage_files, recording, files, facts, house.settings, on_bad, lambda count: bar.advance(task, count))
    bar.remove_task(task)


def stage_files(
    recording: Recording, files: Sequence[Path], facts: Sequence[Path], settings: Settings, on_bad: OnBad,
    on_line: Callable[[int], None],
) -> None:  # fmt: skip
    """
    Read every file into the recording; a file of a configured source takes its name where a line has none.

    `facts` are files of looks at hot lists.
    """
    sources = {source.name: source for source in settings.sources}
    zone = ZoneInfo(settings.timezone)

    def completed(mention: Mention) -> Mention:
        return complete(mention, sources, micros(mention.published_at), staff=False)

    for file in files:
        source = _source_of(file, "file", settings)
        recording.add(file, on_bad, on_line, FileDefaults(source.name, zone), completed, source.columns)
    for file in facts:
        recording.add_looks(file, on_bad, on_line, _source_of(file, "hotlist", settings), zone, completed)


def _source_of(file: Path, kind: SourceType, settings: Settings) -> Source:
    """The configured source that is this file, else one of the file's name."""
    known = (source for source in settings.sources if source.type == kind and source.path)
    found = next((source for source in known if Path(str(source.path)).resolve() == file.resolve()), None)
    return found or Source(name=file.name.split(".")[0], type=kind)


def tell_bad(file: str, line: int, invalid: InvalidMention) -> None:
    """A bad line, for the person who made it."""
    click.echo(visible(f"{file}:{line}: {invalid}"), err=True)
