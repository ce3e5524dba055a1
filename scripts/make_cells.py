#!/usr/bin/env python3
"""tests/data/cells.json: what NumPy says of the cells of small layers.

Principal components by the singular value decomposition of the centred cells, in float64, the entry of each direction that
is farthest from zero positive; and cosines of one cell with all cells. Layers are float32, of few cells and many channels as
well as the other way round.

    python3 scripts/make_cells.py
"""

import json
from pathlib import Path

import numpy

COUNT = 3


def components(cells, shown):
    """Of [cells, channels]; `shown` is projected."""
    mean = cells.mean(axis=0)
    _, strengths, directions = numpy.linalg.svd(cells - mean, full_matrices=False)
    directions = directions[:COUNT]
    farthest = numpy.abs(directions).argmax(axis=1)
    directions *= numpy.sign(directions[numpy.arange(COUNT), farthest])[:, None]
    variance = strengths**2 / (len(cells) - 1)
    return {
        "mean": rounded(mean),
        "directions": [rounded(direction) for direction in directions],
        "variance": rounded(variance[:COUNT]),
        "explained": rounded(variance[:COUNT] / variance.sum()),
        "projected": rounded(((shown - mean) @ directions.T).T),
    }


def rounded(values):
    return [float(f"{value:.8g}") for value in numpy.asarray(values).ravel()]


def picture(random, shape):
    """Maps as after a ReLU: some structure, and noise."""
    channels, height, width = shape
    rank = 5
    places = random.standard_normal((rank, height * width)) * numpy.linspace(3, 1, rank)[:, None]
    values = random.standard_normal((channels, rank)) @ places / rank + 0.1 * random.standard_normal((channels, height * width))
    return numpy.maximum(values, 0).astype(numpy.float32).round(4)


def likeness(random, shape):
    maps = picture(random, shape)
    maps[:, 3] = 0  # A cell without a direction.
    other = picture(random, shape)
    at = 6
    cells = maps.astype(numpy.float64).T

    def cosines(cell, cells):
        lengths = numpy.linalg.norm(cells, axis=1) * numpy.linalg.norm(cell)
        return rounded(numpy.divide(cells @ cell, lengths, out=numpy.zeros(len(cells)), where=lengths > 0))

    return {
        "shape": shape,
        "maps": rounded(maps),
        "other": rounded(other),
        "cell": [at // shape[2], at % shape[2]],
        "own": cosines(cells[at], cells),
        "with_other": cosines(other.astype(numpy.float64).T[at], cells),
    }


def main():
    random = numpy.random.default_rng(20)
    cases = []
    for shape in ([4, 5, 6], [24, 3, 4]):
        pictures = [picture(random, shape) for _ in range(2)]
        cells = [maps.astype(numpy.float64).T for maps in pictures]
        cases.append(
            {
                "shape": shape,
                "pictures": [rounded(maps) for maps in pictures],
                "each": [components(own, cells[0]) for own in cells],
                "together": components(numpy.concatenate(cells), cells[0]),
            }
        )
    document = {"components": cases, "likeness": likeness(random, [5, 3, 4])}
    path = Path(__file__).resolve().parent.parent / "tests/data/cells.json"
    path.write_text(json.dumps(document) + "\n")


main()
