#!/usr/bin/env python3
"""Write tests/data/weights: small pickled weight files, good ones and hostile ones, for the tests of src/weights/torch.rs.

    pip install torch numpy
    python scripts/make_weight_fixtures.py [--out tests/data/weights]

The good files are written by PyTorch itself, or by pickle as PaddlePaddle uses it; the hostile ones are put together
instruction by instruction. Nothing here loads a pickle. What each file must be read as, or refused with, stands in
src/weights/torch/tests.rs. The older format names storages by their address, so those files differ with each run.
"""
import argparse
import collections
import datetime
import enum
import functools
import io
import os
import pathlib
import pickle
import struct
import warnings
import zipfile

import numpy as np
import torch

LARGEST = 20_000


def thirds(start, *shape, dtype=torch.float32):
    """(start + i) / 3, each rounded to f32 and then to the type."""
    count = int(np.prod(shape, dtype=int))
    values = np.arange(start, start + count, dtype=np.float32) / np.float32(3)
    return torch.from_numpy(values.reshape(shape)).to(dtype)


def state_dict(dtype=torch.float32):
    """A convolution, its normalisation and a classifier, in this order."""
    return collections.OrderedDict([
        ("Conv2d_1a_3x3.conv.weight", thirds(-6, 2, 3, 2, 1, dtype=dtype)),
        ("Conv2d_1a_3x3.bn.weight", thirds(1, 2, dtype=dtype)),
        ("Conv2d_1a_3x3.bn.bias", thirds(3, 2, dtype=dtype)),
        ("Conv2d_1a_3x3.bn.running_mean", thirds(5, 2, dtype=dtype)),
        ("Conv2d_1a_3x3.bn.running_var", thirds(7, 2, dtype=dtype)),
        ("Conv2d_1a_3x3.bn.num_batches_tracked", torch.tensor(1234)),
        ("fc.weight", thirds(100, 3, 2, dtype=dtype)),
        ("fc.bias", thirds(-1, 3, dtype=dtype)),
    ])


def views():
    """Tensors that are not their storage: turned, cut out, every other, shared, channels last, a single number."""
    base = torch.arange(24, dtype=torch.float32)
    return collections.OrderedDict([
        ("turned", base.reshape(4, 6).t()),
        ("cut", base[5:9]),
        ("every_other", base.reshape(4, 6)[1:4:2, ::3]),
        ("shared", base.reshape(2, 12)),
        ("channels_last", torch.arange(16.).reshape(2, 2, 2, 2).to(memory_format=torch.channels_last)),
        ("one", torch.tensor(0.5)),
        ("none", torch.zeros(0, 3)),
    ])


