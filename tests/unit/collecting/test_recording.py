"""A recording: the same blocks whatever the order of its lines, its repeats and its files."""

import gzip
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.border import FileDefaults
from monitor.clock import DAY, HOUR, SECOND, micros, rfc3339
from monitor.collecting.recording import BLOCK, Block, Recording
from monitor.errors import InvalidMention, UsageError
from monitor.mention import Mention, Raw
from tests.unit.escalation.making import START

NOW = START + 30 * DAY
SEEDS = st.integers(0, 1 << 32)


def line(item: str, at: int, *, seen: int = 0, source: str = "t", likes: int = 0, text: str = "某某") -> bytes:
    """A line of a file."""
    fields: dict[str, object] = {"source": source, "id": item, "published_at": rfc3339(at), "text": text, "likes": likes}
    return msgspec.json.encode(fields | ({"seen_at": rfc3339(seen)} if seen else {}))


def recorded(folder: Path, *files: list[bytes], bad: list[tuple[str, int, str]] | None = None) -> list[Block]:
    """The blocks of some files."""
    told: list[tuple[str, int, str]] = [] if bad is None else bad
    with Recording(NOW) as recording:
        for n, lines in enumerate(files):
            file = folder / f"{n}.jsonl"
            file.write_bytes(b"\n".join(lines))
            recording.add(file, lambda name, at, why: told.append((Path(name).name, at, str(why))), lambda _: None)
        return list(recording.blocks())


def raws(blocks: list[Block]) -> list[Raw]:
    """Everything in the blocks, in order."""
    return [raw for block in blocks for raw in block.raws]


def some_lines(chance: Random, count: int) -> list[bytes]:
    """Lines of few identities, some of equal time, some looks at known ones."""
    out = []
    for _ in range(count):
        at = START + chance.choice([0, 0, SECOND, HOUR, DAY])
        seen = chance.choice([0, 0, at, at + HOUR, at + 2 * HOUR, at - HOUR])
        out.append(line(f"m{chance.randint(0, 9)}", at, seen=seen, source=chance.choice("st"), likes=chance.randint(0, 3)))
    return out


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEEDS)
def test_order_repeats_and_files_change_nothing(tmp_path: Path, seed: int) -> None:
    """Shuffled, with lines twice, cut into two files: the same blocks, names included."""
    chance = Random(seed)
    lines = some_lines(chance, chance.randint(0, 40))
    again = chance.sample(lines, len(lines)) + [one for one in lines if chance.random() < 0.3]
    chance.shuffle(again)
    cut = chance.randint(0, len(again))

    assert recorded(tmp_path, again[:cut], again[cut:]) == recorded(tmp_path, lines)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEEDS)
def test_the_stream_is_in_order_and_each_is_once(tmp_path: Path, seed: int) -> None:
    """By (moment, source, id); one mention each, and after it only later looks, each later than those before."""
    chance = Random(seed)
    lines = some_lines(chance, chance.randint(1, 40))
    stream = raws(recorded(tmp_path, lines))
    seen: dict[tuple[str, str], int] = {}
    for raw in stream:
        who = (raw.mention.source, raw.mention.id)
        assert who not in seen or raw.mention.seen > seen[who]
        seen[who] = raw.mention.seen

    assert stream == sorted(stream, key=lambda raw: (raw.received_at, raw.mention.source, raw.mention.id))
    assert all(raw.as_if for raw in stream)
    assert len(seen) == len({(one.source, one.id) for one in map(msgspec.json.Decoder(Mention).decode, lines)})


def test_the_first_look_is_the_mention_later_ones_are_observations(tmp_path: Path) -> None:
    """Its moment is when it was published, theirs when they looked; a look no later than one before is left out."""
    lines = [line("a", START, seen=START + seen, likes=likes) for seen, likes in ((2 * HOUR, 7), (HOUR, 3), (HOUR, 3), (3 * HOUR, 9))]
    stream = raws(recorded(tmp_path, lines))

    assert [(raw.received_at - START, raw.mention.likes) for raw in stream] == [(0, 3), (2 * HOUR, 7), (3 * HOUR, 9)]


def test_blocks_are_of_a_fixed_size(tmp_path: Path) -> None:
    """A thousand each, the rest last; names differ and tell their content."""
    lines = [line(f"m{n:05}", START + n) for n in range(2 * BLOCK + 1)]
    blocks = recorded(tmp_path, lines)

    assert [len(block.raws) for block in blocks] == [BLOCK, BLOCK, 1]
    assert len({block.name for block in blocks}) == 3
    assert recorded(tmp_path, lines[:-1])[:2] == blocks[:2]
    assert recorded(tmp_path, [line("m00000", START, text="别的"), *lines[1:]])[0].name != blocks[0].name


def test_bad_lines_are_told_and_left_out(tmp_path: Path) -> None:
    """A broken line, a missing field, a time that is none: told with file and number; the neighbours go through."""
    bad: list[tuple[str, int, str]] = []
    lines = [line("a", START), b"{", b'{"source":"t","id":"b","text":"x"}', b"", line("c", NOW + 2 * DAY), line("d", START)]
    stream = raws(recorded(tmp_path, lines, bad=bad))

    assert [raw.mention.id for raw in stream] == ["a", "d"]
    assert [(name, number) for name, number, _ in bad] == [("0.jsonl", 2), ("0.jsonl", 3), ("0.jsonl", 5)]


