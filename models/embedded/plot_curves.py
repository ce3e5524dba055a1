"""Draws curves.csv: plot_curves.py curves.csv curves.png"""

import csv
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main():
    with open(sys.argv[1]) as file:
        rows = list(csv.DictReader(file))
    seen = [int(row["seen"]) / 1000 for row in rows]
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(10, 3.6), dpi=90)
    for axes, what in ((loss, "loss"), (accuracy, "accuracy")):
        axes.plot(seen, [float(row[f"train_{what}"]) for row in rows], label="training (varied pictures)")
        axes.plot(seen, [float(row[f"validation_{what}"]) for row in rows], label="validation (averaged weights)")
        for before, row, at in zip(rows, rows[1:], seen[1:]):
            if row["size"] != before["size"]:
                axes.axvline(at, color="0.8", lw=1)
                axes.annotate(f"{row['size']} px", (at, axes.get_ylim()[1]), fontsize=8, color="0.4", va="top")
        axes.set_xlabel("thousand pictures seen")
        axes.set_ylabel(what)
        axes.legend(fontsize=8)
    accuracy.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(sys.argv[2])


if __name__ == "__main__":
    main()
