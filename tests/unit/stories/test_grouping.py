"""Grouping: cascades, copies, tellings in other words; decided by what lives, not by when memory was swept."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import DAY, HOUR, moment
from monitor.mention import Kind, Mention
from monitor.scoring.fold import fold
from monitor.stories.grouping import HORIZON, Grouping, Node
from monitor.stories.node import DAYS, KEPT, NAMED, SKETCHES, TEXTS_A_DAY
from monitor.stories.shingles import ENOUGH, bare, contains, shingles
from monitor.stories.sketch import SKETCHED
from tests.unit.escalation.making import START

SEEDS = st.integers(0, 1 << 32)
RUMOUR = "某某集团的牛奶里喝出了活虫, 客服让我自己去化验, 太让人愤怒了"
PROTEST = "今天下午某某集团的广场上有人维权拉横幅, 警察都来了, 交通也堵死了"
TEXTS = [RUMOUR, f"【转】{RUMOUR}!", RUMOUR[:20], RUMOUR[10:] + PROTEST[:8], PROTEST, f"{PROTEST}, 怎么回事", "某某好", "转发微博"]
PAUSES = [0, 1, HOUR, DAY, 3 * DAY, 7 * DAY, 7 * DAY + 1, 20 * DAY]


def mention(
    item: str, text: str = "", *, root: str | None = None, parent: str | None = None, quoted: str | None = None, kind: Kind = "post"
) -> Mention:
    """A mention with its links and words."""
    return Mention(source="t", id=item, text=text, published_at=moment(START), root=root, parent=parent, quoted=quoted, kind=kind)


def place(grouping: Grouping, one: Mention, now: int = START) -> Node:
    """Let a mention join its node, or found one named by itself; what it ties together is merged: as the desk does."""
    ties = grouping.find(one, now)
    if ties is None:
        return grouping.found(one, one.id, now)
    home = ties.home
    for other in ties.also:
        home, gone = sorted((home, other), key=lambda node: node.order)
        grouping.merge(home, gone)
    grouping.join(home, one, now)
    return home


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


def test_a_text_that_resembles_two_stories_ties_them() -> None:
    """Two tellings that share too little are two stories, until one comes that is mostly the same as both."""
    words = "".join(Random(3).sample([chr(sign) for sign in range(0x4E00, 0x5600)], 80))
    grouping = Grouping(fold)
    one, other = (grouping.found(mention(item, text), item, START) for item, text in (("a", words[:60]), ("b", words[20:])))
    ties = grouping.find(mention("c", words[10:70]), START)

    assert ties is not None
    assert (ties.home, ties.also) == (one, (other,))


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

    assert grouping.find(mention("b", RUMOUR), START + HORIZON)
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

    assert [len(grouping._nodes), len(grouping._holders), len(grouping._segments)] == [0, 0, 0]


def test_what_is_forgotten_takes_no_room() -> None:
    """Stories that come and settle all day leave few texts behind, long before the day is over, and the living are still found."""
    grouping = Grouping(fold)
    kept = place(grouping, mention("kept", RUMOUR))
    for n in range(500):
        grouping.forget(place(grouping, mention(f"m{n}", "".join(chr(0x4E00 + 30 * n + i) for i in range(30)))))
        assert len(grouping._segments) <= 5

    assert place(grouping, mention("again", RUMOUR)) is kept


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=7))
def test_copies_are_found_as_by_comparing_with_each(texts: list[str]) -> None:
    """The index of shingles finds a node whenever comparing with every text would, and no other."""
    grouping, nodes = Grouping(fold), list[tuple[Node, frozenset[int]]]()
    for n, text in enumerate(texts):
        whole = shingles(bare(fold(text)))
        pairs = [(node, known) for node, known in nodes if min(len(whole), len(known)) >= ENOUGH]
        alike = [node for node, known in pairs if contains(len(whole), len(known), len(whole & known))]
        ties = grouping.find(mention(f"m{n}", text), START)
        assert ties is None or not alike or ties.home in alike
        assert ties or not alike
        nodes.append((place(grouping, mention(f"m{n}", text)), whole))
        nodes = [(node, known) for node, known in nodes if grouping.node(node.founder) is node]


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.integers(0, 40))
def test_a_rebuilt_grouping_is_the_one_that_lived(seed: int, stop: int) -> None:
    """Joining again what lives, merged stories as one, gives the same answers from there on."""
    lived, said, gone = Grouping(fold), list[tuple[int, Mention, Node]](), dict[Node, Node]()
    whole = stream(seed)
    for now, one in whole[:stop]:
        ties = lived.find(one, now)
        said.append((now, one, place(lived, one, now)))
        gone |= {node: said[-1][2] for node in (ties.home, *ties.also) if node is not said[-1][2]} if ties else {}
    rebuilt, nodes = Grouping(fold, now=said[-1][0] if said else 0), dict[Node, Node]()
    for now, one, node in said:
        while node in gone:
            node = gone[node]  # noqa: PLW2901
        if not node.alive(said[-1][0]):
            continue
        if node in nodes:
            rebuilt.join(nodes[node], one, now)
        else:
            nodes[node] = rebuilt.found(one, node.story, now)
    assert {node.story: lived.keys(node) for node in nodes} == {node.story: rebuilt.keys(node) for node in nodes.values()}
    for now, one in whole[stop:]:
        assert place(lived, one, now).story == place(rebuilt, one, now).story


def test_what_was_told_too_long_ago_is_not_filed_again() -> None:
    """A story taken up again is found by its links; its texts of days that no longer count take no work and no room."""
    now = START + 4 * DAY
    lived, rebuilt = Grouping(fold), Grouping(fold, now=now)
    node = rebuilt.found(mention("old", RUMOUR), "old", START)
    place(lived, mention("old", RUMOUR))

    assert (len(lived._segments), len(rebuilt._segments)) == (1, 0)
    for one in (mention("near", f"{RUMOUR} 今天"), mention("again", RUMOUR), mention("linked", "转发微博", root="old")):
        assert place(rebuilt, one, now).story == place(lived, one, now).story
    assert place(rebuilt, mention("later", "转发微博", root="old"), now) is node


DRESS = st.text(alphabet="的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动", max_size=8)


@given(DRESS, DRESS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_copy_in_another_dress_is_the_same(before: str, after: str, one: int, other: int) -> None:
    """Random words before or behind, or other figures, make no other story."""
    told = "今天下午{}点某某集团的广场上有{}人维权拉横幅, 警察都来了, 交通也堵死了, 领导一直没有出面"

    assert stories([mention("a", told.format(3, 50)), mention("b", f"{before}{told.format(one, other)}{after}")]) == ["a", "a"]


def test_a_million_copies_weigh_as_few() -> None:
    """However many accounts copy a text with a suffix of their own, the story keeps a few texts and a bounded number of keys."""
    grouping = Grouping(fold)
    node = place(grouping, mention("m0", PROTEST))
    for n in range(1, KEPT):
        place(grouping, mention(f"m{n}", f"{PROTEST}{chr(0x4E00 + n)}"), START)

    assert (node.story, len(node.filed), len(node.keys)) == ("m0", TEXTS_A_DAY, KEPT)
    assert len(grouping._holders) == KEPT


def test_the_first_keys_wake_a_story() -> None:
    """How it began and what was passed on first; a late repost has one of them."""
    grouping = Grouping(fold)
    node = place(grouping, mention("a", RUMOUR))
    for n in range(NAMED):
        place(grouping, mention(f"b{n}", root="a", quoted=RUMOUR))
    keys = grouping.keys(node)

    assert len(set(keys)) == len(keys) <= NAMED + SKETCHES * SKETCHED
    assert set(grouping.wakers(mention("c", root="a"))) & set(keys)
    assert set(grouping.wakers(mention("c", quoted=f"{RUMOUR}!"))) & set(keys)
    assert not set(grouping.wakers(mention("c", PROTEST))) & set(keys)


def test_a_link_ties_two_stories() -> None:
    """A post that is named by one story's reposts and repeats another's words makes them one."""
    grouping = Grouping(fold)
    place(grouping, mention("b", "唉", root="a"))
    place(grouping, mention("c", RUMOUR))
    ties = grouping.find(mention("a", RUMOUR), START)

    assert ties
    assert [ties.home.story, *(node.story for node in ties.also)] == ["b", "c"]


def test_a_list_of_stories_ties_none() -> None:
    """A text that merely holds the words of two stories is no evidence that they are one."""
    grouping = Grouping(fold)
    for item, text in (("a", PROTEST), ("b", RUMOUR)):
        place(grouping, mention(item, text))
    ties = grouping.find(mention("c", f"{RUMOUR} {PROTEST}"), START)

    assert ties
    assert ties.also == ()


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 4))
def test_merging_is_transitive_and_idempotent(order: list[int], again: int) -> None:
    """However five stories are merged one after the other, all their mentions find the one that is left, the oldest."""
    texts = [RUMOUR, PROTEST, "高速公路上一辆货车侧翻, 橘子撒了一地", "医院停电两个小时手术中断", "小区物业把大门锁了不让业主进"]
    grouping = Grouping(fold)
    nodes = [place(grouping, mention(f"m{n}", text)) for n, text in enumerate(texts)]
    left = nodes[order[0]]
    for n in [*order[1:], order[again]]:
        if nodes[n] is not left:
            grouping.merge(left, nodes[n])

    assert {place(grouping, mention(f"x{n}", text)) for n, text in enumerate(texts)} == {left}
    assert {place(grouping, mention(f"y{n}", root=f"m{n}")) for n in range(5)} == {left}
    assert left.founder == mention("m0").digest


def test_what_is_forgotten_is_found_by_nothing() -> None:
    """Neither its links nor its words lead to a node let go."""
    grouping = Grouping(fold)
    grouping.forget(place(grouping, mention("a", RUMOUR)))

    assert grouping.find(mention("b", RUMOUR, root="a"), START) is None
    assert grouping.node(mention("a").digest) is None


def test_an_old_text_that_is_still_passed_on_draws_in_no_new_one() -> None:
    """A near copy belongs to what was told in the last days; reposts keep a story alive, they do not tell it again."""
    grouping = Grouping(fold)
    place(grouping, mention("a", RUMOUR))
    for day in range(1, 20):
        place(grouping, mention(f"r{day}", root="a", quoted=RUMOUR), START + day * DAY)

    near = mention("b", f"网传{RUMOUR}是真的吗")
    assert grouping.find(near, START + DAYS * DAY)
    assert grouping.find(near, START + 19 * DAY) is None
    assert grouping.find(mention("c", RUMOUR), START + 19 * DAY)


def test_what_answers_follows_what_it_answers() -> None:
    """A comment, a thin repost, a chain of remarks: by link, else by what is quoted, never by its own few words."""
    remark = "这件事情我已经说过很多遍了大家都不要再买了"
    said = [
        mention("a", RUMOUR), mention("b", PROTEST), mention("c", remark, parent="a", kind="comment"),
        mention("d", remark, parent="b", kind="comment"), mention("e", "[怒]", quoted=RUMOUR), mention("f", "转发微博", quoted="转发微博"),
        mention("g", "转发微博", quoted="转发微博"), mention("h", f"气死了 //@小明: 真的吗 //@小红: {PROTEST}"),
    ]  # fmt: skip

    assert stories(said) == ["a", "b", "a", "b", "a", "f", "g", "b"]


def test_short_words_that_are_passed_on_are_known_again() -> None:
    """With the links lost, reposts of the same few words are one story; people who say them by themselves are not."""
    assert stories([mention("a", "唉", quoted="某集团啊"), mention("b", "某集团啊"), mention("c", quoted="某集团啊!")]) == ["a", "b", "c"]
    assert stories([mention("a", "唉", quoted="某集团啊"), mention("b", "某集团啊"), mention("c", quoted="某集团啊")]) == ["a", "b", "a"]
