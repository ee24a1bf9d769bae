"""
What a message says: the event type of a transition, and the body of contract 5. Pure: equal input, equal bytes.

A body stays under `LIMIT` bytes whatever strangers wrote: samples go first, then the oldest transitions, then long texts are
cut; `trimmed` in `data` tells what went.
"""

from base64 import b32encode
from collections.abc import Sequence
from hashlib import blake2b
from sys import maxsize
from typing import cast

import msgspec

from monitor.alert import POLICY, Alert, Reason, Transition
from monitor.clock import rfc3339
from monitor.notifying.plain import plain
from monitor.notifying.routing import changes_level, changes_status

LIMIT = 20_000
_LADDER = ((2_000, 60), (500, 30), (120, 12), (40, 4))  # (characters of a text, items of a list), tried in turn
_TITLE = 80
_URL = 500

KIND_ZH = {
    "alert.opened": "新预警", "alert.raised": "升级", "alert.lowered": "降级", "alert.acknowledged": "已确认",
    "alert.handling": "处置中", "alert.overdue": "超时未处置", "alert.resolved": "已结束", "alert.reviewed": "已复核",
    "alert.reopened": "重新开启",
}  # fmt: skip

VERDICT_ZH = {"right": "(预警属实)", "false": "(误报)"}

Wire = dict[str, object]


def kind_of(transition: Transition, n: int) -> str | None:
    """The event type of an alert's n-th transition (from 1); None for what is not told (assign, note)."""
    if changes_status(transition):
        return "alert.reopened" if transition.to_status == "open" else f"alert.{transition.to_status}"
    if not changes_level(transition) or transition.from_level is None or transition.to_level is None:
        return None
    if n == 1:
        return "alert.opened"
    return "alert.raised" if transition.to_level > transition.from_level else "alert.lowered"


def notification_id(alert: str, receiver: str, n: int) -> str:
    """The webhook-id, from content alone: a replay done again sends the same ids."""
    digest = blake2b(f"{alert}\0{receiver}\0{n}".encode("utf-8", "surrogatepass"), digest_size=15).digest()
    return f"msg_{b32encode(digest).decode().lower()}"


def compose(kind: str, alert: Alert, transitions: Sequence[Transition], public_url: str) -> bytes:
    """The body about an alert; `transitions` are all since the last message, oldest first, the newest being the occasion."""
    newest = transitions[-1]
    wired = [transition.wire() for transition in transitions]
    shown = alert.wire(public_url)
    shown["indicators"] = dict(sorted(alert.counters.indicators.items()))
    data: Wire = {"alert": shown, "transition": wired[-1], "transitions": wired}
    return _fit({"type": kind, "timestamp": rfc3339(newest.at), "summary": summary(kind, alert, newest), "data": data})


def recompose(body: bytes, transitions: Sequence[Transition]) -> bytes:
    """The same message with more to tell: the newest of several waiting ones, carrying what all of them covered."""
    whole = cast("Wire", msgspec.json.decode(body))
    data = cast("Wire", whole["data"])
    data["transitions"] = [transition.wire() for transition in transitions]
    return _fit(whole)


def compose_health(kind: str, receiver: str, *, reason: str, since: int, pending: int, at: int) -> bytes:
    """The body about a receiver's own failure or recovery."""
    data: Wire = {"receiver": receiver, "reason": reason, "since": rfc3339(since), "pending": pending}
    return _fit({"type": kind, "timestamp": rfc3339(at), "data": data})


def summary(kind: str, alert: Alert, transition: Transition) -> str:
    """One line in Chinese: the level, what happened, to whom and why."""
    before, after = transition.from_level, transition.to_level
    step = f"({before.zh}→{after.zh})" if before is not None and after is not None else VERDICT_ZH.get(transition.verdict or "", "")
    head = f"【{alert.level.zh}】{KIND_ZH.get(kind, kind)}{step} {plain(alert.subject, _TITLE)}:{plain(alert.counters.title, _TITLE)}"
    merge = plain(transition.merge_zh or "", 2 * _TITLE)
    reasons = merge or "; ".join(_in_words(reason) for reason in transition.reasons[:4])
    actor = "" if transition.actor == POLICY else f" 操作人:{plain(transition.by or transition.actor, _TITLE)}"
    return f"{head}{' 原因:' if reasons else ''}{reasons}{actor}"


def _in_words(reason: Reason) -> str:
    words = plain(reason.zh, 2 * _TITLE)
    return f"{words} {reason.value:g}(阈值 {reason.threshold:g})" if reason.threshold else words


def _fit(body: Wire) -> bytes:
    body, encoded = _sound(body)
    if len(encoded) < LIMIT:
        return encoded
    data = cast("Wire", body["data"])
    _drop_samples(data)
    _drop_oldest(body, data)
    for characters, items in _LADDER:
        encoded = msgspec.json.encode(body)
        if len(encoded) < LIMIT:
            break
        _mark(data, "texts", characters)
        body = cast("Wire", _clip(body, characters, items))
        data = cast("Wire", body["data"])
    return msgspec.json.encode(body)  # the last rung always fits: few fields, each of 40 characters and 4 items at most


def _sound(body: Wire) -> tuple[Wire, bytes]:
    """The body and its JSON; characters that UTF-8 cannot carry (lone surrogates) are replaced."""
    try:
        return body, msgspec.json.encode(body)
    except UnicodeEncodeError:
        body = cast("Wire", _clip(body, maxsize, maxsize))
        return body, msgspec.json.encode(body)


def _mark(data: Wire, what: str, amount: int) -> None:
    data["trimmed"] = cast("Wire", data.get("trimmed", {})) | {what: amount}


def _drop_samples(data: Wire) -> None:
    alert = cast("Wire", data.get("alert", {}))
    if samples := cast("list[object]", alert.get("samples", [])):
        alert["samples"] = []
        _mark(data, "samples", len(samples))


def _drop_oldest(body: Wire, data: Wire) -> None:
    """Keep as many of the newest transitions as fit; the newest always stays."""
    told = cast("list[Wire]", data.get("transitions", []))
    sizes = [len(msgspec.json.encode(one)) + 1 for one in told]
    excess = len(msgspec.json.encode(body)) + len(',"trimmed":{"samples":0,"transitions":99999}') - LIMIT
    dropped = 0
    while excess >= 0 and dropped < len(told) - 1:
        excess -= sizes[dropped]
        dropped += 1
    if dropped:
        data["transitions"] = told[dropped:]
        _mark(data, "transitions", dropped)


def _clip(value: object, characters: int, items: int) -> object:
    """The value with long texts and lists cut, and characters that no encoding knows replaced."""
    if isinstance(value, str):
        return _clip_text(value, characters)
    if isinstance(value, list):
        return [_clip(item, characters, items) for item in value[:items]]
    if isinstance(value, dict):
        return {_clip_text(key, characters): _clip_field(key, item, characters, items) for key, item in value.items()}
    return value


def _clip_field(key: str, value: object, characters: int, items: int) -> object:
    if key == "url" and isinstance(value, str):
        return _clip_text(value, max(characters, _URL))  # a link cut short leads nowhere
    if key == "indicators" and isinstance(value, dict):
        return _clip(dict(list(value.items())[:items]), characters, items)
    return _clip(value, characters, items)


def _clip_text(text: str, characters: int) -> str:
    short = text if len(text) <= characters else text[: characters - 1] + "…"
    return short.encode("utf-8", "replace").decode()
