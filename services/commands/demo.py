"""`yuqing demo`: the main job on the embedded default, with a made-up day compressed to about a minute."""

import asyncio
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.console import Console

from monitor.clock import MINUTE, SECOND, micros, moment
from monitor.collecting.recording import Recording
from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.notifying.receivers.webhook import signing_key
from monitor.settings import Settings
from services.api.server import bind
from services.demo.day import LENGTH, NARRATION, made_up_day
from services.demo.receiver import DemoReceiver
from services.demo.show import Show, where
from services.house import House, addresses, open_house, start_logging
from services.keeping.ending import run_bounded
from services.keeping.presence import hold
from services.lifecycle import Lifecycle
from services.recording.replay import Replay
from services.terminal.screen import screen
from services.terminal.verb import Verb
from services.wiring import policies_of

_FIRST_PORT, _PORTS = 8000, 50
_CONFIG = """\
organisation: 云杉乳业 (虚构)
data: ./var
listen: 127.0.0.1:{port}
subjects:
  - {{name: 云杉乳业, rules: ["云杉乳业|云杉酸奶|云杉牛奶"]}}
receivers:
  - {{name: 值班, type: webhook, url: "http://127.0.0.1:{hook}/", secret_env: DEMO_SECRET}}
"""


@click.command(
    cls=Verb,
    help="演示: 一家虚构企业的一天压缩到约一分钟, 用与正式运行相同的部件。\n\n"
    "预警逐级升降并说明理由, 本机接收方显示收到的 webhook; 按 Ctrl-C 结束。"
    "8000 端口被占用时用下一个空闲的; 什么也不留下。\n\n例: yuqing demo --seconds 20",
)
@click.option("--seconds", type=click.FloatRange(1, 3600), default=50.0, metavar="秒", help="这一天压缩到多少秒, 缺省 50")
def command(seconds: float) -> int:
    """Run the demo until Ctrl-C."""
    with TemporaryDirectory(prefix="yuqing-demo-") as folder:
        return run_bounded(_demo(Path(folder), seconds))


async def _demo(folder: Path, seconds: float) -> int:
    console = screen(soft_wrap=True)
    console.print("[bold]舆情监测演示[/]: 虚构企业「云杉乳业」的一天, 压缩到约一分钟 (按 Ctrl-C 结束)")
    secret = "whsec_" + b64encode(token_bytes(32)).decode()
    lines: list[str] = []
    receiver = DemoReceiver(signing_key(secret), lines.append)
    settings = _settings(folder, await receiver.start(), secret)
    with hold(settings.data):
        log = start_logging(settings, level="error")
        life = Lifecycle(log)
        life.on_stop("receiver", receiver.close)
        try:
            house = await open_house(settings, life, log)
            show = Show(house.store, policies_of(settings)[""], ZoneInfo(settings.timezone), console)
            receiver.tell = show.webhook
            life.side("show", show.follow())
            house.add_notifier()
            where(addresses(house.add_api(settings.listen)), console)
        except BaseException:
            await life.teardown()
            raise
        return await life.run(until=_live(house, show, folder, seconds, console))


def _settings(folder: Path, hook: int, secret: str) -> Settings:
    """A configuration as a user would write it, read as a user's is."""
    file = folder / "yuqing.yaml"
    file.write_text(_CONFIG.format(port=_free_port(), hook=hook), "utf-8")
    return load_settings(file, {"DEMO_SECRET": secret})


def _free_port() -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        try:
            bind("127.0.0.1", port).close()
        except UsageError:
            continue
        return port
    raise UsageError(f"端口 {_FIRST_PORT} 到 {_FIRST_PORT + _PORTS - 1} 都被占用, 请先停掉一些程序")


async def _live(house: House, show: Show, folder: Path, seconds: float, console: Console) -> None:
    """The day, then the service as it always is, until Ctrl-C."""
    console.print("  正在载入词典和模型…")
    settings, score = house.settings, await house.add_scorer()
    escalators = house.add_escalators()
    start = _yesterday(house.clock.now(), ZoneInfo(house.settings.timezone))
    with Recording(house.clock.now()) as recording:
        file = folder / "day.jsonl"
        file.write_bytes(b"\n".join(msgspec.json.encode(mention) for mention in made_up_day(start)))
        recording.add(file, lambda *_: None, lambda _: None)
        console.print(f"  一天开始: {recording.lines} 条信息陆续到来\n")
        replay = Replay(house.bus, house.scorer(score), escalators, speed=LENGTH * MINUTE / SECOND / seconds, alone=False)
        story = [(start + minute * MINUTE, line) for minute, line in NARRATION]
        await replay.run(recording.blocks(), lambda part: _narrate(show, story, part.raws[-1].received_at))
    await show.catch_up()
    house.life.side("scorer", house.score_by(score, settings))
    house.tick(escalators.values())
    await _stay(house, console)


def _yesterday(now: int, zone: ZoneInfo) -> int:
    """Eight in the morning of the day before."""
    day = moment(now).astimezone(zone) - timedelta(days=1)
    return micros(day.replace(hour=8, minute=0, second=0, microsecond=0))


def _narrate(show: Show, story: list[tuple[int, str]], now: int) -> None:
    while story and story[0][0] <= now:
        show.narrate(*story.pop(0))


async def _stay(house: House, console: Console) -> None:
    base = house.settings.public_url
    console.print("\n一天结束, 服务仍在运行。可以推送一条试试:")
    console.print(
        f"  curl -s {base}/v1/mentions -H 'content-type: application/json' -d "
        f"""'{{"source":"me","id":"1","text":"云杉酸奶又喝出虫子, 太气人了","published_at":"'$(date -u +%FT%TZ)'"}}'""",
        markup=False,
    )
    console.print(f"  curl -s {base}/v1/alerts\n按 Ctrl-C 结束。", markup=False)
    await asyncio.Event().wait()
