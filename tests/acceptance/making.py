"""What acceptance tests feed the service: a made-up stream with every kind of rise and ebb in it, and configurations."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).parents[2]
SHARED_STREAM = ROOT.parent / "shared" / "data" / "weibo-cascades-dev.jsonl.gz"
SHARED_SUBJECTS = ("红十字", "家乐福", "可口可乐", "华为", "百度", "航空", "银行")
SUBJECTS = ("云杉集团", "白塔医院")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="  # a made-up one
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)

Line = dict[str, object]

_BAD = (
    "云杉集团的电梯突然坠落，多人受伤，太可怕了，必须追责！",
    "云杉集团拖欠工资还打人，气愤，谁来管管",
    "云杉集团隐瞒污染，村民生病无人负责，可耻",
    "白塔医院误诊害死人，家属被打，恶心",
    "白塔医院乱收费被曝光，患者投诉无门，太黑了",
)
_GOOD = ("云杉集团今天开业，大家都很高兴", "白塔医院的医生很负责，感谢", "今天天气不错", "云杉集团发布年度报告", "午饭吃了面条，味道好")
_OWN = ("太可怕了，追责到底", "气死了，骗子", "转发微博", "必须严惩！", "这也行？失望", "已经第三次了，愤怒")
_PLATFORMS = ("微博", "微博", "微博", "抖音", "论坛", "知乎")


def made_stream(scale: int = 4, seed: int = 11) -> list[Line]:
    """`scale` times about a thousand lines: quiet talk, cascades that climb and ebb, copies, later looks, second arrivals, gaps."""
    drawn = Random(seed)
    lines: list[Line] = list(_talk(drawn, 300 * scale))
    for number in range(2 * scale):
        began = BEGIN + timedelta(hours=number * 17 + drawn.random() * 5)
        lines += _cascade(drawn, f"c{number}", began, size=(25, 420, 180)[number % 3])
    for number in range(scale):
        lines += _copies(drawn, f"k{number}", BEGIN + timedelta(hours=number * 31))
    lines += [line | {"text": "换了说法，仍是同一条"} for line in drawn.sample(lines, 20)]
    drawn.shuffle(lines)
    return lines


def _talk(drawn: Random, count: int) -> Iterator[Line]:
    for number in range(count):
        # whole minutes, so that many are said at the same moment
        at = BEGIN + timedelta(minutes=drawn.randrange(60 * 96))
        yield _line(f"t{number}", drawn.choice(_GOOD if number % 5 else _BAD), at, f"u{drawn.randrange(200)}", "微博")


def _cascade(drawn: Random, name: str, began: datetime, size: int) -> Iterator[Line]:
    """A post, what passes it on (faster and faster, then slower), news outlets and a big account, and later looks at the post."""
    subject = drawn.choice(SUBJECTS)
    words = f"{subject}{name}号事件：{drawn.choice(_BAD)}"
    yield _line(name, words, began, f"{name}-a", "微博", followers=500)
    for number in range(size):
        at = began + timedelta(seconds=int(7200 * drawn.betavariate(2, 3)))
        more: Line = {"kind": "repost", "quoted": words, "root": name, "parent": name}
        if number % 40 == 7:
            more = {"kind": "article", "quoted": words, "media": True, "outlet": f"晚报{number % 9}", "platform": "新闻"}
        if number % 90 == 50:
            more |= {"followers": 2_000_000, "verified": True}
        yield _line(f"{name}-{number}", drawn.choice(_OWN), at, f"{name}-{drawn.randrange(size)}", drawn.choice(_PLATFORMS)) | more
    for look in range(4):
        seen = began + timedelta(minutes=20 * (look + 1))
        yield _line(name, words, began, f"{name}-a", "微博", seen_at=seen.isoformat(), reposts=10 ** (look + 1), likes=3 * look)


def _copies(drawn: Random, name: str, began: datetime) -> Iterator[Line]:
    words = f"求扩散：{drawn.choice(SUBJECTS)}{name}附近道路塌陷，有人被埋，消防车进不去，千万别走那条路，太吓人了"
    for number in range(15):
        at = began + timedelta(minutes=drawn.randrange(90))
        yield _line(f"{name}-{number}", words + "。" * (number % 3), at, f"{name}-{number}", drawn.choice(_PLATFORMS))


def _line(item: str, text: str, at: datetime, author: str, platform: str, **more: object) -> Line:
    return {"source": "made", "id": item, "text": text, "published_at": at.isoformat(), "author": author, "platform": platform, **more}


def write_lines(path: Path, lines: Iterable[Line]) -> Path:
    """A JSON Lines file of them."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return path


def shared_slice(path: Path, count: int) -> Path:
    """The first lines of the shared stream as a file; skips the test where the stream is missing, fails it in CI."""
    if not SHARED_STREAM.exists():
        reason = "the shared stream is not beside the repository"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with gzip.open(SHARED_STREAM, "rt", encoding="utf-8") as stream:
        path.write_text("".join(line for _, line in zip(range(count), stream, strict=False)), "utf-8")
    return path


def write_config(
    folder: Path, *, data: str = "./var", subjects: Sequence[str] = SUBJECTS, receiver: str | None = None, more: str = ""
) -> Path:
    """A configuration for these subjects; `receiver` is the address of a signed webhook, `more` goes in as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f"organisation: 云杉集团\ndata: {data}\npseudonym_key_env: ACCEPTANCE_PSEUDONYM\nsubjects:\n"
    text += "".join(f"  - {{name: {name}, rules: [{name}]}}\n" for name in subjects)
    if receiver:
        text += f"receivers:\n  - {{name: duty, type: webhook, url: '{receiver}', secret_env: ACCEPTANCE_SECRET}}\n"
    file = folder / "yuqing.yaml"
    file.write_text(text + more, "utf-8")
    return file


def brisk_policy(folder: Path, *, hold: str = "3s") -> Path:
    """The shipped policy with seconds instead of hours, so that levels fall within a test; with `hold` 0s they rise without a tick."""
    text = (ROOT / "monitor" / "escalation" / "default.yaml").read_text("utf-8")
    for span in ("1h", "2h", "3h"):
        text = text.replace(f"keep: {span}", "keep: 4s")
    file = folder / "brisk.yaml"
    file.write_text(text.replace("hold: 1m", f"hold: {hold}"), "utf-8")
    return file
