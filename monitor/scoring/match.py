"""What the rules say of a mention about one subject."""

import msgspec

from monitor.score import Floor, Hit


class Match(msgspec.Struct, frozen=True, gc=False):
    """
    One subject hit; `adverts` are the fields in which an advertising rule hit, `floor` the highest of the rules that did.

    `risk` is how severe its crisis terms are; `libraries`: whose rules hit, with their versions. `names` are the folded words of the
    subject's own rules, `harms` those of severe ones in groups of which each tells of a harm by itself, or its words together.
    """

    subject: str
    hits: tuple[Hit, ...]
    risk: float
    adverts: frozenset[str]
    floor: Floor | None
    libraries: dict[str, str]
    names: tuple[str, ...] = ()
    harms: tuple[tuple[str, ...], ...] = ()
