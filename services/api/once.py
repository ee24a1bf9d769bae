"""A request that is done once for its Idempotency-Key, however often it is sent."""

from hashlib import blake2b

from monitor.clock import HOUR
from monitor.store.meta import Answered
from monitor.store.sessions import WriteUnit
from services.api.errors import Refusal

KEPT = 12 * HOUR


class Once:
    """What tells one request from another: who sends it, where to, under which key (None: no two are the same), with which body."""

    def __init__(self, caller: str, path: str, key: str | None, body: bytes) -> None:
        self._caller, self._path, self._key = caller, path, key
        self._hash = blake2b(body, digest_size=16).digest()

    async def answered(self, unit: WriteUnit, now: int) -> Answered | None:
        """The answer already given; 422 when the key was used for something else."""
        if self._key is None:
            return None
        before = await unit.meta.answered(self._caller, self._path, self._key, now - KEPT)
        if before and before.body_hash != self._hash:
            raise Refusal(422, "this Idempotency-Key was used with another body")
        return before

    async def remember(self, unit: WriteUnit, response: bytes, etag: str | None, now: int, status: int = 200) -> None:
        """Keep the answer, in the transaction of what it answers."""
        if self._key is not None:
            await unit.meta.forget_answers(now - KEPT)
            await unit.meta.answer(Answered(
                caller=self._caller, path=self._path, key=self._key, body_hash=self._hash, status=status, etag=etag,
                response=response, at=now,
            ))  # fmt: skip
