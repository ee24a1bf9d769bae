"""
The configuration file, read once into Settings, or refused with every mistake in it at once.

`load_settings` is the only door. It reads the file, what the file names (libraries, policies, accounts, secrets) and the
environment it is given; it opens no network and makes nothing.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from monitor.database import EXAMPLE, SCHEME, database_fault
from monitor.entries import LEVELS, address_fault, read_api_key, read_receiver, read_subject
from monitor.errors import ConfigError, Problem
from monitor.kafka_entries import read_brokers, read_kafka
from monitor.section import Section, hint, kind_of
from monitor.settings import KAFKA, Account, ApiKey, Kafka, Receiver, Retention, Settings, Source
from monitor.source_entries import read_source
from monitor.subject import Subject
from monitor.yaml_lines import Item, Report, read_items, show

NATIONAL = {"red": "一级", "orange": "二级", "yellow": "三级", "blue": "四级"}
MODELS = ("default", "fast", "snownlp", "lexicon")
SEGMENTERS = ("rjieba", "jieba")  # the default first
DEFAULT_ZONE = "Asia/Shanghai"
MAX_PORT = 65_535


def load_settings(file: Path, environ: Mapping[str, str]) -> Settings:
    """The checked settings of a file; ConfigError carries every problem found in it and in the files it names."""
    report = Report(str(file), file.absolute().parent, environ)
    root = read_items(file, report)
    if root is None:
        raise ConfigError(report.problems)
    if not isinstance(root.value, dict):
        what = "文件是空的" if root.value is None else f"最外层应是映射（键: 值），这里是{kind_of(root.value)}"
        raise ConfigError([*report.problems, Problem(report.name, root.line, 0, f"{what}，至少要有 organisation 和 subjects")])
    settings = _Loader(Section(report, Item(root.value, 1, 1), "配置"), file).settings()
    if report.problems:
        raise ConfigError(list(dict.fromkeys(report.problems)))
    return settings


class _Loader:
    """Reads the root section, part by part; what one part tells another is kept here."""

    def __init__(self, root: Section, file: Path) -> None:
        self._root = root
        self._file = file.absolute()
        self._zone = ZoneInfo("UTC")

    def settings(self) -> Settings:
        root = self._root
        organisation = root.text("organisation", required="请写明机构名称，如 organisation: 某某集团")
        timezone = self._timezone()
        listen = self._listen()
        receivers = self._receivers()
        settings = Settings(
            file=self._file,
            organisation=organisation,
            subjects=self._subjects(receivers),
            timezone=timezone,
            level_names=self._level_names(),
            retention=self._retention(),
            data=root.path("data", "./var"),
            bus=self._bus(),
            store=self._store(),
            listen=listen,
            public_url=self._public_url(listen),
            api_keys=self._api_keys(listen),
            pseudonym_key=key.value if (key := root.secret("pseudonym_key")) else None,
            sources=self._sources(),
            receivers=receivers,
            libraries=self._paths("libraries", "词库"),
            accounts=self._paths("accounts", "名单"),
            policy=self._policy(),
            sentiment=self._sentiment(),
            segmenter=self._segmenter(),
            kafka=self._kafka(),
        )
        root.finish()
        self._check_named(settings)
        return msgspec.structs.replace(settings, listed=self._listed(settings.accounts))

    def _timezone(self) -> str:
        name = self._root.text("timezone", DEFAULT_ZONE)
        try:
            self._zone = ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            self._root.wrong("timezone", f"没有 {show(name)} 这个时区，请写成 Asia/Shanghai、UTC 这样的名字")
        return name

    def _level_names(self) -> dict[str, str]:
        item = self._root.get("level_names")
        if item is None or item.value == "none":
            return {}
        if item.value == "national":
            return dict(NATIONAL)
        if not isinstance(item.value, dict):
            self._root.wrong("level_names", f"level_names 应是 none、national 或 {{blue: 一级, …}}，这里是{kind_of(item.value)}")
            return {}
        names = self._root.mapping("level_names")
        for level, (_, place) in names.items():
            if level not in LEVELS:
                self._root.report.say(place.key_line, f"level_names 里没有 {show(level)} 这一级，{hint(level, LEVELS)}")
        return {level: text for level, (text, _) in names.items()}

    def _retention(self) -> Retention:
        default, section = Retention(), self._root.section("retention")
        if section is None:
            return default
        spans = {key: section.duration(key, getattr(default, key)) for key in ("raw", "scored", "text", "evidence")}
        section.finish()
        return msgspec.structs.replace(default, **spans)

    def _bus(self) -> str:
        """The bus; an address that is wrong may hold a password and is not repeated."""
        text = self._root.text("bus", "sqlite")
        if not text.startswith(KAFKA):
            if text != "sqlite":
                self._root.wrong("bus", f"bus 不能是 {show(text) if '://' not in text else '这个地址'}，请写 bus: sqlite，或 bus: kafka://主机:9092")
            return "sqlite"
        brokers = read_brokers(text)
        if brokers is None:
            self._root.wrong("bus", "bus 的地址不对，请写成 kafka://主机:9092，多台用逗号隔开；用户名和密码请写在 kafka 的 security 里")
        return brokers or "sqlite"

    def _store(self) -> str:
        """`sqlite` or the address of a PostgreSQL database, which is a secret: it holds a password."""
        found = self._root.secret("store")
        if found is None or found.value == "sqlite":
            return "sqlite"
        if "://" not in found.value:
            self._root.report.say(found.item.line, f"store 不能是 {show(found.value)}，请写 sqlite 或 {EXAMPLE}")
        elif not found.value.startswith(f"{SCHEME}://"):
            self._root.report.say(found.item.line, f"store 不能是这个地址，请写 sqlite 或 {EXAMPLE}")
        elif fault := database_fault(found.value):
            self._root.report.say(found.item.line, f"store 的地址不对：{fault}；请写成 {EXAMPLE}")
        return found.value

    def _listen(self) -> tuple[str, int]:
        text = self._root.text("listen", "127.0.0.1:8000")
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        good = colon and port.isascii() and port.isdigit() and len(port) <= len(str(MAX_PORT)) and int(port) <= MAX_PORT
        if good and host and not any(char.isspace() or char in "/@" for char in host):
            return host, int(port)
        self._root.wrong("listen", f"listen 不是有效的地址 {show(text)}，请写成 127.0.0.1:8000 或 0.0.0.0:8000（端口 0 至 {MAX_PORT}）")
        return "127.0.0.1", 8000

    def _public_url(self, listen: tuple[str, int]) -> str:
        host = f"[{listen[0]}]" if ":" in listen[0] else listen[0]
        text = self._root.text("public_url", f"http://{host}:{listen[1]}")
        if fault := address_fault(text):
            self._root.wrong("public_url", f"public_url 不是有效的地址 {show(text)}：{fault}，请写成 https://yuqing.example.cn")
        return text.rstrip("/")

    def _api_keys(self, listen: tuple[str, int]) -> tuple[ApiKey, ...]:
        seen: dict[str, int] = {}
        hashes: dict[str, str] = {}
        keys = tuple(read_api_key(section, seen, hashes) for section in self._root.sections("api_keys", "api_keys 第"))
        if not keys and not self._root.items("api_keys") and not _loopback(listen[0]):
            self._root.wrong(
                "listen", f"listen: {show(listen[0])} 在本机之外也能访问，必须配置 api_keys；只在本机用请写 127.0.0.1:{listen[1]}"
            )
        return keys

    def _subjects(self, receivers: Sequence[Receiver]) -> tuple[Subject, ...]:
        seen: dict[str, int] = {}
        names = self._names("receivers") | {receiver.name for receiver in receivers}
        subjects = []
        for section in self._root.sections("subjects", "subjects 第"):
            subjects.append(read_subject(section, seen, self._zone))
            _check_references(section, "receivers", names, "接收方")
        if not self._root.items("subjects"):
            self._root.missing("subjects", "至少要有一个监测主题")
        return tuple(subjects)

    def _names(self, key: str) -> set[str]:
        """The names a list gives, whether or not its entries are right: a mistake there is told there, once."""
        entries = [item.value for item in self._root.items(key) if isinstance(item.value, dict)]
        return {str(entry["name"].value) for entry in entries if "name" in entry}

    def _sources(self) -> tuple[Source, ...]:
        seen: dict[str, int] = {}
        return tuple(read_source(section, seen) for section in self._root.sections("sources", "sources 第"))

    def _receivers(self) -> tuple[Receiver, ...]:
        seen: dict[str, int] = {}
        return tuple(read_receiver(section, seen) for section in self._root.sections("receivers", "receivers 第"))

    def _paths(self, key: str, what: str) -> tuple[Path, ...]:
        """Paths that are there; one that is not is told, and read no further."""
        paths = []
        for text, item in self._root.texts(key):
            path = self._root.absolute(text)
            if _exists(path):
                paths.append(path)
            else:
                self._root.report.say(item.line, f"{what} {show(text)} 不存在，请检查路径（相对于本配置文件所在的文件夹）")
        return tuple(paths)

    def _policy(self) -> Path | None:
        text = self._root.text("policy", "default")
        if text == "default":
            return None
        return self._existing("policy", text, "策略文件")

    def _existing(self, key: str, text: str, what: str) -> Path | None:
        path = self._root.absolute(text)
        if _exists(path):
            return path
        self._root.wrong(key, f"{what} {show(text)} 不存在，请检查路径，或写 default")
        return None

    def _sentiment(self) -> str:
        model = self._root.text("sentiment", "default")
        if model in MODELS:
            return model
        if model.endswith(".npz"):
            return str(self._existing("sentiment", model, "情感模型文件") or model)
        self._root.wrong("sentiment", f"没有情感模型 {show(model)}，{hint(model, MODELS)}，或写 .npz 文件的路径")
        return model

    def _segmenter(self) -> str:
        name = self._root.text("segmenter", SEGMENTERS[0])
        if name not in SEGMENTERS:
            self._root.wrong("segmenter", f"没有 {show(name)} 这个分词，{hint(name, SEGMENTERS)}")
        return name

    def _kafka(self) -> Kafka:
        section = self._root.section("kafka")
        if section is None:
            return Kafka()
        settings = read_kafka(section, used=self._root.text("bus", "sqlite").startswith(KAFKA))
        section.finish()
        return settings

    def _check_named(self, settings: Settings) -> None:
        """Read the files that the settings name: libraries, policies, a model."""
        from monitor.escalation.policy import load_policy  # noqa: PLC0415 only a whole load needs these rooms
        from monitor.scoring.library import load_libraries  # noqa: PLC0415 as above

        problems = self._root.report.problems
        libraries, found = load_libraries(settings.libraries, self._zone)
        problems += found
        names = {library.name for library in libraries}
        for section in self._root.sections("subjects", "subjects 第"):
            section.ignore_rest()
            if not found:  # a library that could not be read would be called missing, too
                _check_references(section, "libraries", names, "词库")
            _check_policy(section)
        if settings.policy is not None:
            problems += load_policy(settings.policy)[1]
        for policy in {Path(subject.policy) for subject in settings.subjects if subject.policy}:
            problems += load_policy(policy)[1] if _exists(policy) else []
        if settings.sentiment not in MODELS and _exists(Path(settings.sentiment)):
            self._check_model(settings.sentiment)

    def _check_model(self, file: str) -> None:
        from monitor.scoring.sentiment.models import load_model  # noqa: PLC0415 nobody else waits for numpy here

        try:
            load_model(file)
        except ValueError as wrong:
            self._root.wrong("sentiment", f"{show(file)} 不是情感模型文件（{wrong}），请用 python -m services.training 写出的 table.npz")

    def _listed(self, files: Iterable[Path]) -> tuple[Account, ...]:
        """Every account of the lists."""
        from monitor.accounts import read_accounts  # noqa: PLC0415 as above

        return tuple(account for file in files for account in read_accounts(file, self._root.report))


def _check_references(section: Section, key: str, names: Iterable[str], what: str) -> None:
    """Names of other things must be there. Read again by the raw list: repeated ones have been told."""
    known = sorted(names)
    item = section.get(key)
    for entry in item.value if item is not None and isinstance(item.value, list) else []:
        if isinstance(entry.value, str) and entry.value.strip() and entry.value not in known:
            section.report.say(entry.line, f"没有名为 {show(entry.value)} 的{what}，{hint(entry.value, known)}")


def _check_policy(section: Section) -> None:
    item = section.get("policy")
    if item is None or not isinstance(item.value, str) or item.value in {"", "default"}:
        return
    if not _exists(section.absolute(item.value)):
        section.wrong("policy", f"策略文件 {show(item.value)} 不存在，请检查路径，或写 default")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name with NUL, or far too long
        return False


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
