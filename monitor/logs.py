"""
Logs: one JSON object a line (or colours when a person's terminal is at the other end), UTC, nothing hostile, no secret.

Everything goes one way, structlog's own events and those of the standard library (uvicorn, SQLAlchemy): level, time, masking,
rendering. A secret is masked by its value wherever it appears; addresses lose their passwords and queries, robots their path.
"""

import logging
import os
import re
import sys
from collections.abc import Iterable
from typing import TextIO
from urllib.parse import urlsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from monitor.database import secrets_in
from monitor.settings import Settings

MASK = "***"
SHORTEST_SECRET = 4
LEVELS = ("debug", "info", "warning", "error")
# Controls (C0 but newline and tab, DEL, C1), bidirectional overrides, invisible marks, separators, lone surrogates
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]+", re.IGNORECASE)
_ROBOTS = ("weixin.qq.com", "dingtalk.com", "feishu.cn", "larksuite.com")


def visible(text: str) -> str:
    r"""The text with everything that a terminal would obey or hide written out as \uXXXX."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def masked_address(address: str) -> str:
    """An address as a log may show it: no password, no query, no robot's path."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return MASK
    place = parts.netloc.rpartition("@")[2]
    secret_path = host.endswith(_ROBOTS) or "/hook/" in parts.path
    who = f"{MASK}@" if "@" in parts.netloc else ""
    return f"{parts.scheme}://{who}{place}{'/' + MASK if secret_path else parts.path}{'?' + MASK if parts.query else ''}"


def secrets_of(settings: Settings) -> list[str]:
    """Every secret of the settings in the clear, for `configure`; API keys are known by their digests only."""
    named = [settings.pseudonym_key, settings.kafka.security.password]
    named += [secret for receiver in settings.receivers for secret in (receiver.url, receiver.secret)]
    named += [secret for source in settings.sources for secret in source.headers.values()]
    return [*(str(secret) for secret in named if secret), *secrets_in(settings.store)]


class Redactor:
    """A processor that masks known secrets and the secret parts of addresses in every text of an event, however deep."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # Longest first, so that a secret inside another leaves nothing over; a two-letter one would mask half the language
        known = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: self.clean(value) for key, value in event.items()}

    def clean(self, value: object) -> object:
        """The value with nothing secret left; what is not plain data is shown by its repr."""
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, dict):
            return {self._text(str(key)): self.clean(part) for key, part in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.clean(part) for part in value]
        return self._text(repr(value))

    def _text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _ADDRESS.sub(lambda match: masked_address(match[0]), text) if "://" in text else text


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; a stream that is closed or full never becomes a traceback in somebody's terminal."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 logging's own name
        """Say nothing: there is nowhere to say it."""


def configure(level: str = "info", stream: TextIO | None = None, secrets: Iterable[str] = (), *, console: bool | None = None) -> None:
    """
    Set up logging for this process. `console` None: a person reads if the stream is a terminal.

    May be called again, for example once the configuration's secrets are known.
    """
    target = stream if stream is not None else sys.stderr
    for_person = target.isatty() if console is None else console
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    handler = _Handler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                Redactor(secrets),
                *_rendering(for_person),
            ],
        )
    )
    _route(handler, level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def quiet_kafka() -> None:
    """Its client tells each of ten tries a second; who gives up tells why. Also of a verb that has set up no logging."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _rendering(for_person: bool) -> list[Processor]:  # noqa: FBT001 one private caller
    if for_person:
        return [_escape, structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"), timestamp_key="at")]
    # In JSON the escapes are JSON's own, so a program that reads the line gets the text as it was
    return [structlog.processors.JSONRenderer(ensure_ascii=False, default=repr), _escape_line]


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: visible(value) if isinstance(value, str) else value for key, value in event.items()}


def _escape_line(_logger: WrappedLogger, _method: str, line: object) -> str:
    return visible(str(line))


def _route(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in ("httpx", "httpcore", "jieba", "alembic", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.WARNING)  # httpx tells every request's whole address at INFO
    quiet_kafka()
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # units cut off at the end; what fails before is raised
