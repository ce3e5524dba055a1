#!/usr/bin/env bash
# Mesa's software Vulkan driver compiles a shader again whenever a uniform buffer is bound, and keeps every copy.
#
# The guess: a few settings for a shader belong in a uniform buffer. Reading them from storage gains nothing, a pipeline
# is compiled once, and the same pass submitted again and again takes no memory.
#
# What happens in lavapipe of Mesa 22.3.6 (Debian 12's, LLVM 15), seen through wgpu-py 0.32.0: where a branch or the
# bound of a loop depends on a value in a uniform buffer, the driver puts the value into the shader as a constant
# ("inline uniforms") and compiles it again,
#   - once in each pass that binds the buffer, and once more whenever another bind group (or another dynamic offset) is
#     set in the pass, though the bytes are the same; the same bind group set again in the same pass costs nothing. A
#     program that submits one pass a frame pays in each frame;
#   - in compute, fragment and vertex shaders alike (vertex shaders and dynamic offsets were tried once, by hand);
#   - if that makes the shader shorter by about half or more, or longer by anything, and unless the shader is small (in
#     Mesa's sources: up to 100 SSA values). Longer, since a loop with a known bound is unrolled; the sources ask
#     `before - after < before / 2` of unsigned numbers, so that is presumably not intended. A loop over 30 lines after
#     20 others grows with 0 rounds, not with 1, again with 2 to 4, and not with 6 or more, which are not unrolled;
#   - until one value changes too little, which turns it off for as long as the pipeline lives: the loop below grows
#     with 2 rounds, and does not if its first dispatch had 1. So the first frame may decide whether a program leaks.
# Each copy stays in memory until the pipeline is destroyed: some 160 kB a dispatch and 470 kB a draw below, where the
# shader has 100 lines. Destroying the pipeline gives it back to the heap. With the same bytes in read-only storage
# nothing of the kind happens.
#
# In Mesa's sources it is `update_inline_shader_state` in lvp_execute.c: it clones the pipeline's NIR with that NIR as
# the owner of the clone, and frees only a clone that it does not use.
#
# Touched: whatever draws for long with few pipelines on this driver, that is in containers, virtual machines and CI
# on Debian 12. Mesa 25.0.7 (bookworm-backports) does not do it. The versions between were not tried.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. VK_DRIVER_FILES
# names another lavapipe than the system's. Takes a minute and up to 1.1 GB of memory. Times are told, and decide
# nothing. The output (two cores):
#
#     driver: Mesa 22.3.6 (LLVM 15.0.6); package mesa-vulkan-drivers 22.3.6-1+deb12u2
#     2,000 dispatches each, what the process grew by:
#     compute, storage                                                    80 kB    301 us each
#     compute, uniform                                                327992 kB   1404 us each
#     fragment, storage                                                    4 kB    329 us each
#     fragment, uniform                                               942208 kB   1845 us each
#     uniform, 20 dispatches a pass, same bind group                   17504 kB    116 us each
#     uniform, 20 dispatches a pass, two bind groups in turn          325840 kB    906 us each
#     uniform, a third of the shader falls away                           80 kB    248 us each
#     uniform, small shader of which three quarters fall away             80 kB    238 us each
#     uniform, loop of 2 rounds: the shader becomes longer            381188 kB   1780 us each
#     uniform, loop of 1 round once, then always of 2                     80 kB    251 us each
#     uniform, pipeline made anew every 100 dispatches                 53368 kB   1219 us each
#     a dispatch with a uniform takes 466 % of the time of one with storage; a draw 560 %
# Mesa 25.0.7 takes 84 kB for "compute, uniform" and 0 kB for "fragment, uniform", and the script ends with 1.
set -euo pipefail

packages="wgpu==0.32.0 cffi==2.1.1 pycparser==3.12 rendercanvas==2.7.2 numpy==2.4.6"

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

driver="${VK_DRIVER_FILES:-}"
if [ -z "$driver" ]; then
    for file in /usr/share/vulkan/icd.d/lvp_icd*.json /usr/local/share/vulkan/icd.d/lvp_icd*.json; do
        if [ -e "$file" ]; then driver="$file"; fi
    done
fi
[ -n "$driver" ] || cannot "no lvp_icd*.json: install mesa-vulkan-drivers"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" || cannot "no python3 with venv"
# shellcheck disable=SC2086 # one word a package
"$work/venv/bin/pip" install --quiet --disable-pip-version-check $packages || cannot "pip install $packages"

# The older loader knows only the second name. Nothing is to be written outside the temporary folder.
export VK_DRIVER_FILES="$driver" VK_ICD_FILENAMES="$driver" WGPU_BACKEND_TYPE=Vulkan
export MESA_SHADER_CACHE_DIR="$work" XDG_RUNTIME_DIR="$work"

