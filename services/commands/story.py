"""`yuqing story ID --config FILE [--json]`: one story as a tree: where it began, how it spread; also beside a running service."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.console import Console, Group

from monitor.errors import UsageError
from monitor.escalation.effects import StoryRow
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.settings import Settings
from monitor.store.sessions import ReadUnit, Store
from monitor.stories.tree import Tree
from services.terminal.drawing import Branch, drawn
from services.terminal.verb import Verb, config_option
from services.tracing import Wire, places, story_of, story_wire, survivor, trace
from services.wiring import store_there

NARROW, WIDE = 60, 120
BREADTH = (10, 5, 3, 2, 2, 2)  # how many children are drawn at each depth, the biggest branches first;
DRAWN = 60  # of all places together


@click.command(
    cls=Verb,
    help="把一个事件画成传播树: 从哪里来、有多大把握, 经过哪些平台、媒体和账号, 多快翻倍。也可以给预警的编号。服务运行时也可以用。\n\n"
    "例: yuqing story s5a0c3f0b2d7e4c11aa08 --config yuqing.yaml",
)
@click.argument("story", metavar="编号")
@config_option
@click.option("--json", "as_json", is_flag=True, help="一个 JSON 对象, 供程序读取, 与接口 /v1/stories/编号 相同")
def command(story: str, config: Path, *, as_json: bool) -> None:
    """Print it."""
    settings = load_settings(config, os.environ)
    if not store_there(settings):
        raise UsageError(f"数据目录 {settings.data} 里还没有数据: 先运行 yuqing run 或 yuqing replay")
    found, branches = asyncio.run(_read(settings, story, draw=not as_json))
    _tell(story, found)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.buffer.flush()
        return
    console = Console(file=sys.stdout)
    console.width = min(max(console.width, NARROW), WIDE)
    # In a group each text keeps its own way of being cut
    console.print(Group(*drawn(found, branches, ZoneInfo(settings.timezone))))


def _tell(asked: str, found: Wire) -> None:
    """What the drawing itself does not say: that another was asked for, that words are gone."""
    if asked.startswith("s") and asked != found["id"]:
        click.echo(visible(f"事件 {asked} 已并入 {found['id']}: 下面是合并后的事件"), err=True)
    if not found["origin"] and not found["residual"]:
        click.echo("这个事件的信息原文都已过保存期或已被人移出, 只剩下它的概况", err=True)


async def _read(settings: Settings, asked: str, *, draw: bool) -> tuple[dict[str, Any], Sequence[Branch]]:
    store = await Store.open(settings.store, settings.data)
    try:
        async with store.read() as unit:
            story = await survivor(unit, await _found(unit, asked))
            traced = await trace(unit, story.id)
            found: Wire = await story_wire(unit, story) | {"origin": None if story.residual else traced.origin, "spread": traced.spread}
            if draw:
                return found, await branches(unit, traced.tree)
            page = await places(unit, traced.tree, None, 50)
            items, more = (page.items, page.next_cursor) if page else ([], None)
            return found | {"tree": {"items": items, "next_cursor": more}}, ()
    finally:
        await store.close()


async def _found(unit: ReadUnit, asked: str) -> StoryRow:
    """The story of this id, or that of the alert of this id."""
    alert = await unit.alerts.get(asked)
    story = await unit.stories.get(await story_of(unit, alert) if alert else asked)
    if story is None:
        raise UsageError(f"没有编号为 {visible(asked)} 的事件或预警: 用 yuqing alerts --json 或 /v1/stories 查看编号")
    return story


async def branches(unit: ReadUnit, tree: Tree) -> list[Branch]:
    """The uppermost places with what hangs under them, as much of it as is drawn: breadth first, so that no branch takes all the room."""
    top, left = Branch({}, tree.uppermost), DRAWN
    drawing: list[tuple[Branch, int]] = [(top, 0)]
    for branch, depth in drawing:  # grows as places are found
        if not left or not branch.children or depth == len(BREADTH):
            continue
        page = await places(unit, tree, branch.node, min(BREADTH[depth], left))
        branch.drawn = [Branch(place, int(str(place["children"]))) for place in page.items] if page else []
        drawing += [(child, depth + 1) for child in branch.drawn]
        left -= len(branch.drawn)
    return [top]
