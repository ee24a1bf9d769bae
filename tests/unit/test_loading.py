"""The configuration file: what is right is read exactly, what is wrong is told at its line, all at once."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from monitor.alert import Level
from monitor.clock import DAY, micros, rfc3339
from monitor.errors import ConfigError
from monitor.loading import load_settings
from monitor.settings import Settings

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
MINIMAL = "organisation: 某某集团\nsubjects:\n  - name: 红十字会\n    rules: [红十字|红会]\n"
ENVIRON = {"DUTY_SECRET": SECRET, "DASHBOARD_KEY": "k-dashboard", "TOKEN": "t0k3n"}

Load = Callable[..., Settings]
Wrong = Callable[..., list[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration stands."""
    return tmp_path / "yuqing.yaml"


@pytest.fixture
def load(file: Path) -> Load:
    """Load a text (or bytes) with an environment."""

    def load(text: str | bytes, environ: dict[str, str] | None = None) -> Settings:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings(file, ENVIRON if environ is None else environ)

    return load


@pytest.fixture
def wrong(load: Load, file: Path) -> Wrong:
    """The problems of a text, each as `LINE: message` or `LINE:COLUMN: message`."""

    def wrong(text: str | bytes, environ: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(text, environ)
        assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
        return [str(problem).removeprefix(f"{file}:") for problem in caught.value.problems]

    return wrong


def test_the_least_configuration_is_enough(load: Load, tmp_path: Path) -> None:
    """An organisation and one subject suffice; everything else has the stated default."""
    got = load(MINIMAL)
    assert got.organisation == "某某集团"
    assert [(subject.name, subject.rules) for subject in got.subjects] == [("红十字会", ("红十字|红会",))]
    assert (got.timezone, got.bus, got.store, got.policy, got.sentiment) == ("Asia/Shanghai", "sqlite", "sqlite", None, "default")
    assert (got.listen, got.public_url, got.data) == (("127.0.0.1", 8000), "http://127.0.0.1:8000", tmp_path / "var")
    assert (got.retention.raw, got.retention.text, got.retention.evidence) == (7 * DAY, 180 * DAY, 3 * 365 * DAY)


def test_a_full_configuration_is_read_exactly(load: Load, tmp_path: Path) -> None:
    """Every key this version knows arrives as its value."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "accounts.yaml").write_text("- {platform: 微博, name: 官方号, role: own}\n- {id: '99', role: kol, tier: a}\n", "utf-8")
    got = load(
        """organisation: 某某集团
timezone: UTC
level_names: national
retention: {raw: 36h, scored: 30d, text: 2w, evidence: 5y}
data: ./数据
bus: sqlite
listen: 0.0.0.0:9000
public_url: https://yq.example.cn/
api_keys:
  - {name: dashboard, role: reader, key_env: DASHBOARD_KEY, rate: 600}
  - {name: duty, role: staff, key: "${TOKEN}-x"}
pseudonym_key_env: TOKEN
subjects:
  - name: 红十字会
    rules: [红十字|红会, "郭美美+(捐款|慈善)-演唱会"]
    receivers: [duty]
    floor: orange
    kinds: [post, repost]
    platforms: [微博]
    regions: [湖南]
    valid_until: 2026-12-31
    alerts: false
    owner: 张三
accounts: [./accounts.yaml]
libraries: [./lib]
sources:
  - {name: staff, type: push, trusted: true}
  - {name: export, type: file, path: export.csv, platform: 新闻, tier: central, media: true, columns: {title: 标题, text: 内容}}
receivers:
  - {name: duty, type: webhook, url: "https://hooks.example.cn/x?key=${TOKEN}", secret_env: DUTY_SECRET, min_level: yellow,
     allow_private: [10.0.0.0/8]}
policy: default
sentiment: default
kafka: {topic_prefix: "", partitions: 6, session_timeout: 10s, security: {protocol: SASL_SSL, username: u, password_env: TOKEN}}
"""
    )
    subject, (staff, export), (receiver,) = got.subjects[0], got.sources, got.receivers
    assert (subject.floor, subject.kinds, subject.platforms, subject.regions) == (Level.ORANGE, ("post", "repost"), ("微博",), ("湖南",))
    assert subject.valid_until is not None
    assert rfc3339(subject.valid_until) == "2027-01-01T00:00:00Z"
    assert (subject.alerts, subject.owner, subject.receivers) == (False, "张三", ("duty",))
    assert got.level_names == {"red": "一级", "orange": "二级", "yellow": "三级", "blue": "四级"}
    assert (got.retention.raw, got.retention.text) == (36 * 3600 * 1_000_000, 14 * DAY)
    assert (got.data, got.listen, got.public_url) == (tmp_path / "数据", ("0.0.0.0", 9000), "https://yq.example.cn")  # noqa: S104
    assert (staff.trusted, export.path, export.media) == (True, str(tmp_path / "export.csv"), True)
    assert export.columns == {"title": "标题", "text": "内容"}
    assert (receiver.url, receiver.secret, receiver.min_level) == ("https://hooks.example.cn/x?key=t0k3n", SECRET, "yellow")
    assert [key.sha256 for key in got.api_keys] == [hashlib.sha256(key).hexdigest() for key in (b"k-dashboard", b"t0k3n-x")]
    assert (got.pseudonym_key, got.api_keys[0].rate, got.kafka.partitions) == ("t0k3n", 600, 6)


def test_secrets_do_not_show_themselves(load: Load) -> None:
    """The repr of the settings, which a log might take, holds neither keys nor robot addresses."""
    got = load(MINIMAL + 'receivers: [{name: a, type: webhook, url: "https://h.cn/t0p", secret_env: DUTY_SECRET}]\npseudonym_key: p53ud0\n')
    assert not re.search(rf"t0p|p53ud0|{re.escape(SECRET)}", repr(got))


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + MINIMAL.encode(), MINIMAL.replace("\n", "\r\n").encode()])
def test_marks_and_line_ends_of_other_systems_are_fine(load: Load, data: bytes) -> None:
    """A byte-order mark and CRLF change nothing."""
    assert load(data).subjects == load(MINIMAL).subjects


def test_every_mistake_is_told_at_once_in_order(wrong: Wrong) -> None:
    """One run shows all there is to mend, each at its line with the user's own value."""
    text = """organisation: 某某集团
organization: 某某集团
timezone: Asia/Shangai
retention: {raw: 7 days}
subjects:
  - name: 红十字会
    rules: [红十字, "(红会"]
    receivers: [dutty]
    floor: red
  - name: 红十字会
    rules: 5
receivers:
  - {name: duty, type: webhook, url: "https://x.cn", secret_env: NOT_SET, min_level: green}
"""
    found = wrong(text)
    places = [re.match(r"\d+(?::\d+)?", line) for line in found]
    assert [place[0] if place else "" for place in places] == ["2", "3", "4", "7:19", "8", "9", "10", "11", "13", "13"]
    for line, word in zip(
        found, ["organisation", "Shangai", "7 days", "括号", "duty", "red", "第 6 行", "数字 5", "green", "NOT_SET"], strict=True
    ):
        assert word in line


@pytest.mark.parametrize(
    ("addition", "says"),
    [
        ("organisaton: x", "5: .*organisation"),
        ("organisation: y", "5: .*重复.*第 1 行"),
        ("data: [x]", "5: data 应是文字.*列表"),
        ("data: 12", "5: data 应是文字.*数字 12.*引号"),
        ("data: ''", "5: data 是空的"),
        ("retention: {raw: 60}", "5: raw 不是有效的时长.*60"),
        ("retention: {raw: 0d}", "5: raw 不是有效的时长"),
        ("retention: {raw: 9999999y}", "5: raw 不是有效的时长"),
        ("retention: {rw: 6d}", "5: retention .*raw"),
        ("retention: 7d", "5: retention 应是映射"),
        ("timezone: ../etc/passwd", "5: 没有 .*时区"),
        ("timezone: Asia", "5: 没有 .*时区"),
        ("level_names: {bleu: 一级}", "5: .*blue"),
        ("level_names: 5", "5: level_names"),
        ("bus: kafka://h", "5: bus 的地址不对，请写成 kafka://主机:9092"),
        ("bus: kafka://h:9092,", "5: bus 的地址不对"),
        ("bus: kafka://h:99999", "5: bus 的地址不对"),
        ("bus: kafka://u:p4ss@h:9092", "5: bus 的地址不对，(?!.*p4ss)"),
        ("store: postgresql://u:p4ss@h", "5: store 的地址不对：没有写库名；请写成 postgresql://"),
        ("store: postgresql://u:p4ss@h:0/db", "5: store 的地址不对：端口"),
        ("store: postgresql://u:p4ss@/db", "5: store 的地址不对：没有写主机"),
        ("store: mysql://u:p4ss@h/db", "5: store 不能是这个地址"),
        ("store: postgres", "5: store 不能是 “postgres”"),
        ("store_env: NO_SUCH", "5: store_env .*NO_SUCH"),
        ("bus: redis", "5: bus 不能是 “redis”.*bus: kafka://"),
        ("listen: 0.0.0.0:8000", "5: .*api_keys"),
        ("listen: localhost", "5: listen 不是有效的地址"),
        ("listen: 127.0.0.1:99999", "5: listen 不是有效的地址"),
        ("listen: ':8000'", "5: listen 不是有效的地址"),
        ("listen: 8000", "5: listen 应是文字"),
        ("public_url: ftp://x", "5: public_url .*http"),
        ("api_keys: [{name: a, role: root, key: x}]", "5: role 不能是 “root”"),
        ("api_keys: [{name: a, role: staff}]", "5: .*key_env"),
        ("api_keys: [{role: staff, key: x}]", "5: .*缺少 name"),
        ("api_keys: [{name: a, role: staff, key_env: NONE_SUCH}]", "5: .*NONE_SUCH.*没有设置"),
        ("api_keys: [{name: a, role: staff, key_file: none.txt}]", "5: .*none.txt.*读不了"),
        ("api_keys: [{name: a, role: staff, key: x, key_env: TOKEN}]", "5: key 和 key_env 只能写一个"),
        ("api_keys: [{name: a, role: staff, key: x, rate: -1}]", "5: rate 应是"),
        ("api_keys: [{name: a, role: staff, key: x}, {name: b, role: staff, key: x}]", "5: .*相同"),
        ("api_keys: [{name: a, role: staff, key: x}, {name: a, role: staff, key: y}]", "5: .*重复"),
        ("receivers: [x]", "5: receivers 的第 1 项应是映射"),
        ("receivers: [{name: a, type: wecom, url: 'https://x'}]", "5: 本版本尚不支持接收方类型 wecom"),
        ("receivers: [{name: a, type: webhok, url: 'https://x'}]", "5: .*webhook"),
        ("receivers: [{name: a, type: webhook}]", "5: .*缺少 url"),
        ("receivers: [{name: a, type: webhook, url: 'x.cn'}]", "5: .*https://"),
        ("receivers: [{name: a, type: webhook, url: 'http://[x'}]", "5: .*url 不是有效的地址"),
        ("receivers: [{name: a, type: webhook, url: 'https://x', secret: whsec_short}]", "5: .*whsec_"),
        ("receivers: [{name: a, type: webhook, url: 'https://x', secret: plain}]", "5: .*whsec_"),
        ("receivers: [{name: a, type: webhook, url: 'https://x', allow_private: [lan]}]", "5: .*网段"),
        ("sources: [{name: a, type: rss}]", "5: .*缺少 url"),
        ("sources: [{name: a, type: rss, url: 'x.cn/feed'}]", "5: .*url 不是有效的地址.*https://"),
        ("sources: [{name: a, type: rss, url: 'https://x', every: often}]", "5: every 不是有效的时长"),
        ("sources: [{name: a, type: rss, url: 'https://x', path: x}]", "5: path 只用于 type: file、hotlist"),
        ("sources: [{name: a, type: rsss, url: 'https://x'}]", "5: type 不能是 “rsss”.*rss"),
        ("sources: [{name: a, type: rss, url: 'https://x', allow_private: [lan]}]", "5: .*网段"),
        ("sources: [{name: a, type: rss, url: 'https://x', headers_env: {X-Key: NO_SUCH}}]", "5: headers_env 的 X-Key .*NO_SUCH.*没有"),
        ("sources: [{name: a, type: rss, url: 'https://x', headers_file: {X-Key: f}}]", "5: headers_file 的 X-Key 所指的文件 “f” 读不了"),
        ("sources: [{name: a, type: rss, url: 'https://x', headers: {'X Key': a}}]", "5: .*不是有效的请求头"),
        ("sources: [{name: a, type: json, url: 'https://x', pages: 3}]", "5: .*{page}"),
        ("sources: [{name: a, type: json, url: 'https://x?p={page}', pages: 0}]", "5: pages 应是 1 到"),
        ("sources: [{name: a, type: json, url: 'https://x?c={cursor}', pages: 2}]", "5: .*缺少 next"),
        ("sources: [{name: a, type: hotlist}]", "5: .*缺少 url"),
        ("sources: [{name: a, type: hotlist, url: 'https://x', path: y}]", "5: .*只能写一个"),
        ("sources: [{name: a, type: hotlist, path: y, scope: world}]", "5: scope 不能是"),
        ("sources: [{name: a, type: hotlist, path: y, columns: {titel: t}}]", "5: .*title"),
        ("sources: [{name: a, type: file}]", "5: .*缺少 path"),
        ("sources: [{name: a, type: file, path: x, every: 5m}]", "5: .*every"),
        ("sources: [{name: a, type: file, path: x, columns: {titel: 标题}}]", "5: .*title"),
        ("sources: [{name: a, type: push, path: x}]", "5: .*path"),
        ("libraries: [./none]", "5: 词库 .*不存在"),
        ("policy: ./none.yaml", "5: 策略文件 .*不存在"),
        ("accounts: [./none.yaml]", "5: 名单 .*不存在"),
        ("sentiment: bert", "5: 没有情感模型"),
        ("sentiment: none.npz", "5: 情感模型文件 .*不存在"),
        ("kafka: {partition: 3}", "5: .*partitions"),
        ("kafka: {topic_prefix: a/b}", "5: topic_prefix 不能是 “a/b”"),
        ("kafka: {replication_factor: 2, min_isr: 3}", "5: min_isr 3 大于 replication_factor 2"),
        ("bus: kafka://h:9092\nkafka: {security: {protocol: SSL, ca_file: none.pem}}", "6: CA 证书文件 .*不存在"),
        ("bus: kafka://h:9092\nkafka: {security: {protocol: SASL_SSL, username: u, password: p}}", "6: .*缺少 mechanism"),
        ("bus: kafka://h:9092\nkafka: {security: {protocol: SASL_SSL, mechanism: PLAIN, username: u, password_env: P}}", "6: .*“P” 没"),
        ("bus: kafka://h:9092\nkafka: {security: {protocol: SASL_SSL, mechanism: PLAIN, username: u}}", "6: .*缺少 password_env"),
        ("kafka: {security: {protocol: SASL}}", "5: protocol 不能是 “SASL”，.*SASL_SSL"),
        ("kafka: {security: {protocol: SASL_SSL, mechanism: SCRAM}}", "5: mechanism 不能是 “SCRAM”，.*SCRAM-SHA-512"),
        ("data: ./${NO_SUCH}", "5: 环境变量 NO_SUCH 没有设置"),
        ("data: ./${no-such}", "5: .*不是环境变量的写法"),
        ("data: ./${TOKEN", "5: .*不是环境变量的写法"),
        ("data: !!python/object/apply:os.system [id]", "5.*不支持 YAML 标签"),
        ("data: !secret x", "5:.*不支持 YAML 标签"),
        ('data: "a\\0b"', "5:.*控制字符 U\\+0000"),
        ('data: "\\ud800"', "5:.*控制字符 U\\+D800"),
        ("data: 'x", "5:.*引号"),
        ("data: *x", "5:.*锚点"),
        ("data: @x", "5:.*加引号"),
        ("\tdata: x", "5:1: .*制表符"),
        ("data: [1, 2", "5:.*括号"),
        ("---\na: 1", "5:.*---"),
        ("<<: {a: 1}", "5: .*<<"),
        ("data: \x00", "5: .*U\\+0000"),
        ("data: 2026-99-99T1", None),
        ("libraries: [no]", "5: libraries .*是否值 false.*引号"),
        ("libraries: [~]", "5: libraries .*空项"),
    ],
)
def test_each_mistake_is_told_where_it_stands(wrong: Wrong, load: Load, addition: str, says: str | None) -> None:
    """One slip, one line: where, what, and what to do."""
    if says is None:
        assert load(MINIMAL + addition).data.name == "2026-99-99T1"
        return
    found = wrong(MINIMAL + addition + "\n")
    assert len(found) == 1, found
    assert re.match(says, found[0]), found


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("{rules: [a]}", "3: .*缺少 name"),
        ("{name: a}", "3: .*没有规则也没有词库"),
        ("{name: a, rules: ['']}", "3: rules .*空"),
        ("{name: a, rules: []}", "3: .*缺少 rules"),
        ("{name: a, rules: [], libraries: []}", "3: .*缺少 rules"),
        ("{name: a, rules: [b, b]}", "3: rules .*重复"),
        ("{name: a, rules: [12306]}", "3: rules .*数字 12306.*引号"),
        ("{name: a, rules: [-b]}", "3:23: "),
        ("{name: a, rules: ['b+(c']}", "3:26: "),
        ("{name: a, rules: [b], libraries: [没有这个]}", "3: 没有名为 “没有这个” 的词库"),
        ("{name: a, rules: [b], kinds: [pots]}", "3: kinds .*post"),
        ("{name: a, rules: [b], valid_until: tomorrow}", "3: valid_until .*tomorrow"),
        ("{name: a, rules: [b], policy: none.yaml}", "3: 策略文件 .*不存在"),
        ("{name: a, rules: [b], alerts: 1}", "3: alerts 应是 true 或 false"),
        ("{name: a, rules: [b], receivers: [x]}", "3: 没有名为 “x” 的接收方"),
        ("{name: a, rules: b}", "3: rules 应是列表"),
        ("{name: a, rule: [b], rules: [b]}", "3: .*rules"),
    ],
)
def test_mistakes_in_a_subject(wrong: Wrong, subject: str, says: str) -> None:
    """What is wrong with a subject is told at its line; a rule with the column in the file."""
    found = wrong(f"organisation: x\nsubjects:\n  - {subject}\n")
    assert len(found) == 1, found
    assert re.match(says, found[0]), found