cat >"$work/dispatch.py" <<'PY'
"""Runs one case in a process of its own, since what one leaves on the heap would hide what the next one takes."""

import gc
import struct
import sys
import time

import wgpu

SUBMITS, FIRST = 2000, 10
ADAPTER = wgpu.gpu.request_adapter_sync(force_fallback_adapter=True)
INFO = ADAPTER.info
if INFO["backend_type"] != "Vulkan" or "llvmpipe" not in INFO["device"]:
    sys.exit(f"not lavapipe but {dict(INFO)}")
DEVICE = ADAPTER.request_device_sync()


def lines(count, seed):
    return "".join(f"x = sin(x) * {1 + seed + i / 100} + f32(at ^ {7 * i + seed}u);\n" for i in range(count))


def shader(space, always, cases, size, loop):
    """`always` lines that always run, then one of `cases` of `size` lines each, and `loop` lines `mode` times."""
    switch = "".join(f"case {k}u: {{ {lines(size, k)} }}\n" for k in range(cases))
    switch = f"switch p.mode {{ {switch} default: {{}} }}" if cases else ""
    repeat = f"for (var i = 0u; i < p.mode; i++) {{ {lines(loop, 50)} }}" if loop else ""
    return f"""
struct Settings {{ mode: u32, start: u32, padding: vec2<u32> }}
@group(0) @binding(0) var<{space}> p: Settings;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;

fn work(at: u32) -> f32 {{
    var x = f32(at + p.start);
    {lines(always, 99)} {switch} {repeat}
    return x;
}}

@compute @workgroup_size(1)
fn compute() {{ result[0] = work(0u); }}

@vertex
fn vertex(@builtin(vertex_index) i: u32) -> @builtin(position) vec4<f32> {{
    return vec4<f32>(f32(i % 2u) * 4.0 - 1.0, f32(i / 2u) * 4.0 - 1.0, 0.0, 1.0);
}}

@fragment
fn fragment(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{ return vec4<f32>(work(u32(at.x))); }}
"""


def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


class Case:
    def __init__(self, space="uniform", always=20, cases=4, size=20, loop=0, mode=2, draw=False):
        self.draw, self.module = draw, DEVICE.create_shader_module(code=shader(space, always, cases, size, loop))
        usage = wgpu.BufferUsage.UNIFORM if space == "uniform" else wgpu.BufferUsage.STORAGE
        usage |= wgpu.BufferUsage.COPY_DST
        # Two buffers with the same bytes.
        self.settings = [DEVICE.create_buffer(size=16, usage=usage) for _ in range(2)]
        self.result = DEVICE.create_buffer(size=4, usage=wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC)
        target = wgpu.TextureUsage.RENDER_ATTACHMENT | wgpu.TextureUsage.COPY_SRC
        self.texture = DEVICE.create_texture(size=(4, 4, 1), format="rgba8unorm", usage=target)
        self.set_mode(mode)
        self.make_pipeline()

    def set_mode(self, mode):
        for buffer in self.settings:
            DEVICE.queue.write_buffer(buffer, 0, struct.pack("4I", mode, 1, 0, 0))

    def make_pipeline(self):
        self.pipeline = self.groups = None
        gc.collect()
        if self.draw:
            fragment = {"module": self.module, "entry_point": "fragment", "targets": [{"format": "rgba8unorm"}]}
            vertex = {"module": self.module, "entry_point": "vertex"}
            primitive = {"topology": "triangle-list"}
            self.pipeline = DEVICE.create_render_pipeline(
                layout="auto", vertex=vertex, fragment=fragment, primitive=primitive
            )
        else:
            compute = {"module": self.module, "entry_point": "compute"}
            self.pipeline = DEVICE.create_compute_pipeline(layout="auto", compute=compute)
        layout = self.pipeline.get_bind_group_layout(0)
        self.groups = []
        for settings in self.settings:
            entries = [{"binding": 0, "resource": {"buffer": settings}}]
            if not self.draw:
                entries.append({"binding": 1, "resource": {"buffer": self.result}})
            self.groups.append(DEVICE.create_bind_group(layout=layout, entries=entries))

    def submit(self, groups=(0,)):
        """One pass: for each number a dispatch or draw with this bind group."""
        encoder = DEVICE.create_command_encoder()
        if self.draw:
            view = {"view": self.texture.create_view(), "load_op": "clear", "store_op": "store"}
            run = encoder.begin_render_pass(color_attachments=[{**view, "clear_value": (0, 0, 0, 0)}])
        else:
            run = encoder.begin_compute_pass()
        run.set_pipeline(self.pipeline)
        for group in groups:
            run.set_bind_group(0, self.groups[group])
            run.draw(3) if self.draw else run.dispatch_workgroups(1)
        run.end()
        DEVICE.queue.submit([encoder.finish()])
        # Reading waits until the work is done.
        if self.draw:
            DEVICE.queue.read_texture({"texture": self.texture}, {"bytes_per_row": 16}, (4, 4, 1))
        else:
            DEVICE.queue.read_buffer(self.result)


