"""What the configuration says of Kafka: the brokers of `bus: kafka://…` and the section `kafka:`, with every mistake noted."""

import re

from monitor.section import Section
from monitor.settings import KAFKA, Kafka, Security
from monitor.yaml_lines import show

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LONGEST_PREFIX = 200  # Kafka's own bound of a topic's name is 249
MAX_PORT = 65_535
_PREFIX = re.compile(rf"[A-Za-z0-9._-]{{0,{LONGEST_PREFIX}}}")
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")


def read_brokers(text: str) -> str | None:
    """`kafka://host:9092[,host:9092]` without spaces; None when it is not of that shape."""
    brokers = [broker.strip() for broker in text.removeprefix(KAFKA).split(",")]
    found = [_BROKER.fullmatch(broker) for broker in brokers]
    right = all(match is not None and 0 < int(match[2]) <= MAX_PORT for match in found)
    return KAFKA + ",".join(brokers) if right else None


def read_kafka(section: Section, *, used: bool) -> Kafka:
    """The Kafka settings, also where they are not `used`: then only what is wrong in itself is a mistake."""
    default, prefix = Kafka(), section.get("topic_prefix")
    security = section.section("security")
    factor = section.integer("replication_factor", None, 1, 100)
    min_isr = section.integer("min_isr", None, 1, 100)
    if factor is not None and min_isr is not None and min_isr > factor:
        section.wrong("min_isr", f"min_isr {min_isr} 大于 replication_factor {factor}，任何写入都会被拒绝，请改小")
    return Kafka(
        topic_prefix=_prefix(section) if prefix is not None and prefix.value != "" else "",
        partitions=section.integer("partitions", default.partitions, 1, 10_000) or default.partitions,
        replication_factor=factor, min_isr=min_isr,
        session_timeout=section.duration("session_timeout", default.session_timeout),
        security=default.security if security is None else _read_security(security, used=used),
    )  # fmt: skip


def _prefix(section: Section) -> str:
    prefix = section.text("topic_prefix")
    if not _PREFIX.fullmatch(prefix):
        section.wrong("topic_prefix", f"topic_prefix 不能是 {show(prefix)}，只能用英文字母、数字和 . _ -，至多 {LONGEST_PREFIX} 个字符")
    return prefix


def _read_security(section: Section, *, used: bool) -> Security:
    """How to speak to Kafka; what one setting needs of the others is asked for here, not found out by a broker that hangs up."""
    protocol = section.choice("protocol", PROTOCOLS, "PLAINTEXT")
    mechanism = section.choice("mechanism", MECHANISMS, "") or None
    username, password, ca_file = section.optional("username"), section.secret("password"), section.optional("ca_file")
    if used and ca_file is not None and not section.absolute(ca_file).is_file():
        section.wrong("ca_file", f"CA 证书文件 {show(ca_file)} 不存在，请检查路径（相对于本配置文件所在的文件夹）")
    if used and protocol.startswith("SASL"):
        said = password or any(section.get(f"password{form}") for form in ("", "_env", "_file"))  # what is wrong with it has been told
        wanted = {"mechanism": mechanism, "username": username, "password_env": said or None}
        for key in [key for key, value in wanted.items() if value is None]:
            section.missing(key, f"protocol: {protocol} 要有认证方式、用户名和密码")
    section.finish()
    return Security(
        protocol=protocol, mechanism=mechanism, username=username, password=password.value if password else None,
        ca_file=str(section.absolute(ca_file)) if ca_file else None,
    )  # fmt: skip
