#!/usr/bin/env python3
"""Draws the tables of docs/performance.md as curves: plot_scale.py PERFORMANCE.MD OUT.SVG. Wants matplotlib."""

import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "convscope", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11})
import matplotlib.pyplot as plt  # noqa: E402


def table(text, title):
    """The rows below the heading that begins with `title`: a list of cells by the table's own headings."""
    lines = text[text.index(f"#### {title}") :].splitlines()[1:]
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return [dict(zip(rows[0], row)) for row in rows[2:]]


def numbers(rows, column):
    return [float(row[column]) for row in rows]


def megapixels(size):
    width, height = size.split("×")
    return int(width) * int(height) / 1e6


def main():
    source, target = sys.argv[1:]
    text = open(source, encoding="utf-8").read()
    figure, axes = plt.subplots(2, 3, figsize=(14.5, 7.8), layout="constrained")

    def draw(axis, title, along, x, curves, ticks=None, log=False):
        for label, y in curves:
            axis.plot(x, y, marker="o", label=label)
        if log:
            axis.set_xscale("log", base=2)
        axis.set_xticks(x, ticks or [f"{value:g}" for value in x])
        axis.minorticks_off()
        # Room for the names above the curves.
        axis.set_ylim(0, 1.4 * max(max(y) for _, y in curves))
        axis.set(title=title, xlabel=along, ylabel="ms")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=9.5, loc="upper left", ncols=2)

    rows = table(text, "Tiles")
    columns = ["tiles alone", "present", "network alone, a frame", "with tiles, a frame"]
    x = numbers(rows, "--tiles")
    draw(axes[0][0], "More tiles (1920×1080)", "tiles", x, [(c, numbers(rows, c)) for c in columns], log=True)

    rows = table(text, "View")
    x = [megapixels(row["--size"]) for row in rows]
    columns = ["layout", "tiles alone", "present", "with tiles, a frame"]
    draw(axes[0][1], "A larger window", "million pixels", x, [(c, numbers(rows, c)) for c in columns],
         [f"{value:.1f}" for value in x], log=True)

    rows = table(text, "Taps")
    columns = ["hand-over", "statistics", "network", "with tiles, a frame"]
    draw(axes[0][2], "More layers tapped", "layers", numbers(rows, "taps"), [(c, numbers(rows, c)) for c in columns])

    rows = table(text, "Camera frames")
    x = [megapixels(row["--frame-size"]) for row in rows]
    columns = ["upload", "preprocess", "present", "latency"]
    draw(axes[1][0], "Larger camera frames", "million pixels", x, [(c, numbers(rows, c)) for c in columns],
         [f"{value:.1f}" for value in x], log=True)

    rows = table(text, "Pictures of a folder")
    x = numbers(rows, "pictures")
    curves = [(c, [float(row[c]) / float(row["pictures"]) for row in rows]) for c in rows[0] if "picture" not in c]
    draw(axes[1][1], "More pictures in a folder", "pictures", x, curves, log=True)
    axes[1][1].set_ylabel("ms a picture")

    lines = [line for line in text.splitlines() if line.startswith("|")]
    start = next(at for at, line in enumerate(lines) if line.startswith("| contestant"))
    peers = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 :]]
    peers = [peer for peer in peers if len(peer) == 8]
    names = [peer[0].replace("pytorch+channels-last", "pytorch, cl") for peer in peers]
    colors = ["tab:orange" if name == "convscope" else "tab:blue" for name in names]
    bars = axes[1][2].barh(names, [float(peer[1]) for peer in peers], color=colors)
    axes[1][2].bar_label(bars, fmt="%.0f", padding=3)
    axes[1][2].invert_yaxis()
    axes[1][2].set(title="One picture on the CPU", xlabel="ms (cl: channels last)")
    axes[1][2].margins(x=0.14)
    figure.savefig(target, metadata={"Date": None})


main()
