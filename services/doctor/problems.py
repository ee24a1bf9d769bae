"""What somebody should look at, out of what was found."""

from services.collect import PART
from services.doctor.findings import Box, Config, Disk, Lag, Log, Service
from services.keeping.housekeeping import abandoned

LAG_SECONDS, OUTBOX_SECONDS = 300.0, 600.0
_GIB = 1 << 30


def problems_of(config: Config, service: Service, log: Log | str, store: Box | str, disk: Disk | str) -> list[str]:
    """A line each, the gravest first."""
    parts = (("日志", log), ("库", store), ("磁盘", disk))
    unread = [f"{what}{said}" for what, said in parts if isinstance(said, str) and said.startswith("读不了")]
    return [*unread, *_of_service(service), *_of_disk(disk), *_of_store(store), *_of_log(log), *_of_config(config)]


def _of_service(service: Service) -> list[str]:
    found = []
    if service.running and service.livez != "200" and not service.shared:
        found.append(f"数据目录由进程 {service.pid} 占用，但 {service.address} 不回答（可能是 replay，或正在启动、卡住）")
    if service.running and service.unready:
        found.append(f"未就绪：{'、'.join(service.unready)}")
    found += [f"信源 {name.removeprefix(PART)}：{word}" for name, word in service.parts.items() if name.startswith(PART) and word != "ok"]
    if not service.running and service.livez == "200" and not service.shared:
        found.append(f"{service.address} 有程序在回答，但它不在用这个数据目录（是不是另一份配置？）")
    return found


def _of_config(config: Config) -> list[str]:
    return ["配置文件在服务启动之后改过：若没有重新载入成功，服务用的还是旧的"] if config.changed_since_start else []


def _of_log(log: Log | str) -> list[str]:
    if isinstance(log, str):
        return []
    nobody = [f"{lag.role}：{said}" for lag in log.lag if (said := _abandoned(lag))]
    late = [f"{lag.role} 落后 {lag.messages} 条（最早 {lag.seconds:.0f} 秒前）" for lag in log.lag if lag.seconds > LAG_SECONDS]
    counted = "、".join(f"{reason} {count}" for reason, count in log.dead.reasons.items())
    return nobody + late + ([f"有 {log.dead.kept} 条死信没有处理：{counted}；用 yuqing dead list 查看"] if log.dead.kept else [])


def _abandoned(lag: Lag) -> str | None:
    return abandoned(lag.role, lag.messages, lag.members) if lag.messages and lag.members is not None else None


def _of_store(store: Box | str) -> list[str]:
    if isinstance(store, str) or (store.oldest_seconds or 0) <= OUTBOX_SECONDS:
        return []
    return [f"有 {store.pending} 条通知没发出去，最早的等了 {store.oldest_seconds or 0:.0f} 秒"]


def _of_disk(disk: Disk | str) -> list[str]:
    return [f"磁盘只剩 {disk.free / _GIB:.1f} GiB"] if isinstance(disk, Disk) and disk.free < _GIB else []
