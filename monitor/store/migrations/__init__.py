"""The way from any earlier form of the tables to the newest, run at opening. One file a step in `versions/`, never edited later."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from monitor.errors import UsageError


def upgrade(connection: Connection) -> None:
    """Take every step that is missing, in the transaction under way: all of them or none."""
    try:
        command.upgrade(config(connection), "head")
    except CommandError as error:
        raise UsageError(f"数据目录中的数据库来自更新的版本, 请先升级本程序 ({error})") from error


def config(connection: Connection) -> Config:
    """Alembic's configuration, without an ini file: where the steps are, and the connection they run on."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made
