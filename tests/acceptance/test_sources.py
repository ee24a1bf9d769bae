"""`yuqing run` with configured sources, killed again and again: every item is in, once. `yuqing sources` and tables in `replay`."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openpyxl
import pytest

from tests.acceptance.making import write_config
from tests.acceptance.processes import ask, free_port, ready, running, until, yuqing

pytestmark = pytest.mark.timeout(600)
LINES = 6_000
ITEMS = 30
KILLS = 4
NOW = datetime.now(UTC).replace(microsecond=0)


def feed(count: int) -> str:
    """A feed of that many items, the newest an hour old."""
    items = "".join(
        f"<item><guid isPermaLink='false'>r{n}</guid><title>云杉集团 {n}</title><description>云杉集团今天开放参观</description>"
        f"<pubDate>{(NOW - timedelta(hours=1, minutes=n)).strftime('%a, %d %b %Y %H:%M:%S +0000')}</pubDate></item>"
        for n in range(count)
    )
    return f"<rss version='2.0'><channel><title>晚报</title>{items}</channel></rss>"


def page(number: int) -> str:
    """A page of an interface; the fourth is empty."""
    made = [{"id": number * 100 + n, "t": f"云杉集团 {number}/{n}", "at": (NOW - timedelta(hours=2)).timestamp()} for n in range(10)]
    return json.dumps({"data": {"list": made if number < 4 else []}})


class Site(BaseHTTPRequestHandler):
    """A feed, an interface, and a bare list."""

    def do_GET(self) -> None:
        """Answer."""
        listed = json.dumps([{"id": n, "title": f"云杉集团 {n}"} for n in range(10)])
        paged = self.path.startswith("/api")
        body = (page(int(self.path.partition("=")[2])) if paged else listed if self.path == "/list" else feed(ITEMS)).encode()
        time.sleep(0.1)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site() -> Iterator[str]:
    """The site's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sources(base: str) -> str:
    """One source of each kind."""
    return (
        f"sources:\n  - {{name: 晚报, type: rss, url: '{base}/feed', every: 1s, platform: 新闻}}\n"
        f"  - {{name: 板, type: json, url: '{base}/api?page={{page}}', every: 1s, items: data.list, pages: 9,\n"
        "     columns: {id: id, title: t, published_at: at}}\n"
        "  - {name: 日志, type: file, path: 日志.jsonl}\n  - {name: 导出, type: file, path: 导出.xlsx}\n"
        "  - {name: 热搜, type: hotlist, path: 热搜.jsonl, every: 1s}\n"
    )


def line(n: int) -> str:
    """A line of a growing file."""
    at = (NOW - timedelta(hours=3, seconds=n)).isoformat()
    return json.dumps({"id": f"f{n}", "text": f"云杉集团的第 {n} 条, 大家都很高兴", "published_at": at, "author": f"u{n % 50}"}) + "\n"


