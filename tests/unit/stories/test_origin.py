"""The origin of a story: the earliest mention known, and every reason to doubt that it was the first."""

from typing import Any

import msgspec
from msgspec.structs import replace

from monitor.clock import DAY, HOUR, MINUTE, micros
from monitor.mention import Mention, identity
from monitor.stories.origin import DOUBT_ZH, Doubt, Origin, origin, passed_on
from monitor.stories.tree import Leaf, Tree
from tests.unit.escalation.making import START, scored

WORDS = "在云杉酸奶里喝出了活虫, 孩子进了医院"


class Stored(msgspec.Struct, frozen=True):
    """A mention as stored."""

    mention: Mention
    name: str | None
    received_at: int


def stored(item: str, at: int, received: int | None = None, text: str = WORDS, **fields: Any) -> Stored:
    """A mention said at `at`."""
    mention = replace(scored(item, at, text=text).mention, **fields)
    return Stored(mention, None, at if received is None else received)


def found(*mentions: Stored) -> Origin:
    """The origin of a story of these."""
    tree = Tree(Leaf(one.mention.digest, micros(one.mention.published_at), _named(one, "root"), _named(one, "parent")) for one in mentions)
    result = origin(mentions, tree)
    assert result is not None
    return result


def _named(one: Stored, field: str) -> bytes | None:
    item: str | None = getattr(one.mention, field)
    return identity(one.mention.source, item) if item else None


def test_the_earliest_is_the_origin() -> None:
    """An original that everything else passes on is sure."""
    result = found(stored("2", START + MINUTE, kind="repost", root="1", quoted=WORDS, text="转发微博"), stored("1", START))

    assert (result.known.mention.id, result.sure, result.doubts, result.missing) == ("1", "high", (), None)


def test_a_link_counts_more_than_a_clock() -> None:
    """What the earliest answers was there before it, whatever its time says."""
    result = found(stored("2", START, kind="comment", root="1", text="真的吗"), stored("1", START + MINUTE))

    assert (result.known.mention.id, result.sure) == ("1", "high")


def test_a_missing_root_leaves_little_sure() -> None:
    """The first we have is a repost of what we do not have: its name is told."""
    result = found(stored("2", START, kind="repost", root="1", parent="1"), stored("3", START + HOUR, kind="repost", root="1"))

    assert (result.known.mention.id, result.sure, result.missing) == ("2", "low", ("t", "1"))
    assert result.doubts == ((Doubt.ROOT_MISSING, 2),)


def test_a_missing_root_is_told_with_all_that_hangs_below() -> None:
    """One meaning, whoever names it: mentions below missing originals, and what answers those; the first or later ones."""
    reposts = [stored(str(n), START + n * HOUR, kind="repost", root="x", text="转") for n in range(3, 9)]
    answer = stored("9", START + 9 * HOUR, kind="comment", root="3", parent="3", text="真的吗")
    other = stored("2", START + 2 * HOUR, kind="repost", root="y", text="转")

    assert found(stored("1", START), *reposts, answer).doubts == ((Doubt.ROOT_MISSING, 7),)
    assert found(*reposts, answer).doubts == ((Doubt.ROOT_MISSING, 7),)
    assert found(other, *reposts, answer).doubts == found(stored("1", START), other, *reposts, answer).doubts == ((Doubt.ROOT_MISSING, 8),)


def test_quoted_words_nobody_said_leave_little_sure() -> None:
    """Without links, a quoted text that no mention of the story has is older than all of them."""
    result = found(stored("2", START, kind="repost", quoted=WORDS, text="天哪"), stored("3", START + HOUR, text="我也喝了"))

    assert (result.sure, result.doubts) == ("low", ((Doubt.QUOTED_MISSING, 1),))


def test_a_repost_without_a_link_leaves_little_sure() -> None:
    """A first mention that is a repost or a comment by its kind answers something."""
    result = found(stored("2", START, kind="comment", text="天哪"))

    assert (result.sure, result.doubts) == ("low", ((Doubt.FIRST_IS_REPOST, 1),))


def test_doubts_of_others_leave_it_half_sure() -> None:
    """Another original that is missing may be older; so may one of several said in the same moment."""
    other_root = found(stored("1", START), stored("3", START + HOUR, kind="repost", root="9", text="又来一个"))
    same = found(stored("1", START), stored("2", START), stored("3", START))

    assert (other_root.sure, other_root.doubts) == ("medium", ((Doubt.ROOT_MISSING, 1),))
    assert (same.sure, same.doubts) == ("medium", ((Doubt.SAME_MOMENT, 3),))


def test_an_archive_leaves_it_half_sure() -> None:
    """Taken in at once, days after it was said: what was not in the archive nobody knows."""
    result = found(*(stored(str(n), START + n * HOUR, received=START + 9 * DAY) for n in range(6)))

    assert (result.sure, result.doubts) == ("medium", ((Doubt.ARCHIVE, 6),))


def test_nothing_has_no_origin() -> None:
    """A story whose texts are gone."""
    assert origin([], Tree([])) is None


def test_every_doubt_is_told_in_chinese() -> None:
    """Staff read why."""
    assert set(DOUBT_ZH) == set(Doubt)


def test_who_passes_on_the_very_words_hangs_under_them() -> None:
    """Without a link its quoted words tell what it passes on: the earliest that says them, signs aside; not what is said later."""
    early, late = stored("1", START), stored("3", START + HOUR)
    repost = stored("2", START + MINUTE, text="转发微博", quoted=f"{WORDS}!")
    before = stored("0", START - MINUTE, text="听说", quoted=WORDS)

    assert passed_on([late, repost, early, before]) == {repost.mention.digest: early.mention.digest}
    article, quoting = stored("4", START, title="云杉酸奶", text="喝出了活虫"), stored("5", START + HOUR, quoted="云杉酸奶喝出了活虫")
    assert passed_on([repost, article, quoting]) == {quoting.mention.digest: article.mention.digest}
