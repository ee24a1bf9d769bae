"""
The replay of a recording through the whole durable pipeline, beside what a user would write: json + jieba + `in` + SnowNLP.

    python -m tests.bench.replay FILE [SAMPLE]

prints {"replay": …, "memory": …} with the naive loop measured on SAMPLE of the same lines in the same run.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter, sleep

import jieba
import psutil
from snownlp import SnowNLP

SUBJECTS = ("红十字", "家乐福", "可口可乐", "华为", "百度", "航空", "银行")
_MIB = 1 << 20


def naive(lines: list[bytes]) -> float:
    """Mentions a second of the loop without batches, memory of repeats, durability or decisions."""
    jieba.lcut("预热")
    started = perf_counter()
    for line in lines:
        mention = json.loads(line)
        text = f"{mention.get('text') or ''} {mention.get('quoted') or ''}"
        jieba.lcut(text)
        if any(subject in text for subject in SUBJECTS):
            _ = SnowNLP(text).sentiments
    return len(lines) / (perf_counter() - started)


def replayed(file: Path) -> tuple[float, list[float]]:
    """Seconds of `yuqing replay` as a process of its own, and its memory (MiB) sampled twice a second."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "yuqing.yaml"
        names = "".join(f"  - {{name: {name}, rules: [{name}]}}\n" for name in SUBJECTS)
        config.write_text(f"organisation: bench\nsubjects:\n{names}", "utf-8")
        yuqing = Path(sys.executable).with_name("yuqing")
        started = perf_counter()
        process = subprocess.Popen([yuqing, "replay", file.resolve(), "--config", config], stderr=subprocess.DEVNULL)
        samples: list[float] = []
        watcher = threading.Thread(target=_watch, args=(process.pid, samples), daemon=True)
        watcher.start()
        if process.wait() != 0:
            raise SystemExit(f"replay ended with {process.returncode}")
        return perf_counter() - started, samples


def _watch(pid: int, samples: list[float]) -> None:
    try:
        process = psutil.Process(pid)
        while True:
            samples.append(process.memory_info().rss / _MIB)
            sleep(0.5)
    except psutil.NoSuchProcess:
        return


def main() -> None:
    """Measure and print."""
    file = Path(sys.argv[1])
    sample = int(sys.argv[2]) if len(sys.argv) > 2 else 400
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        lines = stream.read().splitlines()
    seconds, memory = replayed(file)
    value, baseline = len(lines) / seconds, naive(lines[:: max(1, len(lines) // sample)])
    half = max(memory[: max(1, len(memory) // 2)])
    result = {
        "replay": {
            "value": round(value), "unit": "mentions/s", "baseline": round(baseline), "ratio": round(value / baseline, 1),
            "mentions": len(lines), "seconds": round(seconds, 1), "cores": os.cpu_count(),
        },
        "memory": {
            "value": round(max(memory)), "unit": "MiB", "baseline": round(half), "ratio": round(half / max(memory), 2),
            "mentions": len(lines),
        },
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
