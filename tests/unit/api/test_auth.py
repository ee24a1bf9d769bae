"""Keys, roles and rates: who may do what, told by 401, 403 and 429."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.clock import MINUTE, SECOND, ManualClock
from monitor.errors import ConfigError
from monitor.loading import load_settings
from services.api.auth import Caller, Gate
from services.api.errors import Refusal
from tests.unit.api.making import GOOD, NOW, key, world

KEYS = (key("reader", "reader"), key("staff", "staff"), key("admin", "admin"))


def bearer(token: str) -> dict[str, str]:
    """The header of a key."""
    return {"authorization": f"Bearer {token}"}


async def test_without_keys_everybody_may_everything(tmp_path: Path) -> None:
    """An open API asks nobody, except pages of other sites in a browser of this machine."""
    async with world(tmp_path) as here:
        assert (await here.client.post("/v1/mentions", json=GOOD)).status_code == 202
        assert (await here.client.get("/v1/alerts")).status_code == 200
        crossing = await here.client.post("/v1/mentions", json=GOOD, headers={"sec-fetch-site": "cross-site"})
        assert crossing.status_code == 403


async def test_roles_may_what_contract_2_says(tmp_path: Path) -> None:
    """Reader: GET. Staff: also mentions and actions. Health needs no key; no key or a wrong one is 401 before anything else."""
    async with world(tmp_path, *KEYS) as here:

        async def statuses(headers: dict[str, str]) -> list[int]:
            push = await here.client.post("/v1/mentions", content=b"{", headers=headers)
            act = await here.client.post("/v1/alerts/nobody/acknowledge", headers=headers)
            found = [await here.client.get(path, headers=headers) for path in ("/v1/alerts?limit=x", "/v1/subjects", "/livez", "/metrics")]
            return [answer.status_code for answer in (push, act, *found)]

        assert await statuses({}) == [401, 401, 401, 401, 200, 200]
        for wrong in (bearer("nobody"), bearer(""), {"authorization": "Basic cmVhZGVyOg=="}, {"authorization": "Bearer"}):
            assert await statuses(wrong) == [401, 401, 401, 401, 200, 200]
        assert await statuses(bearer("reader")) == [403, 403, 422, 200, 200, 200]
        assert await statuses(bearer("staff")) == await statuses(bearer("admin")) == [400, 404, 422, 200, 200, 200]


async def test_a_refusal_says_how_to_ask(tmp_path: Path) -> None:
    """401 is a problem with the scheme to use and never repeats the key."""
    async with world(tmp_path, *KEYS) as here:
        answer = await here.client.get("/v1/alerts", headers=bearer("secret-that-is-wrong"))

    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret-that-is-wrong" not in answer.text


@pytest.mark.parametrize("token", ["\udcff", "ключ", "x" * 100_000, "\0", ""])
def test_hostile_tokens_are_wrong_tokens(token: str) -> None:
    """Whatever is sent as a key is compared and refused."""
    with pytest.raises(Refusal) as raised:
        Gate(KEYS, ManualClock(NOW)).admit(token)

    assert raised.value.status == 401


def test_a_key_may_ask_at_its_rate() -> None:
    """A minute's worth at once, then as time passes; others are not touched, and Retry-After is long enough."""
    clock = ManualClock(NOW)
    gate = Gate([key("slow", "reader", rate=3), key("free", "reader")], clock)
    for _ in range(3):
        gate.admit("slow")

    with pytest.raises(Refusal) as raised:
        gate.admit("slow")

    assert raised.value.status == 429
    assert gate.admit("free") == Caller("free", "reader")
    clock.advance(int(raised.value.headers["Retry-After"]) * SECOND)
    assert gate.admit("slow") == Caller("slow", "reader")
    with pytest.raises(Refusal):
        gate.admit("slow")
    clock.advance(10 * MINUTE)
    for _ in range(3):
        gate.admit("slow")
    with pytest.raises(Refusal):
        gate.admit("slow")


