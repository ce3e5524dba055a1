#!/usr/bin/env bash
# convscope's network on a GPU beside PyTorch's, on a bare machine: no network, no registry, no Rust.
#
#   benches/gpu.sh pack DIR     where convscope is built: put everything that is needed into DIR (at most 64 MiB)
#   DIR/run [OPTION...]         where the GPU is: measure, and write results into $OUT (default ./out)
#
# `run` unpacks convscope, brings the Vulkan loader where there is none, finds (or describes) NVIDIA's Vulkan driver, makes
# untrained weights on the spot, and times in turns: convscope through Vulkan, and whatever PyTorch there is, as it comes,
# channels last and as CUDA graphs; then `convscope bench`, then the same comparison on the processor. It ends within nine
# minutes, what was measured so far is in $OUT at any time, and what was missing is told in a sentence.
#
#   --seconds N              limit of all of it (default 540)
#   --width-multiplier X     a thinner network
#   --any-adapter            also a software rasterizer
#   --rounds N               of each comparison (default 20 on the GPU, 9 on the processor)
# PYTHON names the Python with PyTorch; otherwise the usual places are searched.
# PROGRAM and NETWORK, for `pack`: a convscope and a bench `network` that are built already.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
most_bytes=$((64 * 1024 * 1024))
# Loaded by name: Vulkan's loader, and what NVIDIA's driver and its EGL half want besides. Used where the machine has none.
libraries="libvulkan.so.1 libGLdispatch.so.0 libGLX.so.0 libGL.so.1 libOpenGL.so.0 libEGL.so.1 libX11.so.6 libXext.so.6
    libxcb.so.1 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0 libgcc_s.so.1"

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

known_library() { # NAME: its path, where the loader of programs knows it
    local ldconfig
    ldconfig="$(command -v ldconfig || echo /sbin/ldconfig)"
    # To its end: where it stopped reading, `ldconfig` would die of it, and the script with it.
    "$ldconfig" -p 2>/dev/null | awk -v name="$1" '$1 == name && /x86-64|AArch64/ && !found { print $NF; found = 1 }'
}

# Where convscope is built -------------------------------------------------------------------------------------------

pack() { # DIR
    local folder="$1" program="${PROGRAM:-}" network="${NETWORK:-}" work library path size
    work="$(mktemp -d)"
    # shellcheck disable=SC2064
    trap "rm -rf '$work'" EXIT
    if [ -z "$program" ]; then
        (cd "$here/.." && cargo build --release --locked --bin convscope)
        program="${CARGO_TARGET_DIR:-$here/../target}/release/convscope"
    fi
    [ -n "$network" ] || network="$("$here/build_network.sh")"
    mkdir -p "$folder/lib"
    strip -s -o "$work/convscope" "$program"
    strip -s -o "$work/network" "$network"
    # Most of the second program is in the first: the dictionary reaches back that far.
    tar -C "$work" -cf - convscope network | xz -T1 --lzma2=preset=6,dict=128MiB >"$folder/programs.tar.xz"
    for library in $libraries; do
        path="$(known_library "$library")"
        if [ -n "$path" ]; then cp -L "$path" "$folder/lib/$library"; else echo "$library is not on this machine: not packed." >&2; fi
    done
    cp "$here/peers.py" "$here/contestant.py" "$folder/"
    cp "${BASH_SOURCE[0]}" "$folder/run"
    chmod +x "$folder/run"
    size="$(du -sb "$folder" | cut -f 1)"
    [ "$size" -le "$most_bytes" ] || fail "$folder has $size bytes, more than $most_bytes."
    echo "$folder: $((size / 1024)) KiB; there: OUT=folder $(basename "$folder")/run"
}

# Where the GPU is ---------------------------------------------------------------------------------------------------

limit_s=540 width=1 any_adapter="" rounds=""

left_s() {
    echo $((limit_s - SECONDS))
}

# Into the results and onto the screen.
tell() {
    printf '%s\n' "$*" | tee -a "$out/summary.md"
}

