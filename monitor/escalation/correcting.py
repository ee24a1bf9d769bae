"""Correcting: what a person says of single mentions, as a story is counted again from then on."""

from monitor.escalation.effects import Act, NewHit, as_judged
from monitor.mention import Scored

REBUILDING = frozenset({"exclude", "score"})  # acts after which the story is built again from its mentions


def takes_out(act: Act) -> bool:
    """Whether its mentions belong to no story of the subject any more."""
    return act.action == "exclude" or (act.judgement is not None and act.judgement.relevant is False)


def corrected(hit: NewHit, act: Act) -> Scored | None:
    """A mention of the story as the act leaves it; None: the act takes it out."""
    if hit.digest not in act.mentions:
        return hit.scored
    return None if takes_out(act) else as_judged(hit.scored, act.judgement)
