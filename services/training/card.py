"""The figures of the model card, written into it between two marks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

CARD, FIGURES = Path(__file__).with_name("CARD.md"), Path(__file__).with_name("figures.json")
BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->\n"
COLUMNS = {"binary": "两类准确率", "negative_recall": "负面召回", "macro_f1": "三类 macro-F1", "ece": "ECE"}

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]


def write(figures: Figures) -> None:
    """Keep the figures, and put them into the card."""
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", "utf-8")
    text = CARD.read_text("utf-8")
    CARD.write_text(text[: text.index(BEGIN)] + rendered(figures) + text[text.index(END) + len(END) :], "utf-8")


def rendered(figures: Figures) -> str:
    """The part of the card that is made from the figures, with its marks."""
    unseen, seen = "整组留出的集（训练时连同同源集和近似副本都没有见过）", "同类文本（每集留出百分之五，小集至少四百条或四分之一）"
    tables = [_tones(figures, "unseen", unseen), _tones(figures, "seen", seen)]
    return BEGIN + "\n".join([*tables, _emotions(figures["emotion"])]) + END


def _tones(figures: Figures, kind: str, title: str) -> str:
    head = f"**{title}**\n\n| 模型 | 集 | {' | '.join(COLUMNS.values())} |\n|---|---|{'---|' * len(COLUMNS)}\n"
    rows = []
    for model in ("fast", "default"):
        mine = {name.removeprefix(f"{kind} "): found for name, found in figures[model].items() if name.startswith(f"{kind} ")}
        whole = mine.pop("pooled", {})
        rows += [f"| `{model}` | {name.split()[-1]} | {_cells(found)} |\n" for name, found in mine.items()]
        if mine:
            rows.append(f"| `{model}` | **各集平均** | {_cells(mean([[one] for one in mine.values()]))} |\n")
            if kind == "unseen":
                rows.append(f"| `{model}` | **各组平均** | {_cells(mean(folds_of(mine)))} |\n")
            rows.append(f"| `{model}` | **合在一起** | {_cells(whole)}{_of_three(whole)} |\n")
    return head + "".join(rows)


def _of_three(whole: Mapping[str, float]) -> str:
    return f"（三类 {whole['ece_of_three']:.3f}）" if "ece_of_three" in whole else ""


def folds_of(found: Mapping[str, Mapping[str, float]]) -> list[list[Mapping[str, float]]]:
    """The figures of each fold's sets: sets of one origin are no independent witnesses."""
    folds: dict[str, list[Mapping[str, float]]] = {}
    for name, one in found.items():
        folds.setdefault(name.split()[0], []).append(one)
    return list(folds.values())


def mean(groups: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """The mean of each figure over the groups that have it, each group's own mean first."""
    means = {}
    for column in COLUMNS:
        each = [[one[column] for one in group if column in one] for group in groups]
        told = [sum(values) / len(values) for values in each if values]
        if told:
            means[column] = sum(told) / len(told)
    return means


def _cells(found: Mapping[str, float]) -> str:
    return " | ".join(f"{found[column]:.3f}" if column in found else "" for column in COLUMNS)


def _emotions(found: Mapping[str, Mapping[str, float]]) -> str:
    rows = "".join(f"| {name} | {one['macro_f1']:.3f} |\n" for name, one in found.items())
    left_out = [one["macro_f1"] for name, one in found.items() if name.startswith("unseen")]
    rows += f"| **unseen 各集平均** | {sum(left_out) / len(left_out):.3f} |\n" if left_out else ""
    return f"**情绪**（该集有的各类的 macro-F1；unseen 为整组留出）\n\n| 集 | macro-F1 |\n|---|---|\n{rows}"
