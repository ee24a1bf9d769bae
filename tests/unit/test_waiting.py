"""What is waited for is told often enough to be seen, and not so often that it hides all else."""

from services.keeping.waiting import LONGEST, Waiting


def test_the_same_words_come_in_growing_gaps() -> None:
    """At once, then after 1, 2, 4 … seconds, at last once a minute; ten minutes are some fifteen lines, not six hundred."""
    now = [0.0]
    waiting = Waiting(lambda: now[0])
    told = []
    for second in range(600):
        now[0] = float(second)
        if waiting.tells("away"):
            told.append(second)

    assert told[:5] == [0, 1, 3, 7, 15]
    assert told[-1] - told[-2] == LONGEST
    assert len(told) < 17


def test_other_words_and_the_next_trouble_are_news() -> None:
    """They are told at once."""
    waiting = Waiting(lambda: 0.0)
    assert [waiting.tells(why) for why in ("away", "away", "full", "full", "away")] == [True, False, True, False, True]
    waiting.over()
    assert waiting.tells("away")
