"""What a residual story's alert names: the largest complaints among talk that shares nothing else."""

from random import Random

import msgspec

from monitor.clock import MINUTE
from monitor.escalation.complaints import NAMED, Complaint, headed, largest
from tests.unit.escalation.making import START, Ledger, desk, feed, scored

GROUPS = {
    "退款": ("某某集团退款拖了一个月还没到账", 5), "客服": ("某某集团客服电话一直打不通没人接", 3),
    "包装": ("某某集团快递包装箱破损漏液", 2),
}  # fmt: skip


def complaints() -> list[Complaint]:
    """Groups of complaints in other words each, and some that are alone."""
    texts = [f"{text} {'!' * n}第{n}次" for text, count in GROUPS.values() for n in range(count)]
    texts += ["某某集团楼下停车太难", "某某集团年会视频好无聊"]
    return [
        Complaint(digest=bytes([n]) * 16, order=n, far=n % 3, title=text, words=text)
        for n, text in enumerate(Random(3).sample(texts, len(texts)))
    ]  # fmt: skip


def test_the_largest_groups_are_named_once_each() -> None:
    """Three stand for the three largest groups, the largest first."""
    named = [one.words for one in largest(complaints())]

    assert [next(key for key, (text, _) in GROUPS.items() if words.startswith(text)) for words in named] == list(GROUPS)


def test_who_comes_first_changes_nothing() -> None:
    """It is a function of who waits, not of the order in which they are looked at."""
    asked = complaints()

    assert largest(asked) == largest(Random(1).sample(asked, len(asked)))
    assert largest([]) == []
    assert len(largest(asked[:2])) <= NAMED


def test_an_alert_of_the_residual_story_names_them() -> None:
    """Thirty who complain of different things: the title begins with 散点信息 and a complaint, the samples are of different ones."""
    talk = [scored(f"c{n}", START + n * 1_000_000, text=f"某某 {chr(0x4E00 + 7 * n) * 3}事没人管 {n * 7919}") for n in range(30)]
    ledger = Ledger()
    feed(desk(), ledger, talk)
    alert = ledger.changes[-1].alert

    assert alert.counters.title.startswith("散点信息: 某某")
    assert len({str(one["id"]) for one in alert.counters.samples}) == len(alert.counters.samples) >= 1
    assert alert.opened_at < START + MINUTE


def test_a_title_has_room_for_each_complaint() -> None:
    """Long complaints are each cut to their share of the forty characters; what a short one leaves is the others'."""
    titles = ["某某集团退款拖了一个月还没到账客服也不回", "某某集团快递包装箱破损漏液", "某某集团客服电话一直打不通没人接"]
    three = [Complaint(digest=bytes([n]) * 16, order=n, far=0, title=title, words=title) for n, title in enumerate(titles)]
    cut = headed("散点信息", three, 40)
    parts = cut.removeprefix("散点信息: ").split("; ")

    assert len(cut) <= 40
    assert [part[:8] for part in parts] == [title[:8] for title in titles]
    assert all(part.endswith("…") for part in parts)
    assert headed("散点信息", [msgspec.structs.replace(three[0], title="停水了"), three[1]], 40) == f"散点信息: 停水了; {titles[1]}"
    assert headed("散点信息", [], 40) == "散点信息"
