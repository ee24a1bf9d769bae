"""The page of `yuqing doctor` as values. A part that could not be read is the reason why."""

import msgspec


class Lag(msgspec.Struct, frozen=True):
    """How far a role is behind; `members`: how many work at it, None where one process does everything."""

    topic: str
    role: str
    messages: int
    seconds: float
    members: int | None = None


class Dead(msgspec.Struct, frozen=True):
    """Dead letters that nobody has seen to: how many, why they are there, where the newest came from."""

    kept: int
    reasons: dict[str, int]
    newest: list[str]


class Log(msgspec.Struct, frozen=True):
    """The bus."""

    lag: list[Lag]
    kept: dict[str, int]
    last_at: str | None
    dead: Dead


class Box(msgspec.Struct, frozen=True):
    """The store: what waits to be sent, what alerts there are."""

    pending: int
    oldest_seconds: float | None
    alerts: dict[str, int]


class Service(msgspec.Struct, frozen=True):
    """Who holds the folder, and what answers at its address."""

    running: bool
    pid: str | None
    started_at: str | None
    address: str
    livez: str
    readyz: str
    unready: list[str]
    parts: dict[str, str]
    newest_items: dict[str, str]
    shared: bool = False  # several processes may work there, and the API may be on another machine


class Config(msgspec.Struct, frozen=True):
    """The file, by name, digest and date: whether the service runs what stands in it."""

    file: str
    sha256: str
    changed_at: str
    changed_since_start: bool
    subjects: int
    sources: int
    receivers: int
    api_keys: int


class Disk(msgspec.Struct, frozen=True):
    """Bytes."""

    folder: str
    free: int
    total: int
    files: dict[str, int]


class Findings(msgspec.Struct, frozen=True):
    """The page. A part that could not be read is its reason."""

    at: str
    versions: dict[str, str]
    config: Config
    service: Service
    log: Log | str
    store: Box | str
    disk: Disk | str
    problems: list[str]
