"""Reload: whole or not at all, and posted subjects beside those of the file."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from monitor.clock import ManualClock
from monitor.errors import ConfigError, StoreUnavailable, UsageError
from monitor.loading import load_settings
from monitor.metrics import Metrics
from monitor.settings import Settings
from monitor.store.sessions import Store
from services.keeping.reload import NoSuchSubject, NotYours, Reloader, audited, kept_subjects, settled, signature

TEXT = """organisation: 某某
subjects:
  - {name: 某某集团, rules: [某某]}
accounts: [accounts.yaml]
libraries: [words]
"""
LIBRARY = "{name: 自备, category: 自备, weight: 0.5, rules: [甲]}\n"


class Rig:
    """A reloader over a configuration in a folder, and what followed it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.file = folder / "c.yaml"
        self.base = load_settings(self.file, {})
        self.metrics = Metrics(CollectorRegistry())
        self.store = store
        self.taken: list[Settings] = []
        self.reloader = self.made(self.base)

    def made(self, settings: Settings) -> Reloader:
        """A reloader as a new process makes it."""
        reloader = Reloader(self.base, settings, self.store, ManualClock(7), self.metrics, structlog.stdlib.get_logger())
        reloader.follow(self.follow)
        return reloader

    def follow(self, new: Settings) -> Callable[[], None]:
        """Something that changes with the settings."""
        return lambda: self.taken.append(new)

    @property
    def names(self) -> list[str]:
        """The subjects watched now."""
        return [subject.name for subject in self.reloader.settings.subjects]

    @property
    def successful(self) -> float | None:
        """The metric."""
        return self.metrics.registry.get_sample_value("yuqing_config_last_reload_successful")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A right configuration with an accounts list and a library of its own."""
    (tmp_path / "c.yaml").write_text(TEXT, "utf-8")
    (tmp_path / "accounts.yaml").write_text("- {name: a, role: own}\n", "utf-8")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "one.yaml").write_text(LIBRARY, "utf-8")
    store = await Store.open("sqlite", tmp_path)
    yield Rig(tmp_path, store)
    await store.close()


async def test_what_was_refused_is_told_by_its_place_alone(rig: Rig) -> None:
    """/readyz asks for no key: it names file, line and column, not what stands there; when the file is right again, nothing."""
    (rig.file.parent / "words" / "one.yaml").write_text(LIBRARY.replace("[甲]", "['甲+(乙', '(丙']"), "utf-8")
    problems = await rig.reloader.reload("test")

    assert [problem.partition(": ")[0].rpartition("/")[2] for problem in problems] == ["one.yaml:1:50", "one.yaml:1:56"]
    told = str(rig.reloader.refused)
    assert "one.yaml:1:50 and 1 more" in told
    assert "甲" not in told
    (rig.file.parent / "words" / "one.yaml").write_text(LIBRARY, "utf-8")
    assert await rig.reloader.reload("test") == []
    assert rig.reloader.refused is None
    assert rig.metrics.registry.get_sample_value("yuqing_config_last_reload_success_timestamp_seconds") == 7e-6


async def test_who_asks_is_written_down_and_the_others_are_told(rig: Rig) -> None:
    """Where several share a store a reload asked of one is taken up by the others at their next look."""
    rig.store.shared = True
    other = rig.made(rig.base)
    task = asyncio.create_task(other.run())
    try:
        await asyncio.sleep(0.2)
        await rig.reloader.asked("boss", "小王")
        await until(lambda: len(rig.taken) == 2)
    finally:
        task.cancel()
        await asyncio.wait([task])
    async with rig.store.write() as unit:
        assert [(one.actor, one.action, one.by) for one in await audited(unit)] == [("boss", "reload", "小王")]
    (rig.file.parent / "accounts.yaml").write_text("- {name: b, role: boss}\n", "utf-8")
    with pytest.raises(ConfigError):
        await rig.reloader.asked("boss", None)
    assert (rig.successful, len(rig.taken)) == (0, 2)


async def test_a_right_file_changes_everything_over(rig: Rig) -> None:
    """Subjects, accounts and whatever else follows are those of the new file."""
    rig.file.write_text(TEXT.replace("某某集团", "别的"), "utf-8")
    (rig.file.parent / "accounts.yaml").write_text("- {name: b, role: kol}\n", "utf-8")

    assert await rig.reloader.reload("test") == []
    assert rig.names == ["别的"]
    assert [account.name for account in rig.taken[0].listed] == ["b"]
    assert rig.successful == 1


async def test_a_wrong_file_changes_nothing_and_every_mistake_is_told(rig: Rig) -> None:
    """Mistakes in the file and in what it names are logged, a line each; the old settings stay."""
    rig.file.write_text(TEXT + "x: 1\ny: 2\n", "utf-8")
    (rig.file.parent / "accounts.yaml").write_text("- {name: b, role: boss}\n", "utf-8")

    with capture_logs() as logs:
        problems = await rig.reloader.reload("test")

    assert len(problems) == len([one for one in logs if one["log_level"] == "error"]) == 3
    assert (rig.taken, rig.names, rig.successful) == ([], ["某某集团"], 0)
    rig.file.write_text(TEXT, "utf-8")
    (rig.file.parent / "accounts.yaml").write_text("[]\n", "utf-8")
    assert await rig.reloader.reload("test") == []
    assert rig.successful == 1


@pytest.mark.parametrize("line", ["data: ./other", "listen: 127.0.0.1:9", "retention: {raw: 1d}", "kafka: {partitions: 3}"])
async def test_what_cannot_change_while_running_is_refused(rig: Rig, line: str) -> None:
    """By name, and nothing else of the file is taken up either."""
    rig.file.write_text(TEXT.replace("某某集团", "别的") + line + "\n", "utf-8")

    (problem,) = await rig.reloader.reload("test")
    assert line.partition(":")[0] in problem
    assert rig.names == ["某某集团"]


async def test_one_that_cannot_follow_keeps_all_from_changing(rig: Rig) -> None:
    """Everything is ready before anything changes over."""

    def refuse(_: Settings) -> Callable[[], None]:
        raise UsageError("接收方打不开")

    rig.reloader.follow(refuse)

    assert await rig.reloader.reload("test") == ["接收方打不开"]
    assert rig.taken == []


async def test_an_error_of_our_own_ends_nothing(rig: Rig) -> None:
    """What nobody foresaw in making a file ready is told as a refusal; the old one stays in force and the process lives."""

    def fails(_: Settings) -> Callable[[], None]:
        raise RecursionError("too deep")

    rig.reloader.follow(fails)

    assert await rig.reloader.reload("test") == ["RecursionError: too deep"]
    assert (rig.taken, rig.successful) == ([], 0)
    assert rig.reloader.refused is not None


async def test_a_posted_subject_is_watched_at_once_and_after_a_restart(rig: Rig) -> None:
    """It stands behind the file's own, by whom is written down, and a reload of the file keeps it."""
    assert await rig.reloader.put_subject("夜里", {"rules": ["甲|乙"], "floor": "blue", "libraries": ["自备"]}, "值班", "小王")
    assert not await rig.reloader.put_subject("夜里", {"rules": ["甲|乙|丙"]}, "值班", None)
    assert rig.names == ["某某集团", "夜里"]
    assert await rig.reloader.reload("test") == []
    assert rig.names == ["某某集团", "夜里"]
    again = await settled(rig.base, rig.store, structlog.stdlib.get_logger())
    assert (again.subjects[1].rules, again.posted) == (("甲|乙|丙",), ("夜里",))
    async with rig.store.write() as unit:
        assert [(one.actor, one.action, one.subject, one.by) for one in await audited(unit)] == [
            ("值班", "put", "夜里", "小王"), ("值班", "put", "夜里", None),
        ]  # fmt: skip


