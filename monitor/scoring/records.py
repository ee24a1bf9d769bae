"""A scored mention as records of `mentions.scored`: from here on its author is a pseudonym."""

from collections.abc import Collection

from msgspec.structs import replace

from monitor.accounts import Accounts, decisive, never_negative
from monitor.mention import Mention, Raw, Scored
from monitor.pseudonym import pseudonym, readable
from monitor.score import MentionScore, Score

NOBODY = Accounts()


def scored_records(raw: Raw, mention_score: MentionScore, key: bytes, kol_followers: int, accounts: Accounts = NOBODY) -> list[Scored]:
    """
    One record a subject hit, by subject.

    What hits nothing gives none, but for a staff report and a watched account's post: those go under the empty subject.
    """
    mention = raw.mention
    listed = accounts.roles(mention)
    if not mention_score.subjects and mention.kind != "report" and "watch" not in listed:
        return []
    judged = with_role(mention_score, mention, kol_followers, listed)
    scores = sorted(judged.subjects, key=lambda score: score.subject)
    scores = scores or [Score(subject="", hits=(), sentiment=judged.sentiment, severity=0.0, version=judged.version)]
    name = mention.author if mention.author and (listed or readable(mention, kol_followers)) else None
    author = pseudonym(key, mention.platform or mention.source, mention.author) if mention.author else None
    hidden = replace(mention, author=author)
    if name is None:
        scores = list(map(_nameless, scores))
    return [
        Scored(
            received_at=raw.received_at,
            mention=hidden,
            score=score,
            emotion=judged.emotion,
            name=name,
            role=judged.role,
            as_if=raw.as_if,
        )
        for score in scores
    ]


def _nameless(score: Score) -> Score:
    """A hit in the author's name tells its rule and its place, but not the name."""
    if not any(hit.field == "author" for hit in score.hits):
        return score
    return replace(score, hits=tuple(replace(hit, text="") if hit.field == "author" else hit for hit in score.hits))


def with_role(scored: MentionScore, mention: Mention, kol_followers: int, listed: Collection[str]) -> MentionScore:
    """The scores of a mention by whose they are: what the organisation says itself is never negative."""
    role = decisive({*listed, _role(mention, kol_followers) or ""})
    if role != "own":
        return replace(scored, role=role) if role else scored
    own = tuple(replace(score, sentiment=never_negative(score.sentiment)) for score in scored.subjects)
    return replace(scored, role=role, sentiment=never_negative(scored.sentiment), subjects=own)


def _role(mention: Mention, kol_followers: int) -> str | None:
    if mention.media is True or mention.verified == "media":
        return "media"
    return "kol" if (mention.followers or 0) >= kol_followers else None
