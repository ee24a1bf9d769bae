"""Preconditions: which versions of an alert an If-Match header accepts."""

import re

_TAG = re.compile(r'"(\d{1,18})\.\d{1,18}"')


def versions_of(header: str | None) -> tuple[int, ...] | None:
    """
    The versions named by the header's `"version.counter"` tags; None: any will do.

    Counters may have moved since. Weak tags and tags we never gave match nothing, so they are left out.
    """
    if header is None or header.strip() == "*":
        return None
    found = (_TAG.fullmatch(tag.strip()) for tag in header.split(","))
    return tuple(int(match[1]) for match in found if match)
