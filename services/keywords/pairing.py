"""Which rule became which: an edited one is found again by its words, or by where it stands among those of its library or subject."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from operator import itemgetter

from monitor.scoring.explaining import Asked

Key = tuple[str, str]  # a rule and its category
_ALIKE = 0.5
_MOST = 40_000  # pairs that are compared letter by letter, of one library or subject


def owner_of(one: Asked) -> str:
    """Whose a rule is, in Chinese: a library's or a subject's."""
    return f"词库 {one.library.name}" if one.library else f"主题 {one.subjects[0].name}"


def edited(old: Iterable[Asked], new: Iterable[Asked]) -> dict[Key, Key]:
    """Of each new rule that was another of the same library or subject before, that one."""
    before, after = _by_owner(old), _by_owner(new)
    known = {key for keys in before.values() for key in keys}
    kept = {key for keys in after.values() for key in keys}
    found: dict[Key, Key] = {}
    for owner in before.keys() & after.keys():
        gone = [key for key in before[owner] if key not in kept]
        come = [key for key in after[owner] if key not in known]
        pairs = _alike(gone, come)
        found |= pairs | _placed(before[owner], after[owner], set(gone) - set(pairs.values()), set(come) - pairs.keys())
    return found


def _by_owner(rules: Iterable[Asked]) -> dict[str, list[Key]]:
    found: dict[str, dict[Key, None]] = defaultdict(dict)
    for one in rules:
        found[owner_of(one)][one.source, one.category] = None
    return {owner: list(keys) for owner, keys in found.items()}


def _alike(gone: Sequence[Key], come: Sequence[Key]) -> dict[Key, Key]:
    """The most alike first, each once."""
    likeness = []
    for place, (source, _) in enumerate(come if len(gone) * len(come) <= _MOST else ()):
        matcher = SequenceMatcher(None, "", source, autojunk=False)
        for other, (was, _) in enumerate(gone):
            matcher.set_seq1(was)
            if matcher.quick_ratio() >= _ALIKE and (ratio := matcher.ratio()) >= _ALIKE:
                likeness.append((-ratio, abs(place - other), place, other))
    found: dict[Key, Key] = {}
    taken = set[int]()
    for _, _, place, other in sorted(likeness):
        if come[place] not in found and other not in taken:
            found[come[place]] = gone[other]
            taken.add(other)
    return found


def _placed(before: Sequence[Key], after: Sequence[Key], gone: set[Key], come: set[Key]) -> dict[Key, Key]:
    """Those that stand where the others stood, among rules that are the same on both sides, and still have a character in common."""
    found: dict[Key, Key] = {}
    if not (gone and come):
        return found
    matcher = SequenceMatcher(None, list(map(itemgetter(0), before)), list(map(itemgetter(0), after)))
    for tag, start, end, begin, over in matcher.get_opcodes():
        if tag == "replace" and end - start == over - begin:
            both = zip(before[start:end], after[begin:over], strict=True)
            found |= {new: old for old, new in both if old in gone and new in come and _letters(old) & _letters(new)}
    return found


def _letters(key: Key) -> set[str]:
    return set(filter(str.isalnum, key[0]))
