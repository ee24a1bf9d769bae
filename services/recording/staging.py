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
from monitor.clock import micros, rfc3339
from monitor.collecting.recording import OnBad, Recording
from monitor.collecting.retaken import Retaken
from monitor.errors import InvalidMention
from monitor.escalation.effects import Act
from monitor.logs import visible
from monitor.mention import Mention
from monitor.settings import Settings, Source, SourceType
from services.acts import ActError
from services.dead.burial import bury_bytes
from services.house import House
from services.intake import complete
from services.recording.acts import History, Placed, act_of, end_of, in_time, why


async def stage(recording: Recording, files: Sequence[Path], facts: Sequence[Path], house: House, bar: Progress) -> History:
    """
    Read every file, and every one of facts, into the recording, with a bar that counts lines.

    People's acts among them are given back.
    """
    task = bar.add_task("读取", total=None)
    loop = asyncio.get_running_loop()

    def on_bad(file: str, line: int, invalid: InvalidMention) -> None:
        tell_bad(file, line, invalid)
        origin = f"{file}:{line}/{blake2b(invalid.raw, digest_size=8).hexdigest()}"
        letter = bury_bytes(house.bus, house.metrics, RAW, origin, invalid.raw, "invalid", str(invalid))
        asyncio.run_coroutine_threadsafe(letter, loop).result()

    history = await asyncio.to_thread(stage_files, recording, files, facts, house.settings, on_bad, lambda count: bar.advance(task, count))
    bar.remove_task(task)
    return history


def stage_files(
    recording: Recording, files: Sequence[Path], facts: Sequence[Path], settings: Settings, on_bad: OnBad,
    on_line: Callable[[int], None],
) -> History:  # fmt: skip
    """
    Read every file into the recording, and give the acts; a file of a configured source takes its name where a line has none.

    `facts` are files of looks at hot lists. Lines of an exported case keep the subjects they were given by hand.
    """
    sources = {source.name: source for source in settings.sources}
    zone = ZoneInfo(settings.timezone)
    acts: list[Placed] = []
    ends = [0]

    def told(file: str, line: int, invalid: InvalidMention) -> None:
        act, end = act_of(invalid.raw), end_of(invalid.raw)
        if act is not None:
            acts.append(act)
        elif end is not None:
            ends.append(end)
        else:
            on_bad(file, line, invalid)

    def completed(mention: Mention) -> Mention:
        return complete(mention, sources, micros(mention.published_at), staff=isinstance(mention, Retaken))

    for file in files:
        source = _source_of(file, "file", settings)
        recording.add(file, told, on_line, FileDefaults(source.name, zone, cases=True), completed, source.columns)
    for file in facts:
        recording.add_looks(file, on_bad, on_line, _source_of(file, "hotlist", settings), zone, completed)
    return History(in_time(acts), max(ends))


def _source_of(file: Path, kind: SourceType, settings: Settings) -> Source:
    """The configured source that is this file, else one of the file's name."""
    known = (source for source in settings.sources if source.type == kind and source.path)
    found = next((source for source in known if Path(str(source.path)).resolve() == file.resolve()), None)
    return found or Source(name=file.name.split(".")[0], type=kind)


def tell_bad(file: str, line: int, invalid: InvalidMention) -> None:
    """A bad line, for the person who made it."""
    click.echo(visible(f"{file}:{line}: {invalid}"), err=True)


def tell_undone(act: Act, refused: ActError) -> None:
    """Tell on stderr that what somebody once did could not be done again."""
    click.echo(visible(f"没有重做 {rfc3339(act.at)} 对 {act.alert or act.story} 的 {act.action}: {why(refused)}"), err=True)
