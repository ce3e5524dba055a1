#!/usr/bin/env python3
"""Makes tests/data/animations: files of several pictures, and what their pictures are.

Usage: python3 scripts/make_animation_fixtures.py [FOLDER]

Needs pillow, tifffile and ffmpeg. NAME.gif, .webp, .png, .tif hold pictures; NAME-right.png has them below each other, as
Pillow (PNG: ffmpeg; TIFF: as they were drawn) composes them, over white.
"""
import pathlib
import struct
import subprocess
import sys

import numpy as np
import tifffile
from PIL import Image, ImageDraw

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "tests/data/animations")
OUT.mkdir(parents=True, exist_ok=True)
SIZE = (20, 14)


def drawn(number, background):
    """A square that moves and changes its colour."""
    frame = Image.new("RGBA", SIZE, background)
    left = 2 + 4 * number
    colour = [(200, 30, 20), (20, 140, 60), (30, 60, 200), (190, 150, 20)][number]
    ImageDraw.Draw(frame).rectangle([left, 3, left + 5, 8], fill=colour)
    return frame


def right(name, frames):
    over_white = [Image.alpha_composite(Image.new("RGBA", SIZE, "white"), frame.convert("RGBA")) for frame in frames]
    column = Image.new("RGB", (SIZE[0], SIZE[1] * len(frames)))
    for number, frame in enumerate(over_white):
        column.paste(frame.convert("RGB"), (0, SIZE[1] * number))
    column.save(OUT / f"{name}-right.png", optimize=True)


def read(path):
    if path.suffix == ".png":
        # Pillow 13.0.0 does not go back to the picture before where that is asked for.
        command = ["ffmpeg", "-v", "error", "-f", "apng", "-i", path, "-fps_mode", "passthrough", "-pix_fmt", "rgba"]
        frames = subprocess.run([*command, "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
        step = SIZE[0] * SIZE[1] * 4
        return [Image.frombytes("RGBA", SIZE, frames[at:at + step]) for at in range(0, len(frames), step)]
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(image.convert("RGBA"))
        return frames


def moving(name, ending, background, **options):
    frames = [drawn(number, background) for number in range(4)]
    path = OUT / f"{name}.{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[200, 100, 300, 10], loop=0, **options)
    seen = read(path)
    assert len(seen) == 4, path
    right(name, seen)


grey, clear = (90, 90, 90, 255), (0, 0, 0, 0)
moving("kept", "gif", grey, disposal=1)
moving("cleared", "gif", clear, disposal=2)
moving("restored", "gif", grey, disposal=[1, 3, 3, 0])
moving("mixed", "gif", clear, disposal=[1, 3, 2, 0])
moving("over", "png", clear, disposal=[0, 2, 1, 0], blend=[0, 1, 1, 1])
moving("source", "png", grey, disposal=[1, 0, 2, 0], blend=0)
moving("default", "png", grey, default_image=False)
moving("webp", "webp", grey, lossless=True)
moving("webp_clear", "webp", clear, lossless=True, minimize_size=True)

# One picture each, though of formats that move.
drawn(0, grey).convert("RGB").save(OUT / "still.gif")
drawn(0, grey).save(OUT / "still.webp", lossless=True)

pages = [np.asarray(drawn(number, grey).convert("RGB")) for number in range(3)]
for name, byteorder, big, options in (
    ("little", "<", False, {}),
    ("big", ">", False, {"compression": "zlib", "rowsperstrip": 5}),
    ("bigtiff", "<", True, {"tile": (16, 16)}),
):
    with tifffile.TiffWriter(OUT / f"{name}.tif", byteorder=byteorder, bigtiff=big) as writer:
        for number, page in enumerate(pages):
            # A smaller copy between is no page.
            writer.write(page, photometric="rgb", metadata=None, **options)
            if number == 0:
                writer.write(page[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    right(name, [Image.fromarray(page) for page in pages])

# As ImageJ itself saves a stack: one directory, and all pictures behind each other, the most significant byte first.
grey_pages = [page.mean(2).astype("u1") for page in pages]
text = b"ImageJ=1.53t\nimages=3\nslices=3\n\0"
entries = [(254, 4, 1, 0), (256, 4, 1, SIZE[0]), (257, 4, 1, SIZE[1]), (258, 3, 1, 8 << 16), (262, 3, 1, 1 << 16),
           (270, 2, len(text), 8 + 2 + 12 * 10 + 4), (273, 4, 1, 200), (277, 3, 1, 1 << 16), (278, 3, 1, SIZE[1] << 16),
           (279, 4, 1, SIZE[0] * SIZE[1])]
head = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + b"".join(struct.pack(">HHII", *entry) for entry in entries) + bytes(4) + text
(OUT / "imagej.tif").write_bytes(head.ljust(200, b"\0") + b"".join(page.tobytes() for page in grey_pages))
right("imagej", [Image.fromarray(page) for page in grey_pages])
