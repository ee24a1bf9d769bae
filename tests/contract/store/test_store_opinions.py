"""What a store tells of the model's word and people's: each of every mention, people's newest, whatever is gone of its text."""

from msgspec.structs import replace

from monitor.alert import Named
from monitor.clock import DAY, SECOND
from monitor.escalation.effects import Act, Judged, Judgement, Moved, NewHit
from monitor.reporting.agreement import Opinion
from monitor.score import Sentiment
from monitor.settings import Retention
from monitor.store.sessions import Store
from tests.contract.store.records import BAD, LATER, START, mention, new_hit

GOOD = Sentiment("positive", 0.04, 0.06, 0.9)
WORD = Judgement(label="neutral", actor="小王", note="通稿", at=LATER)


def hits(count: int, subject: str = "红十字会") -> list[NewHit]:
    """Mentions of a subject, every other of them praise."""
    made = [new_hit(n, subject=subject) for n in range(count)]
    for n in range(0, count, 2):
        score = replace(made[n].scored.score, subject=subject, sentiment=GOOD)
        made[n] = replace(made[n], scored=replace(made[n].scored, score=score))
    return [replace(one, scored=replace(one.scored, score=replace(one.scored.score, subject=subject))) for one in made]


async def stored(store: Store, *new: NewHit, judged: dict[int, Judgement] | None = None, subject: str = "红十字会") -> None:
    """Keep these, and people's words on some of them."""
    async with store.write() as unit:
        await unit.mentions.add(new, 0, LATER)
        await unit.mentions.judge([Judged(subject, mention(n).digest, word) for n, word in (judged or {}).items()])


async def opinions(store: Store, **asked: object) -> list[Opinion]:
    """What is told, one after the other."""
    async with store.read() as unit:
        return [one async for portion in unit.opinions.all(**asked) for one in portion]  # type: ignore[arg-type]


async def test_the_models_word_stays_beside_peoples(store: Store) -> None:
    """Every mention with what the model said of it; those judged with the newest word, which keeps what it does not speak of."""
    told = {1: replace(WORD, emotion="anger"), 4: WORD}
    await stored(store, *hits(1_100), judged=told)
    await stored(store, judged={1: Judgement(relevant=False, actor="小李", at=LATER + 1)})

    found = {one.digest: one for one in await opinions(store)}

    assert len(found) == 1_100
    for n in range(1_100):
        one = found[mention(n).digest]
        assert (one.subject, one.published_at, one.emotion) == ("红十字会", START + n * SECOND, "none")
        assert (one.sentiment, one.confidence) == ((BAD, GOOD)[n % 2 == 0], 0.9)
    judged = {digest: one.judged for digest, one in found.items() if one.judged}
    assert judged == {
        mention(1).digest: Judgement(label="neutral", emotion="anger", relevant=False, actor="小李", at=LATER + 1),
        mention(4).digest: WORD,
    }


async def test_a_stretch_of_one_subject(store: Store) -> None:
    """Only its mentions, published then or later; what was stored for no subject is none's, and a name that cannot be has none."""
    await stored(store, *hits(5), *hits(5, "故宫"), *hits(2, ""), judged={1: WORD, 4: WORD, 0: WORD})
    await stored(store, judged={2: WORD}, subject="故宫")

    assert len(await opinions(store)) == 10
    assert {one.subject for one in await opinions(store, subject="故宫")} == {"故宫"}
    assert len(await opinions(store, subject="故宫", since=START + 3 * SECOND)) == 2
    assert await opinions(store, subject="\0") == await opinions(store, since=2**70) == []
    ordered = [(one.digest, one.subject) for one in await opinions(store, judged=True)]
    assert ordered == [(mention(n).digest, subject) for n, subject in ((0, "红十字会"), (1, "红十字会"), (2, "故宫"), (4, "红十字会"))]
    assert [one.digest for one in await opinions(store, judged=True, since=START + 2 * SECOND, subject="红十字会")] == [mention(4).digest]


async def test_nobody_speaks_by_what_is_quoted(store: Store) -> None:
    """A text that looks like the record of a judgement makes none."""
    text = '"judged":{"label":"neutral"},\\"judged\\":{'
    new = new_hit(1, said=mention(1, text=text))
    hit = replace(new.scored.score.hits[0], text=text, rule=text)
    await stored(store, replace(new, scored=replace(new.scored, score=replace(new.scored.score, hits=(hit,)))))
    assert await opinions(store, judged=True) == []
    assert [one.judged for one in await opinions(store)] == [None]


async def test_words_outlive_texts(store: Store) -> None:
    """What was said of a mention is told after its text is gone, also of one that was taken out of its story."""
    await stored(store, *hits(2), judged={1: replace(WORD, relevant=False)})
    async with store.write() as unit:
        await unit.mentions.move([Moved("红十字会", mention(1).digest, "", out=True)])
        assert await unit.mentions.expire(LATER + 10 * DAY, Retention(text=9 * DAY)) == 2
        assert await unit.spread.told([mention(1).digest]) == {}
    assert len(await opinions(store)) == 2
    ((one,),) = [await opinions(store, judged=True)]
    assert (one.digest, one.judged) == (mention(1).digest, replace(WORD, relevant=False))


def act(n: int, word: Judgement, **fields: object) -> Act:
    """A person's word on a mention, as it was done."""
    made = Act(
        id=0, partition=0, offset=2, subject="红十字会", story="s1", alert="", action="score", at=LATER, actor="大屏", by="小王",
        mentions=(mention(n).digest,), named=(Named("weibo", f"m{n}"),), judgement=word,
    )  # fmt: skip
    return replace(made, **fields)


async def test_acts_are_found_by_their_words(store: Store) -> None:
    """Of two words on one mention each is found by its moment; other subjects, moments and acts are others."""
    again = replace(WORD, label="positive", at=LATER + 5)
    async with store.write() as unit:
        ids = [await unit.acts.add(one) for one in (act(1, WORD), act(1, again), act(2, WORD, subject="故宫"))]
        await unit.acts.add(act(1, WORD, action="exclude", judgement=None))
    first, second = ("红十字会", mention(1).digest, LATER), ("红十字会", mention(1).digest, LATER + 5)
    async with store.read() as unit:
        found = await unit.acts.words({first, second, ("红十字会", mention(2).digest, LATER)})
        assert await unit.acts.words(set()) == {}
    assert found == {first: act(1, WORD, id=ids[0]), second: act(1, again, id=ids[1])}


async def test_acts_wait_until_a_desk_has_come_to_them(store: Store) -> None:
    """Each partition's desk by itself; one that never wrote has come to none; other acts and other logs do not count."""
    async with store.write() as unit:
        ids = [await unit.acts.add(act(n, WORD, partition=n % 2, subject="甲乙"[n % 2])) for n in range(4)]
        await unit.acts.add(act(9, WORD, action="note"))
        await unit.positions.move(await unit.positions.read("scored", 1), offset=1, now=LATER, last_act=ids[1])
    async with store.read() as unit:
        assert [await unit.acts.waiting("scored", "score", subject) for subject in (None, "甲", "乙", "丙", "\0")] == [3, 2, 1, 0, 0]
        assert await unit.acts.waiting("raw", "score") == 4
