#!/usr/bin/env python3
"""Makes tests/data/pictures: tiny pictures of the kinds that decoders disagree on, and their right pixels.

Usage: python3 scripts/make_picture_fixtures.py

Needs pillow, numpy, tifffile, imagecodecs, pillow-heif, and cjpeg (libjpeg-turbo-progs). NAME.* is one of the kinds;
right/NAME.png is what Pillow (libjpeg, libtiff, libheif) makes of it, unless it is one of the scene's own: scene.png, grey.png.
"""
import pathlib
import struct
import subprocess

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageDraw

OUT = pathlib.Path(__file__).parent.parent / "tests/data/pictures"
RIGHT = OUT / "right"
RIGHT.mkdir(parents=True, exist_ok=True)
WIDTH, HEIGHT = 52, 36

x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
scene = Image.fromarray(np.dstack([250 - 90 * x, 240 - 80 * y, 190 + 60 * x * y]).round().astype("u1"))
draw = ImageDraw.Draw(scene)
for row, colour in enumerate(["red", "yellow", "lime", "cyan", "blue", "magenta"]):
    draw.rectangle([0, row * 6, 5, row * 6 + 5], fill=colour)
draw.polygon([(30, 4), (44, 30), (14, 24)], fill=(120, 20, 30))
grey = scene.convert("L")
pixels, levels = np.asarray(scene), np.asarray(grey)
scene.save(RIGHT / "scene.png")
grey.convert("RGB").save(RIGHT / "grey.png")


def keep(name, image=None):
    (image or Image.open(OUT / name)).convert("RGB").save((RIGHT / name).with_suffix(".png"))


def cjpeg(name, *options, source="scene"):
    image = {"scene": scene, "grey": grey}[source]
    image.save(OUT / "source.ppm")
    subprocess.run(["cjpeg", "-quality", "90", *options, "-outfile", OUT / name, OUT / "source.ppm"], check=True)
    (OUT / "source.ppm").unlink()
    keep(name)


# JPEG.
scene.save(OUT / "baseline.jpg", quality=90)
keep("baseline.jpg")
cjpeg("progressive.jpg", "-progressive")
cjpeg("restart.jpg", "-restart", "1")
cjpeg("arithmetic.jpg", "-arithmetic")
cjpeg("coarse_brightness.jpg", "-sample", "1x1,2x2,2x2")
cjpeg("sampling_4_1_0.jpg", "-sample", "4x2")
cjpeg("sampling_3_1.jpg", "-sample", "3x1")
for name, scans in {"scans_each": "0;1;2;", "scans_grouped": "0;1 2;", "scans_backwards": "2;1;0;"}.items():
    script = OUT / "scans.txt"
    script.write_text(scans.replace(";", ";\n"))
    cjpeg(f"{name}.jpg", "-sample", "2x2", "-scans", script)
    script.unlink()
data, kept, at = (OUT / "baseline.jpg").read_bytes(), b"\xff\xd8", 2
while data[at + 1] != 0xDA:
    size = 2 + int.from_bytes(data[at + 2:at + 4], "big")
    kept += data[at:at + size] if data[at + 1] != 0xC4 else b""
    at += size
(OUT / "no_tables.jpg").write_bytes(kept + data[at:])
twelve = levels.astype("u2") * 16 + levels // 16
(OUT / "grey_12bit.jpg").write_bytes(imagecodecs.jpeg8_encode(twelve, bitspersample=12, level=100))
(OUT / "lossless_16bit.jpg").write_bytes(imagecodecs.jpeg8_encode(levels.astype("u2") * 257, lossless=True, bitspersample=16))

# TIFF.
scene.quantize(40).save(OUT / "palette.tif")
keep("palette.tif")
scene.convert("YCbCr").save(OUT / "ycbcr.tif")
scene.convert("LAB").save(OUT / "lab.tif")
grey.convert("1").save(OUT / "fax_group3.tif", compression="group3")
keep("fax_group3.tif")
tifffile.imwrite(OUT / "big.tif", pixels, bigtiff=True, photometric="rgb", byteorder=">", compression="zlib", predictor=True)
tifffile.imwrite(OUT / "jpeg_tiled.tif", pixels, photometric="rgb", compression="jpeg", tile=(16, 16), subsampling=(2, 2))
keep("jpeg_tiled.tif")
cmyk = scene.convert("CMYK")
tifffile.imwrite(OUT / "cmyk_planar.tif", np.asarray(cmyk).transpose(2, 0, 1), photometric="separated", planarconfig="separate")
keep("cmyk_planar.tif", cmyk)
five = np.dstack([pixels, levels, levels]).transpose(2, 0, 1)
tifffile.imwrite(OUT / "five_bands.tif", five, photometric="minisblack", planarconfig="separate")
opacity = np.broadcast_to(np.linspace(0, 255, WIDTH), levels.shape).round().astype("u1")
straight = Image.fromarray(np.dstack([pixels, opacity]))
white = Image.new("RGBA", scene.size, "white")
multiplied = np.dstack([(pixels * (opacity[..., None] / 255)).round().astype("u1"), opacity])
tifffile.imwrite(OUT / "alpha_straight.tif", np.asarray(straight), photometric="rgb", extrasamples=["unassalpha"])
tifffile.imwrite(OUT / "alpha_multiplied.tif", multiplied, photometric="rgb", extrasamples=["assocalpha"])
keep("alpha.png", Image.alpha_composite(white, straight))
with tifffile.TiffWriter(OUT / "thumbnail_first.tif") as file:
    file.write(pixels[::4, ::4], photometric="rgb", subfiletype=1)
    file.write(pixels, photometric="rgb", compression="packbits")
for name, samples in {"half.tif": (levels / 255).astype("f2"), "double.tif": levels / 255, "uint32.tif": levels.astype("u4") * 0x01010101,
                      "fractions_255.tif": levels.astype("f4"), "thermal.tif": 29315 + levels.astype("u2") * 4,
                      "signed.tif": levels.astype("i2") * 10 - 1000}.items():
    tifffile.imwrite(OUT / name, samples, compression="zlib")
Image.fromarray(levels.astype("u2") * 16).save(OUT / "12_in_16.png")


def packed_grey(name, bits):
    """Grey of less than 8 bits in one strip, not compressed, its rows filled up to whole bytes."""
    values = (levels.astype("u4") * (2**bits - 1) + 127) // 255
    rows = np.packbits(((values[..., None] >> np.arange(bits)[::-1]) & 1).reshape(HEIGHT, -1).astype("u1"), axis=1).tobytes()
    entries = [(256, WIDTH), (257, HEIGHT), (258, bits), (259, 1), (262, 0), (273, 8), (277, 1), (278, HEIGHT), (279, len(rows))]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    (OUT / name).write_bytes(struct.pack("<2sHI", b"II", 42, 8 + len(rows)) + rows + struct.pack("<H", len(entries)) + table + bytes(4))
    keep(name, Image.fromarray((255 - values * 255 // (2**bits - 1)).astype("u1")))


packed_grey("grey_2bit.tif", 2)
packed_grey("grey_4bit.tif", 4)

# HEIC.
pillow_heif.register_heif_opener()
scene.save(OUT / "picture.heic", quality=95, chroma=444)
keep("picture.heic")
