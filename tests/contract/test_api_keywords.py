"""The keyword rules in force, as the API tells them, and a reload that somebody asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from monitor.loading import load_settings
from monitor.scoring.versions import Keywords
from monitor.store.sessions import ReadUnit
from services.api.keyword_schemas import KeywordsModel, LibraryModel, ReloadModel
from services.keeping.in_force import InForce, read_keywords
from services.keeping.reload import Reloader, audited
from tests.unit.api.making import World, key, problem_of, world

ADMIN, READER = {"Authorization": "Bearer boss"}, {"Authorization": "Bearer eyes"}
TEXT = "organisation: 某某\nsubjects:\n  - {name: 某某集团, rules: [某某], libraries: [自备]}\nlibraries: [words]\n"
LIBRARY = "{name: 自备, category: 质量, weight: 0.5, owner: 小王, valid_until: 2027-01-01, rules: [甲, {rule: 乙, floor: blue}, 丙]}\n"
MORE = "{name: 自备二, category: 质量, weight: 0.5, rules: [甲]}\n"


@pytest.fixture
async def here(tmp_path: Path, empty_store: str) -> AsyncIterator[World]:
    """An API over a configuration with a library of its own, as a process that does not score has it."""
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "one.yaml").write_text(LIBRARY, "utf-8")
    (tmp_path / "c.yaml").write_text(TEXT, "utf-8")
    settings = load_settings(tmp_path / "c.yaml", {})
    async with world(tmp_path, key("eyes", "reader"), key("boss", "admin"), store=empty_store) as made:
        api = made.api
        reloader = Reloader(settings, settings, made.store, made.clock, api.metrics, api.log)
        in_force = InForce(made.clock, api.metrics, api.log)
        in_force.use(read_keywords(settings))
        reloader.follow(lambda new: partial(in_force.use, read_keywords(new)))
        made.app.state.api = type(api)(**(vars(api) | {"reloader": reloader, "in_force": in_force, "settings": settings}))
        yield made


async def get(here: World, path: str = "", **query: str) -> httpx.Response:
    """A GET below /v1/keywords, by a reader."""
    return await here.client.get(f"/v1/keywords{path}", params=query, headers=READER)


async def reload(here: World) -> httpx.Response:
    """Asked for by the admin."""
    return await here.client.post("/v1/keywords/reload", params={"by": "小王"}, headers=ADMIN)


async def test_what_is_in_force_is_told(here: World) -> None:
    """Every library with its version, parts and subjects; the shipped ones too."""
    told = KeywordsModel.model_validate((await get(here)).json())
    (own,) = [one for one in told.items if one.name == "自备"]

    assert (own.rules, own.subjects, [part.file for part in own.parts]) == (3, ["某某集团"], ["words/one.yaml"])
    (part,) = own.parts
    assert (part.category, part.owner, part.shipped, part.valid_until is not None) == ("质量", "小王", False, True)
    assert len(told.items) > 14
    assert sum(one.rules for one in told.items) + 1 == told.rules
    assert len({told.version, *(one.version for one in told.items)}) == len(told.items) + 1
    assert [one.name for one in told.items] == sorted(one.name for one in told.items)


async def test_the_rules_of_a_library_are_paged(here: World) -> None:
    """In their order, each with its category, weight and floor."""
    first = LibraryModel.model_validate((await get(here, f"/{quote('自备')}", limit="2")).json())
    assert first.next_cursor is not None
    second = LibraryModel.model_validate((await get(here, f"/{quote('自备')}", limit="2", cursor=first.next_cursor)).json())

    assert [(one.rule, one.floor) for page in (first, second) for one in page.items] == [("甲", "none"), ("乙", "blue"), ("丙", "none")]
    assert (second.next_cursor, second.version) == (None, first.version)
    problem_of(await get(here, "/nowhere"), 404)
    problem_of(await get(here, f"/{quote('自备')}", cursor="rule-x"), 422)


async def test_a_changed_file_is_taken_up_when_somebody_asks(here: World) -> None:
    """The answer names what is in force now and was before; what has not changed keeps its version and its moment."""
    before = KeywordsModel.model_validate((await get(here)).json())
    here.clock.advance(60_000_000)
    (here.api.settings.data / "words" / "two.yaml").write_text(MORE, "utf-8")
    done = ReloadModel.model_validate((await reload(here)).json())
    after = KeywordsModel.model_validate((await get(here)).json())

    assert (done.previous, done.version, done.scored_here) == (before.version, after.version, False)
    assert done.previous != done.version
    assert (after.since > before.since, after.rules) == (True, before.rules + 1)
    kept = {one.name: one for one in before.items}
    assert {one.name for one in after.items if one != kept.get(one.name)} == {"自备二"}
    async with here.store.write() as unit:
        assert [(one.actor, one.action, one.by) for one in await audited(unit)] == [("boss", "reload", "小王")]
    sample = here.api.metrics.registry.get_sample_value
    assert sample("yuqing_keywords_info", {"version": after.version}) == 1
    assert sample("yuqing_keywords_info", {"version": before.version}) is None
    assert sample("yuqing_keywords_rules") == after.rules


async def test_what_changes_while_it_is_told_is_told_as_it_was(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer under way when other rules are taken up is of those it began with."""
    before = (await get(here, f"/{quote('自备')}")).json()
    reading, in_force = here.store.read, here.app.state.api.in_force

    @asynccontextmanager
    async def changing() -> AsyncIterator[ReadUnit]:
        in_force.use(Keywords())
        async with reading() as unit:
            yield unit

    monkeypatch.setattr(here.store, "read", changing)
    told = await get(here, f"/{quote('自备')}")
    assert (told.status_code, told.json()) == (200, before)
    problem_of(await get(here, f"/{quote('自备')}"), 404)


async def test_a_wrong_library_is_refused_and_named(here: World) -> None:
    """422 with file, line and column of every mistake; what was in force stays."""
    before = (await get(here)).json()
    (here.api.settings.data / "words" / "one.yaml").write_text(LIBRARY.replace("甲", "'甲+('").replace("丙", "'-丙'"), "utf-8")
    told = problem_of(await reload(here), 422)

    assert len(told["errors"]) == 2
    assert all("one.yaml:1:" in error for error in told["errors"])
    assert (await get(here)).json() == before


async def test_only_an_admin_reloads(here: World) -> None:
    """A reader may look."""
    problem_of(await here.client.post("/v1/keywords/reload", headers=READER), 403)
    problem_of(await here.client.post("/v1/keywords/reload"), 401)
    problem_of(await here.client.get("/v1/keywords"), 401)


async def test_where_nothing_is_known_yet_the_caller_comes_again(tmp_path: Path, empty_store: str) -> None:
    """503 while the libraries are being loaded."""
    async with world(tmp_path, store=empty_store) as made:
        assert problem_of(await made.client.get("/v1/keywords"), 503)
