"""
README's tables, made from the code: `python -m tests.documentation` rewrites what stands between the markers.

    <!-- metrics -->
    | … |
    <!-- /metrics -->

`tests/test_documentation.py` fails while they differ. What a setting means stands here; that the list is complete is tested there.
`python -m tests.documentation --picture` runs `yuqing demo` for its minute and draws it anew as deploy/demo.svg.
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from monitor.alert import REASON_ZH
from monitor.collecting.headings import PRESETS
from monitor.collecting.reasons import FIELDS
from monitor.metrics import CATALOG, PREFIX
from monitor.stories.origin import DOUBT_ZH
from services.cli import VERBS
from tests.picture import PICTURE, drawn, record

README = Path(__file__).parents[1] / "README.md"
_KINDS = {"counter": "计数", "gauge": "数值", "histogram": "分布"}

# Section -> key -> what it means; "…" of a secret stands for its three forms NAME, NAME_env, NAME_file
SETTINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "": {
            "organisation": "机构名称，必填",
            "timezone": "日界、消息和文件里不带时区的时间所用的时区，默认 `Asia/Shanghai`",
            "level_names": "颜色词后附的级别名：`none`（默认）、`national`（红为一级）或 `{blue: 一级, …}`",
            "retention": "各类数据的保存时长，从入库算起",
            "data": "日志、库和密钥所在的文件夹，默认 `./var`",
            "bus": "消息日志：`sqlite` 或 `kafka://主机:9092[,主机:9092]`；后者配合 PostgreSQL 可以分成任意多个进程",
            "store…": "数据库：`sqlite`，或 `postgresql://用户:密码@主机:端口/库名`，本机的套接字写成 `postgresql://用户:密码@/库名?host=/文件夹&port=5432`",
            "listen": "接口监听地址，默认 `127.0.0.1:8000`；其他地址必须配置 `api_keys`",
            "public_url": "消息里链接的开头，默认 `http://` 加 `listen`",
            "api_keys": "接口密钥；一把都没有时本机的人都可用",
            "pseudonym_key…": "账号化名所用的密钥，默认首次启动时生成并存入库",
            "subjects": "监测主题，至少一个",
            "accounts": "账号名单文件",
            "libraries": "自备关键词库的文件或文件夹；内置的总是在用",
            "sources": "信源；推送接口总是开着",
            "receivers": "接收方",
            "policy": "预警策略：`default` 或策略文件",
            "sentiment": "情感模型：`default`、`fast`、`snownlp`、`lexicon`，或 `python -m services.training` 写出的 `.npz` 文件",
            "segmenter": "分词：`rjieba`（默认）或 `jieba`；词典和切法相同，前者快十几倍",
            "kafka": "Kafka 设置，`bus: sqlite` 时不用",
        },
        "retention": {
            "raw": "收到的原始信息，默认 `7d`",
            "scored": "评分后的信息流，默认 `30d`",
            "text": "信息原文，默认 `180d`",
            "evidence": "到过橙级的事件的原文，默认 `3y`",
        },
        "api_keys": {
            "name": "名称，处置记录里的操作人",
            "role": "`reader` 只读，`staff` 可推送和处置，`admin` 全部",
            "key…": "密钥",
            "rate": "每分钟最多请求数，默认不限",
        },
        "subjects": {
            "name": "名称，不能重复",
            "rules": "关键词规则",
            "libraries": "所用关键词库的名称",
            "receivers": "通知谁，默认全部接收方",
            "policy": "本主题专用的策略文件",
            "floor": "一条敏感信息即达此级：`blue`、`yellow` 或 `orange`",
            "kinds": "只看这些类型的信息",
            "platforms": "只看这些平台",
            "regions": "只看这些地区",
            "valid_until": "监测到何时为止",
            "alerts": "`false`：只统计，不通知任何人",
            "owner": "负责人",
        },
        "sources": {
            "name": "名称，不能重复",
            "type": "`push`（推送）、`rss`、`json`、`hotlist`（热榜）或 `file`（文件）",
            "platform": "信息没写平台时所用的平台",
            "media": "是否新闻媒体",
            "tier": "`central`、`regional`、`industry`、`portal` 或 `self`",
            "trusted": "是否采信信息里人工写的主题",
            "url…": "地址（`rss` `json` `hotlist`）；`json` 的地址里可有 `{page}`（从 1 数起）或 `{cursor}`",
            "path": "文件（`file` `hotlist`），可为 gzip，编码自动识别；`file` 为 JSON Lines、CSV 或 XLSX，`hotlist` 为 JSON Lines",
            "every": "间隔，默认 `5m`，热榜 `60s`；`file` 自动跟随，不能写",
            "columns": "字段与列名（`json` 为点号路径）的对应；`file` 不写时按常见厂商的表头识别",
            "items": "列表在应答里的位置，点号路径（`json` `hotlist`）",
            "pages": "最多读几页（`json`），默认 1，遇到空页即止",
            "next": "下一页的游标在应答里的位置（`json`，地址里有 `{cursor}` 时）",
            "scope": "`national` 或 `city`（`hotlist`）",
            "headers": "随请求发送的请求头；另有 `headers_env`、`headers_file`，值取自环境变量或文件",
            "headers_env": "同上，值为环境变量名",
            "headers_file": "同上，值为文件路径",
            "allow_private": "域名解析到、或跳转到这些内网网段时也允许连接",
        },
        "receivers": {
            "name": "名称，不能重复",
            "type": "本版本为 `webhook`",
            "url…": "消息发往的地址",
            "secret…": "签名密钥：`whsec_` 加 24 至 64 字节的 base64",
            "min_level": "从哪一级起通知，默认 `blue`",
            "allow_private": "域名解析到这些内网网段时也允许连接",
        },
        "kafka": {
            "topic_prefix": "主题名前缀",
            "partitions": "分区数，默认 12，建好后不能改",
            "replication_factor": "副本数，默认 3，不足三台时为台数",
            "min_isr": "最少同步副本数，默认副本数减一，至少 1",
            "session_timeout": "会话超时：进程失联多久后由别的进程接手，默认 `10s`",
            "security": "连接的认证与加密",
        },
        "kafka.security": {
            "protocol": "`PLAINTEXT`（默认）、`SSL`、`SASL_PLAINTEXT` 或 `SASL_SSL`",
            "mechanism": "认证方式：`PLAIN`、`SCRAM-SHA-256` 或 `SCRAM-SHA-512`",
            "username": "用户名",
            "password…": "密码",
            "ca_file": "CA 证书文件（PEM）",
        },
    }
)


def verbs() -> str:
    """The verbs of the command line."""
    return _table(("命令", "作用"), ((f"`yuqing {name}`", listed.summary) for name, listed in VERBS.items()))


def settings() -> str:
    """Every key of the configuration file."""
    rows = ((f"`{section}.{key}`" if section else f"`{key}`", text) for section, keys in SETTINGS.items() for key, text in keys.items())
    return _table(("配置项", "含义"), rows)


def metrics() -> str:
    """Every metric."""
    rows = ((f"`{PREFIX}{spec.name}`", _KINDS[spec.kind], ", ".join(spec.labels), spec.help) for spec in CATALOG)
    return _table(("指标", "类型", "标签", "含义"), rows)


def reasons() -> str:
    """Every reason a transition can have."""
    return _table(("原因", "含义"), ((f"`{code.value}`", words) for code, words in REASON_ZH.items()))


def doubts() -> str:
    """Every reason to doubt that the earliest mention was the first."""
    return _table(("为什么不敢确定", "含义"), ((f"`{code.value}`", words) for code, words in DOUBT_ZH.items()))


def headings() -> str:
    """Every heading of a vendor's export that is known without `columns`."""
    return _table(("字段", "含义", "认得的列名"), ((f"`{field}`", FIELDS[field], "、".join(names)) for field, names in PRESETS.items()))


