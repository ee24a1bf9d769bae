"""
/openapi.json promises what the service does: schemathesis asks a running one all it can think of, and has nothing to say.

Some seconds with a seed; longer by `YUQING_OPENAPI_SECONDS=600 python -m pytest tests/acceptance/test_openapi.py`.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.acceptance.making import SUBJECTS
from tests.acceptance.processes import free_port, ready, running, until

pytestmark = pytest.mark.timeout(1_000)
SECONDS = int(os.environ.get("YUQING_OPENAPI_SECONDS", "20"))
KEY = "a-key-made-up-for-this-test"
# A poll may wait 25 s; of an array of mentions a part may be good.
SETTINGS = """
request-timeout = 40
[[operations]]
include-path = "/v1/mentions"
include-method = "POST"
checks = { negative_data_rejection = { enabled = false } }
"""


def asked(folder: Path, base: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Every check, of requests that fit the document and of such as do not."""
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS, "utf-8")
    words = ["run", f"{base}/openapi.json", "--checks", "all", "--seed", "6", "--continue-on-failure", "--no-color", "--warnings", "off"]
    bound = ["--max-time", str(SECONDS), "--max-examples", "15" if SECONDS < 60 else "500"]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), *words, *bound, *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS + 300)


@pytest.mark.parametrize("keys", [False, True])
def test_nothing_is_found(tmp_path: Path, *, keys: bool) -> None:
    """No error of ours, no status, header or body that is not told, nothing refused that fits, nothing taken that does not."""
    port, err = free_port(), tmp_path / "stderr"
    base = f"http://127.0.0.1:{port}"
    secured = f"api_keys: [{{name: all, role: admin, key: {KEY}}}]\n" if keys else ""
    config = tmp_path / "c.yaml"
    subjects = "".join(f"  - {{name: {name}, rules: [{name}], floor: blue}}\n" for name in SUBJECTS)
    config.write_text(f"organisation: x\nlisten: 127.0.0.1:{port}\n{secured}subjects:\n{subjects}", "utf-8")
    with running(err, "run", "--config", config) as service:
        ready(base)
        fill(base)
        more = ["--header", f"Authorization: Bearer {KEY}"] if keys else []
        done = asked(tmp_path, base, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        assert service.process.poll() is None
        assert "request failed" not in service.err


def fill(base: str) -> None:
    """Some alerts to ask for."""
    at = datetime.now(UTC).isoformat()
    said = [
        {"source": "x", "id": f"{n}", "text": f"{SUBJECTS[n % 2]}的第{n}件事，{n * 97}人受伤，太可怕了", "published_at": at}
        for n in range(12)
    ]
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        assert client.post("/v1/mentions", json=said).json()["accepted"] == len(said)
        until(lambda: len(client.get("/v1/alerts").json()["items"]) > 1)
