"""Links as identities: two addresses that lead to the same page become the same string."""

import re
from urllib.parse import SplitResult, urljoin, urlsplit

_TRACKING = re.compile(
    r"(?:utm_\w+|spm(?:_\w+)?|share_\w+|from_?source|fbclid|gclid|dclid|msclkid|yclid|mc_[ce]id|_ga|_hsenc|_hsmi|igshid|scm|vd_source)",
    re.IGNORECASE,
)
_PORTS = {"http": ":80", "https": ":443"}


def normalised(url: str) -> str:
    """The link with scheme and host in lower case, without fragment, tracking parameters, and the scheme's own port."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()
    scheme = parts.scheme.lower()
    host = parts.netloc.lower().removesuffix(_PORTS.get(scheme, ":"))
    return SplitResult(scheme, host, parts.path or ("/" if host else ""), _without_tracking(parts.query), "").geturl()


def absolute(link: str, base: str) -> str:
    """The link as it is meant on the page at `base`, whose user and query stay out of it: they may be keys. Empty when it is none."""
    try:
        parts = urlsplit(base)
        place = SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "").geturl()
        return urljoin(place, link.strip())
    except ValueError:
        return ""


def _without_tracking(query: str) -> str:
    kept = [pair for pair in query.split("&") if not _TRACKING.fullmatch(pair.partition("=")[0])]
    return "&".join(kept)
