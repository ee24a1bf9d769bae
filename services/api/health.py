"""How the service is: alive, fit to work, and in figures. No key is asked for."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from monitor.alert import STATUSES, Level
from monitor.clock import SECOND, rfc3339
from monitor.errors import StoreError
from services.api.state import Api, ApiState, answer

router = APIRouter(tags=["health"])


@router.get("/livez")
async def alive() -> Response:
    """The process turns; whatever else is away."""
    return answer({"status": "alive"})


@router.get("/readyz", responses={503: {"description": "a part that work needs is not fit; the body names it"}})
async def ready(api: Api) -> Response:
    """Whether every part that work needs is fit; the body names each, and says how fresh the sources are."""
    parts = dict(api.readiness()) | {"store": await _store_problem(api)}
    unfit = sorted(name for name, wrong in parts.items() if wrong is not None and not name.startswith(api.informative))
    body = {"status": "unready" if unfit else "ready", "unready": unfit, "parts": {name: wrong or "ok" for name, wrong in parts.items()}}
    newest = _newest(api)
    return answer(body | ({"newest_items": newest} if newest else {}), 503 if unfit else 200)


def _newest(api: ApiState) -> dict[str, str]:
    """Source -> when its newest item was published; a source that only repeats itself shows its age."""
    found = [sample for family in api.metrics.source_newest_item_timestamp_seconds.collect() for sample in family.samples]
    return {sample.labels["source"]: rfc3339(int(sample.value) * SECOND) for sample in sorted(found, key=str) if sample.value > 0}


async def _store_problem(api: ApiState) -> str | None:
    try:
        async with api.store.read() as unit:
            await unit.alerts.newest_seq()
    except StoreError as error:
        return str(error)
    return None


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(api: Api) -> Response:
    """Every figure in Prometheus' text format."""
    try:
        async with api.store.read() as unit:
            counts = await unit.alerts.counts()
    except StoreError:
        counts = None  # the figures of the process are worth more than none
    if counts is not None:
        for level in Level:
            for status in STATUSES:
                api.metrics.alerts.labels(level.word, status).set(counts.get((level.word, status), 0))
    return Response(generate_latest(api.metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
