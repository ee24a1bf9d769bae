"""
A made-up stream for measuring, the same each time, shaped like a real one.

As in 44,413 real posts about seven names: cascades of some three hundred, each reposting one text of 120 characters; two own texts
in five are only 转发微博, the others mostly short; half of all own texts are said once; an author seldom speaks twice.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from monitor.errors import UsageError, failed_zh

NAMES = ("云杉乳业", "白塔医院", "青禾超市", "远山航空", "江城银行", "星河汽车", "长亭物业")
COUNT = 20_000
CASCADE = 310
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_HAPPENED = (
    "被曝隐瞒事故多日", "的员工与顾客在大厅里争执", "宣布下月起调整价格", "的产品被检出不合格", "回应称正在核实情况",
    "被多名消费者联名投诉", "向山区学校捐赠了一批物资", "的一名负责人被带走调查", "在本地新开了三家门店", "因系统故障让数千人滞留",
    "拖欠工资引发员工不满",
)  # fmt: skip
_DETAILS = (
    "据在场的人说，当时现场一片混乱，有人受伤后被送往医院", "当事人表示多次拨打客服电话，对方始终推诿，没有给出任何说法",
    "记者今天下午来到现场，看到门口已经贴出通知", "有网友晒出照片和收据，称自己也遇到过同样的事情",
    "监管部门的工作人员说，已经注意到相关情况，正在进一步了解", "一位住在附近的老人说，这样的事已经不是头一回了",
    "公司方面晚间发布声明，向受影响的顾客表示歉意并承诺退款", "有律师认为，如果情况属实，消费者可以依法要求赔偿",
    "不少人担心同样的问题还会发生，要求公布全部检测结果",
)  # fmt: skip
_SAID = (
    "太可怕了", "必须给个说法", "再也不去了", "支持一下", "真的假的", "监管在哪里", "气愤", "好担心家里人", "希望尽快查清楚",
    "这也行？", "说得好", "骗子", "早就听说了", "让更多人看到", "无语了", "心疼", "点个赞", "黑心企业", "有图有真相", "等官方回应",
    "我家门口就有一家", "上次我也碰到过", "转给朋友看看",
)  # fmt: skip
_FACES = ("", "", "", "[怒]", "[吃惊]", "[泪]", "！！", "……", "~~")
_PASSED_ON = ("转发微博", "转发微博", "转发微博。", "Repost")
_PLATFORMS = ("微博",) * 8 + ("抖音", "论坛")

Line = dict[str, object]


def made_up_stream(count: int = COUNT, seed: int = 20260105) -> list[bytes]:
    """So many mentions as JSON lines, in the order of time."""
    drawn = Random(seed)  # noqa: S311 - a measurement must be repeatable, not secret
    lines = [line for number in range(-(-count // CASCADE)) for line in _cascade(drawn, number)]
    lines.sort(key=lambda line: (str(line["published_at"]), str(line["id"])))
    return [json.dumps(line, ensure_ascii=False).encode() for line in lines[:count]]


def read_stream(file: Path | None, count: int = COUNT) -> list[bytes]:
    """The lines of a file (JSON Lines, gzip too), or the made-up stream where there is none."""
    if file is None:
        return made_up_stream(count)
    try:
        data = file.read_bytes()
        lines = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).splitlines()
    except (OSError, EOFError) as error:
        raise UsageError(f"{file}: 读不了（{failed_zh(error)}），请检查路径") from error
    if not lines:
        raise UsageError(f"{file}: 文件是空的，请给出有内容的信息流")
    return lines


def names_of(file: Path | None, names: Sequence[str]) -> tuple[str, ...]:
    """What is watched: the names given, else those of the made-up stream."""
    if file is not None and not names:
        raise UsageError("用 --file 测自己的信息流时，请用 --subject 写出要监测的名称（可写多次）")
    return tuple(names) or NAMES


def _cascade(drawn: Random, number: int) -> Iterator[Line]:
    """One text and who passes it on: fast at first, then ever slower."""
    began = BEGIN + timedelta(hours=9 * number, minutes=drawn.randrange(300))
    name = drawn.choice(NAMES)
    words = f"【{name}{drawn.choice(_HAPPENED)}】{'，'.join(drawn.sample(_DETAILS, 4))}。"
    yield _line(f"c{number}", words, began, f"a{number}", kind="post", followers=drawn.randrange(900_000), platform="微博")
    for n in range(CASCADE - 1):
        at = began + timedelta(seconds=int(drawn.expovariate(1 / 14_400)))
        yield _line(
            f"c{number}-{n}", _own(drawn), at, f"u{drawn.randrange(1_000_000)}", kind="repost", quoted=words, root=f"c{number}",
            parent=f"c{number}", platform=drawn.choice(_PLATFORMS),
        )  # fmt: skip


def _own(drawn: Random) -> str:
    if drawn.random() < 0.4:  # noqa: PLR2004 two in five say nothing of their own
        return drawn.choice(_PASSED_ON)
    said = "，".join(drawn.sample(_SAID, drawn.choice((1, 2, 2, 3, 4))))
    return said + drawn.choice(_FACES)


def _line(item: str, text: str, at: datetime, author: str, **more: object) -> Line:
    return {"source": "bench", "id": item, "text": text, "published_at": at.isoformat(), "author": author, **more}