def growth(case, groups=(0,), pipelines=1):
    """kB of memory and µs for each of 2,000 dispatches."""
    for _ in range(FIRST):
        case.submit(groups)
    before, start = resident(), time.perf_counter()
    for i in range(SUBMITS // len(groups)):
        case.submit(groups)
        if pipelines > 1 and i % (SUBMITS // pipelines) == 0:
            case.make_pipeline()
    seconds = time.perf_counter() - start
    print(resident() - before, round(seconds / SUBMITS * 1e6))


def first_value(first):
    """A loop over 30 lines that runs `first` times in the first dispatch, and then twice in all others."""
    case = Case(cases=0, loop=30, mode=first)
    case.submit()
    case.set_mode(2)
    growth(case)


CASES = {
    "driver": lambda: print(INFO["description"]),
    "uniform": lambda: growth(Case()),
    "storage": lambda: growth(Case("storage, read")),
    "uniform_draw": lambda: growth(Case(draw=True)),
    "storage_draw": lambda: growth(Case("storage, read", draw=True)),
    "same_group": lambda: growth(Case(), [0] * 20),
    "two_groups": lambda: growth(Case(), [0, 1] * 10),
    "third_removed": lambda: growth(Case(always=60, cases=3)),
    "small": lambda: growth(Case(always=1, cases=5, size=2)),
    "first_2": lambda: first_value(2),
    "first_1": lambda: first_value(1),
    "pipelines": lambda: growth(Case(), pipelines=20),
}
CASES[sys.argv[1]]()
PY

run() {
    "$work/venv/bin/python" "$work/dispatch.py" "$1" 2>"$work/err" || {
        cat "$work/err" >&2
        cannot "case $1"
    }
}

# Runs a case, tells what it took and leaves the memory in `kb` and the time in `us`.
measure() {
    local result
    result="$(run "$1")"
    kb="${result% *}" us="${result#* }"
    printf '%-62s %7d kB %6d us each\n' "$2" "$kb" "$us"
}

broken=0
no_longer() {
    printf 'this finding no longer holds: %s\n' "$*"
    broken=1
}

grows() { # kB, kB to compare with, what
    if [ "$1" -le 20480 ] || [ "$1" -le $((10 * $2)) ]; then no_longer "$3 took $1 kB"; fi
}

stays() { # kB, kB of the case that grows, what
    if [ "$2" -gt 20480 ] && [ $((5 * $1)) -ge "$2" ]; then
        no_longer "$3 took $1 kB, where the growing case took $2 kB"
    fi
}

version="$(run driver)"
package="$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2>/dev/null || true)"
printf 'driver: %s; package mesa-vulkan-drivers %s\n' "$version" "${package:-not known}"
case "$version" in
"Mesa 22.3."*) ;;
*) printf 'this is not Mesa 22.3, for which the finding was written\n' ;;
esac
printf '2,000 dispatches each, what the process grew by:\n'

measure storage "compute, storage"
storage_kb=$kb storage_us=$us
measure uniform "compute, uniform"
uniform_kb=$kb uniform_us=$us
measure storage_draw "fragment, storage"
storage_draw_kb=$kb storage_draw_us=$us
measure uniform_draw "fragment, uniform"
uniform_draw_kb=$kb uniform_draw_us=$us
grows "$uniform_kb" "$storage_kb" "a uniform in a compute shader"
grows "$uniform_draw_kb" "$storage_draw_kb" "a uniform in a fragment shader"

measure same_group "uniform, 20 dispatches a pass, same bind group"
stays "$kb" "$uniform_kb" "the same bind group set again in a pass"
measure two_groups "uniform, 20 dispatches a pass, two bind groups in turn"
grows "$kb" "$storage_kb" "another bind group with the same values"
measure third_removed "uniform, a third of the shader falls away"
stays "$kb" "$uniform_kb" "a shader of which a third falls away"
measure small "uniform, small shader of which three quarters fall away"
stays "$kb" "$uniform_kb" "a small shader"
measure first_2 "uniform, loop of 2 rounds: the shader becomes longer"
grows "$kb" "$storage_kb" "a loop of 2 rounds"
measure first_1 "uniform, loop of 1 round once, then always of 2"
stays "$kb" "$uniform_kb" "a loop that had 1 round at first"
measure pipelines "uniform, pipeline made anew every 100 dispatches"
stays "$kb" "$uniform_kb" "a pipeline made anew"

printf 'a dispatch with a uniform takes %d %% of the time of one with storage; a draw %d %%\n' \
    $((100 * uniform_us / storage_us)) $((100 * uniform_draw_us / storage_draw_us))
exit "$broken"
