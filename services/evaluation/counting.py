"""How the model does by people's word, read from the store: counted in one pass, whatever there is; and told to programs."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from monitor.alert import Named
from monitor.bus.base import SCORED
from monitor.clock import MINUTE, moment, rfc3339
from monitor.escalation.effects import Act
from monitor.mention import Mention
from monitor.reporting.agreement import BANDS, EMOTIONS, LABELS, Agreement, Evaluation, Mistake, Opinion, Part, Place
from monitor.store.sessions import ReadUnit, Store
from monitor.store.spread import Told

_QUARTER = 15 * MINUTE  # a week begins at the border of one in every time zone
_SHOWN = 60  # characters of a text


class Evaluated(NamedTuple):
    """
    What was counted, and what is needed to tell it.

    `told`: the texts of its mistakes that are still kept; `acts`: the acts by which they were judged; `waiting`: how many judgements the
    service has not come to.
    """

    evaluation: Evaluation
    told: Mapping[bytes, Told]
    acts: Mapping[tuple[str, bytes, int], Act]
    waiting: int

    def act(self, mistake: Mistake) -> Act | None:
        """By which it was judged last."""
        return self.acts.get(_word(mistake))

    def named(self, mistake: Mistake) -> Named | None:
        """Its source and id, which the act remembers longer than the store."""
        told, act = self.told.get(mistake.digest), self.act(mistake)
        return Named(told.mention.source, told.mention.id) if told else act.named[0] if act and act.named else None


async def evaluate(store: Store, zone: ZoneInfo, *, subject: str | None = None, since: int = 0) -> Evaluated:
    """Count every mention of the subject (None: of any) published since then."""
    found = Evaluation(weeks(zone))
    async with store.read() as unit:
        async for portion in unit.opinions.all(subject=subject, since=since):
            places = await _places(unit, portion)
            for one in portion:
                found.add(one, places.get(one.digest))
        told = await unit.spread.told({mistake.digest for mistake in found.mistakes})
        acts = await unit.acts.words({_word(mistake) for mistake in found.mistakes})
        return Evaluated(found, told, acts, await unit.acts.waiting(SCORED, "score", subject))


async def _places(unit: ReadUnit, portion: list[Opinion]) -> dict[bytes, Place]:
    """Where the judged ones were said."""
    told = await unit.spread.told({one.digest for one in portion if one.judged})
    return {digest: Place(one.mention.platform or one.mention.source, one.mention.kind) for digest, one in told.items()}


def _word(mistake: Mistake) -> tuple[str, bytes, int]:
    judged = mistake.opinion.judged
    return mistake.subject, mistake.digest, judged.at if judged else 0


def weeks(zone: ZoneInfo) -> Callable[[int], str]:
    """Names the ISO week of a moment (micros) in a time zone, as 2026-W48."""
    of = lru_cache(maxsize=100_000)(lambda quarter: _week(quarter * _QUARTER, zone))
    return lambda at: of(at // _QUARTER)


def _week(at: int, zone: ZoneInfo) -> str:
    year, week, _ = moment(at).astimezone(zone).isocalendar()
    return f"{year:04}-W{week:02}"


def monday(week: str) -> date:
    """The first day of a week."""
    return date.fromisocalendar(int(week[:4]), int(week[-2:]), 1)


def start_of(mention: Mention) -> str:
    """The first words of a mention, for a person to know it by."""
    text = " ".join((mention.text or mention.title or mention.quoted or mention.transcript or "").split())
    return text[:_SHOWN] + "…" * (len(text) > _SHOWN)


def wire(found: Evaluated, asked: Mapping[str, object]) -> dict[str, Any]:
    """Everything, for programs; shares are of 1, `low` and `high` a 95 % Wilson interval. `asked`: what it is about."""
    counted = found.evaluation
    return dict(asked) | {
        "mentions": counted.all.mentions, "judged": counted.all.judged, "waiting": found.waiting,
        "agreement": _agreement(counted.all.agreement),
        "confusion": {model: {people: counted.confusion[model, people] for people in LABELS} for model in LABELS},
        "labels": {one: {"found": _agreement(counted.found(one)), "trusted": _agreement(counted.trusted(one))} for one in LABELS},
        "emotion": {
            "agreement": _agreement(counted.felt),
            "confusion": {model: {people: counted.emotions[model, people] for people in EMOTIONS} for model in EMOTIONS},
        },
        "weeks": [_in_week(counted, week, part) for week, part in sorted(counted.weeks.items())],
        "subjects": [{"subject": name} | _of(part) for name, part in sorted(counted.subjects.items())],
        "platforms": [{"platform": name} | _said(part) for name, part in sorted(counted.platforms.items())],
        "kinds": [{"kind": name} | _said(part) for name, part in sorted(counted.kinds.items())],
        "bands": [_in_band(low, high, part) for low, high, part in zip(BANDS, (*BANDS[1:], 1.0), counted.bands, strict=True)],
        "mistakes": [_mistaken(found, mistake) for mistake in counted.mistakes],
    }  # fmt: skip


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _agreement(one: Agreement) -> dict[str, object]:
    low, high = one.interval
    return {"judged": one.judged, "agreed": one.agreed, "share": _share(one.share), "low": _share(low), "high": _share(high)}


def _said(part: Part) -> dict[str, object]:
    return {"judged": part.judged, "irrelevant": part.irrelevant, "agreement": _agreement(part.agreement)}


def _of(part: Part) -> dict[str, object]:
    return {"mentions": part.mentions} | _said(part)


def _in_week(counted: Evaluation, week: str, part: Part) -> dict[str, object]:
    """`model` and `people` are counts of labels; `shift`: how far the model's are spread otherwise than in all weeks together."""
    spread = {"model": {one: part.model[one] for one in LABELS}, "people": {one: part.people[one] for one in LABELS}}
    return {"week": week, "from": monday(week).isoformat()} | _of(part) | spread | {"shift": _share(part.shift(counted.all))}


def _in_band(low: float, high: float, part: Part) -> dict[str, object]:
    """`confidence`: how sure the model was on average of those people gave a label; `left_alone`: those without one."""
    alone = part.mentions - part.agreement.judged
    return {"from": low, "to": high} | _of(part) | {"left_alone": alone, "confidence": _share(part.confidence)}


def _mistaken(found: Evaluated, mistake: Mistake) -> dict[str, object]:
    one, told, act, named = mistake.opinion, found.told.get(mistake.digest), found.act(mistake), found.named(mistake)
    judged = one.judged
    return {
        "source": named.source if named else None, "id": named.id if named else None, "subject": one.subject,
        "published_at": rfc3339(one.published_at), "text": start_of(told.mention) if told else None,
        "model": one.sentiment.label, "confidence": _share(one.confidence), "people": judged.label if judged else None,
        "actor": judged.actor if judged else None, "by": act.by if act else None, "note": judged.note if judged else None,
        "at": rfc3339(judged.at) if judged else None,
    }  # fmt: skip
