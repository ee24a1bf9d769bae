"""Logs: JSON lines, in UTC, with nothing hostile and no secret in them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from monitor.logs import Redactor, configure, masked_address, visible


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the lines go; logging is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_in_utc(stream: io.StringIO) -> None:
    """Level, time and fields stand in one line, Chinese as it is."""
    configure("info", stream)
    structlog.get_logger().info("opened", subject="红十字会")
    structlog.get_logger().debug("not told")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["subject"]) == ("opened", "info", "红十字会")
    assert line["at"].endswith("Z")
    assert "红十字会" in stream.getvalue()


def test_the_standard_library_goes_the_same_way(stream: io.StringIO) -> None:
    """What uvicorn says is a JSON line as well, masked as well, with its traceback in a field."""
    configure("info", stream, ["s3cret-key"])
    try:
        raise ValueError("s3cret-key")  # noqa: TRY301 a traceback is wanted
    except ValueError:
        logging.getLogger("uvicorn.error").exception("failed with %s", "s3cret-key")
    (line,) = lines(stream)
    assert (line["level"], line["logger"], line["event"]) == ("error", "uvicorn.error", "failed with ***")
    assert "ValueError" in line["exception"]
    assert "s3cret-key" not in stream.getvalue()


def test_secrets_are_masked_however_deep(stream: io.StringIO) -> None:
    """A secret in a field, a list, a key, an exception or an object's repr never reaches the stream."""
    configure("info", stream, ["hunter22", "hunter22-longer", "ab"])
    log = structlog.get_logger()
    log.info("x hunter22", one=["hunter22"], two={"hunter22": {"deep": "a hunter22-longer b"}}, three=RuntimeError("hunter22"), four="ab")
    try:
        raise RuntimeError("hunter22")  # noqa: TRY301 a traceback is wanted
    except RuntimeError:
        log.exception("bad")
    assert "hunter22" not in stream.getvalue()
    assert lines(stream)[0]["two"] == {"***": {"deep": "a *** b"}}
    assert lines(stream)[0]["four"] == "ab"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://h.cn/a?key=1", "https://h.cn/a?***"),
        ("postgresql://user:p4ss@h:5432/db", "postgresql://***@h:5432/db"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/t0ken", "https://open.feishu.cn/***"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1", "https://qyapi.weixin.qq.com/***?***"),
        ("https://oapi.dingtalk.com/robot/send?access_token=1", "https://oapi.dingtalk.com/***?***"),
        ("http://[broken", "***"),
        ("http://127.0.0.1:8000/docs", "http://127.0.0.1:8000/docs"),
    ],
)
def test_addresses_lose_what_is_secret_in_them(address: str, shown: str) -> None:
    """Passwords, queries and robots' paths are masked, wherever an address stands in a text."""
    assert masked_address(address) == shown
    assert Redactor([])(None, "", {"event": f"POST {address} failed"}) == {"event": f"POST {shown} failed"}


@pytest.mark.parametrize("console", [False, True])
def test_hostile_text_obeys_nobody(stream: io.StringIO, console: bool) -> None:  # noqa: FBT001 a parameter of the test
    """Newlines, terminal escapes, bidi overrides and lone surrogates come out written out, on one line of JSON."""
    configure("info", stream, console=console)
    structlog.get_logger().info("got", text="\x1b[2J\u202egnp.exe\x00\ud800\u2028x")
    shown = stream.getvalue()
    assert not {"\x1b[2J", "\u202e", "\x00", "\ud800", "\u2028"} & {shown[i : i + n] for i in range(len(shown)) for n in (1, 4)}
    shown.encode()
    if not console:
        assert shown.count("\n") == 1
        assert json.loads(shown)["text"] == "\x1b[2J\u202egnp.exe\x00\ud800\u2028x"


def test_a_closed_stream_is_no_traceback(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """Logging to a stream that has gone away is silent."""
    configure("info", stream)
    stream.close()
    structlog.get_logger().info("nobody hears")
    assert capsys.readouterr().err == ""


@given(st.text())
def test_visible_text_can_always_be_written(text: str) -> None:
    """Any text becomes one that UTF-8 can hold, and doing it twice changes nothing."""
    shown = visible(text)
    shown.encode()
    assert visible(shown) == shown


@pytest.mark.parametrize(("wish", "coloured"), [("", True), ("1", False)])
def test_who_wants_no_colour_gets_none(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, wish: str, *, coloured: bool) -> None:
    """A person's log is coloured unless NO_COLOR is set."""
    monkeypatch.setenv("NO_COLOR", wish)
    configure(stream=stream, console=True)
    structlog.get_logger().info("hello", name="x")
    assert ("\x1b[" in stream.getvalue()) is coloured