TABLES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {"verbs": verbs, "settings": settings, "metrics": metrics, "reasons": reasons, "doubts": doubts, "headings": headings}
)


def between(text: str, name: str) -> str | None:
    """What stands between the markers of a table, or None unless there is just one such pair."""
    found = _marked(name).findall(text)
    return found[0].strip() if len(found) == 1 else None


def rewritten(text: str) -> str:
    """The README with its tables as the code has them; what stands outside the markers is not touched."""
    for name, table in TABLES.items():
        fresh = f"<!-- {name} -->\n{table()}\n<!-- /{name} -->"
        text = _marked(name).sub(lambda _, fresh=fresh: fresh, text)  # type: ignore[misc]
    return text


def _marked(name: str) -> re.Pattern[str]:
    return re.compile(rf"<!-- {name} -->(.*?)<!-- /{name} -->", re.DOTALL)


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [heading, ("---",) * len(heading), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def main() -> int:
    """Rewrite README.md, or its picture; 1 when a table has no place in it."""
    if sys.argv[1:] == ["--picture"]:
        PICTURE.write_text(drawn(record()), "utf-8")
        return 0
    text = README.read_text("utf-8")
    README.write_text(rewritten(text), "utf-8")
    missing = [name for name in TABLES if between(text, name) is None]
    for name in missing:
        sys.stderr.write(f"README.md has no <!-- {name} --> … <!-- /{name} -->\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
