#!/usr/bin/env bash
# ffmpeg calls the clean end of a network camera's motion-JPEG stream an input/output error.
#
# The guess: a server that sends `multipart/x-mixed-replace` without a length, ends with the closing boundary and closes the
# connection, as HTTP has it, has sent a whole stream, and ffmpeg ends in peace; the same bytes in a file certainly do.
#
# What happens in ffmpeg 7.0.2 (and 5.1.9): over HTTP the end is "Stream ends prematurely at …, should be 18446744073709551615"
# (a length that is not known, as the largest number there is) and "Error during demuxing: Input/output error". All pictures have come, and
# the exit code is 0. The same bytes from a file end without an error.
#
# Touched: whoever tells whole streams from damaged ones by what ffmpeg says: every such stream looks cut off.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3 and x86-64
# Linux; takes 100 MB on disk. The output:
#
#     ffmpeg 7.0.2, motion JPEG of 10 pictures
#     file: 10 pictures, exit code 0, errors: none
#     http: 10 pictures, exit code 0, errors: Stream ends prematurely, Error during demuxing: Input/output error
set -euo pipefail

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" || cannot "no python3 with venv"
"$work/venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check imageio-ffmpeg==0.6.0 ||
    cannot "pip install imageio-ffmpeg==0.6.0"

"$work/venv/bin/python" - "$work" <<'PYTHON'
import http.server
import pathlib
import subprocess
import sys
import threading

import imageio_ffmpeg

ffmpeg, work = imageio_ffmpeg.get_ffmpeg_exe(), pathlib.Path(sys.argv[1])
version = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.split()[2].split("-")[0]
make = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc=rate=10:duration=1:size=64x48", str(work / "%02d.jpg")]
subprocess.run(make, check=True)
parts = [path.read_bytes() for path in sorted(work.glob("*.jpg"))]
stream = b"".join(
    b"--part\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(part), part) for part in parts
)
stream += b"--part--\r\n"
(work / "stream.mjpeg").write_bytes(stream)


class Camera(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
        self.end_headers()
        self.wfile.write(stream)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"ffmpeg {version}, motion JPEG of {len(parts)} pictures")
seen = {}
for name, given in {
    "file": ["-f", "mpjpeg", "-i", str(work / "stream.mjpeg")],
    "http": ["-i", f"http://127.0.0.1:{server.server_port}/"],
}.items():
    read = [ffmpeg, "-nostdin", "-v", "error", *given, "-fps_mode", "passthrough", "-f", "framecrc", "-"]
    run = subprocess.run(read, capture_output=True, text=True)
    pictures = sum(line.startswith("0,") for line in run.stdout.splitlines())
    known = ["Stream ends prematurely", "Error during demuxing: Input/output error"]
    errors = [words for words in known if words in run.stderr]
    seen[name] = pictures, run.returncode, errors, "18446744073709551615" in run.stderr
    print(f"{name}: {pictures} pictures, exit code {run.returncode}, errors: {', '.join(errors) or 'none'}")
as_told = seen == {"file": (10, 0, [], False), "http": (10, 0, known, True)}
sys.exit(0 if as_told else 1)
PYTHON
