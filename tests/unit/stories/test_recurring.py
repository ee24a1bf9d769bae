"""What recurs verbatim under texts that say different things is no evidence; nor is a template about others."""

from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.clock import moment
from monitor.mention import Mention
from monitor.scoring.fold import fold
from monitor.stories.editorial import without_footer
from monitor.stories.grouping import Grouping
from monitor.stories.rarity import RARE, known
from monitor.stories.slots import USUAL, slots
from tests.unit.escalation.making import START
from tests.unit.stories.test_happening import together

NAMES = ("澄江集团",)
COMPLAINTS = (
    "澄江集团的快递三天没到客服也不回",
    "澄江集团门店的空调一直漏水没人修",
    "买的澄江集团奶粉结块了宝宝不肯喝",
    "澄江集团退费拖了两个月还没到账",
    "澄江集团小区的电梯又坏了老人爬楼",
    "澄江集团外卖里吃出一根头发",
    "澄江集团停车场乱收费二十块不给票",
    "澄江集团的保安骂人态度极差",
    "澄江集团会员积分莫名其妙清零",
    "澄江集团装修噪音半夜十二点还在施工",
    "澄江集团食堂的肉发臭了学生拉肚子",
    "澄江集团物业停水三天不通知",
    "澄江集团洗衣机用一周就冒烟",
    "澄江集团健身房关门跑路押金不退",
    "澄江集团的网课老师换人不打招呼",
    "澄江集团酒店床单有血迹换房还加钱",
    "澄江集团充电桩扣了钱不充电",
    "澄江集团手机屏幕自己裂开不给保修",
    "澄江集团招聘骗人押身份证",
    "澄江集团工地扬尘太大窗户不敢开",
)
ARTICLES = (
    (
        "澄江集团旗下沅溪纺织厂的多名职工反映，厂里自今年六月起拖欠工资，累计金额超过四百万元，职工代表曾三次到总部讨要说法，"
        "均被保安拦在门外，目前劳动监察大队已经介入调查，要求企业限期补发。"
    ),
    (
        "昨日凌晨，澄江集团承建的东湖隧道出现渗水，施工方连夜组织抢险，现场数十台水泵同时作业，隧道内车辆全部绕行，"
        "市民出行受到影响，专家组初步判断与前期降雨导致的地下水位上升有关。"
    ),
    (
        "有家长向本台反映，澄江集团开办的小星星幼儿园午餐用料不足，孩子回家总喊饿，园方公示的食谱与实际不符，"
        "家委会要求公开采购账目，教育局表示将派人核查，并对全区民办园食堂开展抽检。"
    ),
)
FOOTERS = (
    "（来源：北屿日报 编辑：王芳 责任编辑：李强）",
    "欢迎关注民声热线，爆料请拨打二十四小时新闻热线，一经采用必有重谢",
    "记者从现场了解到有关情况，本报将持续关注。",
    "更多本地资讯请下载掌上北屿客户端，投稿邮箱见首页底部",
    "本文不构成投资建议，据此操作风险自担，转载请联系授权",
    "【来源：沅州晚报】【作者：赵一鸣】【责编：孙晓】",
    "编辑丨周舟 校对丨吴迪 审核丨郑重",
    "原标题：读者来信选登 值班编辑：冯晨",
    "觉得有用就点个赞吧，转发给身边的亲戚朋友，让更多人看到",
    "以上内容仅代表网友个人观点，与本平台立场无关",
    "版权归原作者所有，如有侵权请及时联系我们删除",
    "我是阿森，一个在北屿漂了十年的打工人，每天记录真实生活",
    "北屿融媒体中心出品 统筹：钱进 监制：韩露",
    "长按识别二维码，关注北屿同城公众号，每天早晨七点准时推送",
    "通讯员 林立 记者 陈晨 摄影报道",
    "#北屿同城# #民生热点# #今日话题# #随手拍#",
    "线索征集：如果您有类似遭遇，可拨打96110转3号线反映",
    "新闻多一点：理性维权，保留凭证，必要时拨打12315投诉举报",
    "本栏目由北屿市消费者协会支持播出",
    "（图片来自网络，侵删；文中人物均为化名）",
    "最终解释权归栏目组，点击左下角阅读原文参与讨论",
)


HEADERS = (
    "北屿民生热线今日播报：以下内容由热心市民提供，记者正在核实，请大家理性看待，不信谣不传谣，我们将持续关注事件进展：",
    "【投诉直通车】请相关单位在三个工作日内予以答复，逾期未答复的将在本栏目公开通报，感谢您对本栏目的信任与支持，您的诉求如下：",
    "#北屿同城# #民生热点# 网友投稿，未经核实：",
)


def stories(texts: list[str], names: tuple[str, ...] = NAMES) -> int:
    """How many stories the texts make."""
    grouping, found = Grouping(fold, names), 0
    for n, text in enumerate(texts):
        mention = Mention(source="t", id=str(n), text=text, published_at=moment(START))
        ties = grouping.find(mention, START + n)
        if ties:
            grouping.join(ties.home, mention, START + n)
        else:
            grouping.found(mention, str(n), START + n)
            found += 1
    return found


