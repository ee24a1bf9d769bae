"""The rule language: what is understood, what is refused, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.matcher import holds, witnesses
from monitor.scoring.rules import Node, Not, RuleError, Word, explain, parse, positive_words, words

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)
RULE_TEXT = st.text(alphabet='ab红会|+-()"\\“”｜＋－（） =~!/:\0', max_size=40)


def shape(node: Node) -> object:
    """The tree as nested tuples, short enough to write in a table."""
    match node:
        case Word(text):
            return text
        case Not(part):
            return ("not", shape(part))
        case _:
            return (type(node).__name__, *map(shape, node.parts))


def parsed(text: str) -> Node | RuleError:
    """The tree, or what is wrong."""
    try:
        return parse(text).tree
    except RuleError as error:
        return error


@pytest.mark.parametrize(
    ("rule", "tree"),
    [
        ("红十字", "红十字"),
        ("  红十字 ", "红十字"),
        ("红十字|红会", ("AnyOf", "红十字", "红会")),
        ("a OR b", ("AnyOf", "a", "b")),
        ("a｜b", ("AnyOf", "a", "b")),
        ("a+b-c", ("AllOf", "a", "b", ("not", "c"))),
        ("a AND b NOT c", ("AllOf", "a", "b", ("not", "c"))),
        ("a＋b－c", ("AllOf", "a", "b", ("not", "c"))),
        ("a|b+c", ("AnyOf", "a", ("AllOf", "b", "c"))),
        ("a-b|c", ("AnyOf", ("AllOf", "a", ("not", "b")), "c")),
        ("a-b+c", ("AllOf", "a", ("not", "b"), "c")),
        ("(a|b)+c", ("AllOf", ("AnyOf", "a", "b"), "c")),
        ("（a|b）+c", ("AllOf", ("AnyOf", "a", "b"), "c")),
        ("郭美美+(捐款|慈善)-演唱会", ("AllOf", "郭美美", ("AnyOf", "捐款", "慈善"), ("not", "演唱会"))),
        ("-a+b", ("AllOf", ("not", "a"), "b")),
        ("a AND NOT b", ("AllOf", "a", ("not", "b"))),
        ("a+(b|-c)", ("AllOf", "a", ("AnyOf", "b", ("not", "c")))),
        ("- - a", "a"),
        ("-(-a)", "a"),
        ("New York Times", "new york times"),
        ("ORACLE|ANDROID", ("AnyOf", "oracle", "android")),
        ("or", "or"),
        ('"OR"', "or"),
        ('"红 十 字"', "红 十 字"),
        ("“红 十 字”", "红 十 字"),
        ("”红会“", "红会"),
        ('"a+b|c"', "a+b|c"),
        (r"C\+\+", "c++"),
        (r"COVID\-19", "covid-19"),
        (r'"say \"hi\" \\"', r'say "hi" \\'[:-1]),
        (r"\!\=\~", "!=~"),
        ("https://t.cn/a", "https://t.cn/a"),
        ("价格: 5元", "价格: 5元"),
        ("a/b", "a/b"),
        ("紅十字會", "红十字会"),
        ("ＡＢＣ", "abc"),
    ],
)
def test_what_a_rule_means(rule: str, tree: object) -> None:
    """Both spellings mean the same; - and + bind tighter than |, left to right."""
    assert shape(parse(rule).tree) == tree


@pytest.mark.parametrize(
    ("rule", "column", "says"),
    [
        ("", 1, "空"),
        ("   ", 1, "空"),
        ("-a", 1, "排除"),
        ("NOT a", 1, "排除"),
        ("-a-b", 1, "排除"),
        ("a|-b", 3, "排除"),
        ("(a|-b)", 1, "排除"),
        ("a+", 3, "缺少关键词"),
        ("+a", 1, "缺少关键词"),
        ("a||b", 3, "缺少关键词"),
        ("a OR", 5, "缺少关键词"),
        ("()", 2, "缺少关键词"),
        ("a+()", 4, "缺少关键词"),
        ("(a|b", 1, "左括号"),
        ("a|b)", 4, "右括号"),
        ('a+"b', 3, "引号"),
        ("“a", 1, "引号"),
        ('""', 1, "空的"),
        ('a|" "', 3, "空的"),
        ("a|\u200b", 3, "空的"),
        ("a\\", 2, "反斜杠"),
        ('"a" "b"', 5, "运算符"),
        ("(a)(b)", 4, "运算符"),
        ("a(b)", 2, "运算符"),
        ("A!B", 2, "A!B"),
        ("a|=b", 3, "整词"),
        ("~b", 1, "变体"),
        ("/re.*/", 1, "正则"),
        ("a NEAR/3 b", 3, "NEAR"),
        ("a BEFORE/2 b", 3, "BEFORE"),
        ("title:a", 1, "title:"),
        ("a+author:(b|c)", 3, "author:"),
        ("(" * 10_000 + "a" + ")" * 10_000, 51, "嵌套"),
        ("a" * 70_000, 1, "拆成"),
    ],
)
def test_what_is_refused_and_where(rule: str, column: int, says: str) -> None:
    """A rule that is wrong, or would silently mean less than written, is refused with its column and a remedy."""
    with pytest.raises(RuleError) as caught:
        parse(rule)
    assert caught.value.column == column
    assert says in caught.value.message


@given(st.one_of(ANY_TEXT, RULE_TEXT))
def test_nothing_but_a_rule_error(text: str) -> None:
    """Any text is a rule or a RuleError whose column lies in it, or just behind."""
    read = parsed(text)
    assert 1 <= read.column <= len(text) + 1 if isinstance(read, RuleError) else explain(read)


@given(RULE_TEXT, st.frozensets(st.sampled_from(["a", "b", "ab", "红会", "红", "会"])))
def test_a_rule_holds_only_where_one_of_its_positive_words_stands(text: str, present: frozenset[str]) -> None:
    """What the matcher relies on: it looks at a rule only where a positive word was found."""
    tree = parsed(text)
    if isinstance(tree, RuleError):
        return
    positive = {word.text for word in positive_words(tree)}
    assert positive <= {word.text for word in words(tree)}
    if holds(tree, present):
        assert present & positive
        assert present & set(witnesses(tree, present))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_quotes_with_escapes_hold_any_word(word: str) -> None:
    """Whatever stands between quotes, its quotes and backslashes escaped, is one word."""
    quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    tree = parsed(quoted)
    if isinstance(tree, RuleError):
        assert "空的" in tree.message
    else:
        assert isinstance(tree, Word)
        assert tree.written == word


def test_an_explanation_in_words() -> None:
    """People read back what they wrote."""
    assert explain(parse("郭美美+(捐款|慈善)-演唱会").tree) == "出现「郭美美」, 且(出现「捐款」, 或出现「慈善」), 且不出现「演唱会」"
