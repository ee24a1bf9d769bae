"""What the demo says on the terminal: every step of an alert with its reasons in words, and the webhooks that arrive."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from monitor.alert import Alert, ReasonCode, Transition
from monitor.clock import moment
from monitor.escalation.policy import Policy
from monitor.logs import visible
from monitor.store.sessions import Store
from services.terminal.screen import LEVEL_COLOURS, folded

_INDENT, _DEEPER = " " * 8, " " * 14


class Show:
    """Follows the store and prints; `policy` gives each level its meaning."""

    def __init__(self, store: Store, policy: Policy, zone: ZoneInfo, console: Console) -> None:
        self._store, self._policy, self._zone, self._console = store, policy, zone, console
        self._shown: dict[str, int] = {}
        self._seq = 0

    async def follow(self) -> None:
        """Print every new transition, for ever."""
        while True:
            commits = self._store.commits
            await self.catch_up()
            await self._store.wait_change(1.0, commits)

    async def catch_up(self) -> None:
        """Print the transitions that have come since the last look."""
        async with self._store.read() as unit:
            for alert in await unit.alerts.changes(self._seq):
                self._seq = alert.seq
                done = self._shown.get(alert.id, 0)
                for transition in (await unit.alerts.transitions(alert.id))[done:]:
                    self._tell(alert, transition)
                self._shown[alert.id] = alert.version

    def narrate(self, at: int, line: str) -> None:
        """Print what happens in the made-up day."""
        self._print(f"[{self._clock(at)}] {line}", "cyan")

    def webhook(self, line: str) -> None:
        """Print that a webhook arrived."""
        self._print(f"{_INDENT}↳ 接收方收到 {line}", "dim")

    def _tell(self, alert: Alert, transition: Transition) -> None:
        rose, change, colour = _change(transition)
        headline = Text(f"[{self._clock(transition.at)}] {change}  {alert.subject}: {alert.counters.title}")
        headline.highlight_words([change], colour)
        headline.truncate(self._console.width, overflow="ellipsis")
        self._console.print(headline)
        if rose and transition.to_level:
            self._print(f"{_INDENT}含义: {self._policy.rungs[transition.to_level - 1].meaning}")
        self._print(f"{_INDENT}理由: {in_words(transition)}")

    def _print(self, line: str, style: str = "") -> None:
        """A line, folded to the terminal."""
        self._console.print(Text("\n".join(folded(line, self._console.width, _DEEPER)), style))

    def _clock(self, at: int) -> str:
        return moment(at).astimezone(self._zone).strftime("%H:%M")


def in_words(transition: Transition) -> str:
    """The reasons of a transition as a person reads them."""
    if transition.merge_zh:
        return visible(transition.merge_zh)
    rose, _, _ = _change(transition)
    return "; ".join(
        f"{visible(reason.zh)} {reason.value:g} ({'达到' if rose else _line(reason.code)} {reason.threshold:g})"
        if reason.threshold
        else visible(reason.zh)  # a person's act has no figures
        for reason in transition.reasons
    )


def _change(transition: Transition) -> tuple[bool, str, str]:
    """Whether the level rose, what changed in words, and its colour."""
    before, after = transition.from_level, transition.to_level
    if before is None or after is None:
        return False, f"{transition.from_status}→{transition.to_status}", "bold"
    change = "升级" if after > before else "降级" if after < before else "不变"
    return after > before, f"{before.zh}→{after.zh} {change}", LEVEL_COLOURS[after]


def _line(code: ReasonCode) -> str:
    return "至少" if code in {ReasonCode.RECEDED, ReasonCode.FADED, ReasonCode.HAND_ENDED} else "清除线"


def where(addresses: Mapping[str, str], console: Console) -> None:
    """Print where the service can be looked at."""
    for name, address in addresses.items():
        console.print(f"  {name}  {address}", highlight=False)
