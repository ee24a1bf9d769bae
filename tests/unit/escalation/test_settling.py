"""What sleeps is known by its keys, the latest settled first; the quietest come up in order."""

from monitor.escalation import settling
from monitor.escalation.settling import Asleep, Quiet, Settled


def test_the_quietest_come_first_whatever_was_said_meanwhile() -> None:
    """Each comes up once, when it was last spoken of before the moment; one that is gone never does."""
    touched: dict[str, int | None] = {"a": 1, "b": 2, "c": 3, "d": 4}
    quiet = Quiet(touched.get)
    for story in touched:
        quiet.add(story)
    touched |= {"a": 9, "c": None}

    assert list(quiet.since(9)) == ["b", "d"]
    assert list(quiet.since(10)) == ["a"]
    assert quiet.first() is None


def test_a_key_wakes_the_story_that_settled_last() -> None:
    """Of two with the same key the later; when that one is awake the other; keys of one subject wake no other's."""
    settled = Settled()
    assert [settled.add("甲", "s1", (1, 2)), settled.add("甲", "s2", (2, 3)), settled.add("乙", "s3", (4,))] == [2, 4, 5]

    assert settled.woken_by("甲", [9, 2]) == "s2"
    settled.wake("s2")
    assert settled.woken_by("甲", [3, 2]) == "s1"
    assert settled.woken_by("甲", [4]) is None
    settled.only({"乙"})
    assert settled.woken_by("甲", [1]) is None
    assert settled.woken_by("乙", [4]) == "s3"


def test_what_settled_long_ago_is_forgotten() -> None:
    """Only the latest KEYS keys can wake, in memory and after a restart alike."""
    settled, kept = Settled(), list[Asleep]()
    for number in range(settling.KEYS // 16 + 2):
        keys = tuple(range(number * 16, number * 16 + 16))
        kept.append(Asleep("甲", f"s{number}", keys, settled.add("甲", f"s{number}", keys)))
    fresh = Settled()
    fresh.restore([one for one in kept if one.settled > settled.total - settling.KEYS], settled.total)

    for one in (settled, fresh):
        assert [one.woken_by("甲", [number * 16]) for number in (0, 1, 2, 3)] == [None, None, "s2", "s3"]
