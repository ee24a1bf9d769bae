"""`yuqing sentiment`: what people said through the API, beside the model's word, for people, for programs and for training."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from monitor.clock import DAY, EPOCH, HOUR, SystemClock, micros, moment
from monitor.escalation.effects import Judged, Judgement
from monitor.mention import Mention
from monitor.score import Sentiment
from monitor.settings import Retention
from monitor.store.sessions import Store
from services.cli import run
from services.evaluation.counting import evaluate, weeks, wire
from tests.contract.store.records import LATER, mention, new_hit
from tests.contract.test_api_corrections import LINES, api
from tests.unit.escalation.making import SUBJECT
from tests.unit.test_terminal import columns

CHINA = ZoneInfo("Asia/Shanghai")
PSEUDONYM = "pseudonym"  # how every made-up author begins


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


class Said(NamedTuple):
    """A mention of 红十字会 with how sure the model is that it is negative, and what a person says."""

    mention: Mention
    sure: float
    word: Judgement | None = None
    subject: str = "红十字会"


class Printed(NamedTuple):
    """What a command line came to."""

    code: int
    out: str
    err: str


def word(label: Any, **more: Any) -> Judgement:
    """A person's word."""
    return Judgement(label=label, actor="大屏", note=more.pop("note", "看过"), at=LATER, **more)


SAID = [
    Said(mention(1, "又出事了, 气死人"), 0.97, word("negative")),
    Said(mention(2, "通告: 明日<b>例行</b>|检修"), 0.96, word("neutral", note="通稿|不是<i>负面</i>")),
    Said(mention(3, "转发微博", quoted="捐款去了\t哪里\n谁知道", kind="repost", platform="抖音"), 0.7, word("negative", relevant=False)),
    Said(mention(4, "捐款去了 哪里, 谁知道!"), 0.6, word("negative")),
    Said(mention(5, "真是好样的"), 0.55, word("positive")),
    Said(mention(6, "真是好样的！"), 0.55, word("neutral", emotion="support")),
    Said(mention(7, "没有人看过的话"), 0.9),
    Said(mention(8, "说的是另一个红会"), 0.52, Judgement(relevant=False, actor="小李", at=LATER)),
    Said(mention(9, "故宫门票又涨了"), 0.8, word("negative"), "故宫"),
]


async def filled(url: str, folder: Path, said: Sequence[Said] = SAID, keep: int = 0) -> Path:
    """A configuration on a store where these are decided and judged; `keep`: texts were kept for so long (micros), and are gone."""
    store = await Store.open(url, folder)
    async with store.write() as unit:
        for each in said:
            rest = (1 - each.sure) / 2
            new = new_hit(0, each.subject, said=each.mention)
            score = replace(new.scored.score, sentiment=Sentiment("negative", each.sure, rest, rest))
            await unit.mentions.add([replace(new, scored=replace(new.scored, score=score))], 0, LATER)
            if each.word:
                await unit.mentions.judge([Judged(each.subject, each.mention.digest, each.word)])
        if keep:
            await unit.mentions.expire(LATER + keep + 1, Retention(text=keep))
    await store.close()
    file = folder / "c.yaml"
    file.write_text(f"organisation: 某会\nsubjects: [{{name: 红十字会, rules: [红会]}}]\ndata: .\nstore: '{url}'\n", "utf-8")
    return file


async def yuqing(capfd: pytest.CaptureFixture[str], *line: str | Path) -> Printed:
    """Run `yuqing sentiment`."""
    capfd.readouterr()
    code = await asyncio.to_thread(run, ["sentiment", *map(str, line)])
    return Printed(code, *capfd.readouterr())


async def test_what_people_say_is_reported(tmp_path: Path, empty_store: str) -> None:
    """From the API to the figures: confirming agrees, correcting does not, and who did it stands with it."""
    async with api(tmp_path, store=empty_store) as here:
        for item, body in (("p1", {"label": "negative"}), ("p2", {"label": "neutral", "note": "通稿"}), ("q3", {"relevant": False})):
            answer = await here.post("/v1/mentions/score", source="t", id=item, subject=SUBJECT.name, **body)
            assert answer.status_code == 200, answer.text
        found = wire(await evaluate(here.parts.store, CHINA), {})

    assert (found["mentions"], found["judged"], found["waiting"]) == (80, 3, 0)
    assert (found["agreement"]["agreed"], found["agreement"]["judged"]) == (1, 2)
    assert found["confusion"]["negative"] == {"negative": 1, "neutral": 1, "positive": 0}
    (subject,) = found["subjects"]
    assert (subject["subject"], subject["mentions"], subject["irrelevant"]) == (SUBJECT.name, 80, 1)
    (mistake,) = found["mistakes"]
    assert (mistake["source"], mistake["id"], mistake["people"], mistake["note"]) == ("t", "p2", "neutral", "通稿")
    assert mistake["actor"] == "小王"
    assert mistake["text"].startswith(LINES[0])


