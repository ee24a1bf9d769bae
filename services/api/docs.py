"""`/docs`: the interface to read and try by hand, whole from this process: a machine without internet shows it too."""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
_SCRIPT, _STYLE = "swagger-ui-bundle.js", "swagger-ui.css"
_TYPES = {_SCRIPT: "text/javascript", _STYLE: "text/css"}
_KEPT = {"Cache-Control": "public, max-age=86400"}


@router.get("/docs")
async def page() -> HTMLResponse:
    """The page; its script and style lie beside it."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json", title="舆情 API", swagger_js_url=f"/docs/{_SCRIPT}", swagger_css_url=f"/docs/{_STYLE}",
        swagger_favicon_url="data:,",
    )  # fmt: skip


@router.get(f"/docs/{_SCRIPT}")
async def script() -> Response:
    """Swagger UI itself."""
    return _asset(_SCRIPT)


@router.get(f"/docs/{_STYLE}")
async def style() -> Response:
    """How it looks."""
    return _asset(_STYLE)


def _asset(name: str) -> Response:
    return Response(_bytes(name), media_type=_TYPES[name], headers=_KEPT)


@cache
def _bytes(name: str) -> bytes:
    return (files("fastapi_offline") / "static" / name).read_bytes()
