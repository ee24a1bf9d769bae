"""
Slots: what a text names in a place where its like name another: places, and persons in office.

Two texts under one template that fill such a slot otherwise tell of different happenings. All of it is a closed class of few forms; a
name is known by two characters of it, which are a term of the text (rarity.py), so what else the other text says of it is found too.
"""

import re
from collections.abc import Iterator

from monitor.stories.rarity import LONGEST, MARK, RARE, known

_PERSON = f"{MARK}人"
_OFFICE = "总裁|总监|总经理|董事长|主席|主任|书记|秘书长|行长|局长|厅长|部长|处长|科长|所长|院长|校长|园长|教授|医生|护士"
_TITLE = (
    f"{_OFFICE}|市长|县长|区长|镇长|省长|州长|经理|董事|店长|厂长|队长|委员|主管|教师|老师|男子|女子|嫌疑人|司机|员工|工人|市民|居民|业主|家长|消费者|储户|乘客|患者"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭林罗郑梁谢宋唐韩冯邓曹彭肖田董袁潘蒋蔡杜叶苏魏吕丁沈姚卢姜崔钟谭陆汪范廖贾韦邹熊秦邱尹薛闫侯龙"
    "陶黎贺顾毛郝龚邵钱严覃戴莫孔汤洪柳孟秋雷倪殷俞葛岳裴卫"
)
_COMPOUND = "欧(?=阳)|司(?=[马徒])|上(?=官)|诸(?=葛)|慕(?=容)|皇(?=甫)|尉(?=迟)|令(?=狐)|端(?=木)|夏(?=侯)|公(?=孙)"
_SELDOM = 4.0  # a name before an office is no everyday word (马上, 高雅)
_HAN = "[\u4e00-\u9fff]"
_NAMED = re.compile(f"(?:{_TITLE})(?:(?:{_COMPOUND})({_HAN}{{2}})|([{_SURNAMES}江夏傅]{_HAN}))")  # of 欧阳震华 it is 阳震: 欧阳 are many
_GIVEN = "(?:(?![总副局院校厅部处科所会司厂市县区省镇队店董主任书行园教医护党委常务的])[\u4e00-\u9fff])"
_OFFICES = re.compile(_OFFICE)
_BEFORE = 4  # characters before an office in which a name stands
_IN_OFFICE = re.compile(
    f"(?:(?:{_COMPOUND})({_HAN}{_GIVEN}){_GIVEN}?|([{_SURNAMES}]{_GIVEN}){_GIVEN}|(?<!{_HAN})([{_SURNAMES}]{_GIVEN}))$"
)
_PLACED, _RARELY_PLACED = re.compile("[市区省县镇州]"), re.compile("[店村路]|[支分]行|分公司|小区")  # most texts have none
_PLACE = re.compile(
    "([\u4e00-\u9fff][\u4e00-\u9fff])(?:"
    "(?<![城超股上楼门夜菜全本我都县各地车后开入熊牛集早黑街该外两多几某])(市)(?![场民值面价盈售占])"
    "|(?<![城小社地园校景灾厂库军林矿战专禁误盲营自选分辖片全本我各特市])(区)(?![别域块间分])"
    "|(?<![全本我各该外])(省)(?![钱事心电略得内力])"
    "|(?<![全本我各该两])(县)|(?<![城乡村集全本我各该两])(镇)(?![静压定痛])"
    ")|([\u4e00-\u9fff]州)"
)
_RARELY = re.compile(  # only where the name is no word: of a shop, a village, a street many things are said
    "([\u4e00-\u9fff][\u4e00-\u9fff])(?:"
    "(?<![酒饭商门书网药本舰卖分开关到体利锁总小新老该家各全这那间个的在])(店)(?![员主铺长家面里内])"
    "|(?<![农乡本全该中各我两新个的在])(村)(?![民里委口])"
    "|(?<![道公铁马走线电思跑出门网一上半在的套水气陆绝这条])(路)(?![上人过口边面灯店])"
    "|(?<![市县区省镇家个的])(支行|分行|分公司|小区)"
    ")|([\u4e00-\u9fff][路街场道])店"
)

