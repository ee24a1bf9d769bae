"""`yuqing bench [NAME…]`: the project's own measurements, one JSON object on stdout."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import click
import msgspec
from rich.console import Console

from monitor.errors import UsageError
from monitor.loading import load_settings
from monitor.logs import configure, secrets_of
from monitor.settings import Settings
from services.bench.dashboards import measure_dashboards
from services.bench.figure import Figure
from services.bench.keywords import measure_keywords
from services.bench.latency import measure_latency
from services.bench.pipeline import measure_pipeline
from services.bench.polling import measure_polling
from services.bench.push import measure_push
from services.bench.reload import measure_reload
from services.bench.replay import measure_replay
from services.bench.scorer import measure_scorer
from services.bench.segment import measure_segment
from services.bench.sentiment import measure_sentiment
from services.bench.stories import measure_restart, measure_stories
from services.bench.stream import COUNT, names_of, read_stream
from services.bench.takeover import measure_takeover
from services.terminal.verb import Verb, near

Measure = Callable[[Path, Sequence[bytes], Sequence[str]], dict[str, Figure]]
# Two names may come of one run
MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "replay": measure_replay,
        "push": measure_push,
        "alert_latency": measure_latency,
        "memory": measure_replay,
        "keywords_10k": measure_keywords,
        "keywords_100k": measure_keywords,
        "keywords_variants": measure_keywords,
        "segment": measure_segment,
        "reload": measure_reload,
        "sentiment": measure_sentiment,
        "scorer": measure_scorer,
        "scorer_single": measure_scorer,
        "pipeline": measure_pipeline,
        "takeover": measure_takeover,
        "stories_10k": measure_stories,
        "stories_100k": measure_stories,
        "restart": measure_restart,
        "alerts_page": measure_polling,
        "alerts_304": measure_polling,
        "dashboards": measure_dashboards,
    }
)
# Of those the ones that work by a configuration, where there is one: on its bus and its store, or with its model
CONFIGURED: Mapping[Measure, Callable[[Path, Sequence[bytes], Sequence[str], Settings | None], dict[str, Figure]]] = MappingProxyType(
    {one: one for one in (measure_scorer, measure_pipeline, measure_takeover, measure_polling, measure_dashboards)}
)


@click.command(
    cls=Verb,
    help="在这台机器上测量性能，在标准输出给出一个 JSON 对象：数值、单位、同一次测得的对照、比值（大于 1 即优于对照）、条数。\n\n"
    f"可测：{' '.join(MEASURES)}；不写名称则全部，约十分钟。数据是编造的，每次相同；"
    "对照是逐条 json + jieba + SnowNLP 的简单写法（sentiment 是 SnowNLP 自己，push 是裸 SQLite 逐条提交，memory 是前一半的峰值，"
    "stories 是逐条比对全部 SimHash，restart 是从头重判日志，"
    "scorer_single 是同一循环一条所用的毫秒，都取 p99，"
    "pipeline 是裸 aiokafka 的读、发、提交（SQLite 是同样的行裸批量写入），takeover 是会话超时加 4 秒，"
    "keywords_10k 是逐词 in，keywords_100k 是一万条规则，keywords_variants 是同样的规则不带 ~，segment 是 jieba 本身，reload 是停下来重建，"
    "alerts_page 是裸 SQL 加 OFFSET，alerts_304 是什么也不做的 FastAPI 路由，dashboards 是答应的 50 毫秒）。\n\n"
    "例: yuqing bench\n\n"
    "例: yuqing bench replay memory\n\n"
    "例: yuqing bench alerts_page alerts_304 dashboards --config yuqing.yaml\n\n"
    "例: yuqing bench scorer --file 数据.jsonl.gz --subject 某某集团",
)
@click.argument("names", nargs=-1, metavar="[名称…]")
@click.option(
    "--config", metavar="文件", type=click.Path(path_type=Path),
    help="用此配置的数据目录所在的磁盘测量；pipeline、takeover、alerts_page、alerts_304、dashboards 用它的日志和库，另建主题和数据库，"
    "scorer、scorer_single 用它的情感模型。测完删去所建的东西",
)  # fmt: skip
@click.option("--file", "file", metavar="文件", type=click.Path(path_type=Path), help="用自己的信息流（JSON Lines，可为 gzip）")
@click.option("--subject", "subjects", multiple=True, metavar="名称", help="自己的信息流里要监测的名称，可写多次")
@click.option("--mentions", type=click.IntRange(100, 10_000_000), default=COUNT, metavar="N", help=f"编造多少条，默认 {COUNT}")
def command(names: tuple[str, ...], config: Path | None, file: Path | None, subjects: tuple[str, ...], mentions: int) -> None:
    """Measure and print."""
    asked = _asked(names)
    watched = names_of(file, subjects)
    settings = load_settings(config, os.environ) if config else None
    if settings:
        configure("error", secrets=secrets_of(settings))
    home = settings.data if settings else None
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    lines = read_stream(file, mentions)
    with TemporaryDirectory(prefix="yuqing-bench-", dir=home) as folder:
        figures = _measured(Path(folder), asked, lines, watched, settings)
    sys.stdout.buffer.write(msgspec.json.encode({name: figures[name] for name in asked}) + b"\n")
    sys.stdout.buffer.flush()


def _asked(names: Sequence[str]) -> list[str]:
    """What to measure, each once, in the order given."""
    for name in names:
        if name not in MEASURES:
            raise UsageError(f"没有 {name} 这一项测量{near(name, MEASURES)}\n可测的有：{'、'.join(MEASURES)}")
    return list(dict.fromkeys(names or MEASURES))


def _measured(
    folder: Path, asked: Sequence[str], lines: Sequence[bytes], watched: Sequence[str], settings: Settings | None
) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    console = Console(stderr=True)
    for number, measure in enumerate(dict.fromkeys(MEASURES[name] for name in asked)):
        what = "、".join(name for name in asked if MEASURES[name] is measure)
        with console.status(f"测量 {what}"):
            there = CONFIGURED.get(measure)
            where = folder / str(number)
            figures |= there(where, lines, watched, settings) if there else measure(where, lines, watched)
    return figures
