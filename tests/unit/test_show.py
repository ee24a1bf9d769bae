"""What a person reads in the terminal of what people did."""

from io import StringIO
from zoneinfo import ZoneInfo

from rich.console import Console

from monitor.alert import Level, Reason, ReasonCode, Transition
from services.commands.alerts import table
from services.demo.show import in_words
from tests.unit.notifying.making import AT, SUBJECT, alert, level_change


def acted(code: ReasonCode, **fields: object) -> Transition:
    """An act, which has a reason without figures."""
    return Transition(
        at=AT, alert="a1", subject=SUBJECT.name, story="s1", actor="小王", reasons=(Reason(code, 0, 0),), **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def test_an_act_has_no_figures() -> None:
    """Its reason is words alone; a decision of the policy shows its figures beside."""
    assert in_words(acted(ReasonCode.FALSE_ALARM)) == "误报"
    assert in_words(level_change(Level.NONE, Level.BLUE)) == "10分钟独立发声账号数 35 (达到 30)"


def test_the_table_says_that_a_level_was_set_by_hand() -> None:
    """Instead of what the policy once said."""
    out = StringIO()
    history = [level_change(Level.NONE, Level.BLUE), acted(ReasonCode.HAND, from_level=Level.BLUE, to_level=Level.RED)]
    Console(file=out, width=120).print(table([(alert(Level.RED), history)], ZoneInfo("Asia/Shanghai"), 120))

    assert "人工定级" in out.getvalue()
    assert "线 0" not in out.getvalue()