def test_a_store_on_a_server(load: Load) -> None:
    """Both forms of an address, and from the environment; nothing shows the password."""
    for url in ("postgresql://u:v3ryS3cret@h:5432/db", "postgresql://u:v3ryS3cret@/db?host=/folder&port=5432"):
        got = load(f"{MINIMAL}store: {url}\n")
        assert got.store == url
        assert "v3ryS3cret" not in repr(got)
    assert load(f"{MINIMAL}store_env: STORE\n", {"STORE": "postgresql://h/db"}).store == "postgresql://h/db"


@pytest.mark.parametrize("addition", ["api_keys: [{name: a, role: staff, key: 'v3ryS3cret'}, {name: b, role: staff, key: 'v3ryS3cret'}]",
                                      "store: postgresql://u:v3ryS3cret@h", "store: 'postgresql://u:v3ry S3cret@h/db'", "store: mysql://u:v3ryS3cret@h/db",
                                      "receivers: [{name: a, type: webhook, url: 'ftp://h/v3ryS3cret', secret: v3ryS3cret}]"])  # fmt: skip
def test_messages_never_repeat_a_secret(wrong: Wrong, addition: str) -> None:
    """What is wrong with a secret is told without it."""
    assert "v3ryS3cret" not in "\n".join(wrong(MINIMAL + addition))


