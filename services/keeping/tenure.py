"""
Which names this process may work on alone, where several processes share a store: a lease on each, said again every two seconds.

A process that is stopped, or cannot reach the store, ends its own tenure by its own clock before anybody else's can begin. A store
that only one process writes to needs no leases: everything is ours.
"""

import os
import socket
from collections.abc import Iterable
from secrets import token_hex
from time import monotonic

from monitor.store.sessions import Store

LEASE = 10.0  # seconds until somebody else may begin
RENEW = 2.0


def this_process() -> str:
    """A name of this process that no other ever has, for people too."""
    return f"{socket.gethostname()} {os.getpid()} {token_hex(4)}"


class Tenure:
    """`kind`: what sort of names they are."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store, self._kind, self._me = store, kind, this_process()
        self._until: dict[str, float] = {}
        self._asked = 0.0

    def holds(self, name: str) -> bool:
        """Whether it is ours at this moment."""
        return not self._store.shared or monotonic() < self._until.get(name, 0.0)

    async def renew(self, names: Iterable[str]) -> set[str]:
        """Keep those we have and take what nobody has, when it is time again; returns those that have become ours."""
        if not self._store.shared or monotonic() - self._asked < RENEW:
            return set()
        self._asked = begun = monotonic()
        before = {name for name in names if self.holds(name)}
        async with self._store.write() as unit:
            taken = [name for name in sorted(names) if not await unit.leases.take(self._name(name), self._me, LEASE, alone=True)]
        self._until = dict.fromkeys(taken, begun + LEASE)  # the lease began later: it ends after this
        return set(taken) - before

    async def give_back(self) -> None:
        """All of them, so that nobody has to wait."""
        held, self._until = list(self._until), {}
        if self._store.shared and held:
            async with self._store.write() as unit:
                for name in sorted(held):
                    await unit.leases.give_back(self._name(name), self._me)

    def _name(self, name: str) -> str:
        return f"{self._kind}/{name}"
