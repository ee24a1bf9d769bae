"""Every scenario beside this file holds under the shipped policy, libraries and sentiment."""

from pathlib import Path

import pytest

from monitor.alert import Level
from services.recording.scenario import decide, failures, settings_of
from services.recording.scenario_file import Scenario, load_scenarios

HERE = Path(__file__).parent


def read(name: str) -> Scenario:
    """One scenario of this folder."""
    (scenario,) = load_scenarios([HERE / f"{name}.yaml"], {})
    return scenario


@pytest.mark.parametrize("name", sorted(file.stem for file in HERE.glob("*.yaml")))
def test_scenario(name: str) -> None:
    """What the scenario expects is what is decided."""
    scenario = read(name)

    assert [str(failure) for failure in failures(scenario, decide(scenario, settings_of(scenario, None)), f"{name}.yaml")] == []


@pytest.mark.parametrize("batch", [1, 7, 1_000])
def test_batches_change_nothing(batch: int) -> None:
    """The longest of them is decided the same, ids, moments and reasons, whatever lies between drains."""
    scenario = read("climbs_and_ebbs")
    settings = settings_of(scenario, None)

    assert decide(scenario, settings, batch).transitions == decide(scenario, settings).transitions


def test_the_order_of_lines_changes_nothing() -> None:
    """The same mentions written in another order lead to the same transitions."""
    scenario = read("climbs_and_ebbs")
    turned = scenario._replace(raws=scenario.raws[::-1])
    settings = settings_of(scenario, None)

    assert decide(turned, settings).transitions == decide(scenario, settings).transitions


def test_the_levels_of_the_mission_are_all_met() -> None:
    """Among the scenarios every colour is risen to and fallen from: none of them is dead."""
    scenario = read("climbs_and_ebbs")
    transitions = decide(scenario, settings_of(scenario, None)).transitions
    rises = {one.to_level for one in transitions if one.to_level is not None and one.to_level > (one.from_level or Level.NONE)}
    falls = {one.from_level for one in transitions if one.to_level is not None and one.to_level < (one.from_level or Level.NONE)}

    assert rises == falls == {Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED}
