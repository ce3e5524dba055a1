#!/usr/bin/env bash
# convscope's network beside other programs' on the CPU, in one run: PyTorch (as it comes, channels last, batch
# normalisation folded), onnxruntime, OpenVINO and Keras' predict(). Same weights, same picture, same threads, in turns;
# answers are compared first. Prints a table: medians, 10th to 90th percentiles, ratios to convscope.
#
#   benches/peers.sh [--venv FOLDER] [what peers.py takes: --weights, --picture, --threads, --rounds, --json FILE, ...]
#
# The other programs are installed from the package registry into FOLDER, which is kept, or into a throw-away
# environment. PYTHON names a Python that has them already; nothing is installed then, and what it lacks is left out.
# NETWORK names a bench `network` that is built already.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="" work="" given=()
trap 'if [ -n "$work" ]; then rm -rf "$work"; fi' EXIT
while [ $# -gt 0 ]; do
    case "$1" in
        --venv) venv="${2:?--venv wants a folder}" && shift 2 ;;
        *) given+=("$1") && shift ;;
    esac
done

python="${PYTHON:-}"
if [ -z "$python" ]; then
    if [ -z "$venv" ]; then
        work="$(mktemp -d)"
        venv="$work/venv"
    fi
    python="$venv/bin/python"
    # PyTorch's own index has builds without CUDA, which are a tenth of the size; where it is not reached, the other do.
    if ! "$python" -c "import torch, torchvision, onnxruntime, keras" 2>/dev/null; then
        python3 -m venv "$venv"
        pip() { "$python" -m pip install --quiet --disable-pip-version-check --retries 1 "$@"; }
        pip --index-url https://download.pytorch.org/whl/cpu torch torchvision 2>/dev/null || pip torch torchvision
        pip numpy onnx onnxscript onnxruntime keras
        pip openvino || echo "OpenVINO could not be installed: it is left out." >&2
    fi
fi

network="${NETWORK:-$("$root/benches/build_network.sh")}"
"$python" "$root/benches/peers.py" --network "$network" --device cpu ${given[@]+"${given[@]}"}
