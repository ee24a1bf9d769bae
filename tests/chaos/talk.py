"""What is said while the service is killed: happenings that begin, spread and ebb, small talk, later looks, second arrivals."""

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

from tests.acceptance.making import SUBJECTS, Line

SOURCE = "live"
EVERY = 150  # a new happening begins with every so many mentions
_SAID = (
    "{}食堂的饭菜吃坏了几百人，救护车来了又来，还不让说，太恶心了，必须追责",
    "{}的电梯突然坠落，多人受伤，太可怕了，谁来负责",
    "{}隐瞒污染，村民生病无人管，可耻",
    "{}拖欠工资还打人，气愤，谁来管管",
)
_GOOD = ("{}今天开放参观，大家都很高兴", "{}发布年度报告", "{}的志愿者来了，谢谢他们")
_NOBODY = ("隔壁今天很热闹", "午饭吃了面条，味道好")
_OWN = ("太可怕了，追责到底", "气死了，骗子", "转发微博", "必须严惩！", "这也行？失望", "愤怒")
_PLATFORMS = ("微博", "微博", "抖音", "论坛", "知乎")
_AGO = (0, 0, 600, 3_570)  # seconds: what is nearly an hour old soon leaves the hour's windows, and its alert falls


class Happening:
    """Something that befell a subject, `ago` seconds before it is spoken of."""

    def __init__(self, drawn: Random, number: int) -> None:
        self.subjects = SUBJECTS if drawn.random() < 0.1 else (drawn.choice(SUBJECTS),)
        self.name = f"h{number}"
        self.words = f"{number}号路口，{drawn.choice(_SAID).format('和'.join(self.subjects))}"
        self.ago = drawn.choice(_AGO)
        self.left = drawn.choice((15, 60, 160, 400))


class Talk:
    """An endless stream of mentions, published as of now; equal seeds say the same but for the moments."""

    def __init__(self, seed: int) -> None:
        self.hits: dict[tuple[str, str], tuple[str, ...]] = {}  # (source, id) -> the subjects it is about
        self._drawn = Random(f"talk {seed}")
        self._numbers, self._names = count(), count()
        self._living: list[Happening] = []
        self._last: list[Line] = []

    def batch(self, size: int) -> list[Line]:
        """The next so many; those of one batch are of one moment or of a few minutes."""
        lines = [self._one() for _ in range(size)]
        self._last = [*self._last, *lines][-200:]
        return lines

    def _one(self) -> Line:
        number = next(self._numbers)
        if number % EVERY == 0 or not self._living:
            self._living = [*self._living, Happening(self._drawn, next(self._names))][-4:]
        chance = self._drawn.random()
        if chance < 0.08 and self._last:
            return self._again(self._drawn.choice(self._last))
        if chance < 0.75:
            return self._spoken(self._drawn.choice(self._living), f"m{number}")
        text = self._drawn.choice((*_GOOD, *_NOBODY)).format(subject := self._drawn.choice(SUBJECTS))
        return self._line(f"m{number}", text, 0, (subject,) if subject in text else ())

    def _spoken(self, happening: Happening, item: str) -> Line:
        """Its first post, then those who pass it on, among them news and big accounts."""
        happening.left -= 1
        if happening.left <= 0 and len(self._living) > 1:
            self._living.remove(happening)
        if (SOURCE, happening.name) not in self.hits:
            return self._line(happening.name, happening.words, happening.ago, happening.subjects)
        more: Line = {"kind": "repost", "quoted": happening.words, "root": happening.name, "parent": happening.name}
        chance = self._drawn.random()
        if chance < 0.03:
            more |= {"kind": "article", "media": True, "outlet": f"晚报{self._drawn.randrange(9)}", "platform": "新闻"}
        elif chance < 0.04:
            more |= {"followers": 2_000_000, "verified": True}
        return self._line(item, self._drawn.choice(_OWN), happening.ago, happening.subjects) | more

    def _again(self, line: Line) -> Line:
        """Seen once more: later, with more engagement; or only arriving a second time, in other words."""
        if self._drawn.random() < 0.3:
            return line | {"text": f"{line['text']}（换了说法）"}
        seen = datetime.now(UTC) + timedelta(seconds=self._drawn.randrange(60))
        return line | {"seen_at": seen.isoformat(), "reposts": 10 ** self._drawn.randrange(6), "likes": self._drawn.randrange(900)}

    def _line(self, item: str, text: str, ago: float, subjects: tuple[str, ...]) -> Line:
        self.hits[SOURCE, item] = subjects
        said = datetime.now(UTC) - timedelta(seconds=ago + self._drawn.random() * 5)
        return {
            "source": SOURCE, "id": item, "text": text, "published_at": said.isoformat(), "author": f"u{self._drawn.randrange(2_000)}",
            "platform": self._drawn.choice(_PLATFORMS),
        }  # fmt: skip
