"""What verbs and comparisons say of the names beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.scoring.targets.cues import CueBook, Found, Frame
from monitor.scoring.targets.negation import negated
from monitor.scoring.targets.scene import Clause, Scene, Span, within

Effect = tuple[str, float]  # up, down or clear, and how surely
TURNED = {"up": "down", "down": "-", "clear": "-", "-": "-"}  # 不推荐 speaks against it, 没有投诉 says nothing
SIGN = 2  # characters between a verb and the end of its clause: 投诉称, 反映:


@dataclass(frozen=True, slots=True)
class Effects:
    """The surest step for it, against it, and for its being only named."""

    up: float
    down: float
    clear: float


def effects(scene: Scene, book: CueBook) -> Effects:
    """What verbs and frames say of the subject of a scene."""
    surest = {"up": 0.0, "down": 0.0, "clear": 0.0}
    for effect, step in _all(scene, book):
        surest[effect] = max(surest[effect], step)
    return Effects(**surest)


def _all(scene: Scene, book: CueBook) -> Iterator[Effect]:
    for number, clause in enumerate(scene.clauses):
        if not clause.background:
            for verb in clause.of("verb"):
                yield from _by_verb(scene, book, number, verb)
    for frame in scene.frames:
        yield from _by_frame(scene, book, frame)
    if scene.mine and all(map(scene.shielded, scene.mine)):
        yield "clear", book.steps["decisive"]


def _by_verb(scene: Scene, book: CueBook, number: int, verb: Found) -> Iterator[Effect]:
    """Who does it stands before it, to whom behind; 被 changes the sides, 对 and its like put the name before it behind."""
    clause = scene.clauses[number]
    before, behind, step = verb.cue.before, verb.cue.behind, verb.cue.step
    if negated(scene.text, verb.start, clause.start):
        before, behind = "-", TURNED[behind] if before == "-" else "-"
    named = [span for span in sorted(clause.mine + clause.others) if not scene.shielded(span)]
    passive = _passive(scene, book, clause, verb)
    if passive is not None:
        patient = next((span for span in reversed(named) if span[1] <= passive[0]), None)
        doer = next((span for span in named if passive[1] <= span[0] and span[1] <= verb.start), None)
        pairs = [(patient, behind), (doer, before)]
    else:
        pairs = [_in_front(scene, book, clause, verb, named, (before, behind)), (_object(scene, number, verb, named), behind)]
    yield from ((effect, step) for span, effect in pairs if span in scene.mine and effect != "-")


def _passive(scene: Scene, book: CueBook, clause: Clause, verb: Found) -> Span | None:
    """The last 被 before the verb that is not part of a cue, as that of 被曝 is."""
    ruling = (match.span() for match in book.grammar.passives.finditer(scene.text, clause.start, verb.start))
    return max((span for span in ruling if not any(one.start <= span[0] < one.end for one in clause.cues)), default=None)


def _in_front(
    scene: Scene, book: CueBook, clause: Clause, verb: Found, named: Sequence[Span], sides: tuple[str, str]
) -> tuple[Span | None, str]:
    """The name before the verb and what is said of it; whom harm befell before the verb is no bystander."""
    last = next((span for span in reversed(named) if span[1] <= verb.start), None)
    if last is None:
        return None, "-"
    done = book.grammar.objects.search(scene.text[clause.start : last[0]])
    effect = sides[1] if done else sides[0]
    struck = effect == "clear" and any(last[1] <= one.start < verb.start for one in clause.of("harm"))
    return last, "-" if struck else effect


def _object(scene: Scene, number: int, verb: Found, named: Sequence[Span]) -> Span | None:
    """The first name behind the verb, in the next clause where the verb ends its own."""
    ahead = [span for span in named if span[0] >= verb.end and span[0] - verb.end <= verb.cue.reach]
    if not ahead and scene.clauses[number].end - verb.end <= SIGN and number + 1 < len(scene.clauses):
        following = scene.clauses[number + 1]
        ahead = sorted(following.mine + following.others)
    return ahead[0] if ahead else None


def _by_frame(scene: Scene, book: CueBook, frame: Frame) -> Iterator[Effect]:
    for match in frame.pattern.finditer(scene.text):
        spans = {group: match.span(group) for group, text in match.groupdict().items() if text}
        inside = [(group, mine) for group, span in spans.items() for mine in scene.mine if within(mine, span)]
        for group, mine in inside:
            if group != "foul" or not frame.pair or any(within(other, spans["fair"]) for other in scene.others):
                since = mine[1] if group == "foul" else spans.get("fair", spans[group])[1]
                yield from _in_group(scene, book, group, since, spans)
        compared = scene.mine and not inside and not frame.pair and "foul" in spans
        if compared and any(clause.concerns for clause in scene.clauses if clause.start <= match.start() < clause.end):
            yield from _in_group(scene, book, "fair", spans["foul"][0], spans)


def _in_group(scene: Scene, book: CueBook, group: str, since: int, spans: Mapping[str, Span]) -> Iterator[Effect]:
    """Up, down and clear say it themselves; fair gets the tone of what follows, foul its opposite."""
    if group in ("fair", "also", "foul"):
        tone = 1.0 if "adjective" in spans else scene.compared(since)
        group = "up" if (tone > 0) != (group == "foul") else "down"
        if not tone:
            return
    if group in ("up", "down", "clear"):
        yield group, book.steps["decisive"]