def test_what_must_be_there_is_named(wrong: Wrong) -> None:
    """An organisation and at least one subject are required."""
    assert [line[:2] for line in wrong("listen: 127.0.0.1:1\n")] == ["1:", "1:"]
    assert any("subjects" in line for line in wrong("organisation: x\nsubjects: []\n"))


@pytest.mark.parametrize(("data", "says"), [
    (b"", "1: 文件是空的"), (b"# nothing\n", "1: 文件是空的"), (b"- a\n", "1: 最外层应是映射"), (b"just words", "1: 最外层应是映射"),
    ("organisation: 某某集团".encode("gbk"), "1: 不是 UTF-8"), ("organisation: 某\n".encode("utf-16"), "1: 不是 UTF-8"),
    (b"a: 1\nb: \xff\n", "2: 不是 UTF-8"), (b"#" * (1 << 20) + b"\n", "1: 文件超过 1024 KiB"),
    (b"[" * 10_000, "1: 嵌套过深"), (b"a: " + b"[" * 60 + b"]" * 60, "1: 嵌套过深"), (b"&a [*a]", "1: 嵌套过深"),
])  # fmt: skip
def test_a_file_that_is_no_configuration_is_refused_in_words(wrong: Wrong, data: bytes, says: str) -> None:
    """Empty, of another encoding, huge, or endlessly deep: a line, never a traceback."""
    assert wrong(data)[0].startswith(says)


