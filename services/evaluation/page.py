"""The evaluation of the model for people: what was counted, what it means, and what it does not."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from monitor.clock import moment
from monitor.reporting.agreement import BANDS, EMOTIONS, LABELS, Agreement, Evaluation, Mistake, Part
from services.evaluation.counting import Evaluated, monday, start_of
from services.terminal.paper import Chapter, Grid, Paper

LABEL_ZH = {"negative": "负面", "neutral": "中性", "positive": "正面"}
EMOTION_ZH = {
    "anger": "愤怒", "worry": "担忧", "sadness": "悲伤", "doubt": "质疑", "support": "支持", "surprise": "惊讶", "none": "无",
}  # fmt: skip
MOST = 30  # rows of a table
WEEKS = 26
_NO_SAMPLE = (
    "判过的信息不是随机抽样：值班人员先看负面的、热的、一眼就错的，所以这里的一致率不是模型在全部信息上的正确率。"
    "要估计那个数，请随机抽一批（比如每天 20 条），不论对错都写上 label。"
)
_WHAT_COUNTS = (
    "一致率只算人给了 label 的信息：与模型相同（即确认）算一致，不同算改判；只改情绪、只标不相干的不算。"
    "没有人动过的信息既不算一致也不算改判：没人改，不等于模型对。"
)
_INTERVALS = "方括号里是 95 % 的 Wilson 区间：只说明条数少带来的误差，消除不了挑着判带来的偏差。周按信息的发布时间，不按判断的时间。"
CAUTION = (_NO_SAMPLE, _WHAT_COUNTS, _INTERVALS)


def page(found: Evaluated, about: Sequence[str], zone: ZoneInfo) -> Paper:
    """The whole report. `about`: what it covers, in words."""
    counted = found.evaluation
    chapters = (_overall(counted), *_labels(counted), *_emotions(counted), _weeks(counted), *_parts(counted), _bands(counted))
    return Paper("情感评价：模型与人的判断", (*about, *_totals(found), *CAUTION), (*chapters, _mistakes(found, zone)))


def _totals(found: Evaluated) -> Iterator[str]:
    everything = found.evaluation.all
    share = f"（{percent(everything.judged / everything.mentions)}）" if everything.mentions else ""
    yield f"信息 {everything.mentions} 条，人判过 {everything.judged} 条{share}，其中给了 label 的 {everything.agreement.judged} 条。"
    if found.waiting:
        yield f"另有 {found.waiting} 次改判已记下，还没有处理（服务没有运行，或刚刚提交），不在下面的数字里。"


def _overall(counted: Evaluation) -> Chapter:
    one = counted.all.agreement
    if not one.judged:
        return Chapter("一致率", ("还没有人给出过 label：用 POST /v1/mentions/score 确认或改判之后再看。",))
    return Chapter("一致率", (f"人判的 {one.judged} 条里，模型说得一样的 {one.agreed} 条：{agreement(one)}。",))


def _labels(counted: Evaluation) -> Iterator[Chapter]:
    if not counted.all.agreement.judged:
        return
    rows = [[_zh(model), *(str(counted.confusion[model, people]) for people in LABELS)] for model in LABELS]
    yield Chapter("模型（行）与人（列）", (), Grid(("模型说", *(f"人说{_zh(one)}" for one in LABELS)), rows))
    rows = [[_zh(one), agreement(counted.found(one)), agreement(counted.trusted(one))] for one in LABELS]
    yield Chapter("各类", (), Grid(("", "人说是的，模型认出多少", "模型说是的，人同意多少"), rows))


def _emotions(counted: Evaluation) -> Iterator[Chapter]:
    if not counted.felt.judged:
        return
    used = [one for one in EMOTIONS if any(one in pair for pair in counted.emotions)]
    rows = [[EMOTION_ZH[model], *(str(counted.emotions[model, people]) for people in used)] for model in used]
    words = (f"人给了情绪的 {counted.felt.judged} 条，模型说得一样的：{agreement(counted.felt)}。没有出现的情绪不列。",)
    yield Chapter("情绪：模型（行）与人（列）", words, Grid(("模型说", *(f"人说{EMOTION_ZH[one]}" for one in used)), rows))


def _weeks(counted: Evaluation) -> Chapter:
    """Newest first; a week whose interval lies below the share of all weeks is named."""
    newest = sorted(counted.weeks.items(), reverse=True)
    rows = [
        [f"{week} ({monday(week):%m-%d})", str(part.mentions), mix(part.model), percent(part.shift(counted.all)),
         agreement(part.agreement), mix(part.people)]
        for week, part in newest[:WEEKS]
    ]  # fmt: skip
    share = counted.all.agreement.share
    low = [week for week, part in newest if share is not None and part.agreement.interval[1] < share]
    words = ["偏移是模型当周各类的占比与全期相差多少（0 % 一样，100 % 全不同）：突然变大，是说的事变了，或模型变了。"]
    words += [f"一致率明显低于全期的周：{'、'.join(low[:MOST])}。"] * bool(low)
    words += [f"更早的 {len(newest) - WEEKS} 周见 --json。"] * (len(newest) > WEEKS)
    headings = ("周（起）", "信息", "模型 负/中/正 %", "偏移", "一致率", "人 负/中/正 %")
    return Chapter("逐周漂移", words, Grid(headings, rows))


def _parts(counted: Evaluation) -> Iterator[Chapter]:
    rows = [
        [name, str(part.mentions), str(part.judged), _of(part.irrelevant, part.judged), agreement(part.agreement)]
        for name, part in _most(counted.subjects)
    ]
    yield _cut("按主题", ("主题", "信息", "判过", "其中不相干", "一致率"), rows, counted.subjects)
    places: tuple[tuple[str, Mapping[str, Part]], ...] = (("平台", counted.platforms), ("类型", counted.kinds))
    for what, parts in places:
        rows = [[name, str(part.judged), agreement(part.agreement)] for name, part in _most(parts)]
        yield _cut(f"按{what}（原文还在的）", (what, "判过", "一致率"), rows, parts)


def _most(parts: Mapping[str, Part]) -> list[tuple[str, Part]]:
    """Those most judged; of the others there is nothing to say."""
    judged = [(name, part) for name, part in parts.items() if part.judged]
    return sorted(judged, key=lambda one: (-one[1].judged, one[0]))[:MOST]


def _cut(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], parts: Mapping[str, Part]) -> Chapter:
    left = sum(part.judged > 0 for part in parts.values()) - len(rows)
    return Chapter(title, (f"判得少的 {left} 个见 --json。",) * (left > 0), Grid(headings, rows))


def _bands(counted: Evaluation) -> Chapter:
    rows = [
        [f"{low:.0%}–{high:.0%}", str(part.mentions), str(part.mentions - part.agreement.judged), str(part.agreement.judged),
         percent(part.confidence), agreement(part.agreement)]
        for low, high, part in zip(BANDS, (*BANDS[1:], 1.0), counted.bands, strict=True)
    ]  # fmt: skip
    words = ("模型有九成把握的，判过的里面也该有九成一致；差得多就是把握不可信。没有人判的不算一致。",)
    return Chapter("按把握", words, Grid(("模型的把握", "信息", "没有人判", "人判了", "其平均把握", "一致率"), rows))


def _mistakes(found: Evaluated, zone: ZoneInfo) -> Chapter:
    rows = [_row(found, mistake, zone) for mistake in found.evaluation.mistakes]
    words = () if rows else ("没有改判过的信息。",)
    headings = ("来源 编号", "主题", "原文", "模型", "人", "谁", "说明")
    return Chapter("模型最有把握、人却改了判的", words, Grid(headings, rows) if rows else None)


def _row(found: Evaluated, mistake: Mistake, zone: ZoneInfo) -> list[str]:
    one, told, named, act = mistake.opinion, found.told.get(mistake.digest), found.named(mistake), found.act(mistake)
    judged = one.judged
    if judged is None or judged.label is None:
        raise ValueError("a mistake is one that somebody gave a label")
    who = f"{act.by}（{judged.actor}）" if act and act.by else judged.actor
    return [
        f"{named.source} {named.id}" if named else "（已过保存期）", one.subject, start_of(told.mention) if told else "（原文已过保存期）",
        f"{_zh(one.sentiment.label)} {one.confidence:.0%}", _zh(judged.label), f"{who} {local(judged.at, zone):%m-%d}", judged.note or "",
    ]  # fmt: skip


def agreement(one: Agreement) -> str:
    """The share with its interval, and of how many."""
    if one.share is None:
        return "–"
    low, high = one.interval
    return f"{percent(one.share)} [{100 * low:.0f}–{100 * high:.0f}] {one.agreed}/{one.judged}"


def _of(some: int, total: int) -> str:
    return f"{some}（{percent(some / total)}）"


def mix(labels: Mapping[str, int]) -> str:
    """How labels are spread."""
    total = sum(labels.values())
    return "/".join(f"{100 * labels.get(one, 0) / total:.0f}" for one in LABELS) if total else "–"


def percent(share: float | None) -> str:
    """A share as people write it."""
    return "–" if share is None else f"{100 * share:.1f} %"


def local(at: int, zone: ZoneInfo) -> datetime:
    """The moment where the reader is."""
    return moment(at).astimezone(zone)


def _zh(label: str) -> str:
    return LABEL_ZH[label]
