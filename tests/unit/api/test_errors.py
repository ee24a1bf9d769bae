"""Errors of our own: the caller gets a bare problem, the log gets the rest."""

from pathlib import Path

from structlog.testing import capture_logs

from services.api.errors import Refusal, problem
from tests.unit.api.making import world


async def test_an_error_of_our_own_is_a_bare_500(tmp_path: Path) -> None:
    """No traceback, no words of the exception; the log has them."""

    async def broken() -> None:
        raise ZeroDivisionError("secret words")

    async with world(tmp_path) as here:
        here.app.add_api_route("/broken", broken)
        with capture_logs() as logged:
            answer = await here.client.get("/broken")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in answer.text
    assert [entry["event"] for entry in logged] == ["request failed"]


def test_a_problem_never_repeats_much() -> None:
    """The detail is cut, whatever it was made from."""
    assert len(problem(Refusal(400, "x" * 10_000)).body) < 500


async def test_hostile_queries_are_answered_shortly(tmp_path: Path) -> None:
    """What was sent is not sent back at length."""
    async with world(tmp_path) as here:
        answer = await here.client.get("/v1/alerts", params={"status": "<script>" * 1_000, "level": "x" * 5_000})

    assert answer.status_code == 422
    assert len(answer.content) < 1_500
    assert "<script>" not in answer.text
