"""A verb that asks the running service: every way it can be refused is told in words that help."""

from pathlib import Path

import httpx
import pytest

from monitor.errors import UsageError
from monitor.settings import Settings
from services.terminal.calling import KEY, Service, running_service
from services.terminal.watched import check_watched
from tests.acceptance.processes import free_port


def answering(status: int, text: str) -> Service:
    """A service that always answers this."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    return Service(httpx.Client(transport=transport, base_url="http://here"), "admin")


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (401, "{}", KEY), (403, "{}", "admin"), (409, '{"detail": "甲 is being rescored"}', "甲 is being rescored"),
        (500, "<html>", "Internal Server Error"), (404, "[]", "Not Found"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_service_s_words(status: int, text: str, told: str) -> None:
    """What key is asked for, what it said; whoever else listens on that port breaks nothing."""
    with pytest.raises(UsageError, match=told):
        answering(status, text).ask("POST", "/v1/x")


def test_what_it_answers_is_given() -> None:
    """As it is."""
    assert answering(200, '{"items": [{"name": "甲"}]}').subjects() == ["甲"]


def test_nobody_answers(tmp_path: Path) -> None:
    """A replay holds the folder without an API: that is told, with the address asked."""
    port = free_port()
    settings = Settings(file=tmp_path / "c.yaml", organisation="x", subjects=(), data=tmp_path, listen=("0.0.0.0", port))  # noqa: S104 that is the point
    with pytest.raises(UsageError, match=f"127.0.0.1:{port}"), running_service(settings, "admin") as service:
        service.subjects()


def test_an_unknown_subject_is_told_with_the_known_ones() -> None:
    """The likeliest meant first, at most a line or two of them; known ones pass."""
    check_watched(["甲"], ["甲", "乙"])
    with pytest.raises(UsageError, match="没有名为 某某集团x 的监测主题，现有：某某集团、"):
        check_watched(["某某集团x"], ["红十字会", "某某集团", "停电"])
    with pytest.raises(UsageError, match="等 40 个"):
        check_watched(["甲"], [f"主题{n}" for n in range(40)])
