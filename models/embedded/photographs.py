"""Picks the photographs that are backgrounds, from unpacked Debian packages, as photographs.csv lists them.

    photographs.py UNPACKED OUT

They are shrunk to 720 pixels; transparent ones get a plain ground. Writes OUT/train and OUT/held-out.
"""

import csv
import hashlib
import sys
from pathlib import Path

from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def main():
    unpacked, out = Path(sys.argv[1]), Path(sys.argv[2])
    with (Path(__file__).parent / "photographs.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        folder = out / row["half"]
        folder.mkdir(parents=True, exist_ok=True)
        source = unpacked / row["package"] / row["file"]
        image = Image.open(source)
        if image.mode != "RGB":
            image = image.convert("RGBA")
            digest = int(hashlib.md5(row["file"].encode()).hexdigest(), 16)
            ground = Image.new("RGBA", image.size, tuple((digest >> shift) % 200 + 40 for shift in (0, 8, 16)) + (255,))
            ground.alpha_composite(image)
            image = ground.convert("RGB")
        image.thumbnail((720, 720))
        name = f"{row['package']}__{row['file'].replace('/', '_')}"
        image.save(folder / f"{Path(name).stem}.jpg", quality=88)


if __name__ == "__main__":
    main()
