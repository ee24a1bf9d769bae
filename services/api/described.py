"""/openapi.json: what FastAPI makes of the routes, and what it cannot know."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from services.api.schemas import Problem
from services.api.state import ApiState

_ACTS = """
Acts on alerts (`POST`) take two headers more. `If-Match` with an ETag of the alert, or `*`: 412 when level, status, assignee or notes
have changed since. `Idempotency-Key`, 1 to 255 signs: the same again within 12 hours is done once and answered the same; with another
body it is 422.
"""


def describe(app: FastAPI) -> None:
    """Let the application tell of its own: keys are asked for only where there are some."""
    app.description = _ACTS
    app.openapi = _describing(app, app.openapi)  # type: ignore[method-assign]  # how FastAPI says to extend it


def _describing(app: FastAPI, plain: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found, state = plain(), app.state.api
            found["components"]["schemas"]["Problem"] = Problem.model_json_schema()
            if isinstance(state, ApiState) and not state.settings.api_keys:
                _without_keys(found)
        return plain()

    return described


def _without_keys(document: dict[str, Any]) -> None:
    document["components"].pop("securitySchemes", None)
    for path in document["paths"].values():
        for call in path.values():
            call.pop("security", None)