# Runs a command for at most so long, and never beyond the limit of the whole; tells why there is no result.
part() { # NAME SECONDS OUTPUT COMMAND...
    local name="$1" seconds="$2" output="$3" code=0 left
    shift 3
    left=$(($(left_s) - 8))
    if [ "$left" -lt 10 ]; then
        tell "$name: no time was left."
        return 1
    fi
    if [ "$seconds" -gt "$left" ]; then seconds="$left"; fi
    echo "== $name" >>"$out/log.txt"
    timeout -k 5 "$seconds" "$@" >"$output" 2>>"$out/log.txt" || code=$?
    case "$code" in
        0) return 0 ;;
        124 | 137) tell "$name: stopped after $seconds s." ;;
        *) tell "$name: exit code $code: $(tail -n 1 "$out/log.txt")" ;;
    esac
    return 1
}

unpack() {
    mkdir -p "$work/bin" "$work/lib"
    # Every machine with PyTorch has Python, not every one has xz.
    if command -v xz >/dev/null; then
        xz -dc "$here/programs.tar.xz" | tar -C "$work/bin" -xf -
    elif command -v python3 >/dev/null; then
        python3 -c "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])" "$here/programs.tar.xz" "$work/bin"
    else
        fail "Neither xz nor python3 is on this machine, so the programs cannot be unpacked."
    fi
    local path name brought=""
    for path in "$here"/lib/*; do
        name="$(basename "$path")"
        if [ -z "$(known_library "$name")" ]; then
            ln -s "$path" "$work/lib/$name"
            brought+=" $name"
        fi
    done
    if [ -n "$brought" ]; then tell "Libraries brought along, because the machine has none:$brought."; fi
    export LD_LIBRARY_PATH="$work/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
}

# Below the folders where drivers are put.
find_files() { # PATTERN
    local folder folders=()
    for folder in /etc/vulkan /usr/share/vulkan /usr/local /usr/lib /usr/lib64 /lib /lib64 /opt \
        /usr/local/nvidia/ /run/opengl-driver/; do
        if [ -d "$folder" ]; then folders+=("$folder"); fi
    done
    timeout 30 find "${folders[@]}" -maxdepth 6 -name "$1" 2>/dev/null | sort -u || true
}

sees_gpu() {
    timeout 60 "$work/bin/convscope" devices >"$out/devices.txt" 2>>"$out/log.txt" || return 1
    grep -q 'through Vulkan' "$out/devices.txt" || return 1
    [ -n "$any_adapter" ] || grep -q 'runs on the GPU' "$out/devices.txt"
}

find_driver() {
    if sees_gpu; then
        tell "Vulkan driver: as the system has it."
        return 0
    fi
    local description library libraries_found
    # The driver's GLX half wants X's libraries, its EGL half does without.
    libraries_found="$(find_files 'libGLX_nvidia.so.0') $(find_files 'libEGL_nvidia.so.0')"
    for library in $libraries_found; do
        LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$(dirname "$library")"
    done
    for description in $(find_files 'nvidia_icd*.json'); do
        export VK_DRIVER_FILES="$description" VK_ICD_FILENAMES="$description"
        if sees_gpu; then
            tell "Vulkan driver: described by $description, of which the loader did not know."
            return 0
        fi
    done
    for library in $libraries_found; do
        description="$work/nvidia_icd.json"
        printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$library" >"$description"
        export VK_DRIVER_FILES="$description" VK_ICD_FILENAMES="$description"
        if sees_gpu; then
            tell "Vulkan driver: $library, which nothing described; a description was written."
            return 0
        fi
    done
    unset VK_DRIVER_FILES VK_ICD_FILENAMES
    tell "No Vulkan driver shows a GPU: neither the system's, nor a file nvidia_icd*.json, nor libGLX_nvidia.so.0 or" \
        "libEGL_nvidia.so.0 below /usr, /opt and /etc. convscope is not measured on the GPU."
    return 1
}

# Sets python: one with PyTorch and CUDA, else one with PyTorch, else any, else nothing.
find_python() {
    local candidate found plain="" torch=""
    python=""
    for candidate in ${PYTHON:+"$PYTHON"} python3 python /usr/local/bin/python3 /opt/*/bin/python3 /opt/*/.venv/bin/python3; do
        command -v "$candidate" >/dev/null || continue
        [ -n "$plain" ] || plain="$candidate"
        found="$(timeout 120 "$candidate" -c "import torch; print(torch.__version__, torch.cuda.is_available())" 2>/dev/null)" || continue
        case "$found" in
            *True)
                python="$candidate"
                tell "PyTorch: ${found% *} with CUDA, $candidate."
                return 0
                ;;
        esac
        [ -n "$torch" ] || torch="$candidate"
    done
    python="${torch:-$plain}"
    if [ -n "$torch" ]; then
        tell "PyTorch: without CUDA ($torch), so it stands in on the processor."
    elif [ -n "$python" ]; then
        tell "PyTorch: no Python here has it, so convscope is measured alone."
    else
        tell "python3 is not there: convscope is measured alone, without turns."
    fi
}

# A comparison on one device.
compare() { # gpu|cpu SECONDS ROUNDS
    local device="$1" seconds="$2" left
    left=$(($(left_s) - 20))
    if [ "$seconds" -gt "$left" ]; then seconds="$left"; fi
    if [ "$seconds" -lt 30 ]; then
        tell "Comparison on the $device: no time was left."
        return 0
    fi
    if [ -z "$python" ]; then
        part "preparing the network" "$seconds" /dev/null "$work/bin/network" prepare "$work/shared" --width-multiplier "$width" || return 0
        # shellcheck disable=SC2016
        part "convscope alone on the $device" "$seconds" "$out/$device.json" \
            sh -c 'yes "run 2 10" | head -n 5 | "$0" serve "$1" --device "$2"' "$work/bin/network" "$work/shared" "$device" || true
        tell "Convscope alone on the $device, milliseconds of each run:" && tell "$(tail -n +2 "$out/$device.json")"
        return 0
    fi
    part "comparison on the $device" $((seconds + 15)) "$work/$device.md" "$python" "$here/peers.py" \
        --network "$work/bin/network" --python "$python" --device "$device" --width-multiplier "$width" --rounds "$3" \
        --seconds "$seconds" --start-seconds 180 --json "$out/$device.json" --markdown "$out/$device.md" || true
    if [ -s "$out/$device.md" ]; then
        tell "" && tell "## On the $device" && tell "" && tell "$(cat "$out/$device.md")" && tell ""
    fi
}

run() {
    while [ $# -gt 0 ]; do
        case "$1" in
            --any-adapter) any_adapter=1 && shift ;;
            --seconds) limit_s="${2:?}" && shift 2 ;;
            --width-multiplier) width="${2:?}" && shift 2 ;;
            --rounds) rounds="${2:?}" && shift 2 ;;
            *) fail "\`$1\` is unknown: run [--seconds N] [--width-multiplier X] [--rounds N] [--any-adapter]" ;;
        esac
    done
    out="${OUT:-$PWD/out}"
    mkdir -p "$out"
    out="$(cd "$out" && pwd)"
    : >"$out/summary.md"
    : >"$out/log.txt"
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    export HOME="${HOME:-$work}" XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-$work}"

    tell "# convscope on this machine" && tell ""
    tell "$(uname -srm); $(grep -m 1 'model name' /proc/cpuinfo | cut -d : -f 2 | xargs) ×$(nproc)."
    if command -v nvidia-smi >/dev/null; then
        tell "GPU: $(timeout 30 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader 2>&1 | head -n 4)"
    else
        tell "nvidia-smi is not there."
    fi
    unpack
    local has_gpu=1
    find_driver || has_gpu=""
    find_python
    if [ -n "$has_gpu" ]; then
        tell "" && tell "$(sed 's/^/    /' "$out/devices.txt")" && tell ""
        compare gpu 320 "${rounds:-20}"
        if ! "$work/bin/convscope" bench --help >/dev/null 2>&1; then
            tell "This convscope has no command \`bench\`: its stages are not measured."
        elif part "convscope bench" 140 "$out/bench.json" "$work/bin/convscope" bench --json --weights untrained \
            --width-multiplier "$width" --device gpu; then
            tell "Stages of the live view: bench.json."
        fi
    fi
    compare cpu 150 "${rounds:-9}"
    tell "Took $SECONDS s."
}

case "$(basename "${BASH_SOURCE[0]}"):${1:-}" in
    run:*) run "$@" ;;
    *:pack) pack "${2:?pack into which folder?}" ;;
    *) fail "benches/gpu.sh pack DIR, then DIR/run where the GPU is" ;;
esac
