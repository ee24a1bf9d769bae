"""The keyword rules in force, their versions, and how to let a change of their files be taken up at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Response

from monitor.clock import rfc3339
from monitor.errors import ConfigError
from monitor.scoring.library import Library
from monitor.scoring.versions import Keywords
from monitor.store.rows import Cursors
from services.api.auth import Admin, Reader
from services.api.errors import Refusal, busy
from services.api.keyword_schemas import KeywordsModel, LibraryModel, ReloadModel
from services.api.schemas import PROBLEMS
from services.api.state import Api, ApiState, Limit, answer, cursor_of, listing, our_cursor
from services.api.subjects import By, reloader_of

router = APIRouter(tags=["keywords"])
CURSORS = Cursors("rule", int)
Cursor = Annotated[str | None, cursor_of(CURSORS)]


@router.get("/v1/keywords", responses={200: {"model": KeywordsModel}, **PROBLEMS})
async def in_force(api: Api, _: Reader) -> Response:
    """Every library in force, by name, with its version; `version` of all is what a score made now carries."""
    keywords, since = _keywords(api)
    async with listing(api) as (_unit, seq):
        items = [_library(name, keywords, since, api.settings.file.parent) for name in sorted(keywords.named)]
    told = {"version": keywords.version, "since": rfc3339(since[keywords.version]), "rules": keywords.rules}
    return answer(told | {"items": items, "next_cursor": None, "seq": seq})


@router.post("/v1/keywords/reload", responses={200: {"model": ReloadModel}, **PROBLEMS})
async def reload(*, api: Api, caller: Admin, by: By = None) -> Response:
    """
    Take up the configuration and its libraries as their files are now: checked whole, then changed over between two batches.

    200: in force in this process; where `scored_here` is false, other processes score, and each takes up the files it sees within some
    seconds. 422 names every mistake with its file, line and column: nothing was changed.
    """
    reloader, before = reloader_of(api), _keywords(api)[0]
    actor, beside = caller.actor(by)
    try:
        await reloader.asked(actor, beside)
    except ConfigError as error:
        messages = [str(problem) for problem in error.problems]
        raise Refusal(422, "; ".join(messages), errors=messages) from error
    except OSError as error:
        raise busy("the files cannot be read now; the log says more") from error
    keywords, since = _keywords(api)
    told = {"version": keywords.version, "since": rfc3339(since[keywords.version]), "rules": keywords.rules}
    return answer(told | {"previous": before.version, "scored_here": api.in_force is not None and api.in_force.scored_here})


@router.get("/v1/keywords/{name:path}", responses={200: {"model": LibraryModel}, **PROBLEMS})
async def one_library(*, api: Api, _: Reader, name: str, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """One library with its rules, in their order; should `version` change from page to page, begin again."""
    keywords, since = _keywords(api)
    if name not in keywords.named:
        raise Refusal(404, "no library of this name is in force")
    with our_cursor():
        start = 0 if cursor is None else CURSORS.key(cursor)[0]
    rules = _rules(keywords.named[name])
    after = CURSORS.after(start + limit) if start + limit < len(rules) else None
    async with listing(api) as (_unit, seq):
        told = _library(name, keywords, since, api.settings.file.parent)
    return answer(told | {"items": rules[start : start + limit], "next_cursor": after, "seq": seq})


def _keywords(api: ApiState) -> tuple[Keywords, Mapping[str, int]]:
    """What is in force now, and since when each of its versions: taken together, for at the next await it may be another."""
    if api.in_force is None or api.in_force.keywords is None:
        raise busy("the keyword libraries are still being loaded")
    return api.in_force.keywords, api.in_force.since


def _library(name: str, keywords: Keywords, since: Mapping[str, int], home: Path) -> dict[str, object]:
    parts, version = keywords.named[name], keywords.versions[name]
    return {
        "name": name, "version": version, "since": rfc3339(since[version]), "rules": sum(len(part.rules) for part in parts),
        "subjects": [subject.name for subject in keywords.subjects if name in subject.libraries],
        "parts": [_part(part, home) for part in parts],
    }  # fmt: skip


def _part(library: Library, home: Path) -> dict[str, object]:
    """What one file says of a library; the folders above the configuration's are nobody's business."""
    file = Path(library.file)
    return {
        "file": str(file.relative_to(home)) if file.is_relative_to(home) else file.name, "shipped": library.shipped,
        "category": library.category, "weight": library.weight, "rules": len(library.rules), "owner": library.owner, "note": library.note,
        "valid_from": _told(library.valid_from), "valid_until": _told(library.valid_until),
    }  # fmt: skip


def _told(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def _rules(parts: Sequence[Library]) -> list[dict[str, object]]:
    return [
        {"rule": one.rule.source, "category": part.category, "weight": one.weight, "floor": one.floor.word, "note": one.note}
        for part in parts
        for one in part.rules
    ]
