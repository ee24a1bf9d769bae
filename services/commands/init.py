"""`yuqing init`: a commented configuration for a new organisation, asked for or by flags; `check` is content with what it writes."""

import json
import os
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory

import click
import msgspec

from monitor.entries import address_fault
from monitor.errors import ConfigError, UsageError
from monitor.loading import load_settings
from services.terminal.verb import Verb

EXAMPLE = "某某集团"
_SECRET_BYTES = 32
_GENERAL = """\
# timezone: Asia/Shanghai        # 日界和消息里的时间
# data: ./var                    # 日志、库和密钥所在的文件夹，相对于本文件
# listen: 127.0.0.1:8000         # 接口地址；改成本机之外能访问的地址时必须配置 api_keys
# public_url: https://yuqing.example.cn   # 消息里链接的开头，值班的人要能打开
# retention: {raw: 7d, scored: 30d, text: 180d, evidence: 3y}   # 保存多久
"""
_NO_SOURCE = """\
# sources:
#   - {name: 某报, type: rss, url: https://news.example.cn/feed.xml, every: 5m, platform: 新闻, media: true}
"""
_NO_RECEIVER = """\
# receivers:
#   - {name: 值班1, type: webhook, url: https://hooks.example.cn/yuqing, secret_env: DUTY_SECRET, min_level: blue}
"""
_KEYS = """\
# 接口密钥：reader 只读，staff 可推送和处置，admin 全部；密钥放在环境变量里，不写在这里。
# api_keys:
#   - {name: 大屏, role: reader, key_env: DASHBOARD_KEY}
"""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a newcomer said; `rules` are of the subjects in their order, a subject without one is its own rule."""

    organisation: str
    subjects: tuple[str, ...]
    rules: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()


@click.command(
    cls=Verb,
    help="写出一份带说明的配置。在终端里会逐项询问没写成选项的内容；不在终端里（脚本、管道）则用选项和默认值。\n\n"
    "不覆盖已有的文件（--force 才覆盖）。接收方的签名密钥生成在同一文件夹的 .secret 文件里，请把它交给接收方。\n\n"
    "例: yuqing init\n\n"
    '例: yuqing init --organisation 某某集团 --subject 某某集团 --rules "某某集团|某某股份" --receiver https://hooks.example.com/yuqing',
)
@click.option("--organisation", metavar="名称", help="机构名称")
@click.option("--subject", "subjects", multiple=True, metavar="名称", help="监测主题，可写多次；默认与机构同名")
@click.option("--rules", "rules", multiple=True, metavar="规则", help="关键词规则，与 --subject 依次对应；默认为主题名称")
@click.option("--receiver", "receivers", multiple=True, metavar="网址", help="预警发往的 webhook 地址，可写多次")
@click.option("--rss", "feeds", multiple=True, metavar="网址", help="RSS/Atom 信源的地址，可写多次")
@click.option("--out", default="yuqing.yaml", metavar="文件", type=click.Path(path_type=Path), help="写到哪里，默认 yuqing.yaml")
@click.option("--force", is_flag=True, help="覆盖已有的文件")
def command(
    organisation: str | None, subjects: tuple[str, ...], rules: tuple[str, ...], receivers: tuple[str, ...], feeds: tuple[str, ...],
    out: Path, *, force: bool,
) -> None:  # fmt: skip
    """Ask what is missing, check what would be written, then write it."""
    if out.exists() and not force:
        raise UsageError(f"{out}: 已经有这个文件，没有改动它；请用 --out 写到别处，或加 --force 覆盖")
    ask = _ask if sys.stdin.isatty() else _take_default
    organisation = organisation or ask("机构名称", EXAMPLE, _no_fault)
    subjects = subjects or (ask("监测主题（品牌、产品、人或事）", organisation, _no_fault),)
    if len(rules) > len(subjects):
        raise UsageError(f"--rules 有 {len(rules)} 条而 --subject 只有 {len(subjects)} 个；一个主题一条，几个词用 | 隔开")
    rules += tuple(ask(f"“{name}”的关键词规则（几种叫法用 | 隔开）", name, _rule_fault) for name in subjects[len(rules) :])
    receivers = receivers or _some(ask("预警发往的 webhook 地址（直接回车：以后再配）", "", _optional_address_fault))
    feeds = feeds or _some(ask("RSS 信源的地址（直接回车：以后再配）", "", _optional_address_fault))
    answers = Answers(organisation=organisation, subjects=subjects, rules=rules, receivers=receivers, feeds=feeds)
    _write(answers, out)
    _tell(answers, out)


def configuration(answers: Answers, secret_file: str) -> str:
    """The text of the file."""
    head = f"# 舆情监测的配置。改好后先检查：yuqing check 本文件。\n\norganisation: {_quoted(answers.organisation)}\n"
    return "\n".join([head, _GENERAL, _subjects(answers), _sources(answers), _receivers(answers, secret_file), _KEYS])


def _subjects(answers: Answers) -> str:
    lines = ["# 监测什么。规则：| 或，+ 与，- 非，( ) 分组，如 某某集团+(投诉|曝光)-招聘", "subjects:"]
    for name, rule in zip(answers.subjects, answers.rules, strict=True):
        lines += [f"  - name: {_quoted(name)}", f"    rules: [{_quoted(rule)}]"]
        lines += ["    # floor: blue               # 一条敏感信息即达此级"]
        lines += ["    # receivers: [值班1]        # 只通知这些接收方，默认全部"]
    return "\n".join(lines) + "\n"


def _sources(answers: Answers) -> str:
    head = "# 从哪里收。推送接口（POST /v1/mentions）总是开着；各种信源的写法见 README 的“接入真实数据”。\n"
    if not answers.feeds:
        return head + _NO_SOURCE
    lines = [f"  - {{name: 信源{n}, type: rss, url: {_quoted(url)}, every: 5m, platform: 新闻}}" for n, url in enumerate(answers.feeds, 1)]
    return head + "\n".join(["sources:", *lines]) + "\n"


def _receivers(answers: Answers, secret_file: str) -> str:
    head = "# 通知谁。消息按 Standard Webhooks 签名，密钥在 secret_file 里，请交给接收方核实之用。\n"
    if not answers.receivers:
        return head + _NO_RECEIVER
    lines = [
        f"  - {{name: 值班{n}, type: webhook, url: {_quoted(url)}, secret_file: {_quoted(secret_file)}, min_level: blue}}"
        for n, url in enumerate(answers.receivers, 1)
    ]
    return head + "\n".join(["receivers:", *lines]) + "\n"


def _quoted(text: str) -> str:
    """A JSON string is a YAML string, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def _write(answers: Answers, out: Path) -> None:
    """Check it where nobody sees it, then put it in place whole; only its owner may read it, addresses of robots are secrets."""
    secret = Path(f"./{out.stem}.secret")
    text = configuration(answers, f"./{secret}")
    _check(text, secret)
    out.parent.mkdir(parents=True, exist_ok=True)
    if answers.receivers and not (out.parent / secret).exists():
        _private(out.parent / secret, _new_secret())
    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    _private(fresh, text)
    fresh.replace(out)


