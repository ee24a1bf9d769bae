"""
How right the stories of a real stream are: B-cubed precision and recall over mentions, as `yuqing backtest --stories` has them.

Run: python -m tests.bench.stories [OUT.jsonl]    (needs ../shared; OUT: lines of --stories made before, else two backtests are run)

Truths of a mention: `copies`, its cascade, united with those whose first posts are copies told within three days; `happenings`, united
also with those that tell the same in other words (labelled by hand: happenings.tsv beside this file has ids and labels, no texts).
"""

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.making import ROOT, SHARED_STREAM, SHARED_SUBJECTS

LABELS = Path(__file__).with_name("happenings.tsv")
Line = Mapping[str, object]


def cascades() -> dict[str, str]:
    """The cascade of each mention of the stream."""
    with gzip.open(SHARED_STREAM, "rt") as lines:
        return {line["id"]: line["story"] for line in map(json.loads, lines)}


def labels() -> dict[str, tuple[str, str]]:
    """For each cascade that is not by itself: the label of its copies, and of its happening."""
    rows = (line.split("\t") for line in LABELS.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {cascade: (copies, happening) for cascade, copies, happening in rows}


def judged(lines: Iterable[Line], truth: Mapping[str, str]) -> dict[str, tuple[float, float, int]]:
    """Precision, recall and mentions of each subject; one that waits alone is a story of its own."""
    told: dict[str, list[tuple[str, str]]] = {}
    for line in lines:
        item = str(line["id"])
        told.setdefault(str(line["subject"]), []).append((f"alone {item}" if line.get("residual") else str(line["story"]), truth[item]))
    out = {}
    for subject, pairs in told.items():
        both, stories, truths = Counter(pairs), Counter(story for story, _ in pairs), Counter(label for _, label in pairs)
        right = sum(count * count / stories[story] for (story, _), count in both.items())
        found = sum(count * count / truths[label] for (_, label), count in both.items())
        out[subject] = (right / len(pairs), found / len(pairs), len(pairs))
    return out


def report(lines: list[Line]) -> dict[str, dict[str, list[float]]]:
    """Both truths, each subject and all (`*`, by mentions), to four places."""
    cascade, label = cascades(), labels()
    out: dict[str, dict[str, list[float]]] = {}
    for place, name in enumerate(("copies", "happenings")):
        truth = {item: label.get(own, (own, own))[place] for item, own in cascade.items()}
        found = judged(lines, truth)
        whole = sum(count for *_, count in found.values())
        mean = [sum(one[i] * one[2] for one in found.values()) / whole for i in (0, 1)]
        out[name] = {subject: [round(p, 4), round(r, 4), n] for subject, (p, r, n) in (found | {"*": (*mean, whole)}).items()}
    return out


def backtested(folder: Path, *, links: bool) -> list[Line]:
    """The stories of the stream, with its links or with only the words that are passed on."""
    config, stream, out = folder / "yuqing.yaml", folder / "stream.jsonl", folder / "out.jsonl"
    subjects = "".join(f"  - {{name: {name}, rules: [{name}]}}\n" for name in SHARED_SUBJECTS)
    config.write_text(f"organisation: 某某集团\ndata: {folder / 'var'}\nsubjects:\n{subjects}", "utf-8")
    with gzip.open(SHARED_STREAM, "rt") as lines, stream.open("w") as written:
        for line in map(json.loads, lines):
            kept = line if links else {key: value for key, value in line.items() if key not in {"root", "parent"}}
            written.write(json.dumps(kept, ensure_ascii=False) + "\n")
    command = [sys.executable, "-m", "services.entry", "backtest", str(stream), "--config", str(config), "--stories", str(out)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def main() -> None:
    """Print one JSON object."""
    if sys.argv[1:]:
        print(json.dumps(report([json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]), ensure_ascii=False))
        return
    out = {}
    for links in (True, False):
        with TemporaryDirectory() as folder:
            out["links given" if links else "quoted left"] = report(backtested(Path(folder), links=links))
    print(json.dumps(out, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
