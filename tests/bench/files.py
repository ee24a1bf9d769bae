"""
Vendors' exports, as a process of its own reads them: a workbook and a GBK CSV of many rows, some bad.

    python -m tests.bench.files [ROWS]

prints {"xlsx": …, "xlsx_shared": …, "csv": …}: rows a second and the most memory (MiB), beside what the library (openpyxl, csv) takes
only to hand the rows over.
"""

import csv
import json
import re
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter

import openpyxl

HEADING = ["序号", "标题", "全文内容", "发布时间", "媒体类型", "来源网站", "作者", "原文链接", "转发数", "评论数", "点赞数"]
_WORDS = "云杉集团的电梯突然坠落多人受伤太可怕了必须追责午饭吃了面条味道好今天天气不错大家都很高兴"
_BAD_EVERY = 1_000
_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)
_RELATION = (
    b'<Relationship Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"'
    b' Target="/xl/sharedStrings.xml" Id="rIdWords"/>'
)
_READ = """
import json, sys, time
from pathlib import Path
from zoneinfo import ZoneInfo
from monitor.border import FileDefaults
from monitor.clock import SystemClock
from monitor.collecting.recording import Recording
from monitor.errors import InvalidMention
bad = []
began = time.process_time()
with Recording(SystemClock().now()) as recording:
    recording.add(Path(sys.argv[1]), lambda _, row, __: bad.append(row), lambda _: None, FileDefaults("导出", ZoneInfo("Asia/Shanghai")))
    taken = recording.lines
most = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024  # ru_maxrss would be our parent's
print(json.dumps({"taken": taken, "bad": len(bad), "first": bad[:2], "seconds": time.process_time() - began, "memory": most}))
"""


def rows(count: int) -> Iterator[list[object]]:
    """Made-up rows; every thousandth has no time that can be read."""
    drawn = Random(5)
    for n in range(1, count + 1):
        text = "".join(drawn.choices(_WORDS, k=120))
        at: object = "昨天" if n % _BAD_EVERY == 0 else datetime(2026, 11, 1) + timedelta(seconds=n)  # noqa: DTZ001 - as a cell has it
        yield [n, text[:20], text, at, "微博", "新浪微博", f"用户{n % 5000}", f"https://weibo.cn/{n}", n % 7, 3, 5]


def write(folder: Path, count: int) -> tuple[Path, Path]:
    """The workbook and the CSV."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    sheet.append(HEADING)
    with (folder / "导出.csv").open("w", encoding="gb18030", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(HEADING)
        for row in rows(count):
            sheet.append(row)
            table.writerow(row)
    book.save(folder / "导出.xlsx")
    return folder / "导出.xlsx", folder / "导出.csv"


def measured(file: Path, baseline: float) -> dict[str, object]:
    """What reading a file into a recording takes."""
    done = subprocess.run([sys.executable, "-c", _READ, str(file)], capture_output=True, check=True, text=True)
    got = json.loads(done.stdout)
    total = got["taken"] + got["bad"]
    value = total / got["seconds"]
    return {
        "value": round(value), "unit": "rows/s of CPU", "baseline": round(total / baseline), "ratio": round(value * baseline / total, 2),
        "mentions": got["taken"], "bad": got["bad"], "first_bad": got["first"], "memory_mib": got["memory"],
    }  # fmt: skip


def with_shared_words(file: Path) -> Path:
    """The same workbook as Excel writes it: every text in one table, cells hold its number."""
    shared = file.with_name("共享.xlsx")
    texts: dict[bytes, int] = {}
    cell = re.compile(rb'<c r="([A-Z]+\d+)"([^>]*?) t="inlineStr"([^>]*)><is><t[^>]*>([^<]*)</t></is></c>')
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(shared, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name.startswith("xl/worksheets/"):
                data = cell.sub(lambda one: b'<c r="%b"%b t="s"%b><v>%d</v></c>' % (
                    one[1], one[2], one[3], texts.setdefault(one[4], len(texts))), data)  # fmt: skip
            elif name == "[Content_Types].xml":
                data = data.replace(b"</Types>", _TYPE + b"</Types>")
            elif name == "xl/_rels/workbook.xml.rels":
                data = data.replace(b"</Relationships>", _RELATION + b"</Relationships>")
            new.writestr(name, data)
        words = b"".join(b"<si><t>%b</t></si>" % text for text in texts)
        new.writestr("xl/sharedStrings.xml", b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%b</sst>' % words)
    return shared


def plain_xlsx(file: Path) -> float:
    """Seconds of CPU that the library takes to hand the rows over."""
    began = _cpu()
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    for _ in book.worksheets[0].iter_rows(values_only=True):
        pass
    book.close()
    return _cpu() - began


def plain_csv(file: Path) -> float:
    """As above, for a CSV."""
    began = _cpu()
    with file.open(encoding="gb18030", newline="") as stream:
        for _ in csv.reader(stream):
            pass
    return _cpu() - began


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        workbook, table = write(Path(folder), count)
        sys.stderr.write(f"made in {perf_counter() - began:.0f} s\n")
        files = {"xlsx": workbook, "xlsx_shared": with_shared_words(workbook), "csv": table}
        plain = {"xlsx": plain_xlsx, "xlsx_shared": plain_xlsx, "csv": plain_csv}
        print(json.dumps({name: measured(file, plain[name](file)) for name, file in files.items()}, ensure_ascii=False))


if __name__ == "__main__":
    main()
