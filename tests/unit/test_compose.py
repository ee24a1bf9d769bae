"""`deploy/compose.yaml` says what the program takes: its commands, ports, variables and the configuration it mounts."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.loading import load_settings
from services.commands import run
from services.house import ROLES, check_roles, parse_address
from services.wiring import shared
from tests.kafka_programs import VERSION

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVERS = ("kafka", "postgresql")
SECRETS = {"POSTGRES_PASSWORD": "p", "DASHBOARD_KEY": "dashboard-key-0123456789", "STAFF_KEY": "staff-key-0123456789abc",
           "ADMIN_KEY": "admin-key-0123456789abc"}  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run our program."""
    return {name: service for name, service in compose["services"].items() if name not in SERVERS}


def asked(service: dict[str, Any]) -> dict[str, Any]:
    """Its command line, read by the program itself."""
    assert service["command"][0] == "run"
    return dict(run.command.make_context("run", service["command"][1:]).params)


def environment(service: dict[str, Any]) -> dict[str, str]:
    """Its variables as they come to the process; what is asked of the operator is filled in."""
    wanted = {name: re.fullmatch(r"\$\{(\w+):\?[^}]+\}", str(value)) for name, value in service["environment"].items()}
    return {name: SECRETS[found[1]] if found else str(service["environment"][name]) for name, found in wanted.items()}


def test_every_role_is_a_service_of_its_own(compose: dict[str, Any]) -> None:
    """
    Each role once, by itself, by the mounted configuration; started again when it ends, with time to stop.

    The folder is mounted, for a file that an editor puts in the place of a mounted one is never seen.
    """
    roles = {name: asked(service)["roles"] for name, service in ours(compose).items()}
    assert roles == {role: (role,) for role in ROLES}
    for service in ours(compose).values():
        assert check_roles(asked(service)["roles"], together=True)
        mounted = [volume.split(":") for volume in service["volumes"]]
        assert [DEPLOY / source for source, *_ in mounted] == [DEPLOY]
        assert asked(service)["config"] == Path(mounted[0][1]) / "yuqing.yaml"
        assert service["restart"] == "unless-stopped"
        assert service["stop_grace_period"] == "10s"


def test_the_configuration_is_right_for_many_processes(compose: dict[str, Any]) -> None:
    """It loads with just the variables that each service is given, and points to the servers beside."""
    for service in ours(compose).values():
        settings = load_settings(DEPLOY / "yuqing.yaml", environment(service))
        assert shared(settings)
        kafka = compose["services"]["kafka"]["environment"]
        assert kafka["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{settings.brokers[0]}"
        server = compose["services"]["postgresql"]["environment"]
        assert settings.store == f"postgresql://{server['POSTGRES_USER']}:p@postgresql:5432/{server['POSTGRES_DB']}"
    assert set(re.findall(r"\$\{(\w+)\}|key_env: (\w+)", (DEPLOY / "yuqing.yaml").read_text("utf-8"))) <= {
        pair for name in environment(service) for pair in ((name, ""), ("", name))
    }


def test_health_is_asked_where_it_is_answered(compose: dict[str, Any]) -> None:
    """The port of each probe is the one that the process serves; only the API is open, to the machine itself."""
    for name, service in ours(compose).items():
        url = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)'", service["healthcheck"]["test"][-1])
        settings = load_settings(DEPLOY / "yuqing.yaml", environment(service))
        port = settings.listen[1] if name == "api" else parse_address(asked(service)["probes"])[1]
        assert url is not None
        assert (url[1], url[2]) == (str(port), "/readyz")
        assert service.get("ports", []) == ([f"127.0.0.1:{port}:{port}"] if name == "api" else [])
        compile(service["healthcheck"]["test"][3], name, "exec")


def test_the_servers_are_waited_for_and_keep_their_data(compose: dict[str, Any]) -> None:
    """Each role waits until both are healthy; each has a volume where it stores; the Kafka is the one the tests run on."""
    for service in ours(compose).values():
        assert service["depends_on"] == {name: {"condition": "service_healthy"} for name in SERVERS}
    servers = {name: compose["services"][name] for name in SERVERS}
    assert servers["kafka"]["image"] == f"apache/kafka:{VERSION}"
    assert all(server["healthcheck"]["test"] and server["restart"] == "unless-stopped" for server in servers.values())
    assert compose["volumes"].keys() == {volume.split(":")[0] for server in servers.values() for volume in server["volumes"]}
    kafka = servers["kafka"]
    assert kafka["volumes"][0].split(":")[1] == kafka["environment"]["KAFKA_LOG_DIRS"]
    assert kafka["environment"]["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{kafka['environment']['KAFKA_NODE_ID']}@kafka:9093"


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    """Every key and password is asked for, in words, when it is not set."""
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            if name.endswith(("_KEY", "_PASSWORD")):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", str(value)), name