async def test_a_word_nobody_has_come_to_waits(tmp_path: Path, empty_store: str) -> None:
    """What was recorded while no service decides is told as waiting, and counted nowhere else."""
    async with api(tmp_path, decides=False, store=empty_store) as here:
        answer = await here.post("/v1/mentions/score", source="t", id="p1", subject=SUBJECT.name, label="positive")
        assert answer.status_code == 202
        found = wire(await evaluate(here.parts.store, CHINA), {})
    assert (found["waiting"], found["judged"], found["agreement"]["judged"], found["mistakes"]) == (1, 0, 0, [])


async def test_programs_are_told_everything(tmp_path: Path, empty_store: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The figures of a small case by hand, of one subject or all; no author's name in any of them."""
    config = await filled(empty_store, tmp_path)

    done = await yuqing(capfd, "report", "--config", config, "--json")
    found = json.loads(done.out)

    assert (done.code, done.err) == (0, "")
    assert (found["mentions"], found["judged"], found["organisation"], found["since"]) == (9, 8, "某会", None)
    assert found["agreement"] == {"judged": 7, "agreed": 4, "share": 0.5714, "low": 0.2505, "high": 0.8418}
    assert found["confusion"]["negative"] == {"negative": 4, "neutral": 2, "positive": 1}
    assert found["labels"]["neutral"]["found"]["agreed"] == 0
    assert (found["emotion"]["agreement"]["judged"], found["emotion"]["confusion"]["none"]["support"]) == (1, 1)
    assert [(one["subject"], one["judged"], one["irrelevant"]) for one in found["subjects"]] == [("故宫", 1, 0), ("红十字会", 7, 2)]
    assert [(one["platform"], one["judged"]) for one in found["platforms"]] == [("微博", 7), ("抖音", 1)]
    assert [(one["kind"], one["judged"]) for one in found["kinds"]] == [("post", 7), ("repost", 1)]
    surest = found["bands"][-1]
    assert (surest["from"], surest["mentions"], surest["left_alone"], surest["agreement"]["agreed"]) == (0.95, 2, 0, 1)
    assert [one["id"] for one in found["mistakes"]] == ["m2", "m6", "m5"]
    assert (found["mistakes"][0]["text"], found["mistakes"][0]["confidence"]) == ("通告: 明日<b>例行</b>|检修", 0.96)
    assert any("不是随机抽样" in one for one in found["caution"])
    assert PSEUDONYM not in done.out

    only = json.loads((await yuqing(capfd, "report", "--config", config, "--json", "--subject", "故宫")).out)
    assert (only["mentions"], only["agreement"]["agreed"]) == (1, 1)
    late = json.loads((await yuqing(capfd, "report", "--config", config, "--json", "--since", "1h")).out)
    assert (late["mentions"], late["mistakes"]) == (0, [])


async def test_people_are_told_what_it_means(tmp_path: Path, empty_store: str, capfd: pytest.CaptureFixture[str]) -> None:
    """On a terminal, as Markdown and as a page: the figures, what they do not say, and other people's words only as words."""
    config = await filled(empty_store, tmp_path)

    shown = await yuqing(capfd, "report", "--config", config)
    for form in ("md", "html"):
        written = await yuqing(capfd, "report", "--config", config, "-o", tmp_path / f"r.{form}")
        assert (written.code, written.out) == (0, "")
    marked, tagged = (tmp_path.joinpath(f"r.{form}").read_text("utf-8") for form in ("md", "html"))

    for page in (shown.out.replace("\n", ""), marked, tagged):
        for words in ("不是随机抽样", "没人改，不等于模型对", "4/7", "逐周漂移", "按把握", "大屏"):
            assert words in page
    assert "通稿\\|不是\\<i\\>负面" in marked
    assert "<b>" not in tagged.replace("&lt;b&gt;", "")
    assert "通稿|不是&lt;i&gt;负面" in tagged
    assert PSEUDONYM not in shown.out + marked + tagged


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_a_report_fits_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """However narrow it is, no line is longer, and nothing that was said reaches it as an escape."""
    monkeypatch.setenv("COLUMNS", str(width))
    hostile = Said(mention(1, "\x1b[2J红会" * 40), 0.9, word("neutral", note="\x1b]0;x\x07" + "长" * 200), "红" * 60)
    shown = (await yuqing(capfd, "report", "--config", await filled("sqlite", tmp_path, [*SAID[1:], hostile]))).out
    assert max(map(columns, shown.splitlines())) <= width
    assert "\x1b" not in shown
    assert "\\u001b" in shown


async def test_what_was_judged_can_be_learnt_from(tmp_path: Path, empty_store: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Label and text as the scorer reads it, each text once; none that is judged both ways, and no author; the head says where from."""
    config = await filled(empty_store, tmp_path)

    done = await yuqing(capfd, "export", "--config", config, "-o", tmp_path / "staff.tsv.gz")
    head, *lines = gzip.decompress(tmp_path.joinpath("staff.tsv.gz").read_bytes()).decode().splitlines()
    printed = await yuqing(capfd, "export", "--config", config, "--subject", "故宫")

    assert done.code == 0
    assert lines == ["neg\t又出事了, 气死人", "neu\t通告: 明日<b>例行</b>|检修", "neg\t捐款去了 哪里 谁知道", "neg\t故宫门票又涨了"]
    assert head.startswith("# yuqing sentiment export: 某会，全部主题，库里的全部，")
    assert "\t" not in head
    assert "写出 4 段" in done.err
    assert "1 段原文判得不一致" in done.err
    assert PSEUDONYM not in "".join(lines)
    assert [line for line in printed.out.splitlines() if not line.startswith("#")] == ["neg\t故宫门票又涨了"]


async def test_texts_past_their_time_are_not_there(tmp_path: Path, empty_store: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The figures stay, the words are gone; there is nothing to learn from, and no file."""
    config = await filled(empty_store, tmp_path, keep=DAY)

    found = json.loads((await yuqing(capfd, "report", "--config", config, "--json")).out)
    shown = await yuqing(capfd, "report", "--config", config)
    done = await yuqing(capfd, "export", "--config", config, "-o", tmp_path / "staff.tsv")

    assert (found["judged"], found["agreement"]["agreed"], found["platforms"], found["mistakes"][0]["text"]) == (8, 4, [], None)
    assert "原文已过保存期" in shown.out.replace("\n", "")
    assert "例行" not in shown.out
    assert (done.code, tmp_path.joinpath("staff.tsv").exists()) == (2, False)
    assert "没有可写出的" in done.err


async def test_nobody_has_said_anything(tmp_path: Path, empty_store: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The model's own labels are told week by week, and that there is no agreement to speak of."""
    config = await filled(empty_store, tmp_path, [Said(mention(1), 0.9)])
    shown = await yuqing(capfd, "report", "--config", config)
    assert shown.code == 0
    assert "还没有人给出过 label" in shown.out
    assert "2026-W39 (09-21)" in shown.out
    assert (await yuqing(capfd, "export", "--config", config)).code == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("judge",), "没有 judge"),
        (("export", "--json"), "--json 只用于 report"),
        (("report", "-o", "r.pdf"), ".md 或 .html"),
        (("report", "--since", "soon"), "--since soon"),
        (("report", "--since", "4y"), "7d、4w"),
        (("report", "--subject", "没有的"), "库里没有主题 没有的 的信息"),
    ],
    ids=" ".join,
)
async def test_wrong_use_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str], line: tuple[str, ...], says: str) -> None:
    """What cannot be meant is told in a line, with 2, and nothing is written."""
    config = await filled("sqlite", tmp_path)
    done = await yuqing(capfd, *line, "--config", config)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not tmp_path.joinpath("r.pdf").exists()


async def test_four_weeks_are_four_weeks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`--since 4w` takes what was published within 28 days by our clock, and nothing older."""
    now = SystemClock().now()
    ages = (HOUR, 28 * DAY - HOUR, 28 * DAY + HOUR)
    said = [Said(mention(n, published_at=moment(now - age)), 0.9) for n, age in enumerate(ages)]
    config = await filled("sqlite", tmp_path, said)
    assert json.loads((await yuqing(capfd, "report", "--config", config, "--json", "--since", "4w")).out)["mentions"] == 2


def test_weeks_are_those_of_the_time_zone() -> None:
    """A Monday's first quarter of an hour in one zone is the Sunday before in another; years end with their weeks."""
    at = micros(EPOCH.replace(year=2026, month=11, day=22, hour=16))
    assert [weeks(CHINA)(at - 1), weeks(CHINA)(at), weeks(ZoneInfo("UTC"))(at)] == ["2026-W47", "2026-W48", "2026-W47"]
    assert weeks(ZoneInfo("Asia/Kathmandu"))(at + 15 * 60 * 10**6) == "2026-W47"
    assert weeks(ZoneInfo("UTC"))(micros(EPOCH.replace(year=2027, month=1, day=3))) == "2026-W53"
