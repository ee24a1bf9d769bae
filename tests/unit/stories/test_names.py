"""Own names: the words by which a subject is found, and nothing of how its rules are written."""

from monitor.stories.names import MOST, own_names


def test_words_of_rules_are_names() -> None:
    """Operators, fields, distances and regexes are not."""
    rules = ["某某集团|某某股份", "title:云杉 NEAR/5 酸奶!云杉林", '"Cloud Fir"＋（=杉杉｜~云山）', r"/云\\d+/"]

    assert own_names("某某", rules) == ("某某", "某某集团", "某某股份", "云杉", "酸奶", "云杉林", "Cloud", "Fir", "杉杉", "云山")


def test_names_are_few() -> None:
    """A library of words is not a name."""
    assert len(own_names("某某", [f"词语{n}" for n in range(1_000)])) == MOST