def test_asking_too_often_never_lengthens_the_wait() -> None:
    """Refused requests cost nothing, and a clock that steps back gives nothing."""
    clock = ManualClock(NOW)
    gate = Gate([key("slow", "reader", rate=60)], clock)
    refused = 0
    for _ in range(600):
        clock.advance(SECOND // 10)
        try:
            gate.admit("slow")
        except Refusal:
            refused += 1
    clock.at = NOW - MINUTE

    assert 600 - refused == 60 + 59
    with pytest.raises(Refusal):
        [gate.admit("slow") for _ in range(2)]


def test_the_doer_is_the_key_or_without_keys_whoever_says_so() -> None:
    """With a key its name acts and `by` stands beside; without keys `by` acts, `api` when nobody is named."""
    assert Caller("dashboard", "staff").actor("小王") == ("dashboard", "小王")
    assert Caller("dashboard", "staff").actor(None) == ("dashboard", None)
    assert Caller("", "admin").actor("小王") == ("小王", None)
    assert Caller("", "admin").actor(None) == ("api", None)


async def test_only_staff_keys_name_subjects_by_hand(tmp_path: Path) -> None:
    """What a reader's key cannot send at all, a staff key's mention keeps."""
    async with world(tmp_path, *KEYS) as here:
        await here.client.post("/v1/mentions", json=GOOD | {"subjects": ["红十字会"]}, headers=bearer("staff"))
        (record,) = await here.bus.read("mentions.raw", 0, 0, 10)

    assert "红十字会".encode() in record.value


async def test_who_did_what_is_told_by_the_name_of_the_key(tmp_path: Path) -> None:
    """A line for each call that would change something, also a refused one; reading is not told, nor is a key ever."""
    with capture_logs() as lines:
        async with world(tmp_path, *KEYS) as here:
            await here.client.post("/v1/mentions", json=GOOD, headers=bearer("staff"))
            await here.client.post("/v1/mentions", json=GOOD, headers=bearer("reader"))
            await here.client.post("/v1/mentions", json=GOOD, headers=bearer("very-secret-but-wrong"))
            await here.client.get("/v1/alerts", headers=bearer("reader"))

    told = [(line["key"], line["role"], line["method"], line["path"], line["status"]) for line in lines if line["event"] == "call"]
    assert told == [("staff", "staff", "POST", "/v1/mentions", 202), ("reader", "reader", "POST", "/v1/mentions", 403)]
    assert "very-secret-but-wrong" not in str(lines)


async def test_an_open_api_tells_calls_too(tmp_path: Path) -> None:
    """Without keys the caller is `api`."""
    with capture_logs() as lines:
        async with world(tmp_path) as here:
            await here.client.post("/v1/mentions", json=GOOD)

    assert [line["key"] for line in lines if line["event"] == "call"] == ["api"]


def test_a_key_is_kept_by_its_digest_only(tmp_path: Path) -> None:
    """What is loaded knows the key's SHA-256; neither its repr nor the settings' has the key."""
    file = tmp_path / "c.yaml"
    file.write_text("organisation: x\nsubjects: [{name: x, rules: [x]}]\napi_keys: [{name: a, role: staff, key: k3y-of-a}]\n", "utf-8")
    settings = load_settings(file, {})
    assert "k3y-of-a" not in repr(settings)
    assert Gate(settings.api_keys, ManualClock(NOW)).admit("k3y-of-a") == Caller("a", "staff")


@pytest.mark.parametrize(("listen", "right"), [("0.0.0.0:8000", False), ("[::]:1", False), ("10.0.0.1:1", False), ("yq.cn:1", False),
                                               ("127.0.0.9:1", True), ("[::1]:1", True), ("localhost:1", True)])  # fmt: skip
def test_beyond_loopback_keys_are_asked_for(tmp_path: Path, listen: str, *, right: bool) -> None:
    """Without keys only loopback may be listened on."""
    file = tmp_path / "c.yaml"
    file.write_text(f"organisation: x\nsubjects: [{{name: x, rules: [x]}}]\nlisten: '{listen}'\n", "utf-8")
    if right:
        assert load_settings(file, {}).api_keys == ()
        return
    with pytest.raises(ConfigError, match="api_keys"):
        load_settings(file, {})
