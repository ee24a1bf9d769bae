"""`yuqing score --config FILE`: mentions on stdin, one line of scores each on stdout, in the same order."""

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from monitor.border import FileDefaults, read_lines
from monitor.clock import SystemClock
from monitor.errors import InvalidMention
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.mention import Mention
from monitor.scoring.scorer import Scorer, build_scorer
from services.verb import Verb, config_option

NAME = "<stdin>"
BATCH = 64


@click.command(
    cls=Verb,
    help="从标准输入读信息（每行一个 JSON，可用 gzip 压缩），在标准输出逐行给出情感、情绪和各主题的命中与风险程度。\n\n"
    "写错的行在标准错误里说明，不影响其他行；退出码：0 全部评分，1 有写错的行，2 用法或配置有误。\n\n"
    "例: yuqing score --config yuqing.yaml < 数据.jsonl",
)
@config_option
def command(config: Path) -> int:
    """Score every line; 1 if any was bad."""
    settings = load_settings(config, os.environ)
    zone = ZoneInfo(settings.timezone)
    scorer = build_scorer(settings.subjects, settings.libraries, zone)
    lines = read_lines(sys.stdin.buffer, NAME, SystemClock().now(), FileDefaults(source="stdin", timezone=zone))
    bad = 0
    while batch := list(islice(lines, BATCH)):
        good = list(_told(batch))
        bad += len(batch) - len(good)
        sys.stdout.buffer.write(b"".join(scored_lines(scorer, good)))
        sys.stdout.buffer.flush()
    return 1 if bad else 0


def scored_lines(scorer: Scorer, mentions: list[Mention]) -> Iterator[bytes]:
    """A line for every mention, also for one that hits no subject."""
    for score in scorer.score(mentions):
        yield msgspec.json.encode(score) + b"\n"


def _told(batch: Iterable[tuple[int, Mention | InvalidMention]]) -> Iterator[Mention]:
    """The good ones; the others are told on stderr."""
    for number, line in batch:
        if isinstance(line, InvalidMention):
            click.echo(visible(f"{NAME}:{number}: {line}"), err=True)
        else:
            yield line
