"""Grouping: cascades, copies and nothing else; decided by what lives, not by when memory was swept."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import DAY, HOUR, moment
from monitor.mention import Mention
from monitor.scoring.fold import fold
from monitor.stories.grouping import HORIZON, Grouping, Node
from monitor.stories.shingles import ENOUGH, WORDED, bare, contains, shingles
from tests.unit.escalation.making import START

SEEDS = st.integers(0, 1 << 32)
RUMOUR = "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了"
PROTEST = "今天下午某某集团的广场上有人维权拉横幅, 警察都来了, 交通也堵死了"
TEXTS = [RUMOUR, f"【转】{RUMOUR}!", RUMOUR[:20], RUMOUR[10:] + PROTEST[:8], PROTEST, f"{PROTEST}, 怎么回事", "某某好", "转发微博"]
PAUSES = [0, 1, HOUR, DAY, 3 * DAY, 7 * DAY, 7 * DAY + 1, 20 * DAY]


def mention(item: str, text: str = "", *, root: str | None = None, parent: str | None = None, quoted: str | None = None) -> Mention:
    """A mention with its links and words."""
    return Mention(source="t", id=item, text=text, published_at=moment(START), root=root, parent=parent, quoted=quoted)


def place(grouping: Grouping, one: Mention, now: int = START) -> Node:
    """Let a mention join its node, or found one named by itself; as the desk does."""
    node = grouping.find(one, now)
    if node is None:
        return grouping.found(one, one.id, now)
    grouping.join(node, one, now)
    return node


def stories(mentions: list[Mention]) -> list[str]:
    """The story of each mention, by the id of its founder."""
    grouping = Grouping(fold)
    return [place(grouping, one).story for one in mentions]


def test_a_repost_joins_its_root() -> None:
    """By root or by parent, whatever its words."""
    assert stories([mention("a", RUMOUR), mention("b", "唉", root="a"), mention("c", "咦", parent="b")]) == ["a", "a", "a"]


def test_a_root_may_come_after_its_reposts() -> None:
    """Reposts of a post we have not seen wait for it, and it joins them."""
    assert stories([mention("b", "唉", root="a"), mention("c", "咦", root="a"), mention("a", RUMOUR)]) == ["b", "b", "b"]


def test_a_copy_joins_without_a_link() -> None:
    """The same words, dressed otherwise or inside a longer text, are one happening."""
    copies = [mention("a", RUMOUR), mention("b", f"大家看看: {RUMOUR}"), mention("c", RUMOUR.replace(", ", "！"))]

    assert stories(copies) == ["a", "a", "a"]


def test_other_words_are_another_story() -> None:
    """Two happenings of one subject stay apart."""
    assert stories([mention("a", RUMOUR), mention("b", PROTEST)]) == ["a", "b"]


def test_short_words_are_nobodys_copy() -> None:
    """Words too few to say anything join nothing, equal as they are."""
    assert stories([mention("a", "转发微博"), mention("b", "转发微博")]) == ["a", "b"]


def test_a_reposts_own_few_words_are_no_copy() -> None:
    """What it passes on decides, not the remark that it adds."""
    remark = "这件事情我已经说过很多遍了大家都不要再买了"

    assert stories([mention("a", remark, quoted=RUMOUR), mention("b", remark, quoted=PROTEST)]) == ["a", "b"]


def test_ids_of_other_sources_are_other_posts() -> None:
    """A root is an id in the same source."""
    elsewhere = Mention(source="u", id="b", text="唉", root="a", published_at=moment(START))

    assert stories([mention("a", RUMOUR), elsewhere]) == ["a", "b"]


def test_of_several_alike_the_oldest_is_joined() -> None:
    """A text that holds two stories' words belongs to the one that began first."""
    both = mention("c", f"{PROTEST} {RUMOUR}")

    assert stories([mention("a", RUMOUR), mention("b", PROTEST), both]) == ["a", "b", "a"]


def test_a_story_is_joined_for_a_week() -> None:
    """At the horizon it still lives; a moment later it is over."""
    grouping = Grouping(fold)
    place(grouping, mention("a", RUMOUR))

    assert grouping.find(mention("b", RUMOUR), START + HORIZON) is not None
    assert grouping.find(mention("b", RUMOUR), START + HORIZON + 1) is None


def stream(seed: int) -> list[tuple[int, Mention]]:
    """Mentions with pauses, links and few texts, from a seed."""
    chance, now, out = Random(seed), START, []
    for n in range(chance.randint(1, 40)):
        now += chance.choice(PAUSES)
        link = f"m{chance.randint(0, 40)}"
        out.append((now, mention(f"m{n}", chance.choice(TEXTS), root=chance.choice([None, None, link]), parent=chance.choice([None, link]),
                                 quoted=chance.choice([None, None, chance.choice(TEXTS)]))))  # fmt: skip
    return out


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.integers(1, 9))
def test_sweeping_changes_no_answer(seed: int, every: int) -> None:
    """What is found is a function of the living alone: memory swept always, now and then or never groups alike."""
    never, sometimes, always = (Grouping(fold) for _ in range(3))
    for n, (now, one) in enumerate(stream(seed)):
        always.sweep(now)
        if n % every == 0:
            sometimes.sweep(now)
        assert place(never, one, now).story == place(sometimes, one, now).story == place(always, one, now).story


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_a_week_of_silence_leaves_nothing(seed: int) -> None:
    """Once all are swept, not a key, a shingle or a node is held."""
    grouping = Grouping(fold)
    for now, one in stream(seed):
        place(grouping, one, now)
    grouping.sweep(START + 10_000 * DAY)

    assert [grouping._nodes, grouping._by_key, grouping._also, grouping._by_shingle] == [{}, {}, {}, {}]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=7))
def test_copies_are_found_as_by_comparing_with_each(texts: list[str]) -> None:
    """The index of shingles finds the node that comparing with every text would: the oldest that has most of the words."""
    grouping, nodes = Grouping(fold), list[tuple[str, list[frozenset[int]]]]()
    for n, text in enumerate(texts):
        words = bare(text, fold)
        whole = shingles(words)
        same = [name for name, known in nodes if whole in known and len(words) >= WORDED]
        alike = [name for name, known in nodes if len(whole) >= ENOUGH and any(len(k) >= ENOUGH and contains(whole, k) for k in known)]
        expected = (same or alike or [f"m{n}"])[0]
        assert place(grouping, mention(f"m{n}", text)).story == expected
        known = next((known for name, known in nodes if name == expected), None)
        if known is None:
            nodes.append((expected, [whole]))
        else:
            known.append(whole)
