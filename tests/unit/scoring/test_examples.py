"""The example organisations: what is theirs hits, what only bears their name does not."""

from importlib import resources
from pathlib import Path

import pytest
import yaml

from monitor.scoring.library import load_libraries
from monitor.scoring.match import Match
from monitor.scoring.matcher import Matcher
from monitor.subject import Subject
from tests.unit.scoring.test_matcher import AT, mention

EXAMPLES = Path(str(resources.files("keywords").joinpath("examples")))


def matches(organisation: str, text: str) -> list[Match]:
    """What a text hits with an organisation's own subjects and libraries."""
    folder = EXAMPLES / organisation
    libraries, problems = load_libraries([folder / "libraries.yaml"])
    assert not problems
    entries = yaml.safe_load((folder / "subjects.yaml").read_text("utf-8"))
    subjects = [Subject(name=one["name"], rules=tuple(one["rules"]), libraries=tuple(one.get("libraries", ()))) for one in entries]
    assert {name for subject in subjects for name in subject.libraries} <= {library.name for library in libraries}
    return list(Matcher.build(subjects, libraries).match(mention(text), AT))


@pytest.mark.parametrize(
    ("organisation", "text", "subject"),
    [
        ("dairy", "云岭的牛奶又涨价了", "云岭乳业"), ("dairy", "孩子爱喝云小牛", "云岭乳业"), ("dairy", "云岭 白袋那款停产了", "云岭乳业"),
        ("dairy", "云岭股份董事长辞职", "云岭乳业高管"), ("hospital", "春晖的急诊要等三小时", "春晖医院"),
        ("hospital", "患者家属在春晖医院讨说法", "春晖医院医患"), ("hospital", "张伟院长出席", "春晖医院"),
    ],
)  # fmt: skip
def test_what_is_theirs_hits(organisation: str, text: str, subject: str) -> None:
    """Full names, short names in company, brands and people."""
    assert subject in {match.subject for match in matches(organisation, text)}


@pytest.mark.parametrize(
    ("organisation", "text"),
    [
        ("dairy", "云岭山下的牧场风光"), ("dairy", "云岭高速通车"), ("dairy", "家里有白袋装的米"),
        ("hospital", "寸草春晖，医生也是孩子"), ("hospital", "春晖路上新开了一家口腔门诊"), ("hospital", "张伟昨天请客"),
    ],
)  # fmt: skip
def test_what_only_bears_their_name_does_not(organisation: str, text: str) -> None:
    """Mountains, roads, verses and people of the same name."""
    assert not matches(organisation, text)


@pytest.mark.parametrize(
    ("organisation", "text"), [("dairy", "云岭牛奶喝出结块"), ("dairy", "云小牛胀包的酸奶"), ("hospital", "春晖医院门口拉起横幅")]
)
def test_their_own_sensitive_words_weigh(organisation: str, text: str) -> None:
    """A library that bears a shipped name adds its words to the risks."""
    assert all(match.risk >= 0.5 for match in matches(organisation, text))
    assert matches(organisation, text)
