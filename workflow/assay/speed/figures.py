"""Figures of the speed chapter: cost against size, memory, batches, and cost against accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from assay.speed.names import BATCH, HELIUM
from assay.speed.scores import NS_PER_DAY, DftCost
from assay.style import REFERENCE_COLOUR, new_figure, say_empty

ENDINGS = {"out_of_memory": ("x", "out of memory"), "timeout": ("+", "out of time"), "crashed": ((6, 2, 0), "crashed")}
"""Mark and words for why a curve ends, by reason."""

LINE_characters = 38
"""Of the words beside an axis."""

_NOTHING = "nothing was timed"
_DFT_STYLE = {"marker": "*", "markersize": 9, "color": REFERENCE_COLOUR}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def _on_gpu(device: Any) -> bool:
    return str(device).startswith("cuda")


def _curves(
    table: pd.DataFrame, ladder: str, cards: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], pd.DataFrame, dict[str, Any]]]:
    """Card, rows that are ok in ascending size, and style of the line, of every model and device that has any."""
    for place, card in enumerate(cards):
        own = table[(table["ladder"] == ladder) & (table["model"] == card["model"]) & (table["status"] == "ok")]
        for device, rows in own.groupby("device", sort=True):
            yield card, rows.sort_values("n_atoms"), _style(card, str(device), place)


def _ladders(table: pd.DataFrame) -> list[str]:
    return [ladder for ladder in table["ladder"].unique() if ladder != BATCH]


def _style(card: Mapping[str, Any], device: str, place: int) -> dict[str, Any]:
    on_gpu = _on_gpu(device)
    return {
        "color": card["colour"],
        "linestyle": "--" if on_gpu else "-",
        "marker": _MARKERS[place % len(_MARKERS)],
        "markersize": 4.0,
        "markerfacecolor": "white" if on_gpu else card["colour"],
    }


def _title(ladder: str) -> str:
    return "helium gas, 0.033 atoms/Å³" if ladder == HELIUM else f"{ladder}, dense solid"


def _panels(table: pd.DataFrame) -> tuple[Figure, list[tuple[Axes, str]]]:
    """A panel per kind of system, with its name; they share no axes, so that an empty one leaves the others alone."""
    ladders = _ladders(table)
    figure, axes = new_figure(1, len(ladders), width=6.8, height=3.8, squeeze=False)
    for panel, ladder in zip(axes[0], ladders, strict=True):
        panel.set_title(_title(ladder), loc="left")
        panel.set_xlabel("number of atoms")
    return figure, list(zip(axes[0], ladders, strict=True))


def _legend(figure: Figure, table: pd.DataFrame, cards: Sequence[Mapping[str, Any]], *others: Line2D) -> None:
    """One line per model; a line for each device where there are several."""
    ok = table[table["status"] == "ok"]
    handles: list[Line2D] = []
    for place, card in enumerate(cards):
        if (ok["model"] == card["model"]).any():
            handles.append(Line2D([], [], **_style(card, "cpu", place), label=card["label"]))
    devices = sorted({_on_gpu(device) for device in ok["device"]})
    for on_gpu in devices:
        line = "--" if on_gpu else "-"
        label = "GPU" if on_gpu else "CPU"
        handles.append(Line2D([], [], color="0.35", linestyle=line, label=label))
    handles += others
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(handles)))


def _logarithmic(panels: Sequence[Axes]) -> None:
    """Logarithmic axes with the same ranges in all panels."""
    for axes in panels:
        axes.set(xscale="log", yscale="log")
        axes.grid(True, which="major", color="0.9", linewidth=0.6)
    for name in "xy":
        limits = [getattr(axes, f"get_{name}lim")() for axes in panels]
        for axes in panels:
            axes.set(**{f"{name}lim": (min(low for low, _ in limits), max(high for _, high in limits))})
            _label_decades(axes, name)


def _label_decades(axes: Axes, name: str) -> None:
    """Labels at powers of ten; where a logarithmic axis spans less than two of them, at 1, 2 and 5."""
    axis = getattr(axes, f"{name}axis")
    low, high = getattr(axes, f"get_{name}lim")()
    narrow = high < 100 * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=12))
    if narrow:
        axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def curve_figure(
    table: pd.DataFrame, cards: Sequence[Mapping[str, Any]], dft: Mapping[str, DftCost] | None = None
) -> Figure:
    """Time of a step against the number of atoms: median, and the range from 10 to 90 % as a band.

    Parameters
    ----------
    table : DataFrame
        By model and case.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``.
    dft : mapping of str to DftCost
        Cost of a step of DFT by system, drawn in black.
    """
    figure, panels = _panels(table)
    shown_dft, endings = False, set()
    filled: list[Axes] = []
    for axes, ladder in panels:
        drawn = False
        for card, rows, style in _curves(table, ladder, cards):
            axes.fill_between(
                rows["n_atoms"], rows["step_q10_s"], rows["step_q90_s"], color=card["colour"], alpha=0.2, linewidth=0
            )
            axes.plot(rows["n_atoms"], rows["step_s"], **style)
            endings.add(_mark_ending(axes, table, ladder, card, rows))
            drawn = True
        if not drawn:
            say_empty(axes, _NOTHING)
            continue
        cost = (dft or {}).get(ladder)
        if cost is not None:
            axes.plot(cost.n_atoms, cost.step_s, linestyle="none", **_DFT_STYLE)
            shown_dft = True
        filled.append(axes)
    _logarithmic(filled)
    panels[0][0].set_ylabel("time of a step (s)")
    if filled:
        right = filled[-1].secondary_yaxis("right", functions=(_inverse, _inverse))
        right.set_ylabel("ns per day, steps of 1 fs")
    star = Line2D([], [], linestyle="none", label="DFT (GPAW, 1 core)", **_DFT_STYLE)
    marks = [
        Line2D([], [], color="0.35", label=f"then {words}", **_ending_style(reason))
        for reason, (_, words) in ENDINGS.items()
        if reason in endings
    ]
    _legend(figure, table, cards, *marks, *([star] if shown_dft else []))
    return figure


def _inverse(values: np.ndarray) -> np.ndarray:
    """Time of a step (s) to ns per day and back; matplotlib asks for zero too."""
    with np.errstate(divide="ignore"):
        return NS_PER_DAY / np.asarray(values, dtype=float)


def _mark_ending(
    axes: Axes, table: pd.DataFrame, ladder: str, card: Mapping[str, Any], rows: pd.DataFrame
) -> str | None:
    """A mark where a curve ends before the largest size; returns the reason."""
    last = rows.iloc[-1]
    own = table[(table["ladder"] == ladder) & (table["model"] == card["model"]) & (table["device"] == last["device"])]
    ends = own[own["reason"].isin(list(ENDINGS))].sort_values("n_atoms")
    if ends.empty:
        return None
    reason = ends["reason"].iloc[0]
    axes.plot(last["n_atoms"], last["step_s"], color=card["colour"], zorder=5, **_ending_style(reason))
    return reason


def _ending_style(reason: str) -> dict[str, Any]:
    return {"marker": ENDINGS[reason][0], "markersize": 11, "markeredgewidth": 1.4, "linestyle": "none"}


def relative_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Time of a step over that of the fastest model and device at the same size."""
    figure, panels = _panels(table)
    filled: list[Axes] = []
    for axes, ladder in panels:
        ok = table[(table["ladder"] == ladder) & (table["status"] == "ok")]
        if ok.empty:
            say_empty(axes, _NOTHING)
            continue
        fastest = ok.groupby("n_atoms")["step_s"].min()
        for card, rows, style in _curves(table, ladder, cards):
            least = fastest.loc[rows["n_atoms"]].to_numpy()
            low, high = rows["step_q10_s"] / least, rows["step_q90_s"] / least
            axes.fill_between(rows["n_atoms"], low, high, color=card["colour"], alpha=0.2, linewidth=0)
            axes.plot(rows["n_atoms"], rows["step_s"] / least, **style)
        filled.append(axes)
    _logarithmic(filled)
    panels[0][0].set_ylabel("time of a step / that of the fastest")
    _legend(figure, table, cards)
    return figure


