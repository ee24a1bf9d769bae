"""The rule language: what is understood, what is refused, and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scoring.rule_tree import In, Near, Node, Not, Regex, Variant, Whole, Without, Word, explain, needs_a_word
from monitor.scoring.rules import RuleError, parse

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)
PIECES = [*'ab红会|+-()"\\“”｜＋－（） =~!/:\0[*', " NEAR/3 ", " BEFORE/1 ", " OR ", "title:", "topic:", "/a+/"]
RULE_TEXT = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def shape(node: Node) -> object:
    """The tree as nested tuples, short enough to write in a table."""
    match node:
        case Word(text):
            return text
        case Whole(text) | Variant(text) | Regex(text):
            return (type(node).__name__, text)
        case Not(part):
            return ("not", shape(part))
        case In(field, part):
            return (field, shape(part))
        case Without(part, outer):
            return ("without", shape(part), *map(shape, outer))
        case Near(left, right, within, ordered):
            return ("before" if ordered else "near", within, shape(left), shape(right))
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
        ("A!B", ("without", "a", "b")),
        ("百度!百度百科 ! 百度云", ("without", "百度", "百度百科", "百度云")),
        ("(百度|度娘)!百度百科", ("without", ("AnyOf", "百度", "度娘"), "百度百科")),
        ("a|=b", ("AnyOf", "a", ("Whole", "b"))),
        ('="和 服"', ("Whole", "和 服")),
        ("~b+~“红十字”", ("AllOf", ("Variant", "b"), ("Variant", "红十字"))),
        ("/re.*x/", ("Regex", "re.*x")),
        (r"/a\/(b|c)+d/|e", ("AnyOf", ("Regex", r"a\/(b|c)+d"), "e")),
        ("/紅（a）/", ("Regex", r"红\(a\)")),
        ("a NEAR/3 b", ("near", 3, "a", "b")),
        ("a BEFORE/2 b+c", ("AllOf", ("before", 2, "a", "b"), "c")),
        ("-a NEAR/0 b + c", ("AllOf", ("not", ("near", 0, "a", "b")), "c")),
        ("a NEAR/3 b BEFORE/4 c", ("before", 4, ("near", 3, "a", "b"), "c")),
        ("(a|=b) NEAR/3 ~c!d", ("near", 3, ("AnyOf", "a", ("Whole", "b")), ("without", ("Variant", "c"), "d"))),
        ("title:a", ("title", "a")),
        ("title: a!b", ("title", ("without", "a", "b"))),
        ("title:a NEAR/3 b", ("title", ("near", 3, "a", "b"))),
        ("a+author:(b|c)", ("AllOf", "a", ("author", ("AnyOf", "b", "c")))),
        ("url:https://a.cn/x", ("url", "https://a.cn/x")),
        ("kind:=a-topic:~b", ("AllOf", ("kind", ("Whole", "a")), ("not", ("topic", ("Variant", "b"))))),
        (r"title\:a", "title:a"),
        ("a=b~c", "a=b~c"),
        ("加油！", "加油!"),
        ('"a NEAR/3 b"', "a near/3 b"),
        ("near/3", "near/3"),
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
        ("a!", 3, r"写成 \!"),
        ("!a", 1, "缺少关键词"),
        ("a!title:b", 3, "最前面"),
        ("(a+b)!c", 1, "只能是词"),
        ("a!(b-c)", 3, "只能是词"),
        ("a|= b", 3, "紧跟"),
        ("~(a|b)", 1, "紧跟"),
        ("=title:a", 1, "紧跟"),
        ("=~a", 1, "紧跟"),
        ('~"!?"', 2, "符号"),
        ("/re.*", 1, "正则"),
        ("//", 1, "正则"),
        ("a|/(b/", 3, "正则"),
        (r"/(a)\1/", 1, "反向引用"),
        ("/a*/", 1, "空文字"),
        ("/((a{100}){100}){100}/", 1, "正则"),
        ("/(.{0,1000}甲|.{0,1000}乙|.{0,1000}丙)/", 1, "至多 2000"),
        ("/a/b", 4, "缺少运算符"),
        ("a NEAR b", 3, "相隔几个字"),
        ("a NEAR/x b", 3, "相隔几个字"),
        ("a NEAR/10001 b", 3, "相隔几个字"),
        ("a NEAR/3", 9, "缺少关键词"),
        ("NEAR/3 b", 1, "缺少关键词"),
        ("a NEAR/3 (b+c)", 10, "只能是词"),
        ("a NEAR/3 -b", 10, "缺少关键词"),
        ("title:a NEAR/3 text:b", 9, "字段不同"),
        ("title:(a|text:b)", 1, "字段"),
        ("title:text:b", 7, "字段"),
        ("title:", 7, r"title\:"),
        ("a|", 3, r"写成 \|"),
        ("a-", 3, r"写成 \-"),
        ("a OR", 5, "OR 后面缺少关键词: 请补上, 或删去它; 作文字用请放进引号"),
        ("title:-a", 7, "缺少关键词"),
        ("-title:a", 1, "排除"),
        ("title:(-a)", 1, "排除"),
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


@given(RULE_TEXT)
def test_every_rule_needs_a_word(text: str) -> None:
    """What the matcher relies on: no rule holds where none of its words stands."""
    tree = parsed(text)
    assert isinstance(tree, RuleError) or needs_a_word(tree)


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
    beside = "在 title 里 (出现「捐款」(不算「捐款箱」里的)与(「贪」或整词「污」)相隔不超过 5 字), 且出现「红会」或其变体"
    assert explain(parse("title:捐款!捐款箱 NEAR/5 (贪|=污)+~红会").tree) == beside
