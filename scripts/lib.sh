# shellcheck shell=bash
# Shared by run and test: what has to be on the system before cargo can do its work.
# Sourced, never run. Works with bash 3.2, the one macOS has.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Packages by system. `name:command` is there already when the command is, wherever it came from. The `optional`
# ones are tried: without them some tests are skipped.
debian_run="pkg-config:pkg-config build-essential:cc linux-libc-dev libclang-dev libvulkan1 mesa-vulkan-drivers
    libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon0 libxkbcommon-x11-0 libwayland-client0
    libwayland-cursor0 libegl1"
debian_test="xvfb:Xvfb xdotool:xdotool imagemagick:import x11-utils:xwininfo"
debian_optional="ffmpeg:ffmpeg python3-venv parallel:parallel chromium:chromium"
fedora_run="pkgconf-pkg-config:pkg-config gcc:cc kernel-headers clang-devel vulkan-loader mesa-vulkan-drivers
    libX11 libX11-xcb libXcursor libXi libXrandr libxkbcommon libxkbcommon-x11 libwayland-client
    libwayland-cursor libglvnd-egl"
fedora_test="xorg-x11-server-Xvfb:Xvfb xdotool:xdotool ImageMagick:import xwininfo:xwininfo"
fedora_optional="ffmpeg-free:ffmpeg python3:python3 parallel:parallel chromium:chromium-browser"
arch_run="pkgconf:pkg-config gcc:cc linux-api-headers clang vulkan-icd-loader vulkan-swrast libx11 libxcursor
    libxi libxrandr libxkbcommon libxkbcommon-x11 wayland libglvnd"
arch_test="xorg-server-xvfb:Xvfb xdotool:xdotool imagemagick:import xorg-xwininfo:xwininfo"
arch_optional="ffmpeg:ffmpeg python:python3 parallel:parallel chromium:chromium"

is_installed() { # MANAGER PACKAGE
    case "$1" in
        # `dpkg -s` also succeeds for a package that was removed and left its settings behind.
        apt-get) dpkg-query -W -f='${db:Status-Status}\n' "$2" 2>/dev/null | grep -qx installed ;;
        dnf) rpm -q --quiet "$2" 2>/dev/null ;;
        pacman) pacman -Q "$2" >/dev/null 2>&1 ;;
    esac
}

is_missing() { # MANAGER ENTRY
    local package="${2%%:*}"
    if [ "$package" != "$2" ] && command -v "${2#*:}" >/dev/null; then
        return 1
    fi
    ! is_installed "$1" "$package"
}

# Runs the package manager as root, with nothing to answer.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a "$@"
    fi </dev/null
}

