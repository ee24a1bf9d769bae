"""Stories: what mentions of a subject were grouped into."""

from fastapi import APIRouter, Response

from monitor.clock import rfc3339
from monitor.escalation.effects import StoryRow
from services.api.auth import Reader
from services.api.errors import Refusal
from services.api.mentions import mention_wire
from services.api.schemas import PROBLEMS, MentionPage, StoryModel, StoryPage
from services.api.state import Api, Cursor, Limit, answer, listing, our_cursor, page

router = APIRouter(tags=["stories"])


@router.get("/v1/stories", responses={200: {"model": StoryPage}, **PROBLEMS})
async def list_stories(api: Api, _: Reader, subject: str | None = None, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The stories (of one subject), those spoken of last first."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            found = await unit.stories.list(subject, limit, cursor)
    return answer(page(found, seq, _wire))


@router.get("/v1/stories/{story}", responses={200: {"model": StoryModel}, **PROBLEMS})
async def one_story(api: Api, _: Reader, story: str) -> Response:
    """One story."""
    async with api.store.read() as unit:
        found = await unit.stories.get(story)
    if found is None:
        raise Refusal(404, "there is no story of this id")
    return answer(_wire(found))


@router.get("/v1/stories/{story}/mentions", responses={200: {"model": MentionPage}, **PROBLEMS})
async def mentions_of(api: Api, _: Reader, story: str, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """The mentions of a story, newest published first."""
    with our_cursor():
        async with listing(api) as (unit, seq):
            if await unit.stories.get(story) is None:
                raise Refusal(404, "there is no story of this id")
            found = await unit.mentions.of_story(story, limit=limit, cursor=cursor)
    return answer(page(found, seq, mention_wire))


def _wire(story: StoryRow) -> dict[str, object]:
    alert = story.state.alert
    return {
        "id": story.id, "subject": story.subject, "title": story.title, "residual": story.residual, "live": story.live,
        "level": story.state.level.word, "level_zh": story.state.level.zh, "alert": alert.id if alert else None,
        "opened_at": rfc3339(story.opened_at), "last_at": rfc3339(story.last_at), "mentions": story.mentions,
    }  # fmt: skip