def test_an_alias_bomb_is_refused(wrong: Wrong) -> None:
    """A few lines that mean a billion values are refused without unfolding them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "内容过多" in "\n".join(wrong("\n".join(lines)))


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    """A wrong path is the user's mistake, too."""
    for path, says in ((tmp_path / "none.yaml", "文件不存在"), (tmp_path, "文件夹")):
        with pytest.raises(ConfigError, match=f":1: .*{says}"):
            load_settings(path, {})


def test_mistakes_of_libraries_policies_and_accounts_are_told_with_the_rest(wrong: Wrong, tmp_path: Path) -> None:
    """The files a configuration names are read as well, and all problems come together under their own names."""
    (tmp_path / "lib.yaml").write_text("name: 法人\ncategory: c\nweight: 2\nrules: ['(a']\n", "utf-8")
    (tmp_path / "policy.yaml").write_text("nonsense: 1\n", "utf-8")
    (tmp_path / "accounts.yaml").write_text("- {name: a, role: boss}\n- {role: own}\n", "utf-8")
    told = "\n".join(wrong(MINIMAL + "libraries: [lib.yaml]\npolicy: policy.yaml\naccounts: [accounts.yaml]\nx: 1\n"))
    for place in ("lib.yaml:3", "lib.yaml:4", "policy.yaml:1", "accounts.yaml:1", "accounts.yaml:2", "8: "):
        assert place in told


