"""A Subject: what the organisation watches, with the rules that find it and the people who are told."""

import msgspec

from monitor.alert import Level


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """
    One watched brand, person, product or matter.

    `floor`: one sensitive mention opens at once at that level. `alerts` False: counted, wakes nobody. Empty `receivers`: all;
    empty `kinds`, `platforms`, `regions`: any. `valid_until` in micros. `places` says where each rule stands, for error messages.
    """

    name: str
    rules: tuple[str, ...]
    libraries: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    policy: str | None = None
    floor: Level = Level.NONE
    kinds: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    valid_until: int | None = None
    alerts: bool = True
    owner: str | None = None
