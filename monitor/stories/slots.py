"""
Slots: what a text names in a place where its like name another: places, and persons in office.

Two texts under one template that fill such a slot otherwise tell of different happenings. All of it is a closed class of few forms; a
name is known by two characters of it, which are a term of the text (rarity.py), so what else the other text says of it is found too.
"""

import re

from monitor.stories.rarity import LONGEST, MARK

_PERSON = f"{MARK}人"
_TITLE = (
    "总裁|总监|总经理|经理|董事长|董事|主席|主任|书记|秘书长|行长|局长|厅长|部长|处长|科长|所长|院长|校长|园长|市长|县长|区长|镇长|省长|州长"
    "|店长|厂长|队长|委员|主管|教授|教师|老师|医生|护士|男子|女子|嫌疑人|司机|员工|工人|市民|居民|业主|家长|消费者|储户|乘客|患者"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭林罗郑梁谢宋唐韩冯邓曹彭肖田董袁潘蒋蔡杜叶苏魏吕丁沈姚卢姜崔钟谭陆汪范廖贾韦邹熊秦邱尹薛闫侯龙"
    "陶黎贺顾毛郝龚邵钱严覃戴莫孔汤洪柳孟秋雷倪殷俞葛岳裴卫"
)
_NAMED = re.compile(f"(?:{_TITLE})([{_SURNAMES}][\u4e00-\u9fff])")
_PLACE = re.compile(
    "([\u4e00-\u9fff][\u4e00-\u9fff])(?:"
    "(?<![城超股上楼门夜菜全本我都县各地车后开入熊牛集早黑街该外两多几某])(市)(?![场民值面价盈售占])"
    "|(?<![城小社地园校景灾厂库军林矿战专禁误盲营自选分辖片全本我各特市])(区)(?![别域块间分])"
    "|(?<![全本我各该外])(省)(?![钱事心电略得内力])"
    "|(?<![全本我各该两])(县)|(?<![城乡村集全本我各该两])(镇)(?![静压定痛])"
    ")|([\u4e00-\u9fff]州)"
)


def slots(folded: str) -> dict[str, set[str]]:
    """Under a mark of each kind (a city, a county…, a person beside a title) the terms by which those it names are known."""
    found: dict[str, set[str]] = {}
    text = folded[:LONGEST]
    for place in _PLACE.finditer(text):
        pair, *kinds, state = place.groups()
        kind = next(filter(None, kinds), "")
        names = {state} if state else {pair} if pair[1] == "州" else {pair, pair[1] + kind}
        found.setdefault(f"{MARK}{kind or '州'}", set()).update(names)
    for person in _NAMED.finditer(text):
        found.setdefault(_PERSON, set()).add(person[1])
    return found
