"""What a measurement comes to: its value, that of the simpler thing beside it, and how many times better it is."""

Figure = dict[str, float | int | str]


def figure(value: float, unit: str, baseline: float, mentions: int, *, less_is_better: bool = False, **more: float | str) -> Figure:
    """The figure of contract 8: a ratio above 1 is better than the baseline, also where less is better (seconds, MiB)."""
    better, worse = (baseline, value) if less_is_better else (value, baseline)
    ratio = better / worse if worse else 0.0
    named: dict[str, float | str] = {"value": value, "unit": unit, "baseline": baseline, "ratio": ratio, "mentions": mentions, **more}
    return {name: _rounded(number) for name, number in named.items()}


def _rounded(number: float | str) -> float | int | str:
    """Three figures that mean something; the machine's noise is larger than the rest."""
    if not isinstance(number, float):
        return number
    return round(number) if abs(number) >= 1000 else float(f"{number:.3g}")  # noqa: PLR2004 from here on the point says nothing