async def test_what_is_posted_to_one_process_is_watched_by_the_others(rig: Rig) -> None:
    """Where several share a store each looks there for subjects, and takes them up as if they had been posted to it."""
    rig.store.shared = True
    other = rig.made(rig.base)
    task = asyncio.create_task(other.run())
    try:
        await asyncio.sleep(0.2)
        await rig.reloader.put_subject("夜里", {"rules": ["甲|乙"]}, "值班", None)
        await until(lambda: [one.name for one in other.settings.subjects] == ["某某集团", "夜里"])
        await rig.reloader.drop_subject("夜里", "值班", None)
        await until(lambda: [one.name for one in other.settings.subjects] == ["某某集团"])
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_posted_subject_can_be_taken_back(rig: Rig) -> None:
    """Once; the file's own cannot."""
    await rig.reloader.put_subject("夜里", {"rules": ["甲"]}, "a", None)
    await rig.reloader.drop_subject("夜里", "a", None)

    assert rig.names == ["某某集团"]
    assert await kept_subjects(rig.store) == {}
    with pytest.raises(NoSuchSubject):
        await rig.reloader.drop_subject("夜里", "a", None)
    with pytest.raises(NotYours):
        await rig.reloader.drop_subject("某某集团", "a", None)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"rules": ["((", "甲"], "zz": 1}, ["规则", "zz"]),
        ({}, ["rules"]),
        ({"rules": "甲"}, ["列表"]),
        ({"rules": ["-甲"]}, ["规则"]),
        ({"rules": ["甲"], "receivers": ["nobody"], "libraries": ["none"]}, ["nobody", "none"]),
        ({"rules": ["甲"], "name": "别名"}, ["别名"]),
        ({"rules": ["甲"], "policy": "none.yaml"}, ["none.yaml"]),
        ({"rules": ["甲\u0000乙"]}, ["U+0000"]),
        ({"rules": ["甲"], "valid_until": "soon", "floor": "red", "kinds": ["blog"]}, ["valid_until", "floor", "kinds"]),
    ],
)
async def test_a_wrong_posted_subject_is_told_whole_and_kept_nowhere(rig: Rig, body: dict[str, Any], told: list[str]) -> None:
    """By the rules of the file: every mistake at once."""
    with pytest.raises(ConfigError) as refused:
        await rig.reloader.put_subject("夜里", body, "a", None)

    assert all(word in str(refused.value) for word in told)
    assert len(refused.value.problems) >= len(told)
    assert (rig.names, await kept_subjects(rig.store)) == (["某某集团"], {})


