"""The address of a PostgreSQL database as it stands in a configuration: what is wrong with one, and how it is shown."""

from urllib.parse import parse_qs, unquote, urlsplit

SCHEME = "postgresql"
EXAMPLE = "postgresql://用户:密码@主机:5432/库名"
_LARGEST_PORT = 65_535
_QUOTED = "写法不对，用户和密码中的 @ : / ? # % 要写成 %40 %3A %2F %3F %23 %25，主机和库名里不能有空格"
_KNOWN = (
    "host", "port", "user", "password", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs",
)  # fmt: skip


def database_fault(url: str) -> str | None:
    """What is wrong with an address, in Chinese and without its password; None: it can be tried."""
    try:
        parts = urlsplit(url)
        host, port, given = parts.hostname, parts.port, _given(parts.query)
    except ValueError:
        return _QUOTED
    if parts.scheme != SCHEME:
        return f"应以 {SCHEME}:// 开头"
    if parts.fragment or any(ord(sign) <= ord(" ") for sign in url):
        return _QUOTED
    if unknown := sorted(given.keys() - set(_KNOWN)):
        return f"没有 {unknown[0]} 这个参数，可用的有 {' '.join(_KNOWN)}"
    if bool(host) == bool(given.get("host")):
        return "主机写了两次，请只留一处" if host else "没有写主机，本机的套接字写成 ?host=/文件夹"
    if port == 0 or not all(_is_port(each) for each in given.get("port", "1").split(",")):
        return f"端口应是 1 到 {_LARGEST_PORT} 的数字"
    return None if unquote(parts.path).strip("/") else "没有写库名"


def shown(url: str) -> str:
    """An address as it may be shown: who and where, no password."""
    parts = urlsplit(url)
    given = _given(parts.query)
    user = parts.username or given.get("user", "")
    where = parts.netloc.rpartition("@")[2] or given.get("host", "")
    return f"{SCHEME}://{user}{'@' * bool(user)}{where}{parts.path}"


def secrets_in(url: str) -> list[str]:
    """What of an address no log may show."""
    if not url.startswith(f"{SCHEME}:"):
        return []
    parts = urlsplit(url)
    given = _given(parts.query)
    return [each for each in (unquote(parts.password or ""), given.get("password"), given.get("sslpassword")) if each]


def _given(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query, strict_parsing=bool(query), keep_blank_values=True).items()}


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= _LARGEST_PORT
