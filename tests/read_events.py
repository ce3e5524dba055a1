#!/usr/bin/env python3
"""Print as JSON what TensorBoard reads from a folder of event files.

    python tests/read_events.py FOLDER [VALUES.json]

`accumulated` is what EventAccumulator finds in the file as it is, `dashboards` what the dashboards
get after TensorBoard's conversion to tensors. VALUES.json holds lists of numbers by name;
`reference` has TensorBoard's own buckets [left, right, count] of each. Numbers that are not finite
are strings. Where TensorBoard is not installed the exit status is 77.
"""
import base64
import json
import math
import pathlib
import sys

try:
    from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] != "tensorboard":
        raise
    sys.exit(77)
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.util import tensor_util

# 0 keeps everything; by default all but the last picture and histogram would be dropped.
ALL = {name: 0 for name in ("scalars", "images", "histograms", "compressedHistograms", "tensors")}


def number(value):
    value = float(value)
    return value if math.isfinite(value) else str(value)


def numbers(rows):
    return [[number(value) for value in row] for row in rows]


def accumulated(folder):
    events = event_accumulator.EventAccumulator(folder, size_guidance=ALL)
    events.Reload()
    tags = events.Tags()
    return {
        "file_version": events.file_version,
        "other_tags": [tag for name in ("audio", "tensors") for tag in tags[name]],
        "scalars": {
            tag: [[e.step, number(e.value), e.wall_time] for e in events.Scalars(tag)]
            for tag in tags["scalars"]
        },
        "histograms": {
            tag: [
                {
                    "step": e.step,
                    "min": e.histogram_value.min,
                    "max": e.histogram_value.max,
                    "num": e.histogram_value.num,
                    "sum": e.histogram_value.sum,
                    "sum_squares": e.histogram_value.sum_squares,
                    "limits": list(e.histogram_value.bucket_limit),
                    "counts": list(e.histogram_value.bucket),
                }
                for e in events.Histograms(tag)
            ]
            for tag in tags["histograms"]
        },
        "images": {
            tag: [
                [e.step, e.width, e.height, base64.b64encode(e.encoded_image_string).decode()]
                for e in events.Images(tag)
            ]
            for tag in tags["images"]
        },
    }


def dashboards(folder):
    events = plugin_event_accumulator.EventAccumulator(folder, size_guidance=ALL)
    events.Reload()
    arrays = {
        plugin: {
            tag: [[e.step, tensor_util.make_ndarray(e.tensor_proto)] for e in events.Tensors(tag)]
            for tag in events.PluginTagToContent(plugin)
        }
        for plugin in ("scalars", "histograms", "images")
    }
    return {
        "scalars": {
            tag: [[step, number(array)] for step, array in series]
            for tag, series in arrays["scalars"].items()
        },
        "histograms": {
            tag: [[step, numbers(array)] for step, array in series]
            for tag, series in arrays["histograms"].items()
        },
        "images": {
            tag: [[step, int(array[0]), int(array[1])] for step, array in series]
            for tag, series in arrays["images"].items()
        },
    }


def reference(path):
    values = json.loads(pathlib.Path(path).read_text())
    return {
        name: numbers(tensor_util.make_ndarray(histogram_pb(name, data).value[0].tensor))
        for name, data in values.items()
    }


def main(folder, values=None):
    found = {"accumulated": accumulated(folder), "dashboards": dashboards(folder)}
    if values:
        found["reference"] = reference(values)
    json.dump(found, sys.stdout, allow_nan=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
