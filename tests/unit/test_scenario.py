"""Scenario files: read with every mistake at its line, run by the real scorer and desk, judged in words."""

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.clock import DAY, HOUR, MINUTE, SECOND, micros, moment
from monitor.errors import ConfigError
from services.cli import run
from services.recording.scenario_file import Scenario, load_scenarios

MIDNIGHT = micros(moment(0).replace(year=2026, month=3, day=1, hour=16))  # 2026-03-02 in Shanghai
HEAD = "name: 试\nsubjects: [{name: 甲, rules: [甲牌]}]\n"
ANGRY = HEAD + "mentions: [{at: 08:00, every: 20s, count: 30, text: 甲牌太差了气死我了}]\n"


def written(folder: Path, text: str, name: str = "s.yaml") -> Path:
    """A scenario file with this text."""
    file = folder / name
    file.write_text(dedent(text), "utf-8")
    return file


def loaded(folder: Path, text: str) -> Scenario:
    """The scenario of this text."""
    (scenario,) = load_scenarios([written(folder, text)], {})
    return scenario


def refused(folder: Path, text: str) -> list[str]:
    """What is said of a bad one: the line and the message of each problem."""
    with pytest.raises(ConfigError) as caught:
        load_scenarios([written(folder, text)], {})
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


def mention(folder: Path, entry: str) -> Scenario:
    """A scenario with one entry of mentions."""
    return loaded(folder, HEAD + f"mentions: [{{{entry}}}]\nexpect: []\n")


@pytest.mark.parametrize(("written_as", "since"), [
    ("08:00", 8 * HOUR), ("8:05", 8 * HOUR + 5 * MINUTE), ("10:30", 10 * HOUR + 30 * MINUTE), ("23:59:59", DAY - SECOND),
    ("10:30:15", 10 * HOUR + 30 * MINUTE + 15 * SECOND), ("8:00:15", 8 * HOUR + 15 * SECOND), ("1:00:00", HOUR), ("1:00", HOUR),
    ("1d 08:00", DAY + 8 * HOUR), ("'0:00'", 0), ("'10:30'", 10 * HOUR + 30 * MINUTE),
])  # fmt: skip
def test_moments(tmp_path: Path, written_as: str, since: int) -> None:
    """A time of day means the same with or without quotes, though YAML itself reads some as numbers of base sixty."""
    scenario = mention(tmp_path, f"at: {written_as}, text: 甲牌")

    assert [raw.received_at for raw in scenario.raws] == [MIDNIGHT + since]


@pytest.mark.parametrize("written_as", ["24:00", "8点", "600d 08:00", "12", "-1", "true", "08:60", "[1]", "1d"])
def test_no_moment(tmp_path: Path, written_as: str) -> None:
    """What is no time of day is said so, at its line."""
    (said,) = refused(tmp_path, HEAD + f"mentions: [{{at: {written_as}, text: 甲}}]\nexpect: []\n")

    assert said.startswith("3: at 不是有效的时刻")


def test_an_entry_is_many_mentions(tmp_path: Path) -> None:
    """`every` and `count` spread it over time, `authors` go round, lists are taken in turn, {n} is the number."""
    raws = mention(tmp_path, 'at: 08:00, every: 20s, count: 5, authors: 2, text: ["甲{n}", "乙{n}"], platform: [微博, 抖音, 知乎]').raws

    assert [raw.received_at - raws[0].received_at for raw in raws] == [n * 20 * SECOND for n in range(5)]
    assert [raw.mention.text for raw in raws] == ["甲1", "乙2", "甲3", "乙4", "甲5"]
    assert [raw.mention.platform for raw in raws] == ["微博", "抖音", "知乎", "微博", "抖音"]
    assert len({raw.mention.author for raw in raws}) == 2
    assert len({raw.mention.id for raw in raws}) == 5


def test_age_and_seen(tmp_path: Path) -> None:
    """`age` is how long ago it was published; `seen` makes it a look at a known mention's engagement."""
    (raw,) = mention(tmp_path, "at: 08:00, age: 2d, seen: true, likes: 7, verified: org, media: true, text: 甲").raws

    assert raw.received_at - micros(raw.mention.published_at) == 2 * DAY
    assert (raw.mention.seen, raw.mention.likes, raw.mention.verified, raw.mention.media) == (raw.received_at, 7, "org", True)


def test_the_clock_goes_on_to_the_last_question(tmp_path: Path) -> None:
    """A scenario ends with its last mention, or when the last expectation asks, or at `until`."""
    asked = HEAD + "mentions: [{at: 08:00, text: 甲}]\nexpect: [{at: 1d 09:00, level: none}]\n"

    assert loaded(tmp_path, asked).until == MIDNIGHT + DAY + 9 * HOUR
    assert loaded(tmp_path, asked + "until: 2d 00:00\n").until == MIDNIGHT + 2 * DAY
    assert mention(tmp_path, "at: 08:00, count: 3, text: 甲").until == MIDNIGHT + 8 * HOUR + 2 * MINUTE


def test_every_mistake_at_once(tmp_path: Path) -> None:
    """All that is wrong in all files is told in one go, each at its line."""
    said = refused(tmp_path, """\
        name: 试
        colour: red
        subjects:
          - {name: 甲, rules: [(甲]}
        mentions:
          - {text: 没有时刻}
          - {at: 08:00, count: 0, text: 甲}
          - {at: 08:00, likes: -1, text: 甲}
          - {at: 08:00}
          - {at: 08:00, text: 甲, kolour: 1}
        expect:
          - {level: purple}
          - {level: red, never: red}
          - {at: 08:00}
          - {level: red, subject: 乙}
          - {path: [blue, pink]}
          - {alerts: many}
        """)  # fmt: skip

    assert [int(line.partition(":")[0]) for line in said] == [2, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17]


