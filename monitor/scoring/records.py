"""A scored mention as records of `mentions.scored`: from here on its author is a pseudonym."""

from msgspec.structs import replace

from monitor.accounts import Accounts, decisive, never_negative
from monitor.mention import Mention, Raw, Scored
from monitor.pseudonym import pseudonym, readable
from monitor.score import MentionScore, Score

NOBODY = Accounts()


def scored_records(
    raw: Raw, mention_score: MentionScore, key: bytes, kol_followers: int, accounts: Accounts = NOBODY
) -> list[Scored]:
    """
    One record a subject hit, by subject.

    What hits nothing gives none, but for a staff report and a watched account's post: those go under the empty subject.
    """
    mention = raw.mention
    scores = sorted(mention_score.subjects, key=lambda score: score.subject)
    listed = accounts.roles(mention)
    if not scores and (mention.kind == "report" or "watch" in listed):
        scores = [Score(subject="", hits=(), sentiment=mention_score.sentiment, severity=0.0)]
    if not scores:
        return []
    name = mention.author if mention.author and (listed or readable(mention, kol_followers)) else None
    author = pseudonym(key, mention.platform or mention.source, mention.author) if mention.author else None
    hidden = replace(mention, author=author)
    role = decisive({*listed, _role(mention, kol_followers) or ""})
    return [
        Scored(
            received_at=raw.received_at,
            mention=hidden,
            score=never_negative(score) if role == "own" else score,
            emotion=mention_score.emotion,
            name=name,
            role=role,
            as_if=raw.as_if,
        )
        for score in scores
    ]


def _role(mention: Mention, kol_followers: int) -> str | None:
    if mention.media is True or mention.verified == "media":
        return "media"
    return "kol" if (mention.followers or 0) >= kol_followers else None
