"""Who said it, without saying who: authors are counted by a keyed pseudonym, and only public voices keep a readable name."""

from hashlib import blake2b

from monitor.mention import Mention

PUBLIC = frozenset({"org", "gov", "media"})
_KEY_BYTES = 64  # what blake2b takes


def pseudonym(key: bytes, platform: str, author: str) -> str:
    """32 hex digits: the same author on the same platform under the same key, and nothing else."""
    if len(key) > _KEY_BYTES:
        key = blake2b(key).digest()
    return blake2b(f"{platform}\0{author}".encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()


def readable(mention: Mention, kol_followers: int) -> bool:
    """Whether contract 1 keeps the name: media, verified organisations, accounts at or over the KOL threshold."""
    return mention.media is True or mention.verified in PUBLIC or (mention.followers or 0) >= kol_followers