def checkpoint():
    """As training scripts write it: the state dict of a DataParallel among other things."""
    wrapped = collections.OrderedDict(("module." + name, value) for name, value in state_dict().items())
    wrapped._metadata = collections.OrderedDict({"module": {"version": 1}})
    return {
        "epoch": 90,
        "arch": "inception_v3",
        "args": argparse.Namespace(lr=0.1, seed=None, device=torch.device("cpu")),
        "best_acc1": torch.tensor(76.5),
        "best_loss": np.float64(0.25),
        "optimizer": {"state": {0: {"exp_avg": thirds(0, 2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "state_dict": wrapped,
    }


def torch_bytes(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def paddle(dtype=np.float32):
    """As paddle.save writes the state dict of a layer."""
    arrays = {
        "conv.weight": thirds(-6, 2, 3, 2, 1).numpy().astype(dtype),
        "bn._mean": thirds(5, 2).numpy().astype(dtype),
        "fc.weight": np.asfortranarray(thirds(100, 2, 3).numpy().astype(dtype)),
        "fc.bias": thirds(0, 0).numpy().astype(dtype),
        "steps": np.array([3], dtype=np.int64),
    }
    return {**arrays, "StructuredToParameterName@@": {name: f"var_{name}" for name in arrays}}


class Named:
    """A tensor inside a nested dictionary: PaddlePaddle has it pickled as `tuple((name, array))`."""

    def __init__(self, name, array):
        self.name, self.array = name, array

    def __reduce__(self):
        return (tuple, ((self.name, self.array),))


# Pickles by hand ------------------------------------------------------------------------------------------------------

def text(value):
    raw = value.encode("utf-8")
    return b"X" + struct.pack("<I", len(raw)) + raw


def text2(value):
    """A text of Python 2."""
    raw = value.encode("ascii")
    return b"U" + bytes([len(raw)]) + raw


def name(module, attribute):
    return b"c" + f"{module}\n{attribute}\n".encode()


def number(value):
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw if abs(value) >> 31 else b"J" + struct.pack("<i", value)


def several(*items):
    return b"(" + b"".join(items) + b"t"


def numbers(*values):
    return several(*map(number, values))


def program(*instructions, protocol=2):
    return b"\x80" + bytes([protocol]) + b"".join(instructions) + b"."


def dictionary(*pairs):
    return b"}(" + b"".join(part for pair in pairs for part in pair) + b"u"


def storage(key, count, kind="FloatStorage", *view, text=text):
    return several(text("storage"), name("torch", kind), text(key), text("cpu"), number(count), *view) + b"Q"


def tensor(stored, offset, shape, strides):
    hooks = name("collections", "OrderedDict") + b")R"
    parts = several(stored, number(offset), numbers(*shape), numbers(*strides), b"\x89", hooks)
    return name("torch._utils", "_rebuild_tensor_v2") + parts + b"R"


def archive(pickled, storages, byteorder=b"little", compression=zipfile.ZIP_STORED):
    """A zip archive as torch.save lays it out, but for the compression of the storages."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for path, raw in {"data.pkl": pickled, "byteorder": byteorder, **storages}.items():
            made.writestr(zipfile.ZipInfo("archive/" + path), raw, compression if path in storages else None)
    return file.getvalue()


def one_tensor(offset=0, shape=(2,), strides=(1,), count=2, key="0", raw=struct.pack("<2f", 1, 2), **options):
    """A file of the one tensor `w`, by default a good one."""
    pickled = program(dictionary((text("w"), tensor(storage(key, count), offset, shape, strides))))
    return archive(pickled, {"data/0": raw}, **options)


def old():
    """As PyTorch 0.1.11 on Python 2 saved it in 2017: tensors are made empty and filled; texts are bytes; one storage
    is a view of another."""
    def legacy(kind, stored, offset, shape, strides):
        state = several(stored, number(offset), numbers(*shape), numbers(*strides))
        return name("torch", kind) + b")R" + state + b"b"

    root = storage("7001", 6, "FloatStorage", b"N", text=text2)
    view = several(text2("7002"), number(2), number(3))
    part = storage("7001", 6, "FloatStorage", view, text=text2)
    parameter = name("torch.nn.parameter", "Parameter") + legacy("FloatTensor", part, 1, [2], [1]) + b"\x85R"
    flags = b"\x88\x89N\x87b"
    pairs = b"](" + b"".join(b"](" + text2(key) + value + b"e" for key, value in [
        ("turned", legacy("FloatTensor", root, 0, [3, 2], [1, 3])),
        ("parameter", parameter + flags),
        ("half", legacy("HalfTensor", storage("7003", 1, "HalfStorage", b"N", text=text2), 0, [1], [1])),
    ]) + b"e"
    system = dictionary((text2("protocol_version"), number(1001)), (text2("little_endian"), b"\x88"))
    return b"".join([
        pickle.dumps(0x1950a86a20f9469cfc6c, protocol=2),
        program(number(1001)),
        program(system),
        program(name("collections", "OrderedDict") + pairs + b"\x85R"),
        program(b"](" + text2("7001") + text2("7003") + b"e"),
        struct.pack("<q6f", 6, *range(6)),
        struct.pack("<qe", 1, 0.5),
    ])


class Runs:
    """What an attacker puts into a checkpoint."""

    def __reduce__(self):
        return (os.system, ("touch convscope-was-here",))


def scripted():
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file)
    return file.getvalue()


def array(shape, code, content):
    made = name("numpy.core.multiarray", "_reconstruct") + several(name("numpy", "ndarray"), numbers(0), text("b")) + b"R"
    dtype = name("numpy", "dtype") + several(text(code[1:]), b"\x89", b"\x88") + b"R"
    dtype += several(number(3), text(code[0]), b"NNN", number(-1), number(-1), number(0)) + b"b"
    return made + several(number(1), numbers(*shape), dtype, b"\x89", content) + b"b"


def from_buffer(*axes, order="K"):
    """How protocol 5 writes an array of 1 x 2 numbers."""
    dtype = name("numpy", "dtype") + several(text("f4"), b"\x89", b"\x88") + b"R"
    raw = b"\x96" + struct.pack("<Q2f", 8, 1, 2)
    return name("numpy._core.numeric", "_frombuffer") + several(raw, dtype, numbers(1, 2), text(order), several(*axes)) + b"R"


def latin1(value):
    return name("_codecs", "encode") + several(text(value), text("latin1")) + b"R"


def one_array(*given):
    return program(dictionary((text("w"), array(*given))))


class Phase(enum.Enum):
    TRAIN = 1


class OwnTensor(torch.Tensor):
    """What fastai, for one, makes of tensors."""


def objects():
    """A checkpoint with what training scripts put beside the weights."""
    itself = ([],)
    itself[0].append(itself)
    things = {
        "counter": collections.Counter([3, 5]), "set": {1, 2}, "frozenset": frozenset({1}), "bytearray": bytearray(b"abc"),
        "deque": collections.deque([1, 2]), "layout": torch.strided, "sparse": torch.eye(2).to_sparse(), "slice": slice(1),
        "path": pathlib.PurePosixPath("data/train"), "date": datetime.datetime(2024, 5, 17), "enum": Phase.TRAIN,
        "class": {torch.nn.Linear: 1}, "generator": np.random.default_rng(0), "loss": torch.nn.CrossEntropyLoss(),
        "partial": functools.partial(torch.nn.LayerNorm, eps=1e-6), "itself": itself, "function": thirds,
        "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "meta": torch.ones(2, device="meta"),
    }
    return {"model_state_dict": state_dict(), "epoch": 3, "things": things, **things}


def reparametrized():
    """Layers whose kernels PyTorch computes before each use, in evaluation, and what it computes."""
    from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
    torch.manual_seed(7)
    conv, linear = lambda: torch.nn.Conv2d(2, 3, (1, 2)), lambda: torch.nn.Linear(4, 3)
    transposed = lambda: torch.nn.ConvTranspose2d(2, 3, (1, 2))
    both = weight_norm(conv())
    layers = {
        "pruned": prune.random_unstructured(conv(), "weight", amount=0.4),
        "pruned_linear": prune.l1_unstructured(linear(), "weight", amount=0.4),
        "spectral": spectral_norm(conv()), "spectral_transposed": spectral_norm(transposed()),
        "spectral_new": parametrizations.spectral_norm(conv()),
        "spectral_new_linear": parametrizations.spectral_norm(linear()),
        "norm": weight_norm(conv()), "norm_input": weight_norm(transposed(), dim=1), "norm_all": weight_norm(linear(), dim=None),
        "norm_new": parametrizations.weight_norm(conv()),
        "norm_pruned": prune.l1_unstructured(both, "weight_v", amount=0.25),
    }
    found = {}
    for title, layer in layers.items():
        layer(torch.ones(1, 4) if isinstance(layer, torch.nn.Linear) else torch.ones(1, 2, 4, 4))
        layer.eval()(torch.ones(1, 4) if isinstance(layer, torch.nn.Linear) else torch.ones(1, 2, 4, 4))
        found |= {f"{title}.{key}": value for key, value in layer.state_dict().items()}
        found[f"expected.{title}.weight"] = layer.weight.detach().clone()
    return found


def good():
    nested = {"epoch": 3, "model": {key: Named(f"var_{key}", value) for key, value in
                                    paddle().items() if not key.endswith("@@")}}
    typed = state_dict()
    typed["phase"] = torch.tensor([1 + 2j])
    typed["mask"] = torch.tensor([1, 2], dtype=torch.uint16)
    parameters = {"_orig_mod.module.weight": torch.nn.Parameter(thirds(1, 2, 2)),
                  "_orig_mod.module.bias": torch.nn.Parameter(thirds(9, 2))}
    return {
        "f32.pth": torch_bytes(state_dict()),
        "f16.pth": torch_bytes(state_dict(torch.float16)),
        "bf16.pth": torch_bytes(state_dict(torch.bfloat16)),
        "f64.pth": torch_bytes(state_dict(torch.float64)),
        "views.pth": torch_bytes(views()),
        "parameters.pth": torch_bytes(parameters),
        "other_types.pth": torch_bytes(typed),
        "checkpoint.pth": torch_bytes(checkpoint()),
        "protocol4.pth": torch_bytes(state_dict(), pickle_protocol=4),
        "legacy.pth": torch_bytes(state_dict(), _use_new_zipfile_serialization=False),
        "legacy_bf16.pth": torch_bytes(state_dict(torch.bfloat16), _use_new_zipfile_serialization=False),
        "legacy_views.pth": torch_bytes(views(), _use_new_zipfile_serialization=False),
        "legacy_protocol4.pth": torch_bytes(state_dict(), _use_new_zipfile_serialization=False, pickle_protocol=4),
        "legacy_old.pth": old(),
        "reparametrized.pth": torch_bytes(reparametrized()),
        "objects.pth": torch_bytes(objects()),
        "objects4.pth": torch_bytes(objects(), pickle_protocol=4),
        "own_dictionary.pth": torch_bytes({"state_dict": collections.defaultdict(list, state_dict())}),
        "own_tensors.pth": torch_bytes({key: value.as_subclass(OwnTensor) for key, value in state_dict().items()}),
        **{f"protocol{protocol}.pdparams": pickle.dumps(paddle(), protocol=protocol) for protocol in (2, 3, 4, 5)},
        "old_numpy.pdparams": pickle.dumps(paddle(), protocol=2).replace(b"cnumpy._core.", b"cnumpy.core."),
        "nested2.pdparams": pickle.dumps(nested, protocol=2),
        "nested4.pdparams": pickle.dumps(nested, protocol=4),
        "f16.pdparams": pickle.dumps(paddle(np.float16), protocol=4),
        "f64.pdparams": pickle.dumps(paddle(np.float64), protocol=4),
        "bf16.pdparams": pickle.dumps({"w": thirds(100, 2, 2).bfloat16().view(torch.uint16).numpy()}, protocol=4),
        "permuted5.pdparams": pickle.dumps({"w": np.arange(24, dtype="f4").reshape(2, 3, 4).transpose(1, 0, 2)}, protocol=5),
        "hand.pdparams": one_array([2], "<f4", latin1("\0\0\x80?\0\0\0@")),
        "hand.pth": one_tensor(),
        "hand_module.pth": archive(program(dictionary(
            (text("w"), tensor(storage("0", 2), 0, (2,), (1,))),
            (text("loss"), several(text("module"), name("own", "Loss"), text("own.py"), text("class Loss")) + b"Q)R"),
        )), {"data/0": struct.pack("<2f", 1, 2)}),
    }


def hostile():
    touch = text("touch convscope-was-here") + b"\x85R"
    empty = name("collections", "OrderedDict") + b")R"
    file = io.BytesIO()
    np.savez(file, w=np.ones(2))
    loop = b"}q\0" + text("model") + b"h\0s"
    many = torch_bytes(state_dict())
    end = many.rindex(b"PK\x06\x06")
    one = one_tensor()
    line = one.rindex(b"PK\x01\x02")     # the directory's line for the storage
    header = one.rindex(b"PK\x03\x04")
    return {
        "runs.pth": torch_bytes({"w": torch.ones(1), "x": Runs()}),
        "runs_legacy.pth": torch_bytes({"w": torch.ones(1), "x": Runs()}, _use_new_zipfile_serialization=False),
        "runs.pdparams": pickle.dumps({"w": np.ones(1), "x": Runs()}, protocol=4),
        "os_system.pdparams": program(name("os", "system"), touch),
        "os_system4.pdparams": program(text("os"), text("system"), b"\x93", touch, protocol=4),
        "eval.pdparams": program(name("builtins", "eval"), text("1"), b"\x85\x81"),
        "getattr.pdparams": program(name("builtins", "getattr"), several(name("torch", "Size"), text("mro")), b"R"),
        "through_module.pdparams": program(name("torch._utils", "sys.modules")),
        "calls_result.pdparams": program(empty, b")R"),
        "calls_text.pdparams": program(text("os.system"), touch),
        "calls_tensor_class.pdparams": program(name("torch", "FloatTensor"), numbers(1 << 40), b"R"),
        "nested_calls.pdparams": program(name("torch", "Size") * 3, b")", b"\x85R" * 3, b")R"),
        "fills_class.pdparams": program(name("collections", "OrderedDict"), dictionary((text("a"), b"N")), b"b"),
        "instance.pdparams": program(b"(", touch[:-2], b"ios\nsystem\n"),
        "object.pdparams": program(b"(", name("collections", "OrderedDict"), b"o"),
        "extension.pdparams": program(b"\x82\x01"),
        "persistent_text.pdparams": program(b"Pos.system\n"),
        "persistent_module.pth": archive(program(several(text("module"), b"N", b"N", b"N"), b"Q"), {}),
        "far_memo.pdparams": program(b"}r\xff\xff\xff\xff"),
        "no_memo.pdparams": program(b"}h\x07"),
        "long_text.pdparams": program(b"\x8d" + struct.pack("<Q", 1 << 63), protocol=4),
        "long_number.pdparams": program(b"\x8b" + struct.pack("<i", -1)),
        "no_mark.pdparams": program(b"Nt"),
        "below_mark.pdparams": program(b"N(\x85"),
        "odd_items.pdparams": program(b"}(Nu"),
        "append_to_none.pdparams": program(b"NNa"),
        "protocol9.pdparams": program(b"}", protocol=9),
        "loop.pdparams": program(loop),
        "no_tensors.pdparams": program(dictionary((text("epoch"), number(3)))),
        "two_models.pdparams": program(dictionary(*((text(key), dictionary((text("w"), array([1], "<f4", latin1("\0" * 4)))))
                                                    for key in ("generator", "discriminator")))),
        "pieces.pdparams": program(dictionary((text("w@@.0"), array([1], "<f4", latin1("\0" * 4))),
                                              (text("UnpackBigParamInfor@@"), b"}"))),
        "whole_model.pth": torch_bytes(torch.nn.Linear(1, 1)),
        "model_inside.pth": torch_bytes({"epoch": 3, "args": argparse.Namespace(), "model": torch.nn.Linear(1, 1)}),
        "pickled.pth": pickle.dumps(state_dict()),
        "hidden.pth": torch_bytes({"state_dict": state_dict(), "epoch": Runs()}),
        "script.pt": scripted(),
        "bomb.pth": one_tensor(raw=bytes(10_000_000), count=2_500_000, shape=(2_500_000,),
                               compression=zipfile.ZIP_DEFLATED),
        "says_deflated.pth": one[:line + 10] + b"\x08" + one[line + 11:],
        "encrypted.pth": one[:line + 8] + b"\x01" + one[line + 9:],
        "other_name.pth": one[:header + 30] + b"A" + one[header + 31:],
        "negated.pth": torch_bytes({"w": torch.ones(2, dtype=torch.complex64).conj().imag}),
        "arrays.npz": file.getvalue(),
        "two_pickles.pth": archive(program(b"}"), {"data/0": b"", "x/data.pkl": program(b"}")}),
        "expanded.pth": one_tensor(shape=(64,), strides=(0,)),
        "expanded_far.pth": one_tensor(shape=(1 << 40,), strides=(0,)),
        "shape_overflow.pth": one_tensor(shape=(1 << 62, 1 << 62), strides=(1, 1)),
        "stride_overflow.pth": one_tensor(shape=(2,), strides=((1 << 63) - 1,)),
        "negative_shape.pth": one_tensor(shape=(-2,)),
        "negative_offset.pth": one_tensor(offset=-1),
        "offset_beyond.pth": one_tensor(offset=1),
        "stride_beyond.pth": one_tensor(strides=(2,)),
        "axes.pth": one_tensor(shape=(1,) * 17, strides=(1,) * 17),
        "axes_differ.pth": one_tensor(strides=(1, 1)),
        "storage_missing.pth": one_tensor(key="1"),
        "storage_short.pth": one_tensor(count=3),
        "big_endian.pth": one_tensor(byteorder=b"big"),
        "big_endian.pdparams": one_array([1], ">f4", latin1("\0" * 4)),
        "content_long.pdparams": one_array([1], "<f4", latin1("\0" * 9)),
        "content_one_more.pdparams": one_array([1], "<f4", latin1("\0" * 5)),
        "content_short.pdparams": one_array([4, 4], "<f4", latin1("\0" * 40)),
        "content_wide.pdparams": one_array([1], "<f4", latin1("\0\0\0\u20ac")),
        "content_list.pdparams": one_array([1], "<f4", b"]"),
        "axes_twice.pdparams": program(dictionary((text("w"), from_buffer(number(0), number(0))))),
        "axes_fewer.pdparams": program(dictionary((text("w"), from_buffer(number(0))))),
        "axes_beyond.pdparams": program(dictionary((text("w"), from_buffer(number(0), number(2))))),
        "order_unknown.pdparams": program(dictionary((text("w"), from_buffer(order="A")))),
        "twice.pdparams": program(dictionary(*[(text("w"), array([1], "<f4", latin1("\0" * 4)))] * 2)),
        "no_name.pdparams": program(dictionary((number(3), array([1], "<f4", latin1("\0" * 4))))),
        "entries_lie.pth": many[:end + 32] + struct.pack("<Q", 1 << 40) + many[end + 40:],
        "directory_lies.pth": many[:end + 48] + struct.pack("<Q", (1 << 64) - 8) + many[end + 56:],
        "tar.pth": b"././@PaxHeader".ljust(257, b"\0") + b"ustar\0" + bytes(249),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests/data/weights")
    out = parser.parse_args().out
    for folder, files in (("pickled", good()), ("pickled/hostile", hostile())):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for file, raw in files.items():
            assert len(raw) < LARGEST, f"{file} has {len(raw)} bytes"
            (out / folder / file).write_bytes(raw)
        print(f"{len(files)} files, {sum(map(len, files.values()))} bytes in {out / folder}")


if __name__ == "__main__":
    main()