def workbook(path: Path, rows: int) -> None:
    """A vendor's export."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("x")
    sheet.append(["标题", "正文", "发布时间", "链接"])
    for n in range(rows):
        sheet.append([f"云杉集团 {n}", "开放参观", (NOW - timedelta(hours=5)).isoformat(), f"https://x.cn/{n}"])
    book.save(path)


def stored(base: str) -> dict[str, list[str]]:
    """What the store shows, by source."""
    found: dict[str, list[str]] = {}
    cursor = ""
    while True:
        said = ask(f"{base}/v1/mentions?limit=200{cursor}", within=30).said
        for one in said["items"]:
            found.setdefault(one["source"], []).append(one["id"])
        if not said["next_cursor"]:
            return found
        cursor = f"&cursor={said['next_cursor']}"


def write_slowly(path: Path) -> threading.Thread:
    """A file that grows while it is read, sometimes by half a line."""

    def write() -> None:
        with path.open("w", encoding="utf-8") as stream:
            for n in range(LINES):
                words = line(n)
                stream.write(words[: len(words) // 2])
                if n % 50 == 0:
                    stream.flush()
                    time.sleep(0.02)
                stream.write(words[len(words) // 2 :])

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def test_every_item_is_in_once_after_any_number_of_kills(tmp_path: Path) -> None:
    """Killed while a feed, an interface, a hot list, a growing file and a workbook are read: each item is stored, once."""
    port = free_port()
    with site() as base:
        config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\n{sources(base)}")
        workbook(tmp_path / "导出.xlsx", 2_500)
        times = [(NOW - timedelta(minutes=m)).isoformat() for m in range(60)]
        looks = [{"at": at, "list": "榜", "rank": m + 1, "title": f"云杉集团上榜 {m % 5}"} for m, at in enumerate(times)]
        (tmp_path / "热搜.jsonl").write_text("".join(json.dumps(look) + "\n" for look in looks), "utf-8")
        writer = write_slowly(tmp_path / "日志.jsonl")
        here = f"http://127.0.0.1:{port}"
        for kill in range(KILLS):
            with running(tmp_path / "err", "run", "--config", config) as service:
                ready(here)
                time.sleep(0.3 + 0.4 * kill)
                assert service.kill()
        writer.join()
        with running(tmp_path / "err", "run", "--config", config) as service:
            ready(here)
            expected = {"晚报": ITEMS, "板": 30, "日志": LINES, "导出": 2_500, "热搜": 5}
            until(lambda: {name: len(ids) for name, ids in stored(here).items()} == expected, 120, every=1.0)
            found = stored(here)
            assert all(len(set(ids)) == len(ids) for ids in found.values())
            assert set(found["日志"]) == {f"f{n}" for n in range(LINES)}
            parts = ask(f"{here}/readyz").said["parts"]
            assert {parts[f"source:{name}"] for name in expected} == {"ok"}
            assert ask(f"{here}/v1/alerts").said["items"] == []
            assert service.stop() == 0


def test_an_old_archive_raises_nothing_and_fresh_talk_about_it_does(tmp_path: Path) -> None:
    """A first fetch of what was said days ago is stored and quiet; thirty who say it today are an alert."""
    port = free_port()
    config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\nsources: [{{name: 档案, type: file, path: 档案.jsonl}}]\n")
    here, archive = f"http://127.0.0.1:{port}", tmp_path / "档案.jsonl"
    archive.write_text("".join(angry(n, NOW - timedelta(hours=73, seconds=n)) for n in range(200)), "utf-8")
    with running(tmp_path / "err", "run", "--config", config) as service:
        ready(here)
        until(lambda: len(stored(here).get("档案", [])) == 200, 60)
        time.sleep(2.0)
        assert ask(f"{here}/v1/alerts").said["items"] == []
        with archive.open("a", encoding="utf-8") as stream:
            stream.write("".join(angry(n, NOW - timedelta(seconds=n)) for n in range(300, 340)))
        until(lambda: ask(f"{here}/v1/alerts").said["items"], 60)
        assert service.stop() == 0


def test_a_source_that_was_silent_comes_back(tmp_path: Path) -> None:
    """It brings all it has missed: what is six hours old is news to us; what is older than 72 h raises nothing until it is said today."""
    port = free_port()
    config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\nsources: [{{name: 晚报, type: file, path: 晚报.jsonl}}]\n")
    here, file = f"http://127.0.0.1:{port}", tmp_path / "晚报.jsonl"
    old, late = "云杉集团食堂的饭菜吃坏了几百人", "白塔医院的护士打骂病人"

    def brings(began: int, hours: int, about: str) -> None:
        """Sixty of that age, awaited until they are stored and decided."""
        with file.open("a", encoding="utf-8") as stream:
            stream.write("".join(angry(n, NOW - timedelta(hours=hours, seconds=n % 60), about) for n in range(began, began + 60)))
        until(lambda: len(stored(here).get("晚报", [])) == began + 60, 60)

    def raised() -> dict[str, int]:
        """The subjects that are told of, and how many mentions their alerts count."""
        return {one["subject"]: one["mentions"] for one in ask(f"{here}/v1/alerts").said["items"]}

    file.write_text("", "utf-8")
    with running(tmp_path / "err", "run", "--config", config) as service:
        ready(here)
        brings(0, 80, old)
        brings(60, 6, late)
        until(lambda: "白塔医院" in raised(), 60)
        assert "云杉集团" not in raised()
        brings(120, 0, old)
        until(lambda: "云杉集团" in raised(), 60)
        assert service.stop() == 0


def angry(n: int, at: datetime, about: str = "云杉集团食堂的饭菜吃坏了几百人") -> str:
    """Somebody's complaint."""
    text = f"{about}，太恶心了，必须追责 {n}"
    return json.dumps({"id": f"a{n}", "text": text, "published_at": at.isoformat(), "author": f"u{n}", "platform": "微博"}) + "\n"


