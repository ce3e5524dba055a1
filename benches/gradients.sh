#!/usr/bin/env bash
# Forward and back from a class's score to the input, in convscope and in PyTorch with frozen weights: InceptionV3,
# ResNet-50, MobileNetV2 (seeded weights), batch 1, f32, in one run, in turns, on two threads; answers are compared first.
#
#   benches/gradients.sh [what networks.sh takes]
set -euo pipefail

exec "$(dirname "${BASH_SOURCE[0]}")/networks.sh" --gradients "$@"
