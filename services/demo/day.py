"""
The made-up day of a made-up dairy: quiet talk, a good deed that raises nothing, one story that climbs 蓝→黄→橙→红 and ebbs.

Everything is drawn from a fixed seed: the same day each time, on another date.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from monitor.clock import SECOND, moment
from monitor.mention import Mention

LENGTH = 16 * 60  # minutes
RUMOUR = "在云杉酸奶里喝出了活虫! 孩子喝完上吐下泻进了医院, 打客服电话还推诿说是正常现象, 太让人愤怒了, 大家千万别再买了"
ARTICLE = "多地消费者投诉云杉酸奶喝出异物 有儿童腹泻就医, 企业回应被指推诿, 市场监管部门已介入调查"
_QUIET = (
    "早餐面包配云杉牛奶, 好喝", "楼下超市云杉酸奶今天第二件半价, 划算", "云杉牛奶的新包装挺好看", "云杉酸奶周末有活动吗",
    "云杉乳业在招聘暑期实习生", "办公室下午茶是云杉酸奶, 开心", "云杉牛奶配咖啡味道不错", "今天参观云杉乳业的工厂, 很干净",
)  # fmt: skip
_GOOD = (
    "为云杉乳业点赞! 给山区学校送去一万箱牛奶, 孩子们笑得真开心", "云杉乳业捐赠山区小学, 有担当的好企业, 支持",
    "看到孩子们喝上云杉牛奶的笑脸, 太暖心了", "云杉乳业的公益行动真棒, 希望越来越好",
)  # fmt: skip
_WORDS = (
    "转发微博", "太可怕了, 我家孩子天天喝", "愤怒! 必须给个说法", "这种黑心企业赶紧关门吧", "再也不买了", "监管在哪里?",
    "刚给孩子喝完, 好担心", "转给当妈妈的朋友看看", "太恶心了", "客服的态度让人寒心",
)  # fmt: skip
_OUTLETS = ("晨报", "都市快报", "健康时报网", "财经观察", "消费者日报", "新闻晚高峰", "民生在线", "今日头条号", "城市晚报", "南方周刊网")


@dataclass(frozen=True)
class Stretch:
    """From minute `start` to `end`, `count` mentions spread evenly, on these platforms."""

    start: int
    end: int
    count: int
    platforms: tuple[str, ...]


_CLIMB = (
    Stretch(241, 262, 5, ("微博",)),
    Stretch(262, 300, 22, ("微博", "抖音")),
    Stretch(300, 345, 80, ("微博", "抖音", "小红书")),
    Stretch(345, 420, 290, ("微博", "抖音", "小红书", "知乎", "B站")),
    Stretch(420, 480, 120, ("微博", "抖音", "小红书", "知乎")),
    Stretch(480, 560, 40, ("微博", "抖音")),
    Stretch(560, 640, 10, ("微博",)),
)


NARRATION = (
    (0, "平静的一天: 早餐、优惠、包装, 随口一提"),
    (110, "公益捐赠引来七十条好评: 正面信息再多也不触发预警"),
    (240, "一位妈妈发帖: 酸奶里喝出了活虫"),
    (480, "企业回应后, 讨论渐渐平息"),
)


def made_up_day(start: int) -> list[Mention]:
    """Every mention of the day that begins at `start` (micros)."""
    chance = Random(20260302)  # noqa: S311 - a demo must be repeatable, not secret
    found = [*_quiet(start, chance), *_good_deed(start, chance), *_story(start, chance), *_press(start)]
    return sorted(found, key=lambda mention: mention.published_at)


def _at(start: int, minute: float) -> int:
    return start + round(minute * 60) * SECOND


def _quiet(start: int, chance: Random) -> Iterator[Mention]:
    for n, minute in enumerate(range(0, LENGTH, 8)):
        yield Mention(
            source="demo", id=f"quiet-{n}", text=chance.choice(_QUIET), published_at=moment(_at(start, minute + chance.random() * 6)),
            platform=chance.choice(("微博", "抖音", "小红书")), author=f"路人{chance.randrange(5000)}", followers=chance.randrange(2000),
        )  # fmt: skip


def _good_deed(start: int, chance: Random) -> Iterator[Mention]:
    for n in range(70):
        yield Mention(
            source="demo", id=f"good-{n}", text=chance.choice(_GOOD), published_at=moment(_at(start, 110 + n * 0.9)),
            platform=chance.choice(("微博", "抖音")), author=f"网友{n}", likes=chance.randrange(300),
        )  # fmt: skip


def _story(start: int, chance: Random) -> Iterator[Mention]:
    yield Mention(source="demo", id="story", text=RUMOUR, published_at=moment(_at(start, 240)), platform="微博", author="一位生气的妈妈")
    for number, stretch in enumerate(_CLIMB):
        for n in range(stretch.count):
            minute = stretch.start + (stretch.end - stretch.start) * (n + chance.random()) / stretch.count
            loud = number >= 2 and n % 25 == 7  # noqa: PLR2004 - from the third stretch on now and then a loud account
            yield Mention(
                source="demo", id=f"story-{number}-{n}", kind="repost", text=chance.choice(_WORDS), quoted=RUMOUR, root="story",
                published_at=moment(_at(start, minute)), platform=chance.choice(stretch.platforms), author=f"用户{number}-{n}",
                followers=900_000 if loud else chance.randrange(3000), verified=loud or None, reposts=chance.randrange(40 if loud else 3),
            )  # fmt: skip


def _press(start: int) -> Iterator[Mention]:
    for n, outlet in enumerate(_OUTLETS):
        yield Mention(
            source="demo", id=f"press-{n}", kind="article", title="云杉酸奶被曝喝出活虫", text=ARTICLE, quoted=RUMOUR,
            published_at=moment(_at(start, 325 + n * 9)), platform="新闻", outlet=outlet, author=outlet, media=True,
            url=f"https://news.example/{n}",
        )  # fmt: skip