def test_sources_are_listed_and_tried(tmp_path: Path) -> None:
    """`try` shows what would come and whom it would concern, and leaves nothing behind; what cannot be read is exit 1."""
    with site() as base:
        config = write_config(tmp_path, more=sources(base))
        listed = yuqing("sources", "--config", config, "--json")
        tried = yuqing("sources", "try", "晚报", "--config", config, "--json")
        table = yuqing("sources", "try", f"{base}/feed", "--config", config)
        guessed = yuqing("sources", "try", f"{base}/list", "--config", config, "--json")
        paged = yuqing("sources", "try", "板", "--config", config, "--json")
    lines = [json.loads(one) for one in tried.out.splitlines()]

    assert [json.loads(one)["type"] for one in listed.out.splitlines()] == ["rss", "json", "file", "file", "hotlist"]
    assert (tried.code, len(lines), lines[0]["subjects"]) == (0, ITEMS, ["云杉集团"])
    assert lines[0]["mention"]["platform"] == "新闻"
    assert (table.code, "云杉集团 3" in table.out.decode()) == (0, True)
    assert len(paged.out.splitlines()) == 10
    assert not (tmp_path / "var").exists()
    assert yuqing("sources", "try", "导出", "--config", config).code == 1
    unknown = yuqing("sources", "try", "晚抱", "--config", config)
    assert (unknown.code, "现有：晚报、" in unknown.err) == (2, True)
    assert (guessed.code, len(guessed.out.splitlines()), "type: json" in guessed.err) == (0, 10, True)


def test_replay_and_backtest_read_tables(tmp_path: Path) -> None:
    """A vendor's workbook and its GBK CSV decide alike; a bad row is told by its number."""
    config = write_config(tmp_path)
    words = "云杉集团食堂的饭菜吃坏了人，太恶心了，必须追责"
    rows = [[f"云杉集团{n}", f"{words} {n}", f"2026-11-22 08:{n:02}:00", f"https://x.cn/{n}"] for n in range(40)]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("x")
    for one in [["标题", "正文", "发布时间", "链接"], *rows, ["坏", "行", "昨天", "u"]]:
        sheet.append(one)
    book.save(tmp_path / "导出.xlsx")
    text = "标题,正文,发布时间,链接\n" + "".join(",".join(one) + "\n" for one in rows)
    (tmp_path / "导出.csv").write_bytes(text.encode("gbk"))
    whole = yuqing("replay", tmp_path / "导出.xlsx", "--config", config)
    csv = yuqing("backtest", tmp_path / "导出.csv", "--config", config)
    xlsx = yuqing("backtest", tmp_path / "导出.xlsx", "--config", config)

    assert whole.code == csv.code == xlsx.code == 0
    assert "导出.xlsx:42: published_at" in whole.err
    assert csv.out == xlsx.out
    assert "40 行" in whole.err
