"""
A story traced: where it began, how it spread, its tree; for the API, the terminal and reports.

One pass over the story's rows, in portions; what is told of single mentions is looked up at the end. A story of 200,000 mentions takes
some seconds and about 12 MB (`monitor/store/spread.py` bounds it), so whoever asks often keeps the trace.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from monitor.alert import Alert
from monitor.clock import micros, rfc3339
from monitor.escalation.effects import StoryRow
from monitor.mention import identity
from monitor.store.rows import Cursors, Page
from monitor.store.sessions import ReadUnit, WriteUnit
from monitor.store.spread import Told
from monitor.stories.origin import DOUBT_ZH, LOOKED_AT, Origin, origin, passed_on
from monitor.stories.spread import TOP, Spread
from monitor.stories.title import SAMPLE_LENGTH, own_words, shown
from monitor.stories.tree import Leaf, Place, Tree

Wire = dict[str, object]
Unit = ReadUnit | WriteUnit
CURSORS = Cursors("tree", bytes, int, int, bytes)
_LOOSE = 2_000  # mentions without a link whose words are read, the earliest: what they pass on is found by its words
_TOP = bytes(16)  # stands for "under nothing" in a cursor


class Trace(msgspec.Struct, frozen=True):
    """What was found out about a story, as it stood when it was traced."""

    tree: Tree
    origin: Wire | None
    spread: Wire


async def story_wire(unit: Unit, story: StoryRow) -> Wire:
    """A story as it is listed."""
    return listed(story, await unit.alerts.running([story.id]))


def listed(story: StoryRow, running: Mapping[str, Alert]) -> Wire:
    """
    The same, by the open alerts of stories: its level is theirs, also when set by hand and the desk has not come to that yet.

    Its title is that of its alert, where it has one: chosen again as better words came.
    """
    alert = running.get(story.id) or story.state.alert
    level = running[story.id].level if story.id in running else story.state.level
    return {
        "id": story.id, "subject": story.subject, "title": alert.counters.title if alert else story.title,
        "residual": story.residual, "live": story.live,
        "level": level.word, "level_zh": level.zh, "policy_level": story.state.level.word, "alert": alert.id if alert else None,
        "opened_at": rfc3339(story.opened_at), "last_at": rfc3339(story.last_at), "mentions": story.mentions,
        "merged_into": story.merged_into,
    }  # fmt: skip


async def survivor(unit: Unit, story: StoryRow) -> StoryRow:
    """The story that this one became part of in the end; itself when it was never merged."""
    while story.merged_into and (into := await unit.stories.get(story.merged_into)):
        story = into
    return story


async def story_of(unit: Unit, alert: Alert) -> str:
    """The id of the story that an alert tells of, also when that became part of another."""
    row = await unit.stories.get(alert.story)
    return (await survivor(unit, row)).id if row else alert.story


async def trace(unit: Unit, story: str, span: tuple[int, int] | None = None) -> Trace:
    """Read a story whole, or what was said in a span (micros, both ends included); the heavy part runs beside the event loop."""
    spread, leaves = Spread(), list[Leaf]()
    async for portion in unit.spread.carried(story, span):
        for one in portion:
            spread.add(one)
            leaves.append(Leaf(one.digest, one.at, one.root, one.parent))
    early = await unit.spread.told([leaf.digest for leaf in leaves[:LOOKED_AT]])
    loose = await unit.spread.told([leaf.digest for leaf in leaves if not (leaf.root or leaf.parent)][:_LOOSE])
    said = await asyncio.to_thread(passed_on, list((early | loose).values()))
    leaves = [leaf if leaf.root or leaf.parent else leaf._replace(parent=said.get(leaf.digest)) for leaf in leaves]
    tree = await asyncio.to_thread(Tree, leaves)
    busiest, farthest = tree.busiest(TOP), dict(spread.farthest)
    told = await unit.spread.told({*(place.digest for place in busiest), *farthest})
    wire = await asyncio.to_thread(spread.wire)
    reposted = [_told(told[place.digest]) | {"children": place.children} for place in busiest if place.digest in told]
    heard = [_told(told[digest]) | {"reach": far} for digest, far in farthest.items() if digest in told]
    return Trace(tree, _origin(origin(list(early.values()), tree)), wire | {"reposted": reposted, "farthest": heard})


async def places(unit: Unit, tree: Tree, under: str | None, limit: int, cursor: str | None = None) -> Page[Wire] | None:
    """
    The children of a place (None: the uppermost places), the biggest first, paged.

    None: there is no such place, or the cursor was given for another. ValueError: a cursor that is not ours.
    """
    digest = None if under is None else _digest(under)
    if digest is not None and tree.get(digest) is None:
        return None
    after = None
    if cursor is not None:
        place, descendants, at, last = CURSORS.key(cursor)
        if place != (digest or _TOP):
            return None
        after = (-descendants, at, last)
    found = tree.below(digest, limit + 1, after)
    last_one = found[limit - 1] if len(found) > limit else None
    more = CURSORS.after(digest or _TOP, last_one.descendants, last_one.at, last_one.digest) if last_one else None
    return Page(await _places(unit, tree, found[:limit]), more)


async def _places(unit: Unit, tree: Tree, found: Sequence[Place]) -> list[Wire]:
    """Each place with its words; of a missing original what its first child says of it."""
    firsts = {place.digest: tree.below(place.digest, 1)[0].digest for place in found if not place.present}
    told = await unit.spread.told([firsts.get(place.digest, place.digest) for place in found])
    return [_place(place, told.get(firsts.get(place.digest, place.digest))) for place in found]


def _place(place: Place, told: Told | None) -> Wire:
    out: Wire = {"node": place.digest.hex(), "missing": not place.present, "children": place.children, "descendants": place.descendants}
    if place.present:
        return out | (_told(told) if told else {})
    return out | (_named(place.digest, told) if told else {})


def _named(missing: bytes, told: Told) -> Wire:
    """What a mention calls the original that it names and that we do not have; of its words what was quoted."""
    mention = told.mention
    item = next((name for name in (mention.root, mention.parent) if name and identity(mention.source, name) == missing), None)
    if item is None:
        return {}
    return {"source": mention.source, "id": item, "text": shown(mention.quoted or "", SAMPLE_LENGTH)}


def _told(told: Told) -> Wire:
    """One mention for people: no pseudonym, a name only where contract 1 keeps it readable."""
    mention = told.mention
    out: Wire = {
        "source": mention.source, "id": mention.id, "kind": mention.kind, "platform": mention.platform or mention.source,
        "published_at": rfc3339(micros(mention.published_at)), "text": shown(own_words(mention), SAMPLE_LENGTH),
    }  # fmt: skip
    optional: Mapping[str, object] = {"outlet": mention.outlet, "url": mention.url, "name": told.name, "role": told.role}
    return out | {key: value for key, value in optional.items() if value}


def _origin(found: Origin | None) -> Wire | None:
    if found is None or not isinstance(found.known, Told):
        return None
    doubts = [{"code": doubt.value, "zh": DOUBT_ZH[doubt], "mentions": count} for doubt, count in found.doubts]
    missing = {"missing": dict(zip(("source", "id"), found.missing, strict=True))} if found.missing else {}
    return _told(found.known) | {"sure": found.sure, "doubts": doubts} | missing


def _digest(node: str) -> bytes:
    """The place a hexadecimal name stands for; what is none stands for nowhere."""
    try:
        return bytes.fromhex(node) if node.isascii() else b""
    except ValueError:
        return b""
