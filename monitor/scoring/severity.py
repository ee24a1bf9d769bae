"""
Severity 0..1 of a mention for a subject: how soon somebody should look at it.

    weight  = 0.6 · negativity + 0.25 · voice + 0.15 · kind                (each 0..1)
    severity = risk + (0.5 - risk) · 0.9 · weight      where risk < 0.5    (never reaches 0.5: up to 0.45 without any crisis term)
    severity = risk + (1 - risk) · 0.2 · weight        where risk ≥ 0.5    (never falls below what the crisis terms say)

`risk`: the crisis terms, 1 - Π (1 - weight) over categories, each by its heaviest rule (keywords/README.md). It alone decides on which
side of 0.5 (sensitive whatever the tone) a mention stands: a furious complaint without a crisis term is negative, not severe, and
a flat report of deaths is severe. All else orders what stands on one side.
`negativity`: the calibrated probability that the mention speaks ill of the subject.
`voice`: who says it, 1 for a news outlet, 0.8 for an authority or an organisation, else by reach, ln(1 + followers) / ln(1 + 10^7).
`kind`: 1 a complaint, 0.8 a staff report or an article, 0.6 a title of a hot list, a question, an answer or a review, 0.5 a video or a
live, 0.4 a post, 0.2 a repost, 0.1 a comment or danmaku.

It rises, or stays, with each part. An engagement that grows later is heat, which the windows measure; severity does not move with it.
"""

from math import log

from monitor.mention import Mention
from monitor.score import SEVERE

DIGITS = 4
NEGATIVITY, VOICE, KIND = 0.6, 0.25, 0.15
JUST_BELOW = SEVERE - 0.0001
BELOW, ABOVE = 0.9, 0.2
REACH = log(1 + 10_000_000)
OFFICES = frozenset({"org", "gov"})
OFFICIAL = 0.8
KINDS = {
    "complaint": 1.0, "report": 0.8, "article": 0.8, "hotlist": 0.6, "question": 0.6, "answer": 0.6, "review": 0.6, "video": 0.5,
    "live": 0.5, "post": 0.4, "other": 0.4, "repost": 0.2, "comment": 0.1, "danmaku": 0.1,
}  # fmt: skip


def severity(risk: float, negativity: float, mention: Mention) -> float:
    """The formula above."""
    return combined(risk, negativity, voice(mention), KINDS[mention.kind])


def combined(risk: float, negativity: float, voice: float, kind: float) -> float:
    """The formula above, of its parts."""
    weight = NEGATIVITY * negativity + VOICE * voice + KIND * kind
    if risk < SEVERE:
        return min(round(risk + (SEVERE - risk) * BELOW * weight, DIGITS), JUST_BELOW)
    return round(risk + (1.0 - risk) * ABOVE * weight, DIGITS)


def voice(mention: Mention) -> float:
    """Who says it."""
    if mention.media or mention.verified == "media":
        return 1.0
    reach = min(1.0, log(1 + mention.followers) / REACH) if mention.followers else 0.0
    return max(OFFICIAL, reach) if mention.verified in OFFICES else reach
