"""README's examples are run as they stand: every kind of source, the push and the report, backup and restore, and a newcomer's way."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import quote

import pytest

from tests.acceptance.making import ROOT, SECRET
from tests.acceptance.processes import ask, free_port, ready, running, until

README = (ROOT / "README.md").read_text("utf-8")
NOW = datetime.now(UTC) - timedelta(minutes=5)
IN_THE_FEED = 40
_HOT = {"id": "1", "title": "某某集团上了榜", "url": "https://s.example.com/q?1", "mobileUrl": "https://m.example.com/q?1"}
HOT: Mapping[str, object] = MappingProxyType({  # as newsnow and DailyHotApi answer
    "/api/s?id=weibo": {"status": "success", "updatedTime": 1, "items": [_HOT | {"extra": {}}, {"id": "2", "title": "别的"}]},
    "/weibo": {
        "code": 200, "name": "weibo", "title": "微博", "type": "热搜榜", "total": 1, "updateTime": NOW.isoformat(), "fromCache": False,
        "data": [_HOT | {"desc": "某某集团", "hot": 1234567, "timestamp": int(NOW.timestamp() * 1000)}, _HOT | {"id": 2, "title": "别的"}],
    },
})  # fmt: skip
_ITEM = (
    "<item><guid>{n}</guid><title>某某集团{what}</title><description>{text}</description><author>a{n}@x</author>"
    "<pubDate>{at}</pubDate></item>"
)


def blocks(heading: str, kind: str) -> list[str]:
    """The fenced blocks of that kind in a section, without the indent of the list they stand in."""
    section = re.split(r"^## ", README.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


class Site(BaseHTTPRequestHandler):
    """A newspaper, a forum, two gatherers of hot lists, and a receiver of webhooks."""

    def do_GET(self) -> None:
        """A feed of bad news, one post of a forum on its first page."""
        if self.path == "/feed.xml":
            self._answer("application/rss+xml", _feed())
        elif self.path.startswith("/api/posts"):
            post = {"id": 7, "title": "求助", "body": "某某集团不退款", "link": "/p/7", "user": {"name": "小王"}, "stat": {"views": 5}}
            posts = [post | {"time": int(NOW.timestamp())}] if self.path.endswith("page=1") else []
            self._answer("application/json", json.dumps({"data": {"items": posts}}))
        elif self.path in HOT:
            self._answer("application/json", json.dumps(HOT[self.path]))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Keep what a webhook says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cast("Any", self.server).hooks.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
        """Say nothing."""

    def _answer(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())


def _feed() -> str:
    at = NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")
    items = "".join(_ITEM.format(n=n, at=at, what=f"又出事{n}", text="产品害死人, 太可怕了, 愤怒, 必须追责") for n in range(IN_THE_FEED))
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>晚报</title>{items}</channel></rss>'


@contextmanager
def site() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and what webhooks said."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    hooks: list[Any] = []
    cast("Any", server).hooks = hooks
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", hooks
    finally:
        server.shutdown()
        server.server_close()


class Newcomer:
    """Somebody in a folder, with README and `yuqing`; the addresses README makes up are the test's."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self.base = folder, base
        self.listen = f"127.0.0.1:{free_port()}"
        tools = folder / "bin"
        tools.mkdir()
        yuqing = tools / "yuqing"
        yuqing.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from services.cli import main; main()" "$@"\n', "utf-8")
        yuqing.chmod(0o755)
        self.env = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def adapted(self, text: str) -> str:
        """README's words with our addresses."""
        names = ("news.example.cn", "newsnow.example.cn", "dailyhot.example.cn", "hooks.example.com")
        made_up = dict.fromkeys((f"https://{name}" for name in names), self.base) | {"127.0.0.1:8000": self.listen}
        for theirs, ours in made_up.items():
            text = text.replace(theirs, ours)
        return text

    def sh(self, script: str) -> str:
        """Run a block as a person pastes it; its stdout."""
        command = ["sh", "-e", "-c", self.adapted(script)]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serve(self) -> Any:
        """The service of the folder's configuration."""
        return running(self.folder / "err", "run", "--config", self.folder / "yuqing.yaml")

    def mentions(self) -> list[Any]:
        """What is stored about the subject."""
        return list(ask(f"http://{self.listen}/v1/mentions?subject={quote('某某集团')}&limit=200").said["items"])


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Newcomer]:
    """A newcomer beside a newspaper."""
    monkeypatch.setenv("DUTY_SECRET", SECRET)
    with site() as (base, _):
        yield Newcomer(tmp_path, base)


