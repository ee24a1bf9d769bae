"""`yuqing report URL --subject S --note … --config F`: somebody of the staff has seen something."""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import click
import msgspec
from prometheus_client import CollectorRegistry

from monitor.alert import Level
from monitor.border import LIMITS, parse
from monitor.clock import SystemClock, rfc3339
from monitor.entries import address_fault
from monitor.errors import Held, InvalidMention, UsageError
from monitor.links import normalised
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.mention import Mention
from monitor.metrics import Metrics
from monitor.settings import Settings
from services.house import start_logging
from services.intake import Intake, Receipt, known_in
from services.keeping.presence import hold_embedded
from services.keeping.reload import settled
from services.terminal.calling import PATIENCE, Service, running_service
from services.terminal.verb import Verb, config_option
from services.terminal.watched import check_watched
from services.wiring import open_bus, open_store, shared

SOURCE = "人工上报"
_FEELING = {"negative": "负面", "neutral": "中性", "positive": "正面"}


@click.command(
    cls=Verb,
    help="上报人工发现的链接: 一定入库, 一定查得到; 写明主题的记在该主题名下。服务运行时经接口上报 (有密钥时在环境变量 YUQING_KEY 里给出), "
    "没有运行时直接写入日志, 启动后处理。\n\n"
    "例: yuqing report https://example.com/post/1 --subject 某某集团 --note 有人称喝出异物 --config yuqing.yaml",
)
@click.argument("url", metavar="链接")
@config_option
@click.option("--subject", "subjects", multiple=True, metavar="主题", help="属于哪个监测主题, 可写多次; 不写则只入库备查")
@click.option("--note", default="", metavar="说明", help="看到了什么; 级别按这里的话判断; 同一链接另有说明时再报一次即可")
@click.option("--platform", metavar="平台", help="在哪个平台, 如 微博")
def command(url: str, config: Path, subjects: tuple[str, ...], note: str, platform: str | None) -> None:
    """Report, and print the receipt."""
    settings = load_settings(config, os.environ)
    mention = _mention(url, subjects, note, platform)
    try:
        with hold_embedded(settings):
            receipt = asyncio.run(_append(settings, mention))
    except Held:
        _through_api(settings, mention)
        return
    click.echo(_received(receipt, mention))
    click.echo("已写入日志, 由运行的服务评分、入库" if shared(settings) else "服务没有运行: 已写入日志, 启动后评分、入库")


def _mention(url: str, subjects: Sequence[str], note: str, platform: str | None) -> Mention:
    if fault := address_fault(url):
        raise UsageError(f"{visible(url)} 不是有效的链接：{fault}")
    now = SystemClock().now()
    said: dict[str, object] = {
        "source": SOURCE, "id": _identity(url, subjects, note), "kind": "report", "url": url, "text": note or url,
        "published_at": rfc3339(now), "subjects": list(subjects), "platform": platform,
    }  # fmt: skip
    try:
        return parse(msgspec.json.encode(said), now)
    except InvalidMention as error:
        raise UsageError(f"不能上报：{error}") from error


def _identity(url: str, subjects: Sequence[str], note: str) -> str:
    """
    The same link for the same subjects with the same words is one report, whoever sends it.

    The first arrival stays, so other words, which may be graver, are a report of their own; the windows count their one link once.
    """
    said = (blake2b(note.encode("utf-8", "replace"), digest_size=6).hexdigest(),) if note else ()
    link = " ".join((normalised(url) or url, *sorted(subjects), *said))
    return link if len(link.encode()) <= LIMITS["id"] and link.isprintable() else blake2b(link.encode(), digest_size=16).hexdigest()


async def _append(settings: Settings, mention: Mention) -> Receipt:
    """Into the log ourselves: nobody else holds it."""
    log = start_logging(settings, level="error")
    clock, store = SystemClock(), await open_store(settings)
    bus = open_bus(settings, clock)
    try:
        check_watched(mention.subjects, [subject.name for subject in (await settled(settings, store, log)).subjects])
        await bus.start()
        known = None if bus.knows else partial(known_in, store)
        return await Intake(bus, clock, Metrics(CollectorRegistry()), settings.sources, known=known).take([mention], staff=True)
    finally:
        await bus.close()
        await store.close()


def _received(receipt: Receipt, mention: Mention) -> str:
    became = "已收到" if receipt.accepted else "此前已有人这样上报过" if receipt.duplicate else "已更新"
    return visible(f"{became}: {mention.url}（来源 {mention.source}，编号 {mention.id}）")


def _through_api(settings: Settings, mention: Mention) -> None:
    """The service has the folder: it takes the report, and tells what became of it."""
    with running_service(settings, "staff 或 admin") as service:
        check_watched(mention.subjects, service.subjects())
        receipt = msgspec.convert(service.ask("POST", "/v1/mentions", msgspec.json.encode(mention)), Receipt)
        click.echo(_received(receipt, mention))
        for line in _became(service, mention):
            click.echo(visible(line))


def _became(service: Service, mention: Mention) -> Iterator[str]:
    """What was stored of it, a line a subject."""
    deadline = time.monotonic() + PATIENCE
    while (found := _stored(service, mention)) is None:
        if time.monotonic() > deadline:
            yield "还在排队：稍后用 GET /v1/mentions 查看"
            return
        time.sleep(0.2)
    for score in found["scores"]:
        alert = _alert(service, score)
        yield (
            f"已入库: 主题 {score['subject'] or '（无，备查）'}，情感 {_FEELING[score['sentiment']['label']]}，风险 {score['severity']:g}"
            + (f"，预警 {Level.of(alert['level']).zh} {alert['id']}" if alert else "，未达预警")
        )


def _stored(service: Service, mention: Mention) -> dict[str, Any] | None:
    for subject in mention.subjects or ("",):
        items = service.ask("GET", "/v1/mentions", subject=subject, limit="200")["items"]
        found = next((one for one in items if (one["source"], one["id"]) == (mention.source, mention.id)), None)
        if found:
            return dict(found)
    return None


def _alert(service: Service, score: dict[str, Any]) -> dict[str, Any] | None:
    if not score["story"]:
        return None
    items = service.ask("GET", "/v1/alerts", subject=score["subject"], limit="200")["items"]
    return next((one for one in items if one["story"] == score["story"]), None)
