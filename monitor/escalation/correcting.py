"""
Correcting: what a person says of single mentions, as a story is counted again from then on.

What is taken out is put aside: a story of its own that sleeps, has no mentions, and is muted. Who repeats it, or passes it on, wakes that
one: so it does not come back under the story it was taken out of, is told to nobody for some days, and is told when it truly grows.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from monitor.alert import Alert, Level, Mute, Reason, ReasonCode, Transition, Word, story_id
from monitor.escalation.acting import MUTED_FOR
from monitor.escalation.effects import Act, AlertChange, NewHit, StoryRow, StoryState, as_judged
from monitor.mention import Scored
from monitor.stories.title import title

REBUILDING = frozenset({"exclude", "score"})  # acts after which the story is built again from its mentions


def takes_out(act: Act) -> bool:
    """Whether its mentions belong to no story of the subject any more."""
    return act.action == "exclude" or (act.judgement is not None and act.judgement.relevant is False)


def puts_back(act: Act) -> bool:
    """Whether its mentions, as far as they were taken out, belong to their story again."""
    return act.action == "score" and act.judgement is not None and act.judgement.relevant is True


def corrected(hit: NewHit, act: Act) -> Scored | None:
    """A mention of the story as the act leaves it; None: the act takes it out."""
    if hit.digest not in act.mentions:
        return hit.scored
    return None if takes_out(act) else as_judged(hit.scored, act.judgement)


def reason(act: Act) -> Reason:
    """Why a story stands otherwise: how many mentions somebody took out, or spoke of."""
    code = ReasonCode.EXCLUDED if act.action == "exclude" else ReasonCode.CORRECTED
    return Reason(code, float(len(act.mentions)))


def signed(said: Transition, act: Act) -> Transition:
    """What comes of an act, with who did it, to which mentions, and what was said of them."""
    word = act.judgement
    judged = Word(label=word.label, emotion=word.emotion, relevant=word.relevant) if word else None
    return replace(said, actor=act.actor, by=act.by, note=act.note, mentions=act.named, judged=judged)


def noted(alert: Alert, act: Act) -> AlertChange:
    """The line that tells of an act which by itself moved nothing."""
    said = Transition(
        at=max(act.at, alert.changed_at), alert=alert.id, subject=alert.subject, story=alert.story, actor=act.actor, reasons=(reason(act),)
    )
    return AlertChange(alert, signed(said, act))


def aside(state: StoryState, out: Sequence[Scored], act: Act) -> StoryRow:
    """The story of what was taken out of one that stood at `state`; its keys are for the desk to say."""
    first = out[0]
    # Taken out, put back and taken out again it is another one: the first may have been woken meanwhile
    key = first.mention.digest + act.at.to_bytes(8, "big")
    return StoryRow(
        id=story_id(act.subject, key), subject=act.subject, founder=first.mention.digest, residual=False, title=title(first.mention),
        opened_at=first.received_at, last_at=first.received_at, mentions=0, live=False, state=StoryState(mute=_mute(state, act)),
    )  # fmt: skip


def _mute(state: StoryState, act: Act) -> Mute:
    """As if an alert had ended as irrelevant, or as the story is muted where that holds longer, or for worse."""
    alert, held = state.alert, state.mute
    level = alert.level if alert and not alert.ended else state.level
    until, least = act.at + MUTED_FOR, Level(min(Level.RED, level + 2))
    if held and act.at < held.until:
        until, least = max(until, held.until), max(least, held.least)
    return Mute(until, least, 0)