def test_a_library_that_is_there_can_be_named(load: Load, tmp_path: Path) -> None:
    """A subject may live on a library alone."""
    (tmp_path / "lib.yaml").write_text("name: 法人\ncategory: c\nweight: 0.2\nrules: [甲公司]\n", "utf-8")
    got = load("organisation: x\nsubjects: [{name: a, libraries: [法人]}]\nlibraries: [lib.yaml]\n")
    assert (got.subjects[0].libraries, got.libraries) == (("法人",), (tmp_path / "lib.yaml",))


def test_a_variable_may_fill_any_value(load: Load) -> None:
    """What comes from the environment is taken by the type that is meant, and never read as YAML."""
    got = load(
        MINIMAL + "api_keys: [{name: a, role: '${ROLE}', key: '${KEY}', rate: '${RATE}'}]\n",
        {"ROLE": "admin", "KEY": "]: {${ROLE}", "RATE": "60"},
    )
    assert (got.api_keys[0].role, got.api_keys[0].rate) == ("admin", 60)
    assert got.api_keys[0].sha256 == hashlib.sha256(b"]: {${ROLE}").hexdigest()


def test_a_time_without_an_offset_is_in_the_timezone(load: Load) -> None:
    """`valid_until` follows the configuration's timezone, wherever in the file that stands."""
    got = load("organisation: x\nsubjects: [{name: a, rules: [b], valid_until: 2026-01-02 08:00:00}]\ntimezone: Asia/Shanghai\n")
    assert got.subjects[0].valid_until == micros(datetime(2026, 1, 2, tzinfo=UTC))


