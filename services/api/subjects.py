"""Subjects as configured, with what is open about each."""

from collections import defaultdict

from fastapi import APIRouter, Response

from monitor.alert import Alert
from monitor.clock import rfc3339
from monitor.store.alerts import OPEN, AlertFilter
from monitor.subject import Subject
from services.api.auth import Reader
from services.api.schemas import PROBLEMS, SubjectPage
from services.api.state import Api, answer, listing

MOST_OPEN = 10_000

router = APIRouter(tags=["subjects"])


@router.get("/v1/subjects", responses={200: {"model": SubjectPage}, **PROBLEMS})
async def list_subjects(api: Api, _: Reader) -> Response:
    """Every watched subject, in the order of the configuration."""
    async with listing(api) as (unit, seq):
        found = await unit.alerts.list(AlertFilter(statuses=OPEN), MOST_OPEN)
    by_subject: dict[str, list[Alert]] = defaultdict(list)
    for alert in found.items:
        by_subject[alert.subject].append(alert)
    items = [_wire(subject, by_subject[subject.name]) for subject in api.settings.subjects]
    return answer({"items": items, "next_cursor": None, "seq": seq})


def _wire(subject: Subject, alerts: list[Alert]) -> dict[str, object]:
    highest = max(alerts, key=lambda alert: alert.level, default=None)
    return {
        "name": subject.name, "owner": subject.owner, "floor": subject.floor.word, "alerts": subject.alerts,
        "libraries": list(subject.libraries), "rules": list(subject.rules), "receivers": list(subject.receivers),
        "valid_until": rfc3339(subject.valid_until) if subject.valid_until is not None else None,
        "open_alerts": len(alerts), "level": highest.level.word if highest else "none",
    }  # fmt: skip
