"""
The settings of contract 2 as frozen values, built once by `monitor/loading.py` and passed on in slices. Nothing here reads a file.

Durations are micros. Secrets are plain strings here and nowhere else: their `repr` is hidden, and logs never see them.
"""

from pathlib import Path
from typing import Literal

import msgspec

from monitor.clock import DAY, SECOND
from monitor.subject import Subject

ReceiverType = Literal["webhook", "wecom", "dingtalk", "feishu", "email", "alertmanager"]
SourceType = Literal["push", "rss", "file", "json", "hotlist"]
Role = Literal["reader", "staff", "admin"]
KAFKA = "kafka://"
AccountRole = Literal["own", "media", "kol", "watch", "ignore", "competitor"]


class Secret(str):
    """A string that does not show itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept from storing, micros; identities outlive texts."""

    raw: int = 7 * DAY
    scored: int = 30 * DAY
    text: int = 180 * DAY
    evidence: int = 3 * 365 * DAY
    identity: int = 400 * DAY


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key by its SHA-256; the key itself is not kept."""

    name: str
    role: Role
    sha256: str
    rate: int | None = None  # requests a minute


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send."""

    name: str
    type: ReceiverType
    url: Secret
    secret: Secret | None = None
    min_level: str = "blue"
    allow_private: tuple[str, ...] = ()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A feed we take from. From `path` on, what only some types know."""

    name: str
    type: SourceType
    platform: str | None = None
    media: bool | None = None
    tier: str | None = None
    trusted: bool = False
    path: str | None = None
    url: Secret | None = None
    every: int | None = None
    columns: dict[str, str] = {}
    items: str | None = None  # where the list stands in a JSON answer, dotted
    pages: int = 1
    next: str | None = None  # where the {cursor} of the next page stands, dotted
    scope: str | None = None
    headers: dict[str, Secret] = {}
    allow_private: tuple[str, ...] = ()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A listed account: its name or id, on one platform or (None) on all, and what it is to the organisation."""

    role: AccountRole
    name: str | None = None
    id: str | None = None
    platform: str | None = None
    tier: str | None = None


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """How Kafka is spoken to; `protocol`, `mechanism` are Kafka's own words, `ca_file` an absolute path."""

    protocol: str = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: Secret | None = None
    ca_file: str | None = None


class Kafka(msgspec.Struct, frozen=True, kw_only=True):
    """What `bus: kafka://…` needs. Absent `replication_factor`, `min_isr`: from the number of brokers, see contract 2."""

    topic_prefix: str = ""
    partitions: int = 12
    replication_factor: int | None = None
    min_isr: int | None = None
    session_timeout: int = 10 * SECOND
    security: Security = Security()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration, checked; every path absolute."""

    file: Path
    organisation: str
    subjects: tuple[Subject, ...]
    posted: tuple[str, ...] = ()  # which of them were given over the API
    timezone: str = "Asia/Shanghai"
    level_names: dict[str, str] = {}
    retention: Retention = Retention()
    data: Path
    bus: str = "sqlite"
    store: str = "sqlite"  # or the address of a PostgreSQL database, a Secret
    listen: tuple[str, int] = ("127.0.0.1", 8000)
    public_url: str = "http://127.0.0.1:8000"
    api_keys: tuple[ApiKey, ...] = ()
    pseudonym_key: Secret | None = None
    sources: tuple[Source, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    libraries: tuple[Path, ...] = ()
    accounts: tuple[Path, ...] = ()
    listed: tuple[Account, ...] = ()  # what those lists say
    policy: Path | None = None  # None: the shipped default
    sentiment: str = "default"
    segmenter: str = "rjieba"  # or jieba
    kafka: Kafka = Kafka()

    @property
    def brokers(self) -> tuple[str, ...]:
        """The host:port of each broker of `bus: kafka://…`; none with the embedded log."""
        return tuple(self.bus.removeprefix(KAFKA).split(",")) if self.bus.startswith(KAFKA) else ()
