"""Measure what the networks of rembg take in onnxruntime: random weights in the true architecture, a fresh process a row.

    python tools/measure_rembg.py FOLDER --python PYTHON

PYTHON has onnx and onnxruntime installed. Each network is written to FOLDER, loaded, and given two pictures of the size that
rembg makes of all; then it is run in control groups, where the kernel may kill it. The rows are those of
`memguard_hooks/models/data/measured.tsv`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

from memguard_hooks.host import cgroup

NETWORKS = (("u2net", 320), ("u2netp", 320), ("isnet-general-use", 1024))
LIMITS = (512, 1024, 1536, 2048)

BUILD = """
import sys
import numpy, onnx
from onnx import TensorProto, helper, numpy_helper

kind, side, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
draw = numpy.random.default_rng(0)
nodes, weights, names = [], [], iter(range(10**6))

def constant(value):
    name = f"w{next(names)}"
    weights.append(numpy_helper.from_array(value, name))
    return name

def node(operator, *inputs, **attributes):
    name = f"t{next(names)}"
    nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
    return name

def convolve(x, before, after, dilation=1, stride=1, side=3, activate=True):
    kernel = draw.standard_normal((after, before, side, side)).astype(numpy.float32) * 0.02
    x = node("Conv", x, constant(kernel), constant(numpy.zeros(after, numpy.float32)), kernel_shape=[side, side],
             dilations=[dilation] * 2, strides=[stride] * 2, pads=[dilation * (side // 2)] * 4)
    return node("Relu", x) if activate else x

def pool(x):
    return node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)

zero, two, four = (constant(numpy.array([number], numpy.int64)) for number in (0, 2, 4))

def enlarge(x, like):
    channels = node("Slice", node("Shape", x), zero, two)
    size = node("Concat", channels, node("Slice", node("Shape", like), two, four), axis=0)
    return node("Resize", x, "", "", size, mode="linear", coordinate_transformation_mode="half_pixel")

def both(*parts):
    return node("Concat", *parts, axis=1)

def block(depth, x, before, inner, after):  # RSU-7 to RSU-4, and RSU-4F for no depth
    whole = convolve(x, before, after)
    if not depth:
        down = [convolve(whole, after, inner)]
        down += [convolve(down[-1], inner, inner, 2)]
        down += [convolve(down[-1], inner, inner, 4)]
        up = convolve(down[-1], inner, inner, 8)
        for one, width, dilation in zip(reversed(down), (inner, inner, after), (4, 2, 1)):
            up = convolve(both(up, one), 2 * inner, width, dilation)
        return node("Add", up, whole)
    down = [convolve(whole, after, inner)]
    for _ in range(depth - 2):
        down.append(convolve(pool(down[-1]), inner, inner))
    up = convolve(both(convolve(down[-1], inner, inner, 2), down[-1]), 2 * inner, inner)
    for number in reversed(range(depth - 2)):
        up = convolve(both(enlarge(up, down[number]), down[number]), 2 * inner, inner if number else after)
    return node("Add", up, whole)

x, first = ("x", 3) if kind != "isnet-general-use" else (convolve("x", 3, 64, stride=2), 64)
if kind == "u2netp":
    encoders = [(depth, 64 if number else 3, 16, 64) for number, depth in enumerate((7, 6, 5, 4, 0, 0))]
    decoders = [(depth, 128, 16, 64) for depth in (0, 4, 5, 6, 7)]
else:
    encoders = [(7, first, 32, 64), (6, 64, 32, 128), (5, 128, 64, 256), (4, 256, 128, 512), (0, 512, 256, 512),
                (0, 512, 256, 512)]
    decoders = [(0, 1024, 256, 512), (4, 1024, 128, 256), (5, 512, 64, 128), (6, 256, 32, 64), (7, 128, 16, 64)]
kept = []
for depth, *widths in encoders:
    kept.append(block(depth, pool(kept[-1]) if kept else x, *widths))
x = kept[-1]
sides = [convolve(x, encoders[-1][-1], 1, activate=False)]
for one, (depth, *widths) in zip(reversed(kept[:-1]), decoders):
    x = block(depth, both(enlarge(x, one), one), *widths)
    sides.insert(0, convolve(x, widths[-1], 1, activate=False))
sides = [sides[0], *(enlarge(one, sides[0]) for one in sides[1:])]
masks = [node("Sigmoid", one) for one in (convolve(both(*sides), 6, 1, side=1, activate=False), *sides)]
graph = helper.make_graph(
    nodes, kind, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
    [helper.make_tensor_value_info(one, TensorProto.FLOAT, None) for one in masks], weights)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), target)
"""

LOAD = """
import gc, json, sys
import numpy, onnxruntime

def taken(*keys):
    with open("/proc/self/status") as file:
        table = dict(line.split(":", 1) for line in file)
    return [int(table[key].split()[0]) / 1024 for key in keys]

found = taken("VmRSS")
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
gc.collect()
found += taken("VmRSS", "RssAnon", "VmHWM")
picture = numpy.zeros((1, 3, int(sys.argv[2]), int(sys.argv[2])), numpy.float32)
for _ in range(2):
    session.run(None, {"x": picture})
print(json.dumps([onnxruntime.__version__, *(round(one, 1) for one in (*found, *taken("VmRSS", "RssAnon")))]))
"""


def main() -> int:
    """Print a row for each network, and what became of it in each control group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", required=True)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name, side in NETWORKS:
        path = asked.folder / f"{name}.onnx"
        subprocess.run([asked.python, "-c", BUILD, name, str(side), str(path)], check=True)
        command = [asked.python, "-c", LOAD, str(path), str(side)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        version, *figures = json.loads(done.stdout)
        print("rembg", version, name, "", "", 1, *figures, f"two pictures of {side}x{side}", sep="\t")
        for limit in LIMITS:
            with cgroup.limited(limit * 2**20) as group:
                if isinstance(group, str):
                    print(f"# no control group: {group}")
                    break
                killed = subprocess.run(group.enter(command), check=False, stdout=subprocess.DEVNULL).returncode == -9
            print(f"# {name} in {limit} MiB: {'killed' if killed else 'lives'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
