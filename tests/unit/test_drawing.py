"""A story in the terminal: every line fits, what is left out is counted, nothing of a hostile text acts on the screen."""

import io
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len
from rich.console import Console, Group

from services.terminal.drawing import Branch, drawn

ZONE = ZoneInfo("Asia/Shanghai")
AT = "2026-03-02T00:00:00Z"


def mention(text: str, **more: object) -> dict[str, Any]:
    """One mention as it is told."""
    return {"source": "t", "id": "1", "kind": "post", "platform": "微博", "published_at": AT, "text": text} | more


def story(**more: object) -> dict[str, Any]:
    """A story as it is told."""
    names = [{"name": f"账号{n}", "platform": "微博", "first_at": AT, "mentions": n, "reach": 10**n} for n in range(10)]
    total = {"names": 5_000, "mentions": 9_000}
    spread = {
        "first_at": AT, "last_at": AT,
        **dict.fromkeys(("platforms", "outlets", "regions", "media", "kol"), names),
        "totals": dict.fromkeys(("platforms", "outlets", "regions", "media", "kol"), total),
        "reposted": [mention("某某" * 70, children=9)], "farthest": [mention("某某" * 70, reach=9)], "doubling_seconds": 540.0,
        "series": {"from": AT, "seconds": 3_600, "counts": [0, 1, 8, 2] * 10},
    }  # fmt: skip
    doubts = [{"code": "root_missing", "zh": "有信息指向没有采集到的原帖", "mentions": 2}]
    plain = {
        "id": "s1", "subject": "某某集团", "title": "某某集团的牛奶喝出活虫", "live": True, "residual": False,
        "level": "red", "level_zh": "红", "alert": "a1",
        "opened_at": AT, "last_at": AT, "mentions": 9_000, "spread": spread,
        "origin": mention("某某" * 70, sure="low", doubts=doubts, missing={"source": "t", "id": "0"}),
    }  # fmt: skip
    return plain | more


def printed(told: dict[str, Any], *branches: Branch, width: int = 80) -> str:
    """What a terminal of that width shows."""
    out = io.StringIO()
    Console(file=out, width=width).print(Group(*drawn(told, branches, ZONE)))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_line_fits(width: int) -> None:
    """Long texts and deep trees are cut to the terminal; one mention of the tree is one line."""
    deep = Branch(mention("某某" * 70), 1)
    for _ in range(6):
        deep = Branch(mention("某某" * 70, node="n", descendants=7), 3, [deep])

    shown = printed(story(), Branch({}, 1, [deep]), width=width)

    assert max(cell_len(line) for line in shown.splitlines()) <= width
    assert shown.count("…还有 2 条") == 6
    assert shown.count("…还有 1 条") == 1


def test_it_tells_where_and_how_sure() -> None:
    """Origin with its doubts, ten times the names counted, the speed and the course."""
    shown = printed(story(), width=120)

    for words in ("把握: 低", "有信息指向没有采集到的原帖 (2)", "原帖编号 0 (来源 t)", "…还有 4994 个", "翻倍用时: 9 分钟", "[红]", "▁▂█▃"):
        assert words in shown.replace("\n", ""), words


def test_unrelated_mentions_have_no_origin() -> None:
    """Of those that belong together in nothing none is called the first; their span is of when they were said, never backwards."""
    told = story(residual=True, origin=None, opened_at="2026-05-04T00:00:00.000000Z")

    assert "起源" not in printed(told)
    assert "2026-03-02" in printed(told)
    assert "2026-05-04" not in printed(told)


def test_a_missing_original_is_told_as_one() -> None:
    """With the words that were quoted from it."""
    shown = printed(story(), Branch({}, 1, [Branch({"node": "n", "missing": True, "descendants": 4, "text": "原话"}, 0)]))

    assert "未采集到的原帖 (4 条) 原话" in shown


def test_a_story_of_which_nothing_is_left_says_so() -> None:
    """It is not mistaken for one whose texts were kept no longer."""
    assert "信息已全部移出" in printed(story(origin=None, mentions=0))


def test_texts_past_their_retention_are_told_so() -> None:
    """The tree outlives what was said."""
    shown = printed(story(origin=None), Branch({}, 1, [Branch({"node": "n", "missing": False, "descendants": 0}, 0)]))

    assert "起源: 原文已过保存期" in shown


def test_hostile_words_are_only_words() -> None:
    """Escape sequences and markup of a text are shown, not obeyed."""
    shown = printed(story(title="\x1b[2J[red]标题"), Branch({}, 1, [Branch(mention("\x1b]0;x\x07[bold]词\n二行"), 0)]))

    assert "\x1b" not in shown
    assert "[red]标题" in shown
    assert "[bold]词 二行" in shown