# Everyday words that are names of many streets and estates.
USUAL = "人民|建设|解放|中山|和平|胜利|新华|东风|迎宾|建国|健康|友谊|长江|黄河|光明|幸福|团结|振兴|阳光|锦绣|车站|学城"
_USUALLY = re.compile(
    f"({USUAL})(路(?!店(?!铺)|支行)|支行|小区)|([一二三四五六七八九十]中)(?=学|高[一二三]|初[一二三])"
    f"|([{_SURNAMES}][医老])(?:(?<=医)生|(?<=老)师)"
)
_SELDOM_SO = re.compile(
    f"({_HAN}[路街])(支行)|({_HAN}{{2}})(?:"
    "(?<![大小满上逛步行业商吃条])(街)(?![上头边坊办拍舞机])|(大道|胡同)|(?<![大天高立过断石铁小座])(桥))"
)
_EATING = re.compile(f"([{_SURNAMES}]记)(?=火锅|饭店|面馆|酒楼|餐厅|烧烤)")
_MODEL = re.compile("(?:冰箱|洗衣机|空调|电视|热水器|手机|电脑)([a-z]{1,3}[0-9]{2,4})(?![a-z0-9])")
_WHO = re.compile(f"(?:(?<!{_HAN})|(?<=工程师)|(?<=程序员))([{_SURNAMES}]{_HAN}){_HAN}?(?=在|被|触电|跳楼|坠|猝死|身亡|去世|落马|失联)")


def slots(folded: str) -> dict[str, set[str]]:
    """Under a mark of each kind (a city, a shop…, a person beside a title) the terms by which those it names are known."""
    found: dict[str, set[str]] = {}
    text = folded[:LONGEST]
    for place in _PLACE.finditer(text) if _PLACED.search(text) else ():
        pair, *kinds, state = place.groups()
        kind = next(filter(None, kinds), "")
        names = {state} if state else {pair} if pair[1] == "州" else {pair, pair[1] + kind}
        found.setdefault(f"{MARK}{kind or '州'}", set()).update(names)
    for kind, name in _rarely(text):
        found.setdefault(f"{MARK}{kind}", set()).add(name)
    for kind, name in _closed(text):
        found.setdefault(f"{MARK}{kind}", set()).add(name)
    for person in _NAMED.finditer(text):
        found.setdefault(_PERSON, set()).add(person[1] or person[2])
    return found


def _rarely(text: str) -> Iterator[tuple[str, str]]:
    """Of which kind, and the name."""
    for place in _RARELY.finditer(text) if _RARELY_PLACED.search(text) else ():
        pair, *kinds, street = place.groups()
        if street:
            yield "店", street
        elif known()[pair] >= RARE:
            yield next(filter(None, kinds)), pair
    for office in _OFFICES.finditer(text):
        person = _IN_OFFICE.search(text, max(0, office.start() - _BEFORE), office.start())
        name = next(filter(None, person.groups())) if person else ""
        if known()[name] >= _SELDOM:
            yield "人", name


def _closed(text: str) -> Iterator[tuple[str, str]]:
    """Names that are known by what stands at them, though some are everyday words: likewise."""
    for usual in _USUALLY.finditer(text):
        name, kind, school, surname = usual.groups()
        yield (kind, name) if name else ("中", school) if school else ("姓", surname)
    for seldom in _SELDOM_SO.finditer(text):
        name, kind = filter(None, seldom.groups())
        if known()[name] >= (_SELDOM if len(kind) > 1 and kind != "支行" else RARE):
            yield kind, name
    for kind, form in (("店", _EATING), ("型", _MODEL)):
        yield from ((kind, one[1]) for one in form.finditer(text))
    yield from (("人", one[1]) for one in _WHO.finditer(text) if known()[one[1]] >= _SELDOM)