@pytest.mark.parametrize(("text", "said"), [
    ("", "1: 文件是空的"), ("- 1", "1: 最外层应是映射"), ("name: [", "1: "), ("name: \0", "1: "), ("a: &a [*a, *a]", "1: "),
    ("name: 试\nmentions: []\nexpect: []\n", "1: 场景缺少 subjects"), ("[" * 10_000, "1: "),
    (HEAD + "mentions: 1\nexpect: []", "3: mentions 应是列表"), (HEAD, "1: 场景缺少 mentions"),
    (HEAD + "day: 昨天\nmentions: []\nexpect: []", "3: day 不是有效的日期"),
    (HEAD + "timezone: Mars\nmentions: []\nexpect: []", "3: 没有 “Mars” 这个时区"),
    (HEAD + "policy: none.yaml\nmentions: []\nexpect: []", "3: 策略文件 “none.yaml” 用不了"),
    (HEAD + "mentions: [{at: 08:00, every: 900d, count: 900, text: 甲}]\nexpect: []", "3: 这些信息会延续超过"),
    (HEAD + "mentions: [{at: 08:00, text: 甲, id: '" + "x" * 600 + "'}]\nexpect: []", "3: 第 1 条不是有效的信息：id: longer than 512"),
])  # fmt: skip
def test_hostile_files(tmp_path: Path, text: str, said: str) -> None:
    """Whatever stands in the file, the answer is a line, never a traceback."""
    assert any(line.startswith(said) for line in refused(tmp_path, text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.sampled_from("namemtionsxpcat: -[]{}\n\"'&*!|>08:,5d甲{n}\t\u202e"), max_size=80))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    """A file of any words is a scenario or a list of problems."""
    problems: list[object] = []
    try:
        scenarios = load_scenarios([written(tmp_path, text)], {})
    except ConfigError as error:
        scenarios, problems = [], list(error.problems)

    assert bool(scenarios) != bool(problems)


def test_the_verb_passes(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """What holds is exit 0, nothing on stdout, a line for people on stderr."""
    file = written(tmp_path, ANGRY + "expect: [{reaches: blue}, {never: orange}, {alerts: 1}]\n")

    code = run(["backtest", "--scenario", str(file)])

    out, err = capfdbinary.readouterr()
    assert (code, out) == (0, b"")
    assert err.decode() == f"{file}: 试: 3 项符合, 0 项不符\n"


def test_the_verb_fails(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each expectation that fails is a line with its place, what was wanted and what came; exit 1, whatever the other file did."""
    wrong = """\
        expect:
          - {level: red, at: 08:09}
          - {never: yellow}
          - {reaches: red}
          - {alerts: 2}
          - {stories: 2}
          - {resolved: true}
          - {path: [blue]}
          - {reason: floor}
          - {level: none, at: 07:59}
        """
    bad = written(tmp_path, ANGRY + dedent(wrong))
    good = written(tmp_path, ANGRY + "expect: [{reaches: blue}]\n", "good.yaml")

    code = run(["backtest", "--scenario", str(bad), "--scenario", str(good)])

    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert code == 1
    assert [line.removeprefix(f"{bad}:") for line in lines] == [
        "5: 应为 red, 实为 yellow (level, 截至 03-02 08:09:00)",
        "6: 应为 低于 yellow, 实为 yellow (never, 截至 03-02 08:09:40)",
        "7: 应为 达到 red, 实为 yellow (reaches, 截至 03-02 08:09:40)",
        "8: 应为 2, 实为 1 (alerts, 截至 03-02 08:09:40)",
        "9: 应为 2, 实为 1 (stories, 截至 03-02 08:09:40)",
        "10: 应为 true, 实为 false (resolved, 截至 03-02 08:09:40)",
        "11: 应为 [blue], 实为 [blue, yellow] (path, 截至 03-02 08:09:40)",
        "12: 应为 floor, 实为 [authors_1h, growth] (reason, 截至 03-02 08:09:40)",
    ]


def test_the_configuration_lends_its_subjects(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """A scenario without subjects is about those of the configuration; one with its own is about its own."""
    config = written(tmp_path, "organisation: 甲\nsubjects: [{name: 甲, rules: [甲牌], floor: orange}]\n", "c.yaml")
    said = "mentions: [{at: 08:00, text: 甲牌太差了气死我了}]\n"
    lent = written(tmp_path, f"name: 借\n{said}expect: [{{level: orange, subject: 甲}}]\n", "lent.yaml")
    own = written(tmp_path, f"{HEAD}{said}expect: [{{level: none}}]\n", "own.yaml")

    assert run(["backtest", "--config", str(config), "--scenario", str(lent), "--scenario", str(own)]) == 0, capfdbinary.readouterr()


@pytest.mark.parametrize(("arguments", "said"), [
    (["--scenario", "none.yaml"], "none.yaml:1: 文件不存在"), ([], "三者选一"), (["a.jsonl"], "缺少 --config"),
    (["a.jsonl", "--scenario", "s.yaml"], "三者选一"), (["--scenario", "s.yaml", "--summary", "o"], "--summary"),
])  # fmt: skip
def test_wrong_use(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wrong combination is exit 2 and a line that says what to do."""
    monkeypatch.chdir(tmp_path)

    assert run(["backtest", *arguments]) == 2
    assert said in capfd.readouterr().err
