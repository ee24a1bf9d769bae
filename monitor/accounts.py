"""
Accounts lists: whose account speaks, and what that means for what it says.

An account is found by its name or id, exactly, once both are folded as rules fold them; one listed with a platform only there. What
the lists say goes into the scored record (`Scored.role`), so decisions follow the log, whatever the lists say later.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

from monitor.mention import Mention
from monitor.score import Sentiment
from monitor.scoring.fold import fold
from monitor.section import Section, hint, kind_of
from monitor.settings import Account, AccountRole
from monitor.yaml_lines import Item, Report, read_items

ROLES: tuple[str, ...] = get_args(AccountRole)
# Who has several roles is, for decisions, the first of them: what keeps an account out of the count, what gives it weight, and then
# what only says who it is or that it is looked at, so that a rival's star or a watched newspaper weighs what it weighs
_ORDER: tuple[AccountRole, ...] = ("own", "ignore", "media", "kol", "competitor", "watch")


class Accounts:
    """The listed accounts, to be asked about a mention."""

    def __init__(self, listed: Iterable[Account] = ()) -> None:
        self._roles: dict[tuple[str, str], set[AccountRole]] = {}
        for account in listed:
            for name in (account.name, account.id):
                if name:
                    self._roles.setdefault((_key(name), _key(account.platform or "")), set()).add(account.role)

    def roles(self, mention: Mention) -> frozenset[AccountRole]:
        """Every role its author is listed with; an outlet speaks for itself where no author is named."""
        name = mention.author or mention.outlet
        if not name or not self._roles:
            return frozenset()
        key = _key(name)
        everywhere, here = self._roles.get((key, ""), set()), self._roles.get((key, _key(mention.platform or mention.source)), set())
        return frozenset(everywhere | here)


def decisive(roles: Iterable[str]) -> str | None:
    """The role that decides, of all an account has."""
    held = set(roles)
    return next((role for role in _ORDER if role in held), None)


def never_negative(said: Sentiment) -> Sentiment:
    """The sentiment of what the organisation says itself: the likelier of neutral and positive."""
    if said.label != "negative":
        return said
    whole = said.neutral + said.positive
    positive = round(said.positive / whole, 4) if whole else 0.0
    return Sentiment("positive" if positive > 0.5 else "neutral", 0.0, round(1 - positive, 4), positive)  # noqa: PLR2004 the likelier


def read_accounts(file: Path, parent: Report) -> tuple[Account, ...]:
    """One accounts list; its mistakes are noted beside those of the configuration that names it."""
    report = Report(str(file), file.parent, parent.environ, parent.problems)
    root = read_items(file, report)
    if root is None or root.value is None:
        return ()
    if not isinstance(root.value, list):
        report.say(root.line, f"名单应是列表（每行以 - 开头），这里是{kind_of(root.value)}")
        return ()
    sections = Section(report, Item({"名单": root}, 1, 1), "名单").sections("名单", "名单第")
    return tuple(_account(section) for section in sections)


def _account(section: Section) -> Account:
    role = section.choice("role", ROLES, "")
    if section.get("role") is None:
        section.missing("role", f"请写明账号的身份，{hint('', ROLES)}")
    name, id_ = section.optional("name"), section.optional("id")
    if not (section.get("name") or section.get("id")):
        section.missing("name", "请写明账号的 name 或 id")
    return Account(
        name=name, id=id_, platform=section.optional("platform"), tier=section.optional("tier"), role=cast("AccountRole", role or "ignore")
    )


def _key(name: str) -> str:
    return fold(name).strip()