_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
_values = st.recursive(
    _scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3), max_leaves=8
)
_KEYS = ("organisation", "timezone", "level_names", "retention", "data", "bus", "store", "listen", "public_url", "api_keys",
         "pseudonym_key", "subjects", "accounts", "libraries", "sources", "receivers", "policy", "sentiment", "kafka")  # fmt: skip
_entries = st.dictionaries(st.sampled_from(("name", "type", "rules", "url", "secret", "role", "key", "floor", "receivers")), _values)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(_KEYS), _values | st.lists(_entries, max_size=3)))
def test_any_values_are_settings_or_problems(file: Path, document: dict[str, object]) -> None:
    """Whatever stands at any key, the answer is Settings or a ConfigError with places, nothing else."""
    file.write_text(json.dumps(document), "utf-8")  # JSON is YAML
    try:
        load_settings(file, {})
    except ConfigError as error:
        problems = error.problems
    else:
        problems = []
        event("right")
    assert all(problem.line >= 1 and problem.message for problem in problems)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@` \n\t${}~?<,", max_size=120).map(str.encode))
def test_any_bytes_are_refused_in_words(file: Path, data: bytes) -> None:
    """No bytes at all make the loader raise anything but ConfigError."""
    file.write_bytes(data)
    with pytest.raises(ConfigError):
        load_settings(file, {})