# Installs what is missing of the packages for `run` or, with `test`, for running and testing.
# CONVSCOPE_NO_INSTALL=1 leaves the system as it is.
install_packages() { # run|test
    [ "${CONVSCOPE_NO_INSTALL:-}" = 1 ] && return
    # Elsewhere what is needed (Metal, AVFoundation, a C compiler) is part of the system or its own tools.
    [ "$(uname -s)" = Linux ] || return 0

    local manager wanted optional
    if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
        manager=apt-get wanted="$debian_run" optional="$debian_optional"
        [ "$1" = test ] && wanted+=" $debian_test"
    elif command -v dnf >/dev/null; then
        manager=dnf wanted="$fedora_run" optional="$fedora_optional"
        [ "$1" = test ] && wanted+=" $fedora_test"
    elif command -v pacman >/dev/null; then
        manager=pacman wanted="$arch_run" optional="$arch_optional"
        [ "$1" = test ] && wanted+=" $arch_test"
    else
        say "Unknown Linux system: convscope needs a C compiler, pkg-config, libclang, the kernel's headers," \
            "the Vulkan loader with a driver, and the X11, Xcursor, Xi, Xrandr, xkbcommon, xkbcommon-x11," \
            "Wayland and EGL libraries; its tests also need Xvfb, xdotool, ImageMagick and xwininfo, and" \
            "ffmpeg where videos are to be tested."
        return
    fi

    [ "$1" = test ] || optional=""

    local entry missing=() extras=()
    for entry in $wanted; do
        if is_missing "$manager" "$entry"; then missing+=("${entry%%:*}"); fi
    done
    for entry in $optional; do
        if is_missing "$manager" "$entry"; then extras+=("${entry%%:*}"); fi
    done
    [ $((${#missing[@]} + ${#extras[@]})) -eq 0 ] && return

    local install
    case "$manager" in
        apt-get) install=(apt-get install -y --no-install-recommends) ;;
        dnf) install=(dnf install -y) ;;
        pacman) install=(pacman -S --needed --noconfirm) ;;
    esac
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        if [ "${#missing[@]}" -eq 0 ]; then
            say "${extras[*]} is missing and only root can install it: some tests are skipped."
            return
        fi
        fail "Packages are missing and only root can install them: run \`${install[*]} ${missing[*]}\` as root."
    fi

    local log
    log="$(mktemp)"
    # Old package lists name packages that are gone from the servers. Where the lists cannot be had anew,
    # those at hand may still do.
    if [ "$manager" = apt-get ]; then
        as_root apt-get update >"$log" 2>&1 || true
    fi
    if [ "${#missing[@]}" -gt 0 ]; then
        say "Installing ${missing[*]} with $manager."
        if ! as_root "${install[@]}" "${missing[@]}" >>"$log" 2>&1; then
            tail -n 15 "$log" >&2
            rm -f "$log"
            fail "The packages above could not be installed: install them by hand" \
                "(\`${install[*]} ${missing[*]}\` as root), or set CONVSCOPE_NO_INSTALL=1 to go on without."
        fi
    fi
    if [ "${#extras[@]}" -gt 0 ]; then
        say "Installing ${extras[*]} with $manager."
        # One by one: some systems lack one of them.
        for entry in "${extras[@]}"; do
            if ! as_root "${install[@]}" "$entry" >>"$log" 2>&1; then
                say "$entry could not be installed: some tests are skipped."
            fi
        done
    fi
    rm -f "$log"
}

# The Python whose TensorBoard reads event files back in the tests: one that has it already, or a new environment
# beside the build. Sets CONVSCOPE_PYTHON; false where there is none.
provide_tensorboard() {
    local python="${CONVSCOPE_PYTHON:-python3}" place="${CARGO_TARGET_DIR:-$root/target}/python"
    if "$python" -c "import tensorboard" 2>/dev/null; then
        export CONVSCOPE_PYTHON="$python"
        return 0
    fi
    [ "${CONVSCOPE_NO_INSTALL:-}" = 1 ] && return 1
    if ! "$place/bin/python" -c "import tensorboard" 2>/dev/null; then
        say "Installing TensorBoard into $place, to read event files back."
        mkdir -p "$(dirname "$place")"
        python3 -m venv "$place" >/dev/null 2>&1 || return 1
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check tensorboard \
            >/dev/null 2>&1 </dev/null || return 1
    fi
    export CONVSCOPE_PYTHON="$place/bin/python"
}

# Checks that cargo is there and as new as Cargo.toml asks for.
require_cargo() {
    # A shell that was open when rustup ran does not know its folder yet.
    if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
        export PATH
    fi
    local wanted hint found major minor
    wanted="$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")"
    hint="install it with rustup (https://rustup.rs), or bring it up to date with \`rustup update stable\`"
    command -v cargo >/dev/null || fail "cargo was not found: convscope needs Rust $wanted or newer; $hint."
    found="$(cd "$root" && cargo --version </dev/null | cut -d ' ' -f 2)" || found=""
    IFS=. read -r major minor _ <<<"$found"
    case "${major:-x}${minor:-x}" in
        *[!0-9]*) fail "cargo does not tell its version: convscope needs Rust $wanted or newer; $hint." ;;
    esac
    local wanted_major="${wanted%%.*}" wanted_minor="${wanted#*.}"
    wanted_minor="${wanted_minor%%.*}"
    if [ "$major" -lt "$wanted_major" ] || { [ "$major" -eq "$wanted_major" ] && [ "$minor" -lt "$wanted_minor" ]; }; then
        fail "cargo $found is too old: convscope needs Rust $wanted or newer; $hint."
    fi
}
