"""
What can go wrong, as a tree. A message says what happened and what to do about it.

YuqingError
├── UsageError            wrong use: the CLI prints it and exits 2
│   ├── ConfigError       problems in files, all of them at once
│   └── Held              the data folder or a port is held by somebody else
├── InvalidMention        never: one object is not a mention, with every reason
├── Unreadable            never: a record of the log that no release of ours, or nothing within the limits, wrote
├── SourceFailed          later: a source cannot be read now, in a word of a closed set
├── TooManyFailures       stop: so many records fail that it is not they, it is us
├── Stuck                 stop: there is work, everything answers, and nothing moves: a new process will do better
├── BusError
│   ├── BusFull           later: the log may not grow until a consumer has taken more
│   ├── BusUnavailable    later: the log cannot be written or read now
│   │   └── BusRefused    it answers and will not have us: at the start the person's mistake, later a change that is under way
│   ├── TooLarge          never: this record is larger than the log takes
│   └── Reassigned        the partition is another member's now: drop what is under way, wait for the next assignment
└── StoreError
    ├── StoreUnavailable  later: the store cannot be written or read now
    └── Fenced            another writer moved our position: drop everything, read again
"""

import errno
from dataclasses import dataclass


class YuqingError(Exception):
    """The root of everything this project raises itself."""


class UsageError(YuqingError):
    """The person in front of the terminal can mend it."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a file; `line` and `column` count from 1, column 0 is the whole line."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        return f"{place}: {self.message}"


class ConfigError(UsageError):
    """Every problem found in the files read, in the order of their places."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Held(UsageError):
    """Somebody else holds what we need alone."""


class InvalidMention(YuqingError):
    """
    One object is not a mention; `errors` names every field at fault, `raw` is the object where whoever read it kept it.

    `sheet`: which of a workbook's sheets it stands in, where that is not the first that is read.
    """

    def __init__(self, errors: list[str], raw: bytes = b"", sheet: str = "") -> None:
        self.errors = errors
        self.raw = raw
        self.sheet = sheet
        super().__init__("; ".join(errors))


class Unreadable(YuqingError):
    """A record of the log cannot be read, or holds what the border refuses."""


class SourceFailed(YuqingError):
    """A source could not be read; `retry_after` (micros) is what it asked for, 0 when nothing."""

    def __init__(self, reason: str, message: str, retry_after: int = 0) -> None:
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(message)


class TooManyFailures(YuqingError):
    """So many records in a row fail that the fault must be ours: the role stops before it puts them all aside."""


class Stuck(YuqingError):
    """A role stands still though there is work and everything it needs answers."""


class BusError(YuqingError):
    """The log failed us."""


class BusFull(BusError):
    """The log may not grow until its consumers have taken more; try again later."""


class BusUnavailable(BusError):
    """The log cannot be reached, read or written now; try again later. `server`: what it is, where that is no file of ours."""

    def __init__(self, message: str = "", *, server: str = "") -> None:
        self.server = server
        super().__init__(message)


class BusRefused(BusUnavailable):
    """The log's server will not have us as we are set up; `remedy`: what of the configuration to mend."""

    def __init__(self, message: str = "", *, server: str = "", remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(message, server=server)


class TooLarge(BusError):
    """One record is larger than the log takes; `index`: which of those given. Nothing of its append was written."""

    def __init__(self, index: int, size: int, bound: int) -> None:
        self.index, self.size, self.bound = index, size, bound
        super().__init__(f"record {index} has {size} bytes, the log takes {bound}")


class Reassigned(BusError):
    """A position was not remembered: the partition is another member's now, and so is whatever comes after it."""


class StoreError(YuqingError):
    """The store failed us."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, read or written now; try again later. `server`: as of `BusUnavailable`."""

    def __init__(self, message: str = "", *, server: str = "") -> None:
        self.server = server
        super().__init__(message)


class Fenced(StoreError):
    """The position was moved by another writer since we read it: nothing of ours was written."""


_FAILED_ZH = {
    errno.ENOENT: "没有这个文件或目录", errno.EACCES: "没有权限", errno.EPERM: "不允许", errno.EISDIR: "这是一个目录",
    errno.ENOTDIR: "路径中有一段不是目录", errno.ENOSPC: "磁盘已满", errno.EDQUOT: "超出磁盘配额", errno.EROFS: "这里只能读, 不能写",
    errno.ENAMETOOLONG: "名字太长", errno.EEXIST: "已经存在", errno.EIO: "磁盘读写出错", errno.EMFILE: "打开的文件太多",
    errno.ENFILE: "打开的文件太多", errno.ELOOP: "符号链接绕成了圈", errno.EFBIG: "文件太大", errno.EPIPE: "对方不再接收",
}  # fmt: skip


def failed_zh(error: BaseException) -> str:
    """Why the system could not do something, for a Chinese sentence; what it rarely says in its own words."""
    return _FAILED_ZH.get(getattr(error, "errno", None) or 0) or getattr(error, "strerror", None) or str(error)
