"""The application: routes, errors, keys; everything it works with is given to it."""

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from monitor.settings import Settings
from services.api import (
    acting,
    alerts,
    correcting,
    dead_letters,
    docs,
    health,
    keywords,
    mentions,
    notifications,
    rescoring,
    stories,
    subjects,
)  # fmt: skip
from services.api.auth import Gate
from services.api.bodies import Bodies
from services.api.described import describe
from services.api.errors import Guard, install
from services.api.state import ApiState
from services.api.turns import Turns

# FastAPI can hand requests, validation errors and tracebacks to OpenTelemetry exporters named by the environment: not ours.
_SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}


def create_app(state: ApiState, *, only_probes: bool = False) -> FastAPI:
    """The whole API of contract 4; with `only_probes` /livez, /readyz and /metrics alone."""
    shown: dict[str, Any] = {"openapi_url": None} if only_probes else {}
    app = FastAPI(
        title="舆情 API", summary="公开信息进, 蓝/黄/橙/红预警出", version="1", redirect_slashes=False,
        docs_url=None, redoc_url=None, telemetry=_SILENT, **shown,
    )  # fmt: skip
    app.state.api, app.state.only_probes = state, only_probes
    app.state.gate = Gate(state.settings.api_keys, state.clock)
    app.state.bodies = Bodies()
    app.state.polls = OrderedDict()
    parts = (mentions, alerts, acting, correcting, rescoring, subjects, keywords, stories, notifications, dead_letters, health, docs)
    routers = (health.router,) if only_probes else (alerts.polls, *(part.router for part in parts))
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes if getattr(route, "include_in_schema", False)]
    describe(app)
    install(app)
    app.add_middleware(Turns)
    app.add_middleware(Guard, log=state.log)
    return app


def renew(app: FastAPI, settings: Settings) -> None:
    """Let the application answer by other settings from the next request on; keys that stay keep what they may still ask."""
    before: ApiState = app.state.api
    app.state.api = replace(before, settings=settings)
    if settings.api_keys != before.settings.api_keys:
        app.state.gate = Gate(settings.api_keys, before.clock)
        app.openapi_schema = None
