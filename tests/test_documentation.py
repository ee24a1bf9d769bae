"""What README says exists in code, and what exists in code README says."""

import os
import re
from pathlib import Path

import pytest

from monitor.alert import REASON_ZH, ReasonCode
from monitor.loading import load_settings
from monitor.metrics import CATALOG, PREFIX
from monitor.section import Section
from services.cli import VERBS
from tests.documentation import README, SETTINGS, TABLES, between, rewritten
from tests.picture import PICTURE, words_of

ROOT = README.parent
SHIPPED_FIRST = "sh deploy/setup.sh && .venv/bin/yuqing demo"
SHIPPED_SECOND = "sh deploy/setup.sh dev && .venv/bin/python -m pytest"
EVERYTHING = """organisation: x
retention: {raw: 7d}
listen: 127.0.0.1:8000
api_keys: [{name: API, role: reader, key: k}]
subjects: [{name: SUBJECT, rules: [a]}]
sources: [{name: SOURCE, type: file, path: x.jsonl}]
receivers: [{name: RECEIVER, type: webhook, url: "https://x.cn", secret: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"}]
kafka: {security: {protocol: SASL_SSL}}
"""


@pytest.fixture(scope="module")
def readme() -> str:
    """The README."""
    return README.read_text("utf-8")


def code_blocks(text: str) -> list[str]:
    """The contents of the fenced blocks, in order."""
    return [block.strip() for block in re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_current(readme: str, name: str) -> None:
    """Each table stands between its markers just as the code has it; `python -m tests.documentation` mends it."""
    assert between(readme, name) == TABLES[name]()


def test_rewriting_touches_only_the_tables() -> None:
    """What a person wrote around the markers stays, a stale table goes, and doing it twice changes nothing."""
    text = "# 舆情\n<!-- verbs -->\nstale\n<!-- /verbs -->\nend \\1 \\g<0>\n"
    once = rewritten(text)
    assert once == f"# 舆情\n<!-- verbs -->\n{TABLES['verbs']()}\n<!-- /verbs -->\nend \\1 \\g<0>\n"
    assert rewritten(once) == once
    assert between(text + text, "verbs") is None


def test_the_first_blocks_are_the_lines_a_stranger_runs(readme: str) -> None:
    """The first block is the demo, the second the tests, a line each."""
    assert code_blocks(readme)[:2] == [SHIPPED_FIRST, SHIPPED_SECOND]


def test_the_picture_stands_alone(readme: str) -> None:
    """README shows the recorded demo: small, whole, loading nothing from elsewhere and betraying no machine."""
    picture = PICTURE.read_text("utf-8")
    assert f"]({PICTURE.relative_to(ROOT)})" in readme.partition("## In English")[0]
    assert len(picture.encode()) < 100_000
    assert set(re.findall(r"https?://([\w.]+)", picture)) == {"www.w3.org", "127.0.0.1"}
    assert not re.search(r"<script|<image|@import|url\(|/(home|root|tmp|work)/", picture)
    assert all(word in words_of(picture) for word in ("$yuqingdemo", "橙→红升级", "红→橙降级", "签名有效", "按Ctrl-C结束。"))


def test_verbs_in_the_text_exist(readme: str) -> None:
    """README speaks of no verb that is not there; `demo` is what its first line runs."""
    spoken = set(re.findall(r"\byuqing ([a-z]+)\b", readme))
    assert spoken <= set(VERBS)


def test_metrics_in_the_text_exist(readme: str) -> None:
    """README, and whatever rules and dashboards are shipped, name no metric that is not measured."""
    names = {PREFIX + spec.name for spec in CATALOG}
    texts = [readme, *(path.read_text("utf-8") for path in (ROOT / "deploy").rglob("*") if path.suffix in {".yaml", ".yml", ".json"})]
    spoken = {name for text in texts for name in re.findall(rf"\b{PREFIX}[a-z_]+[a-z]\b", text)}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in spoken} <= names


def test_every_reason_has_its_words() -> None:
    """The closed set of reasons and their Chinese words are the same set."""
    assert set(REASON_ZH) == set(ReasonCode)


def _documented(section: str) -> set[str]:
    forms = ("", "_env", "_file")
    return {key.removesuffix("…") + form for key in SETTINGS[section] for form in (forms if key.endswith("…") else ("",))}


def test_every_setting_the_loader_knows_is_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section by section, the keys that the loader asks for are those of the table, neither more nor fewer."""
    asked: dict[str, set[str]] = {}
    finish = Section.finish

    def recording(section: Section) -> None:
        asked.setdefault(section.title.strip(), set()).update(section._asked)
        finish(section)

    monkeypatch.setattr(Section, "finish", recording)
    file = tmp_path / "c.yaml"
    file.write_text(EVERYTHING, "utf-8")
    load_settings(file, os.environ)
    titles = {"": "配置", "retention": "retention", "api_keys": "API", "subjects": "SUBJECT", "sources": "SOURCE", "receivers": "RECEIVER",
              "kafka": "kafka", "kafka.security": "security"}  # fmt: skip
    for section, word in titles.items():
        found = next(keys for title, keys in asked.items() if word in title)
        assert found == _documented(section), section