async def test_the_file_comes_first(rig: Rig) -> None:
    """A name of the file cannot be posted; one that the file takes up later is the file's."""
    with pytest.raises(NotYours):
        await rig.reloader.put_subject("某某集团", {"rules": ["甲"]}, "a", None)
    await rig.reloader.put_subject("夜里", {"rules": ["甲"]}, "a", None)
    rig.file.write_text(TEXT.replace("某某集团", "夜里"), "utf-8")

    assert await rig.reloader.reload("test") == []
    assert (rig.names, rig.reloader.settings.posted, rig.reloader.settings.subjects[0].rules) == (["夜里"], (), ("某某",))


async def test_a_file_that_no_longer_fits_a_posted_subject_is_refused(rig: Rig) -> None:
    """While running it is not taken up; at a start the subject is told and left out, and the rest is watched."""
    await rig.reloader.put_subject("夜里", {"libraries": ["自备"]}, "a", None)
    rig.file.write_text(TEXT.replace("libraries: [words]\n", ""), "utf-8")

    (problem,) = await rig.reloader.reload("test")
    assert "夜里" in problem
    assert rig.names == ["某某集团", "夜里"]
    with capture_logs() as logs:
        merged = await settled(load_settings(rig.file, {}), rig.store, structlog.stdlib.get_logger())
    assert [subject.name for subject in merged.subjects] == ["某某集团"]
    assert logs[0]["log_level"] == "error"


async def test_what_joins_late_takes_up_what_it_missed(rig: Rig) -> None:
    """A scorer that was loading while the settings changed ends with the newest."""
    before = rig.reloader.settings
    late: list[Settings] = []

    def follow(new: Settings) -> Callable[[], None]:
        return lambda: late.append(new)

    await rig.reloader.join(follow, before)
    assert late == []
    await rig.reloader.put_subject("夜里", {"rules": ["甲"]}, "a", None)
    await rig.reloader.join(follow, before)
    assert len(late) == 2
    assert late[1] is rig.reloader.settings


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 whatever it is, it tells nobody
            await asyncio.sleep(0.02)