def memory_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Peak memory against the number of atoms: on the host above the idle state, and on the GPU."""
    ladders = _ladders(table)
    kinds = [("peak_host_memory_MB", "memory on the host (MB)")]
    if _on_gpu_anywhere(table):
        kinds.append(("peak_gpu_memory_MB", "memory on the GPU (MB)"))
    figure, axes = new_figure(len(kinds), len(ladders), width=6.8, height=0.8 + 2.6 * len(kinds), squeeze=False)
    for row, (column, label) in zip(axes, kinds, strict=True):
        row[0].set_ylabel(label)
        filled: list[Axes] = []
        for panel, ladder in zip(row, ladders, strict=True):
            panel.set_title(_title(ladder), loc="left")
            drawn = False
            for _, rows, style in _curves(table, ladder, cards):
                known = rows[rows[column].astype(float) > 0]
                if len(known):
                    panel.plot(known["n_atoms"], known[column].astype(float), **style)
                    drawn = True
            if not drawn:
                say_empty(panel, "no memory was measured")
                continue
            panel.set_xlabel("number of atoms")
            filled.append(panel)
        _logarithmic(filled)
    _legend(figure, table, cards)
    return figure


def _on_gpu_anywhere(table: pd.DataFrame) -> bool:
    return table.loc[table["status"] == "ok", "device"].map(_on_gpu).any()


def batch_figure(table: pd.DataFrame, cards: Sequence[Mapping[str, Any]]) -> Figure:
    """Structures per second against the number of structures evaluated together; the best batch has a ring."""
    figure, axes = new_figure(width=6.8, height=3.8)
    batches = table[table["ladder"] == BATCH]
    axes.set_xlabel("structures evaluated together")
    axes.set_ylabel("structures per second")
    if not (batches["status"] == "ok").any():
        say_empty(axes, "no batch was timed")
        return figure
    for card, rows, style in _curves(table, BATCH, cards):
        count, rate = rows["n_structures"], rows["structures_per_s"]
        low, high = count / rows["step_q90_s"], count / rows["step_q10_s"]
        axes.fill_between(count, low, high, color=card["colour"], alpha=0.2, linewidth=0)
        axes.plot(count, rate, **style)
        best = rows.loc[rate.idxmax()]
        ring = {"marker": "o", "markersize": 10, "markerfacecolor": "none", "markeredgecolor": card["colour"]}
        axes.plot(best["n_structures"], best["structures_per_s"], linestyle="none", **ring)
        if count.iloc[0] == 1:
            axes.axhline(rate.iloc[0], color=card["colour"], linewidth=0.6, linestyle=":")
    first = batches.iloc[0]
    axes.set_title(f"cells of {int(first['n_atoms'] / first['n_structures'])} atoms ({first['system']})", loc="left")
    _logarithmic([axes])
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    dotted = Line2D([], [], color="0.35", linestyle=":", linewidth=0.8, label="one at a time")
    _legend(figure, batches, cards, dotted)
    return figure


def plane_case(table: pd.DataFrame, asked: str = "") -> tuple[str, int] | None:
    """System and size of the case whose cost is shown against accuracy.

    The one asked for, such as ``MgO-1000``; else, of the dense solids before the gas, the largest that most models
    have. None where nothing was timed.
    """
    if asked:
        system, _, size = asked.rpartition("-")
        return system, int(size)
    ok = table[(table["status"] == "ok") & (table["ladder"] != BATCH)]
    if ok.empty:
        return None
    solid = ok[ok["ladder"] != HELIUM]
    counts = (ok if solid.empty else solid).groupby(["ladder", "size"])["model"].nunique()
    system, size = max(counts[counts == counts.max()].index, key=lambda case: case[1])
    return str(system), int(size)


def error_column(columns: Sequence[str], metric: str) -> str | None:
    """The column of a metric's standard error, such as ``zone_mae_stderr_THz`` for ``zone_mae_THz``; None without."""
    words = metric.split("_")
    names = ["_".join([*words[:place], "stderr", *words[place:]]) for place in range(len(words), 0, -1)]
    return next((name for name in names if name in columns), None)


