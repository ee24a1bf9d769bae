"""Keys: by which the parts of a story find each other, 60 bits of a digest: one bit more takes half as much room again in memory."""

KEY = (1 << 60) - 1


def key_of(digest: bytes) -> int:
    """The key of what has this digest."""
    return int.from_bytes(digest[:8], "big") & KEY
