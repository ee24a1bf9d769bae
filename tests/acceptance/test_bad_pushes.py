"""What is wrong in what is pushed, and a disk that is full under it: 4xx or 503 with its reason, never a 500, a traceback or a loss."""

import http.client
import resource
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.making import SUBJECTS, made_stream, write_config, write_lines
from tests.acceptance.processes import Answer, ask, assert_clean, free_port, listing, ready, running, until, yuqing
from tests.acceptance.test_bad_files import BAD, FINE, raw

pytestmark = pytest.mark.timeout(300)
MEBIBYTE = 1024 * 1024
ODD_PATHS = (
    "/v1/alerts?limit=-1", "/v1/alerts?cursor=%00%ff", "/v1/alerts?level=violet", "/v1/alerts/%00", "/v1/mentions?since=\\", "/v2",
)  # fmt: skip
BROKEN = ("broken JSON", "not UTF-8", "deep nesting")  # these spoil the whole of an array


def chunked(port: int, size: int) -> int:
    """The status of a POST of that many bytes whose length nobody said before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def pieces() -> Iterator[bytes]:
        for _ in range(size // MEBIBYTE):
            yield b" " * MEBIBYTE

    try:
        connection.request("POST", "/v1/mentions", body=pieces(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        return connection.getresponse().status
    finally:
        connection.close()


def is_problem(answer: Answer) -> bool:
    """RFC 9457, with the same status inside."""
    kind = {name.lower(): value for name, value in answer.headers.items()}["content-type"]
    return kind.startswith("application/problem+json") and answer.said["status"] == answer.status


def test_bad_pushes_are_refused_one_by_one(tmp_path: Path) -> None:
    """
    Each bad mention is 422, each unreadable body 400, each over-long one 413, as a problem; in company only the bad one is rejected.

    The service lives on, decides the neighbours, and its log has neither a traceback nor a secret.
    """
    port, err = free_port(), tmp_path / "stderr"
    base = f"http://127.0.0.1:{port}"
    config = write_config(tmp_path, receiver="http://127.0.0.1:1/", more=f"listen: 127.0.0.1:{port}\n")
    with running(err, "run", "--config", config) as service:
        ready(base)
        alone = {name: ask(f"{base}/v1/mentions", line) for name, (line, _) in BAD.items()}
        assert {name: answer.status for name, answer in alone.items()} == {name: 400 if name in BROKEN else 422 for name in BAD}
        assert all(is_problem(answer) for answer in alone.values())
        bad = [line for name, (line, _) in BAD.items() if name not in BROKEN]
        array = [piece for n, line in enumerate(bad) for piece in (line, raw(id=f"beside {n}"))] + [raw(id="a naive time too")]
        company = ask(f"{base}/v1/mentions", b"[" + b",".join(array) + b"]")
        assert (company.status, company.said["accepted"]) == (202, len(bad) + 1)
        assert [one["index"] for one in company.said["rejected"]] == list(range(0, 2 * len(bad), 2))
        lines = [*[line for line, _ in BAD.values()], *FINE.values(), raw(id="the last line")]
        as_lines = ask(f"{base}/v1/mentions", b"\n".join([raw(id="the first line"), *lines]))
        assert (as_lines.status, as_lines.said["accepted"]) == (202, len(FINE) + 1)  # a naive time is refused: no zone is said
        assert ask(f"{base}/v1/mentions", b" " * 50 * MEBIBYTE).status == 413
        assert chunked(port, 50 * MEBIBYTE) == 413
        for path in ODD_PATHS:
            answer = ask(base + path)
            assert 400 <= answer.status < 500, path
            assert is_problem(answer), path
        until(lambda: len(listing(base, "/v1/mentions")) == len(bad) + 1 + len(FINE) + 1)
        assert ask(f"{base}/readyz").status == 200
        assert service.stop() == 0
        assert_clean(service.err)
        assert '"level":"error"' not in service.err.replace(" ", "")


def test_a_full_disk_is_told_and_heals(tmp_path: Path) -> None:
    """
    When nothing more can be written a push is 503 with Retry-After, and the process lives; when there is room again it goes on.

    Every mention that was acknowledged is decided in the end.
    """
    port, err = free_port(), tmp_path / "stderr"
    base = f"http://127.0.0.1:{port}"
    config = write_config(tmp_path, more=f"listen: 127.0.0.1:{port}\n")
    with running(err, "run", "--config", config) as service:
        ready(base)
        limits = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (2 * MEBIBYTE, limits[1]))
        taken, refused = fill(base)
        assert {name.lower() for name in refused.headers} >= {"retry-after"}
        assert is_problem(refused)
        assert ask(f"{base}/livez").status == 200
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, limits)
        until(lambda: ask(f"{base}/v1/mentions", raw(id="after")).status == 202, within=20, every=0.5)
        until(lambda: {one["id"] for one in listing(base, "/v1/mentions")} >= {*taken, "after"}, within=60, every=2)
        assert service.stop() == 0
        assert_clean(service.err)


def fill(base: str) -> tuple[set[str], Answer]:
    """Push until it is refused: what was acknowledged, and the refusal."""
    taken: set[str] = set()
    for number in range(400):
        ids = [f"f{number}-{n}" for n in range(8)]
        answer = ask(f"{base}/v1/mentions", b"[" + b",".join(raw(id=one, text=SUBJECTS[0] + one * 600) for one in ids) + b"]")
        if answer.status != 202:
            assert answer.status == 503, answer
            return taken, answer
        taken |= set(ids)
        time.sleep(0.02)
    raise AssertionError("the disk was never full")


def test_a_replay_on_a_full_disk_says_so(tmp_path: Path) -> None:
    """Whether store or log has no room: exit 2 with a clear line; and with room the same line goes on to the end."""
    stream, config = write_lines(tmp_path / "s.jsonl", made_stream(scale=1)[:500]), write_config(tmp_path)
    for size in (150_000, 1_000_000):
        limited = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        full = yuqing("replay", stream, "--config", config, preexec_fn=limited)
        assert full.code == 2
        assert "磁盘空间" in full.err
    assert yuqing("replay", stream, "--config", config).code == 0