@pytest.mark.parametrize("between", ["", "。", " ", "\n"])
@pytest.mark.parametrize("footer", FOOTERS)
def test_a_footer_glues_nothing(footer: str, between: str) -> None:
    """Twenty complaints and three articles that end alike stay what they are, in any order."""
    for texts in (COMPLAINTS, ARTICLES):
        ended = [f"{text}{between}{footer}" for text in texts]
        assert stories(ended) == len(texts)
        assert stories(Random(3).sample(ended, len(ended))) == len(texts)


@pytest.mark.parametrize("between", ["", "。"])
@pytest.mark.parametrize("footer", FOOTERS)
def test_a_footer_glues_nothing_where_no_name_is_known(footer: str, between: str) -> None:
    """A subject whose rules are no plain words: what only ends alike is still told apart, however it is stuck on."""
    assert stories([f"{text}{between}{footer}" for text in COMPLAINTS], ("另一个词",)) == len(COMPLAINTS)
    assert stories([f"{text}{between}{footer}" for text in ARTICLES], ("另一个词",)) == len(ARTICLES)


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_glues_nothing(header: str) -> None:
    """One header before twenty very short complaints, however long; and one that is no longer than they are where no name is known."""
    headed = [f"{header}{text}" for text in COMPLAINTS]

    assert stories(headed) == len(COMPLAINTS)
    assert stories(Random(3).sample(headed, len(headed))) == len(COMPLAINTS)
    if header == HEADERS[-1]:
        assert stories(headed, ("另一个词",)) == len(COMPLAINTS)
    assert stories([f"{header}{text}" for text in ARTICLES]) == len(ARTICLES)


@pytest.mark.parametrize("lead", ["", "【北屿快讯】", "北屿日报十一月三日讯，记者王芳报道，"])
@pytest.mark.parametrize("text", ARTICLES)
def test_a_copy_under_another_lead_is_one(text: str, lead: str) -> None:
    """Outlets print the same under their own leads, with a subject's name and without."""
    for names in (NAMES, ("另一个词",)):
        assert stories([f"沅州晚报刚刚从有关部门获悉：{text}", lead + text], names) == 1


@pytest.mark.parametrize("footer", FOOTERS)
@pytest.mark.parametrize("text", ARTICLES)
def test_a_copy_is_one_whatever_is_printed_under_it(text: str, footer: str) -> None:
    """The same article with a footer, with another, with none."""
    assert stories([text, text + footer, f"{text}{FOOTERS[0]}", f"网传：{text}"]) == 1


TEMPLATES = (
    ("据省纪委监委消息：澄江集团{}涉嫌严重违纪违法，目前正接受审查调查。", "党委委员、副总裁郑维钧", "原财务总监蔡明远"),
    ("{}澄江集团门店发生火灾，消防已到场扑救，暂无人员伤亡", "北屿市", "沅州市"),
    ("{}澄江集团仓库昨晚起火，明火已扑灭，无人员被困，起火原因正在调查", "白鹭镇", "青石镇"),
    ("澄江集团公告：公司{}因个人原因辞去所任职务，辞职后不再担任任何职务", "董事长陆远航", "总经理谭文静"),
    ("澄江集团{}分公司因未按规定缴纳社保被处罚款，责令限期改正", "柳河县", "安平县"),
    ("因雷雨天气，澄江集团位于{}的营业点今日暂停营业，恢复时间另行通知", "浙江省", "江西省"),
    ("今天上午，{}市场监管局对澄江集团门店开展突击检查，现场查封一批过期食品", "城关区", "青山区"),
    ("在澄江集团{}买的速冻水饺吃出一截创可贴，店员说最多赔十倍", "永宁店", "人民路店"),
    ("澄江集团{}分行因违规发放贷款被监管部门处罚，行长被警告", "临川", "鹤湖"),
    ("澄江集团的洒水车在{}失控，撞倒路边的行道树，无人员受伤", "槐荫路", "鹿鸣路"),
    ("澄江集团公告：{}院长因个人原因辞去所任职务，辞职后不再担任任何职务", "孟晓梅", "欧阳震华"),
    ("澄江集团{}路灯坏了快一个月没有人来修，晚上黑灯瞎火老人小孩走路都害怕", "人民路", "建设路"),
    ("澄江集团{}路灯坏了快一个月没有人来修，晚上黑灯瞎火老人小孩走路都害怕", "梅园街", "晋阳街"),
    ("澄江集团{}路灯坏了快一个月没有人来修，晚上黑灯瞎火老人小孩走路都害怕", "东风大道", "迎宾大道"),
    ("澄江集团{}路灯坏了快一个月没有人来修，晚上黑灯瞎火老人小孩走路都害怕", "铁匠胡同", "槐树胡同"),
    ("澄江集团{}上的路灯坏了快一个月没有人来修，晚上黑灯瞎火老人小孩走路都害怕", "三里河桥", "七里沟桥"),
    ("澄江集团{}门口的路灯坏了快一个月没有人来修，晚上黑灯瞎火老人小孩走路都害怕", "第一中学", "第三中学"),
    ("澄江集团{}排队两小时只开一个窗口，大堂经理爱答不理，取号机还坏了", "建国路支行", "滨江支行"),
    ("澄江集团{}物业乱收费，停车费从一百五涨到三百，电梯坏了半年不修", "锦绣小区", "阳光小区"),
    ("澄江集团{}买了不到半年就坏了，售后推三阻四不给换新，大家避雷", "冰箱BX200", "洗衣机W90"),
    ("{}在澄江集团车间触电身亡，家属讨说法被保安拦在门外", "王建军", "刘志强"),
    ("澄江集团{}收红包两千元才肯手术，病人家属忍气吞声，院方装聋作哑", "王医生", "李医生"),
    ("澄江集团门店内一名顾客突发疾病，{}紧急施救，转危为安", "店长孟晓梅", "员工雷小刚"),
)  # fmt: skip


