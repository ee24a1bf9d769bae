"""`yuqing score --config FILE`: mentions on stdin, one line of scores each on stdout, in the same order."""

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from monitor.accounts import Accounts
from monitor.border import FileDefaults, read_lines
from monitor.clock import SystemClock
from monitor.errors import InvalidMention
from monitor.loading import load_settings
from monitor.logs import visible
from monitor.mention import Mention
from monitor.scoring.records import with_role
from monitor.scoring.scorer import Scorer, build_scorer
from monitor.settings import Settings
from services.terminal.verb import Verb, config_option
from services.wiring import policies_of

NAME = "<stdin>"
BATCH = 64


@click.command(
    cls=Verb,
    help="从标准输入读信息（每行一个 JSON，可用 gzip 压缩），在标准输出逐行给出情感、情绪和各主题的命中与风险程度；"
    "账号有身份的（名单里的，或本来就是媒体、大V）带 role，own 从不算负面。\n\n"
    "写错的行在标准错误里说明，不影响其他行；退出码：0 全部评分，1 有写错的行，2 用法或配置有误。\n\n"
    "例: yuqing score --config yuqing.yaml < 数据.jsonl",
)
@config_option
def command(config: Path) -> int:
    """Score every line; 1 if any was bad."""
    settings = load_settings(config, os.environ)
    zone = ZoneInfo(settings.timezone)
    told = Telling(build_scorer(settings.subjects, settings.libraries, zone, settings.segmenter, settings.sentiment), settings)
    lines = read_lines(sys.stdin.buffer, NAME, SystemClock().now(), FileDefaults(source="stdin", timezone=zone))
    bad = 0
    while batch := list(islice(lines, BATCH)):
        good = list(_told(batch))
        bad += len(batch) - len(good)
        sys.stdout.buffer.write(b"".join(told(good)))
        sys.stdout.buffer.flush()
    return 1 if bad else 0


class Telling:
    """Mentions -> lines, by whose they are as the score role sees it."""

    def __init__(self, scorer: Scorer, settings: Settings) -> None:
        self._scorer, self._accounts = scorer, Accounts(settings.listed)
        self._followers = policies_of(settings)[""].kol_followers

    def __call__(self, mentions: list[Mention]) -> Iterator[bytes]:
        """A line for every mention, also for one that hits no subject."""
        for mention, score in zip(mentions, self._scorer.score(mentions), strict=True):
            yield msgspec.json.encode(with_role(score, mention, self._followers, self._accounts.roles(mention))) + b"\n"


def _told(batch: Iterable[tuple[int, Mention | InvalidMention]]) -> Iterator[Mention]:
    """The good ones; the others are told on stderr."""
    for number, line in batch:
        if isinstance(line, InvalidMention):
            click.echo(visible(f"{NAME}:{number}: {line}"), err=True)
        else:
            yield line