def _check(text: str, secret: Path) -> None:
    """UsageError with every mistake, in words that fit somebody who has no file yet."""
    with TemporaryDirectory(prefix="yuqing-init-") as name:
        file = Path(name) / "yuqing.yaml"
        file.write_text(text, "utf-8")
        (Path(name) / secret).write_text(_new_secret(), "ascii")
        try:
            load_settings(file, os.environ)
        except ConfigError as error:
            said = "\n".join(f"  {problem.message}" for problem in error.problems)
            raise UsageError(f"照这些内容写出的配置有错，没有写文件：\n{said}") from error


def _new_secret() -> str:
    return f"whsec_{b64encode(token_bytes(_SECRET_BYTES)).decode()}\n"


def _private(file: Path, text: str) -> None:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:  # noqa: PTH123 for its mode
        stream.write(text)


def _tell(answers: Answers, out: Path) -> None:
    lines = [f"已写好 {out}（主题 {len(answers.subjects)} 个，信源 {len(answers.feeds)} 个，接收方 {len(answers.receivers)} 个）"]
    if answers.organisation == EXAMPLE:
        lines.append(f"机构名称还是示例“{EXAMPLE}”，请改成自己的")
    if answers.receivers:
        lines.append(f"签名密钥在 {out.with_suffix('.secret')}，请交给接收方")
    lines += ["接着：", f"  yuqing check {out}", f"  yuqing run --config {out}"]
    click.echo("\n".join(lines), err=True)


def _some(answer: str) -> tuple[str, ...]:
    return (answer,) if answer else ()


def _take_default(_question: str, default: str, _fault: Callable[[str], str]) -> str:
    return default


def _ask(question: str, default: str, fault: Callable[[str], str]) -> str:
    """Ask until the answer is right."""
    while True:
        answer: str = click.prompt(question, default=default, show_default=bool(default), err=True).strip()
        if not (wrong := fault(answer)):
            return answer
        click.echo(f"  {wrong}", err=True)


def _no_fault(text: str) -> str:
    return "" if text else "不能为空"


def _optional_address_fault(text: str) -> str:
    return address_fault(text) if text else ""


def _rule_fault(text: str) -> str:
    from monitor.scoring.rules import RuleError, parse  # noqa: PLC0415 folding tables are loaded only where rules are read

    try:
        parse(text)
    except RuleError as error:
        return f"第 {error.column} 个字符处：{error.message}"
    return ""