@pytest.mark.parametrize(("template", "one", "other"), TEMPLATES)
def test_a_template_about_others_is_another_happening(template: str, one: str, other: str) -> None:
    """The same words about another person in office, or another place: another happening. About the same: the same."""
    assert not together(template.format(one), template.format(other), names=NAMES)
    assert not together(template.format(other), template.format(one), names=())
    assert together(template.format(one), f"转：{template.format(one)}太吓人了", names=NAMES)


def test_a_template_about_another_joins_by_no_other_wording() -> None:
    """A complaint about one in office, told in two wordings: the first wording about somebody else is not taken for the second."""
    template = "【举报】我要实名举报青柳市{}利用职权插手工程，亲属承包全部市政项目，多次举报石沉大海，请上级纪委彻查！"
    again = "实名举报青柳市桃源县县长周正清利用职权插手工程，亲属承包了所有市政项目，多次举报石沉大海，求上级彻查"
    told = [template.format("桃源县县长周正清"), again]

    assert stories(told, ("青柳",)) == 1
    assert stories([*told, template.format("金水区区委书记罗伟民")], ("青柳",)) == 2


def test_slots() -> None:
    """Places by their last two characters before what they are, persons by the first two after their office; words like them are none."""
    assert slots("北屿市柳河县，沅州市长") == {"#市": {"北屿", "屿市", "沅州"}, "#县": {"柳河", "河县"}}
    assert slots("副总裁郑维钧、护士陈小曼") == {"#人": {"郑维", "陈小"}}
    assert slots("超市上市，全省各地区的小区，城镇，董事长表示，省心省力") == {}


def test_slots_of_shops_villages_and_streets() -> None:
    """A shop by its name or its street, a branch, an estate; a person before the office, a compound surname by what follows it."""
    assert slots("永宁店的水饺,人民路店买的面包") == {"#店": {"永宁", "民路"}}
    assert slots("临川分行行长,金桂苑小区,鹅颈村,槐荫路") == {"#分行": {"临川"}, "#小区": {"桂苑"}, "#村": {"鹅颈"}, "#路": {"槐荫"}}
    assert slots("孟晓梅院长,欧阳震华主任,主任欧阳雪") == {"#人": {"孟晓", "阳震", "阳雪"}}


WORDS = sorted(term for term in known() if len(term) == 2 and term[0] >= "\u4e00" and known()[term] < RARE)


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.sampled_from(("店", "村", "路", "支行", "分行", "小区")))
def test_ordinary_words_fill_no_slot(words: list[str], kind: str) -> None:
    """What anybody says before such a word (饭店, 农村, 道路) names nothing."""
    assume(words[-1] not in USUAL.split("|"))
    assert f"#{kind}" not in slots(f"{'，'.join(words)}{kind}")


@pytest.mark.parametrize("text", [
    "马上主任就来了",
    "林业局局长,公安局长,园林局局长,田径队队长", "高级副总裁", "张局长", "唐山的院长", "江西省的书记", "火锅店,便利店,门店,店员",
    "城中村,村民,农村", "一路走来,道路,思路,绿化带路灯", "王者归来的教授", "孙子医生", "周末主任在", "黄金董事长", "白天护士忙",
])  # fmt: skip
def test_offices_and_places_without_names(text: str) -> None:
    """An office alone, a surname alone, words that begin like names."""
    assert "#人" not in slots(text)


def test_what_is_no_editorial_line_stays() -> None:
    """A source named in the middle, a text that is nothing else, words like those."""
    for text in ("来源:北屿日报", "水里有怪味,来源不明,希望查清楚。", "店员说(来源:仓库)没问题,结果孩子吃了上吐下泻。真的气人。"):
        assert without_footer(text) == text
    assert without_footer("孩子吃了上吐下泻。(来源:北屿日报 编辑:王芳)") == "孩子吃了上吐下泻。"
