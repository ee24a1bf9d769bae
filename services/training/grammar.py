"""Texts made from frames: the language of domains that no public set of ours speaks, each filling beside many others."""

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

GRAMMAR = Path(__file__).with_name("grammar.tsv")
DEEPEST = 8  # slots within slots
_SLOT = re.compile(r"\{(\w+)\}")

Made = list[tuple[str, str, str]]


def made(path: Path = GRAMMAR) -> Made:
    """Tone, emotion and text of every text the grammar is asked for, each once; the same in every run."""
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    slots = {name[1:-1]: fillings.split("|") for name, _, _, fillings in rows if name.startswith("{")}
    dice = random.Random(1)  # noqa: S311 (no secret)
    asked = [(tone, emotion, int(count), frames.split("|")) for tone, emotion, count, frames in rows if not tone.startswith("{")]
    told = {filled(dice.choice(frames), slots, dice): (tone, emotion) for tone, emotion, count, frames in asked for _ in range(count)}
    return [(*said, text) for text, said in told.items()]


def filled(frame: str, slots: Mapping[str, Sequence[str]], dice: random.Random) -> str:
    """A frame with something in each slot."""
    for _ in range(DEEPEST):
        if "{" not in frame:
            return frame
        frame = _SLOT.sub(lambda slot: dice.choice(slots[slot[1]]), frame)
    raise ValueError(f"slots too deep: {frame}")
