"""From a source's settings to the collector that reads it."""

from concurrent.futures import Executor
from datetime import tzinfo

from monitor.addresses import Resolver
from monitor.collecting.base import Collector
from monitor.collecting.fetching import WITHIN, Fetcher
from monitor.collecting.file import File
from monitor.collecting.hotlist import Hotlist
from monitor.collecting.json_api import JsonApi
from monitor.collecting.rss import Rss
from monitor.settings import Source


def open_collector(
    source: Source, zone: tzinfo, agent: str, work: Executor, *, resolver: Resolver | None = None, within: float = WITHIN
) -> Collector | None:
    """The collector of a source; None for one that is pushed. `work` is where files are read and answers are taken apart."""
    if source.type == "push":
        return None
    if source.type == "file":
        return File(source, zone, work)
    headers = {name: str(value) for name, value in source.headers.items()}
    if source.type == "hotlist" and source.path:
        return Hotlist(source, None, zone, work)
    fetcher = Fetcher(agent, headers=headers, allow_private=source.allow_private, resolver=resolver, within=within)
    if source.type == "hotlist":
        return Hotlist(source, fetcher, zone, work)
    return Rss(source, fetcher, zone, work) if source.type == "rss" else JsonApi(source, fetcher, zone, work)
