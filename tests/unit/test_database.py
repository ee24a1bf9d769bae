"""The address of a database: what is refused, what is shown, what is kept out of logs."""

import pytest

from monitor.database import database_fault, secrets_in, shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:p@h:5432/db", "postgresql://u@h:5432/db"),
        ("postgresql://u:p%40%2F@[::1]/db", "postgresql://u@[::1]/db"),
        ("postgresql://postgres:@/postgres?host=/tmp/x", "postgresql://postgres@/tmp/x/postgres"),
        ("postgresql://u:p@/db?host=/folder&port=5432", "postgresql://u@/folder/db"),
        ("postgresql:///db?host=a,b&port=1,2&user=u&password=p&sslmode=verify-full&sslrootcert=/ca", "postgresql://u@a,b/db"),
        ("postgresql://h/db", "postgresql://h/db"),
    ],
)
def test_an_address_that_can_be_tried(url: str, said: str) -> None:
    """Both forms of the contract, and what else the driver knows; it is shown without the password."""
    assert database_fault(url) is None
    assert shown(url) == said


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgres://u:p@h/db", "postgresql://"),
        ("postgresql://u:p@h", "库名"),
        ("postgresql://u:p@h/", "库名"),
        ("postgresql://u:p@/db", "主机"),
        ("postgresql://u:p@h/db?host=/x", "两次"),
        ("postgresql://u:p@h:x/db", "写法不对"),
        ("postgresql://u:p@h:99999/db", "写法不对"),
        ("postgresql://u:p@h:0/db", "端口"),
        ("postgresql://u:p@/db?host=/x&port=", "端口"),
        ("postgresql://u:p@/db?host=/x&port=99999999999999999999", "端口"),
        ("postgresql://u:p@h/db?sslmod=require", "sslmod"),
        ("postgresql://u:p@h/db?x", "写法不对"),
        ("postgresql://u:p#1@h/db", "没有写库名|写法不对"),
        ("postgresql://u:p 1@h/db", "写法不对"),
    ],
)
def test_an_address_that_cannot_be_meant(url: str, why: str) -> None:
    """It is told in words, before anything is tried."""
    fault = database_fault(url)
    assert fault is not None
    assert any(part in fault for part in why.split("|"))


def test_passwords_are_known_to_the_logs() -> None:
    """Decoded, from both places; of anything else nothing."""
    assert secrets_in("postgresql://u:p%40ss@h/db") == ["p@ss"]
    assert secrets_in("postgresql://h/db?user=u&password=p%40ss&sslpassword=k") == ["p@ss", "k"]
    assert secrets_in("postgresql://u:@h/db") == []
    assert secrets_in("sqlite") == []