def plane_figure(
    table: pd.DataFrame,
    summaries: Mapping[str, pd.DataFrame],
    metrics: Sequence[str],
    cards: Sequence[Mapping[str, Any]],
    asked: str = "",
    words: Mapping[str, str] | None = None,
) -> Figure:
    """Cost against accuracy: one panel per metric of another chapter, one point per model and device.

    Parameters
    ----------
    table : DataFrame
        By model and case.
    summaries : mapping of str to DataFrame
        Summary tables of other chapters by name, such as ``phonons_summary``.
    metrics : sequence of str
        Such as ``phonons_summary.zone_mae_THz``: smaller is better.
    cards : sequence of mapping
        ``model``, ``label``, ``colour``.
    asked : str
        The case that stands for the cost, such as ``MgO-1000``.
    words : mapping of str to str, optional
        What to write beside the axis of a metric; its column's name unless given.
    """
    count = max(1, len(metrics))
    columns = min(2, count)
    rows = -(-count // columns)
    figure, axes = new_figure(rows, columns, width=6.8 if columns > 1 else 4.6, height=0.6 + 3.0 * rows, squeeze=False)
    for spare in axes.flat[count:]:
        spare.set_axis_off()
    case = plane_case(table, asked)
    if case is None or not metrics:
        for panel in axes.flat[:count]:
            say_empty(panel, _NOTHING if metrics else "no metric was chosen")
        return figure
    system, size = case
    chosen = table[(table["ladder"] == system) & (table["size"] == size) & (table["status"] == "ok")]
    atoms = f"{int(chosen['n_atoms'].iloc[0]):,}" if len(chosen) else f"{size:,}"
    for panel, metric in zip(axes.flat, metrics, strict=False):
        _draw_plane(panel, chosen, summaries, metric, cards)
        panel.set_ylabel(fill((words or {}).get(metric, metric), LINE_characters))
        panel.set_xlabel(f"time of a step (s), {atoms} atoms of {system}")
    _legend(figure, chosen, cards)
    return figure


def _draw_plane(
    axes: Axes,
    chosen: pd.DataFrame,
    summaries: Mapping[str, pd.DataFrame],
    metric: str,
    cards: Sequence[Mapping[str, Any]],
) -> None:
    name, _, column = metric.partition(".")
    axes.set_title(name.removesuffix("_summary"), loc="left")
    summary = summaries.get(name)
    if summary is None:
        say_empty(axes, f"this campaign has no table {name}")
        return
    if column not in summary:
        say_empty(axes, f"{name} has no column {column}")
        return
    error_name = error_column(list(summary.columns), column)
    known = summary.set_index("model")
    drawn = False
    for place, card in enumerate(cards):
        rows = chosen[chosen["model"] == card["model"]]
        if rows.empty or card["model"] not in known.index:
            continue
        accuracy = known.loc[[card["model"]], column].astype(float).iloc[0]
        if not np.isfinite(accuracy):
            continue
        error = float(known.loc[[card["model"]], error_name].iloc[0]) if error_name else np.nan
        for _, row in rows.iterrows():
            style = _style(card, row["device"], place) | {"linestyle": "none", "markersize": 7.0}
            axes.errorbar(
                row["step_s"],
                accuracy,
                xerr=[[row["step_s"] - row["step_q10_s"]], [row["step_q90_s"] - row["step_s"]]],
                yerr=error if np.isfinite(error) else None,
                elinewidth=1.0,
                capsize=2.5,
                **style,
            )
            drawn = True
    if not drawn:
        say_empty(axes, "no model has both cost and accuracy")
        return
    axes.margins(x=0.25)
    axes.set_xscale("log")
    _label_decades(axes, "x")
    axes.set_ylim(bottom=0)
    axes.grid(True, which="major", color="0.9", linewidth=0.6)
