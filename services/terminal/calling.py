"""A verb asks the running service: where the data folder is held, what would write goes through the API."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from monitor.errors import UsageError
from monitor.settings import Settings

KEY = "YUQING_KEY"
PATIENCE = 10.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 listened to, asked on loopback
_DENIED = frozenset({401, 403})


class Service:
    """The service of a configuration; `role` is what a key must have for all that will be asked."""

    def __init__(self, client: httpx.Client, role: str) -> None:
        self._client, self._role = client, role

    def ask(self, method: str, path: str, body: bytes | None = None, **query: str) -> Any:
        """What it answers; UsageError with its words when it refuses."""
        answer = self._client.request(method, path, content=body, params=query)
        if answer.status_code in _DENIED:
            raise UsageError(f"接口要 {self._role} 的密钥：请在环境变量 {KEY} 里给出")
        if answer.is_error:
            raise UsageError(f"接口没有接受（{answer.status_code}）：{_detail(answer)}")
        return answer.json()

    def subjects(self) -> list[str]:
        """The names of what it watches now."""
        return [str(one["name"]) for one in self.ask("GET", "/v1/subjects")["items"]]


@contextmanager
def running_service(settings: Settings, role: str) -> Iterator[Service]:
    """The service that holds the folder; UsageError when it cannot be reached."""
    host, port = settings.listen
    host = _EVERYWHERE.get(host, host)
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    key = os.environ.get(KEY, "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=base, headers=headers, timeout=PATIENCE, trust_env=False) as client:
        try:
            yield Service(client, role)
        except httpx.HTTPError as error:
            raise UsageError(f"数据目录正被使用，但接口 {base} 没有回答（{type(error).__name__}）：请稍后再试") from error


def _detail(answer: httpx.Response) -> str:
    """Its own words; somebody else on that port speaks another language."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
