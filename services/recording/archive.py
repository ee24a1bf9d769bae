"""
An archive: what a store would keep for the desk, in a temporary file, for decisions that are stored nowhere.

Like a store it answers what was decided of a mention, and gives back the stories that the desk has let go of; so memory stays small
however long the recording.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec.structs import replace

from monitor.escalation.effects import Counted, Effects, Judged, Known, NewHit, Observed, StoryRow, as_judged, judged_again, mention_with

_SCHEMA = """
CREATE TABLE hit (
  subject TEXT, digest BLOB, story TEXT, place INTEGER, seen INTEGER, engagement INTEGER, out INTEGER, body BLOB,
  PRIMARY KEY (subject, digest));
CREATE INDEX hit_story ON hit (story);
CREATE TABLE story (id TEXT PRIMARY KEY, body BLOB);
"""
_KNOWN = "SELECT seen, story, engagement, out FROM hit WHERE subject = ? AND digest = ?"
_MOVE = "UPDATE hit SET story = ?, out = ? WHERE subject = ? AND digest = ?"
_SEEN = "UPDATE hit SET seen = ?, engagement = ? WHERE subject = ? AND digest = ?"
_BODY = "SELECT body FROM hit WHERE subject = ? AND digest = ?"
_OUT = "SELECT body FROM hit WHERE subject = ? AND digest = ? AND out"
_CHANGED = "UPDATE hit SET body = ? WHERE subject = ? AND digest = ?"


class Archive:
    """Everything a desk decided, as far as it asks for it again."""

    def __init__(self) -> None:
        # The file loses its name at once: a killed process leaves no copy of the texts behind
        with TemporaryDirectory(prefix="yuqing-") as folder:
            self._file = sqlite3.connect(Path(folder) / "archive.db", isolation_level=None, check_same_thread=False)
            self._file.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000; {_SCHEMA}")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def known(self, subject: str, digest: bytes) -> Known | None:
        """What was decided of a mention and subject."""
        row = self._file.execute(_KNOWN, (subject, digest)).fetchone()
        return Known(row[0], row[1], row[2], bool(row[3])) if row else None

    def story(self, story: str) -> StoryRow | None:
        """A story as last decided."""
        row = self._file.execute("SELECT body FROM story WHERE id = ?", (story,)).fetchone()
        return _decode_story(row[0]) if row else None

    def hits(self, story: str) -> Iterator[NewHit]:
        """Its hits in the order of the log."""
        for (body,) in self._file.execute("SELECT body FROM hit WHERE story = ? ORDER BY place", (story,)):
            hit = _decode_hit(body)
            yield replace(hit, story=story, scored=as_judged(hit.scored, hit.judged))

    def taken_out(self, subject: str, digests: Iterable[bytes]) -> list[NewHit]:
        """Of these mentions the hits that a person took out of their story; by digest."""
        rows = [row for digest in sorted(digests) for row in self._file.execute(_OUT, (subject, digest))]
        hits = [_decode_hit(body) for (body,) in rows]
        return [replace(hit, scored=as_judged(hit.scored, hit.judged)) for hit in hits]

    def keep(self, effects: Effects) -> None:
        """Take in what was decided."""
        run = self._file.executemany
        self._file.execute("BEGIN")
        run("INSERT OR REPLACE INTO hit VALUES (?, ?, ?, ?, ?, ?, 0, ?)", map(_row, effects.hits))
        for word in effects.judged:
            self._judge(word)
        run(
            _MOVE,
            [(each.story, each.out, each.subject, each.digest) for each in effects.moved],
        )
        for counted in effects.counted:
            self._count(counted)
        run("UPDATE hit SET story = ? WHERE story = ?", [(each.into, each.story) for each in effects.merged])
        for seen in effects.observed:
            self._observe(seen)
        run("INSERT OR REPLACE INTO story VALUES (?, ?)", [(row.id, _encode(row)) for row in effects.stories.values()])
        self._file.execute("COMMIT")

    def _judge(self, word: Judged) -> None:
        pair, judgement = (word.subject, word.digest), word.judgement
        self._change(pair, lambda hit: replace(hit, judged=judged_again(hit.judged, judgement)))

    def _count(self, each: Counted) -> None:
        self._change((each.subject, each.digest), lambda hit: replace(hit, counted=each.counted))

    def _observe(self, seen: Observed) -> None:
        pair, mention = (seen.subject, seen.digest), seen.mention
        self._change(pair, lambda hit: replace(hit, scored=replace(hit.scored, mention=mention_with(hit.scored.mention, mention))))
        self._file.execute(_SEEN, (mention.seen, mention.engagement, *pair))

    def _change(self, pair: tuple[str, bytes], change: Callable[[NewHit], NewHit]) -> None:
        row = self._file.execute(_BODY, pair).fetchone()
        if row:
            self._file.execute(_CHANGED, (_encode(change(_decode_hit(row[0]))), *pair))


def _row(hit: NewHit) -> tuple[str, bytes, str, int, int, int, bytes]:
    mention = hit.scored.mention
    return hit.scored.score.subject, hit.digest, hit.story, hit.offset, mention.seen, mention.engagement, _encode(hit)


_encode = msgspec.msgpack.Encoder().encode
_decode_hit = msgspec.msgpack.Decoder(NewHit).decode
_decode_story = msgspec.msgpack.Decoder(StoryRow).decode
