"""
What `alerts_304` is measured against: a route of FastAPI with the parameters and the key check of the list, and nothing behind it.

    python -m services.api.bare PORT KEYHASH
"""

import sys
from hashlib import sha256
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Query, Response

from monitor.alert import Status
from monitor.clock import SystemClock
from monitor.settings import ApiKey
from services.api.alerts import Cursor, LevelWord
from services.api.auth import Gate, Reader
from services.api.errors import install
from services.api.server import bind
from services.api.state import Limit, Moment

_NOTHING_NEW = Response(status_code=304, headers={"ETag": '"same"', "Cache-Control": "private, no-cache"})


def create_bare(key: str) -> FastAPI:
    """The application; `key` is the one that may read."""
    app = FastAPI(openapi_url=None)
    app.state.gate = Gate([ApiKey(name="bench", role="reader", sha256=sha256(key.encode()).hexdigest())], SystemClock())

    @app.get("/v1/alerts")
    async def nothing_new(
        *, _: Reader, status: Annotated[list[Status] | None, Query()] = None, level: Annotated[list[LevelWord] | None, Query()] = None,
        min_level: LevelWord | None = None, subject: Annotated[list[str] | None, Query()] = None,
        since: Moment | None = None, limit: Limit = 50, cursor: Cursor = None,
    ) -> Response:  # fmt: skip
        del status, level, min_level, subject, since, limit, cursor
        return _NOTHING_NEW

    install(app)
    return app


def main(port: str, key: str) -> None:
    """Serve until terminated, by the same server with the same settings as the service."""
    config = uvicorn.Config(
        create_bare(key), log_config=None, access_log=False, lifespan="off", server_header=False, proxy_headers=False, ws="none"
    )
    uvicorn.Server(config).run(sockets=[bind("127.0.0.1", int(port))])


if __name__ == "__main__":
    main(*sys.argv[1:])