def test_bad_lines_keep_their_bytes(tmp_path: Path) -> None:
    """Whoever buries a bad line gets it whole."""
    file, kept = tmp_path / "f.jsonl", list[InvalidMention]()
    file.write_bytes(b'{"source": 1}\n')
    with Recording(NOW) as recording:
        recording.add(file, lambda _, __, why: kept.append(why), lambda _: None)
        assert list(recording.blocks()) == []

    assert [one.raw.strip() for one in kept] == [b'{"source": 1}']


def test_gzip_and_defaults(tmp_path: Path) -> None:
    """A gzipped file is read as it is; what a file may leave out is filled in the same way every time."""
    file = tmp_path / "f.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"text":"x","published_at":"2026-03-02T08:00:00Z"}\n'))

    def read() -> list[Block]:
        with Recording(NOW) as recording:
            recording.add(file, lambda *_: None, lambda _: None, FileDefaults(source="导出"))
            assert recording.lines == 1
            return list(recording.blocks())

    (raw,) = raws(read())
    assert (raw.mention.source, micros(raw.mention.published_at)) == ("导出", START)
    assert raws(read()) == [raw]


def case(*lines: tuple[str, int, int, int]) -> list[bytes]:
    """Lines of an exported case: item, when said, when taken, in which turn."""
    written = [(line(item, at)[:-1], msgspec.json.encode({"at": rfc3339(taken), "n": turn})) for item, at, taken, turn in lines]
    return [said + b',"taken":' + mark + b"}" for said, mark in written]


def cased(folder: Path, *lines: bytes) -> list[tuple[str, int, int]]:
    """What a recording of cases has: item, moment and turn, in its order."""
    file = folder / "case.jsonl"
    file.write_bytes(b"\n".join(lines))
    with Recording(NOW) as recording:
        recording.add(file, lambda *told: pytest.fail(str(told)), lambda _: None, FileDefaults(cases=True))
        blocks = list(recording.blocks())
    return [(raw.mention.id, *key) for block in blocks for raw, key in zip(block.raws, block.keys(), strict=True)]


def test_lines_of_a_case_are_taken_as_they_were(tmp_path: Path) -> None:
    """When and in the turn they say, not when they were said: a late one is late; each once, beside lines of no case."""
    lines = case(("z", START, START + HOUR, 4), ("a", START, START + HOUR, 9), ("late", START - DAY, START + HOUR, 7))
    look = line("z", START, seen=START + SECOND)[:-1] + b',"taken":{"at":"2026-03-02T09:00:00Z","n":8}}'

    found = cased(tmp_path, *lines, look, *lines[::-1], line("plain", START + 5))

    assert found == [("plain", START + 5, 0)] + [(name, START + HOUR, turn) for name, turn in (("z", 4), ("late", 7), ("z", 8), ("a", 9))]
    assert [raw.received_at for raw in raws(recorded(tmp_path, lines))] == [START - DAY, START, START]


@pytest.mark.parametrize(
    "mark", [b'"2026"', b"7", b'{"at":"x","n":1}', b'{"at":"2026-03-02T09:00:00Z"}', b'{"at":"2026-03-02T09:00:00Z","n":1,"x":2}',
             b'{"at":"1999-03-02T09:00:00Z","n":1}', b'{"at":"2099-03-02T09:00:00Z","n":1}', b'{"at":"2026-03-02T09:00:00Z","n":-1}'],
)  # fmt: skip
def test_what_is_no_mark_of_ours_means_nothing(tmp_path: Path, mark: bytes) -> None:
    """A stranger's member of that name is an unknown field, as any."""
    assert cased(tmp_path, line("a", START)[:-1] + b',"taken":' + mark + b"}") == [("a", START, 0)]


def test_a_part_of_a_block_is_told_from_every_other() -> None:
    """By where it begins and ends; all of it is the block."""
    block = Block("b", tuple(Raw(received_at=n, mention=msgspec.json.decode(line("m", START), type=Mention)) for n in range(3)), (5, 6, 7))

    assert block.part(0, 3) is block
    assert (block.part(1, 3).name, block.part(1, 2).name) == ("b/1-3", "b/1-2")
    assert block.part(1, 3).keys() == [(1, 6), (2, 7)]


def test_progress_counts_every_line(tmp_path: Path) -> None:
    """What is reported adds up to the lines of the file, bad ones too."""
    file, counts = tmp_path / "f.jsonl", list[int]()
    file.write_bytes(b"\n".join([*(line(f"m{n}", START) for n in range(4_500)), b"{"]))
    with Recording(NOW) as recording:
        recording.add(file, lambda *_: None, counts.append)

    assert sum(counts) == 4_501


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A missing file, or a folder, is the user's mistake, in words."""
    with Recording(NOW) as recording, pytest.raises(UsageError):
        recording.add(tmp_path / name, lambda *_: None, lambda _: None)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The staging file has no name while it is used, so that not even a kill leaves it behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Recording(NOW):
        assert list(tmp_path.iterdir()) == []

    assert list(tmp_path.iterdir()) == []
