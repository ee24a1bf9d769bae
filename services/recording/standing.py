"""
How alerts and stories stand in a backtest, by which it is seen whether an act that is done again fits.

The rules are those of services/acts.py and services/corrections.py, which see the same in the store.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from monitor.alert import Alert
from monitor.escalation.acting import FITTING
from monitor.escalation.correcting import takes_out
from monitor.escalation.effects import Act, AlertChange, StoryRow
from monitor.store.alerts import OPEN
from services.acts import DoesNotFit, NoSuchAlert, check, check_reopen
from services.corrections import NoSuchStory, about, check_correct, check_exclude, check_merge
from services.recording.archive import Archive


class Standing:
    """The alerts as decided so far; stories and mentions stand in the archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._alerts: dict[str, Alert] = {}
        self._was: dict[tuple[str, bytes], str] = {}  # the stories of what was taken out

    def take(self, changes: Iterable[AlertChange]) -> None:
        """Follow what was decided."""
        self._alerts |= {change.alert.id: change.alert for change in changes}

    def fitting(self, act: Act, now: int) -> Act:
        """The act as the desk takes it, whose clock has come to `now`; ActError when it does not fit."""
        if act.action in FITTING:
            return self._on_alert(act, now)
        act = replace(act, at=max(act.at, now))
        if act.action == "merge":
            one, other = self._story(act.story), self._story(act.into)
            check_merge(one, other)
            return replace(act, subject=one.subject, story=one.id, into=other.id)
        if act.action == "exclude":
            return self._excluding(act)
        return self._correcting(act)

    def _on_alert(self, act: Act, now: int) -> Act:
        alert = self._alert(act.alert)
        check(alert, act.action, act.at, act.until)
        story = self._story(alert.story)
        if act.action == "reopen":
            running = (one for one in self._alerts.values() if one.story == alert.story and one.status in OPEN)
            check_reopen(alert, story.id, next(running, None), story.state.alert)
        newest = story.state.alert is not None and story.state.alert.id == alert.id
        return replace(act, at=max(act.at, now, alert.changed_at), story=story.id, target=None if newest else alert)

    def _excluding(self, act: Act) -> Act:
        story = self._story(self._alert(act.alert).story)
        known = {digest: self._archive.known(story.subject, digest) for digest in act.mentions}
        check_exclude(story, {digest: digest.hex() for digest in known}, {digest: one.story for digest, one in known.items() if one})
        return self._noted(replace(act, subject=story.subject, story=story.id))

    def _correcting(self, act: Act) -> Act:
        if act.action != "score" or act.judgement is None or len(act.mentions) != 1:
            raise DoesNotFit("there is no such action")
        pair = (act.subject, act.mentions[0])
        known = check_correct(self._archive.known(*pair))
        key = known.story
        if known.out and about(act.judgement):
            act, key = replace(act, judgement=replace(act.judgement, relevant=True)), self._was.get(pair, "")
        return self._noted(replace(act, story=self._story(key).id if key else ""))

    def _noted(self, act: Act) -> Act:
        """Remember where its mentions were, if it takes them out."""
        if takes_out(act) and act.story:
            self._was |= {(act.subject, digest): act.story for digest in act.mentions}
        return act

    def _alert(self, key: str) -> Alert:
        alert = self._alerts.get(key)
        if alert is None:
            raise NoSuchAlert("there is no alert of this id")
        return alert

    def _story(self, key: str) -> StoryRow:
        """The story, or the one that it became part of."""
        row = self._archive.story(key)
        while row and row.merged_into:
            row = self._archive.story(row.merged_into)
        if row is None:
            raise NoSuchStory("there is no story of this id")
        return row
