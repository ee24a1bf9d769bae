"""What is done to whom and when: drawn from a seed, before anything runs."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

Kind = Literal["kill", "hold"]
Moment = Literal["start", "work", "message", "push", "act"]
MOMENTS: tuple[Moment, ...] = ("start", "work", "message", "message", "push", "push", "act", "act")
_HELD = 0.1  # of all blows; a stretch of seconds each


class Blow(NamedTuple):
    """
    One blow: SIGKILL and started again, or SIGSTOP and SIGCONT after `held` seconds.

    When: `share` of a stretch after a moment: while it starts, when it is fit to work, when a message has just arrived, when mentions
    or an act have just been sent.
    """

    name: str
    kind: Kind
    moment: Moment
    share: float
    held: float = 0.0


def drawn(seed: int, names: Sequence[str], kills: int, held: tuple[float, float]) -> Iterator[Blow]:
    """That many kills, and among them stretches of being held still, of `held` seconds at least and at most."""
    chance = Random(f"blows {seed}")
    while kills:
        name, moment, share = chance.choice(names), chance.choice(MOMENTS), chance.random()
        if chance.random() < _HELD:
            yield Blow(name, "hold", moment, share, chance.uniform(*held))
        else:
            kills -= 1
            yield Blow(name, "kill", moment, share)