async def test_files_and_signals_are_watched(rig: Rig) -> None:
    """A change of any file named is taken up once, a wrong one is told once, SIGHUP looks again."""
    task = asyncio.create_task(rig.reloader.run())
    try:
        await asyncio.sleep(0.2)
        (rig.file.parent / "accounts.yaml").write_text("- {name: b, role: kol}\n", "utf-8")
        await until(lambda: len(rig.taken) == 1)
        (rig.file.parent / "words" / "two.yaml").write_text(LIBRARY.replace("自备", "又一个"), "utf-8")
        await until(lambda: len(rig.taken) == 2)
        with capture_logs() as logs:
            rig.file.write_text("x: [", "utf-8")
            await until(lambda: rig.successful == 0)
            await asyncio.sleep(1.5)
        assert len([one for one in logs if one["log_level"] == "error"]) == 1
        rig.file.write_text(TEXT, "utf-8")
        await until(lambda: rig.successful == 1 and len(rig.taken) == 3)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: len(rig.taken) == 4)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_store_that_is_away_keeps_a_new_file_waiting_only(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told once with its reason, and taken up without a signal or another change when the store answers again."""

    def away() -> None:
        raise StoreUnavailable("no answer from db.internal")

    task = asyncio.create_task(rig.reloader.run())
    try:
        with monkeypatch.context() as broken, capture_logs() as logs:
            broken.setattr(rig.store, "read", away)
            await asyncio.sleep(0.2)
            rig.file.write_text(TEXT.replace("某某集团", "别的"), "utf-8")
            await until(lambda: "the store does not answer" in str(rig.reloader.refused))
            assert rig.successful == 0
            await asyncio.sleep(2.5)
        assert (rig.taken, [one["problem"] for one in logs if one["log_level"] == "error"]) == ([], ["no answer from db.internal"])
        await until(lambda: rig.successful == 1)
        assert (rig.names, rig.reloader.refused, len(rig.taken)) == (["别的"], None, 1)
        await asyncio.sleep(1.5)
        assert len(rig.taken) == 1
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_file_that_is_wrong_when_the_store_is_back_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is the file as it is then, checked as ever; a wrong one is told once and waits for nobody."""

    def away() -> None:
        raise StoreUnavailable("away")

    task = asyncio.create_task(rig.reloader.run())
    try:
        with monkeypatch.context() as broken:
            broken.setattr(rig.store, "read", away)
            await rig.reloader.reload("test")
            rig.file.write_text("x: [", "utf-8")
        with capture_logs() as logs:
            await until(lambda: "c.yaml:1" in str(rig.reloader.refused))
            await asyncio.sleep(1.5)
        assert (rig.successful, len([one for one in logs if one["log_level"] == "error"])) == (0, 1)
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_a_signature_sees_what_comes_and_goes(tmp_path: Path) -> None:
    """A file that is gone looks like nothing; a new one in a folder of libraries is seen."""
    (tmp_path / "c.yaml").write_text("x", "utf-8")
    settings = Settings(file=tmp_path / "c.yaml", organisation="x", subjects=(), data=tmp_path, libraries=(tmp_path / "l",))
    before = signature(settings)
    assert before[str(tmp_path / "l")] is None
    (tmp_path / "l").mkdir()
    (tmp_path / "l" / "a.yaml").write_text("y", "utf-8")
    after = signature(settings)
    assert str(tmp_path / "l" / "a.yaml") in after
    assert after[str(tmp_path / "c.yaml")] == before[str(tmp_path / "c.yaml")]


def test_a_model_of_ones_own_is_watched(tmp_path: Path) -> None:
    """A model trained anew in the same place looks another, and is taken up."""

    def train(buckets: int) -> None:
        weights, zeros = np.zeros((buckets, 3), np.int8), np.zeros(3)
        np.savez(tmp_path / "own.npz", weights=weights, unit=np.array(1.0), bias=zeros, scale=zeros, shift=zeros)

    train(8)
    (tmp_path / "words").mkdir()
    (tmp_path / "accounts.yaml").write_text("[]", "utf-8")
    (tmp_path / "c.yaml").write_text(TEXT + "sentiment: own.npz\n", "utf-8")
    settings = load_settings(tmp_path / "c.yaml", {})
    before = signature(settings)
    train(1 << 12)
    assert signature(settings) != before