def test_every_example_of_a_source_brings_its_mention(newcomer: Newcomer) -> None:
    """README's sources, all in one configuration, are tried and read; push and report arrive; then backup and restore lose nothing."""
    (least,) = blocks("命令", "yaml")
    sources = blocks("接入真实数据", "yaml")
    assert {kind for block in sources for kind in re.findall(r"type: (\w+)", block)} == {"rss", "json", "hotlist", "file", "push"}
    listed = "sources:\n" + "".join(block.removeprefix("sources:\n") for block in sources)
    (newcomer.folder / "yuqing.yaml").write_text(newcomer.adapted(f"{least}listen: 127.0.0.1:8000\n{listed}"), "utf-8")
    hot = {"at": NOW.isoformat(), "list": "热搜", "rank": 3, "title": "某某集团致歉"}
    (newcomer.folder / "热搜.jsonl").write_text(json.dumps(hot, ensure_ascii=False) + "\n", "utf-8")
    row = f"投诉,某某集团客服推诿,{NOW.astimezone():%Y-%m-%d %H:%M:%S},论坛,https://example.com/9\n"
    (newcomer.folder / "导出.csv").write_text(f"标题,内容,发布时间,平台,链接\n{row}", "gb18030")
    first, *told = blocks("接入真实数据", "sh")
    assert "又出事" in newcomer.sh(first)
    with newcomer.serve() as service:
        ready(f"http://{newcomer.listen}")
        assert ['"accepted":1' in newcomer.sh(block) or "report" in block for block in told] == [True, True]
        read = {"晚报", "论坛", "微博热搜", "导出", "newsnow", "DailyHotApi", "newsnow 榜", "DailyHotApi 榜"}
        wanted = read | {"客服", "人工上报"}
        until(lambda: len(newcomer.mentions()) == IN_THE_FEED + len(wanted) - 1, within=60)
        assert {one["source"] for one in newcomer.mentions()} == wanted
        page = newcomer.sh("yuqing doctor --config yuqing.yaml")
        assert f"进程 {service.process.pid}" in page
        assert all(f"信源 {name}: 最新一条" in page for name in read)
        backup, restore = blocks("运维", "sh")
        newcomer.sh(backup)
        before = _known(newcomer)
        assert service.stop() == 0
    assert "没有发现问题" in newcomer.sh(restore)
    with newcomer.serve():
        ready(f"http://{newcomer.listen}")
        assert _known(newcomer) == before


def _known(newcomer: Newcomer) -> list[tuple[str, ...]]:
    """What is stored, but for engagement, which a source that is read again brings up to date."""
    return sorted((one["source"], one["id"], one["published_at"], one["scores"][0]["story"]) for one in newcomer.mentions())


def test_a_newcomer_is_told_within_a_minute(tmp_path: Path) -> None:
    """README's first steps with one feed, one subject and one receiver, then `run`: the feed's bad news reach the receiver as an alert."""
    (steps,) = blocks("第一次使用", "sh")
    with site() as (base, hooks):
        newcomer = Newcomer(tmp_path, base)
        said = newcomer.sh(steps)
        assert all(word in said for word in ("配置正确", "又出事39", "某某集团"))
        with (tmp_path / "yuqing.yaml").open("a", encoding="utf-8") as config:
            config.write(f"listen: {newcomer.listen}\n")
        with newcomer.serve():
            until(lambda: hooks, within=60)
        assert hooks[0]["type"] == "alert.opened"
        assert hooks[0]["data"]["alert"]["subject"] == "某某集团"
        assert SECRET not in (tmp_path / "err").read_text("utf-8")
