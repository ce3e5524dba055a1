"""Ten test pictures of the printed and drawn kind, made with other tools than the training data (Pillow, ImageMagick).

    make_test_pictures.py OUT

The file's name says what the picture shows. Fonts: DejaVu Serif and URW Gothic, which no training picture has.
"""

import math
import random
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

SERIF = "/usr/share/fonts/truetype/dejavu/DejaVuSerif-Bold.ttf"
GOTHIC = "/usr/share/fonts/opentype/urw-base35/URWGothic-Demi.otf"


def desk(size, seed):
    """A desk top: brownish, uneven."""
    rng = random.Random(seed)
    small = Image.new("RGB", (24, 18))
    small.putdata([tuple(c + d for c in (120, 104, 92)) for d in (rng.randint(-16, 16) for _ in range(24 * 18))])
    return small.resize(size, Image.Resampling.BICUBIC)


def on_desk(sheet, corners, seed, size=(400, 300)):
    """A sheet in perspective on a desk, its corners from the top left clockwise."""
    w, h = sheet.size
    rows, right = [], []
    for (x, y), (u, v) in zip(corners, [(0, 0), (w, 0), (w, h), (0, h)]):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    n = 8
    m = [row + [r] for row, r in zip(rows, right)]
    for i in range(n):
        p = max(range(i, n), key=lambda k: abs(m[k][i]))
        m[i], m[p] = m[p], m[i]
        m[i] = [value / m[i][i] for value in m[i]]
        for k in range(n):
            if k != i:
                m[k] = [a - m[k][i] * b for a, b in zip(m[k], m[i])]
    coefficients = [row[n] for row in m]
    picture = desk(size, seed)
    mask = Image.new("L", sheet.size, 255).transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    shadow = Image.new("RGB", size, (30, 25, 22))
    picture.paste(shadow, (5, 7), mask.filter(ImageFilter.GaussianBlur(5)).point(lambda v: v * 0.6))
    flat = sheet.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    picture.paste(flat, (0, 0), mask)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def pen(draw, points, fill, width, rng, jitter=2.5):
    """A line by an unsteady hand: dots of a round pen."""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        steps = int(math.hypot(x1 - x0, y1 - y0)) + 1
        bow = rng.uniform(-jitter, jitter) * 2
        for i in range(steps + 1):
            t = i / steps
            s = math.sin(math.pi * t) * bow
            x, y = x0 + (x1 - x0) * t + s + rng.uniform(-0.4, 0.4), y0 + (y1 - y0) * t - s
            r = width / 2 * (1 + 0.12 * math.sin(7 * t))
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def lined(size=(300, 300)):
    sheet = Image.new("RGB", size, (246, 246, 240))
    draw = ImageDraw.Draw(sheet)
    for y in range(24, size[1], 24):
        draw.line((0, y, size[0], y), fill=(170, 195, 225))
    return sheet, draw


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(5)

    def save(picture, name):
        picture.convert("RGB").save(out / f"{name}.jpg", quality=82)

    sheet, draw = lined()
    outer = [(150 + (112 if i % 2 == 0 else 46) * math.sin(math.tau * i / 10),
              155 - (112 if i % 2 == 0 else 46) * math.cos(math.tau * i / 10)) for i in range(11)]
    pen(draw, outer, (30, 60, 160), 7, rng)
    save(on_desk(sheet, [(96, 22), (322, 38), (300, 282), (70, 262)], 1), "a star")

    sheet = Image.new("RGB", (300, 300), (250, 248, 244))
    draw = ImageDraw.Draw(sheet)
    heart = [(150 + 8 * 16 * math.sin(t) ** 3 * 0.85,
              140 - 7 * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)))
             for t in (math.tau * i / 60 for i in range(61))]
    draw.polygon(heart, fill=(200, 30, 45))
    save(on_desk(sheet, [(110, 10), (330, 50), (290, 290), (60, 240)], 2), "a heart")

    sheet = Image.new("RGB", (300, 300), (250, 225, 110))
    draw = ImageDraw.Draw(sheet)
    pen(draw, [(150 + 105 * math.cos(math.tau * i / 36), 150 + 100 * math.sin(math.tau * i / 36)) for i in range(37)],
        (25, 25, 30), 7, rng, 1)
    for x in (112, 186):
        draw.ellipse((x - 9, 108, x + 9, 134), fill=(25, 25, 30))
    pen(draw, [(95, 180), (118, 206), (150, 216), (182, 205), (205, 178)], (25, 25, 30), 7, rng, 1)
    save(on_desk(sheet, [(80, 30), (300, 16), (325, 270), (95, 284)], 3), "a smiley")

    sheet, draw = lined()
    pen(draw, [(150 + (6 + 5.3 * t) * math.cos(t), 150 + (6 + 5.3 * t) * math.sin(t))
               for t in (math.tau * 3.1 * (i / 120) for i in range(121))], (170, 20, 40), 7, rng, 0.6)
    save(on_desk(sheet, [(70, 20), (310, 30), (320, 280), (85, 275)], 4), "a spiral")

    sheet = Image.new("RGB", (300, 300), (252, 252, 252))
    ImageDraw.Draw(sheet).text((150, 150), "K", font=ImageFont.truetype(SERIF, 250), fill=(20, 20, 24), anchor="mm")
    save(on_desk(sheet, [(85, 25), (315, 40), (305, 280), (75, 270)], 5), "the letter K")

    sheet = Image.new("RGB", (300, 300), (40, 92, 70))
    ImageDraw.Draw(sheet).text((150, 150), "2", font=ImageFont.truetype(GOTHIC, 250), fill=(240, 240, 230), anchor="mm")
    save(on_desk(sheet, [(75, 35), (295, 15), (330, 265), (90, 290)], 6), "the digit 2")

    sheet = Image.new("RGB", (300, 300), (248, 248, 246))
    draw = ImageDraw.Draw(sheet)
    pen(draw, [(50, 210), (215, 100)], (15, 100, 70), 15, rng)
    pen(draw, [(150, 85), (240, 84), (205, 165)], (15, 100, 70), 15, rng)
    save(on_desk(sheet, [(90, 15), (330, 45), (300, 290), (65, 255)], 7), "an arrow")

    # ImageMagick: no perspective but barrel distortion, blur and noise of its own.
    def magick(name, *arguments):
        camera = ["-distort", "Barrel", "0.0 0.04 -0.06", "-blur", "0x0.8", "-attenuate", "0.25", "+noise", "Gaussian",
                  "-quality", "82", str(out / f"{name}.jpg")]
        subprocess.run(["convert", "-seed", "7", *arguments, *camera], check=True)

    magick("checks", "-size", "400x300", "pattern:checkerboard", "-scale", "250%", "-gravity", "center", "-crop",
           "400x300+0+0", "+repage", "-level", "20%,80%", "+level-colors", "#203a72,#f2f0e6", "-rotate", "12", "-gravity", "center",
           "-crop", "400x300+0+0", "+repage")
    magick("a triangle", "-size", "400x300", "gradient:#b9c4cc-#7d8a94", "-fill", "#f4f2ea", "-draw",
           "polygon 92,30 322,44 308,276 78,262", "-fill", "none", "-stroke", "#c2410c", "-strokewidth", "9", "-draw",
           "polygon 198,70 280,226 118,222")
    magick("rings", "-size", "400x300", "xc:#d8d2c4", "-fill", "none", "-stroke", "#1d4ed8", "-strokewidth", "11", "-draw",
           "circle 200,150 200,30 circle 200,150 200,62 circle 200,150 200,94 circle 200,150 200,126")


if __name__ == "__main__":
    main()
