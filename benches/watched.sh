#!/usr/bin/env bash
# What a page and a film cost: the window under Xvfb, looked at by a page, or recorded, beside the same window that neither is, in turns:
# the network's time for a frame. And how long after the first result a page has its first picture.
#
#   benches/watched.sh CONVSCOPE [OPTIONS OF NETWORK AND SOURCE...]
#
# ROUNDS (default 3) turns of SECONDS_EACH (default 15). Needs Xvfb, xdotool, ffmpeg and python3.
set -euo pipefail

exec python3 - "${ROUNDS:-3}" "${SECONDS_EACH:-15}" "$@" <<'PYTHON'
import base64
import json
import os
import pathlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

rounds, seconds, program, *options = sys.argv[1:]
options = options or ["--source", "testcard", "--device", "cpu", "--weights", "embedded"]


class Page:
    """Looks as a page does: says of each picture that it is shown, and takes the next."""

    def __init__(self, host, port, token):
        self.socket = socket.create_connection((host, port))
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET /live?token={token} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\n"
        head += f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        self.socket.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.socket.recv(1)
        assert b" 101 " in answer, answer
        self.pictures, self.bytes, self.first_state, self.first_picture = 0, 0, None, None
        threading.Thread(target=self.look, daemon=True).start()

    def take(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def say(self, text):
        mask, data = os.urandom(4), text.encode()
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.socket.sendall(bytes([0x81, 0x80 | len(data)]) + mask + masked)

    def look(self):
        try:
            while True:
                kind, length = self.take(2)
                length &= 127
                if length == 126:
                    (length,) = struct.unpack(">H", self.take(2))
                elif length == 127:
                    (length,) = struct.unpack(">Q", self.take(8))
                data = self.take(length)
                if kind & 15 == 1:
                    told = json.loads(data)
                    if told["type"] == "state" and told["picture"] and self.first_state is None:
                        self.first_state = time.time()
                elif kind & 15 == 2:
                    self.first_picture = self.first_picture or time.time()
                    self.pictures += 1
                    self.bytes += length
                    self.say('{"type":"shown"}')
        except (ConnectionError, OSError):
            pass


def snapshot(folder, environment):
    """How long the network took for the newest frame, in milliseconds."""
    known = set(folder.glob("convscope-snapshots/*/snapshot.json"))
    subprocess.run(["xdotool", "key", "s"], env=environment, check=True)
    deadline = time.time() + 30
    while True:
        if time.time() > deadline:
            sys.exit("no snapshot came: is the window there?")
        new = set(folder.glob("convscope-snapshots/2*/snapshot.json")) - known
        if new:
            return json.loads(new.pop().read_text())["times"]["network_ms"]
        time.sleep(0.05)


WAYS = {"alone": [], "served": ["--serve", "0"], "recorded": ["--record", "film.mp4"]}


def run(way):
    served = way == "served"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        x = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x720x24"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        environment = dict(os.environ, DISPLAY=":" + x.stdout.readline().decode().strip())
        command = [program, "--size", "1280x720", "--offline", *options, *WAYS[way]]
        view = subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        page = None
        if served:
            link = None
            while not link:
                link = re.search(rb"http://([0-9.]+):(\d+)/\?token=(\w+)", view.stderr.readline())
            page = Page(link[1].decode(), int(link[2]), link[3].decode())
        threading.Thread(target=view.stderr.read, daemon=True).start()
        window = b""
        while not window:
            time.sleep(0.2)
            found = subprocess.run(["xdotool", "search", "--name", "^convscope$"], env=environment, capture_output=True)
            window = found.stdout.strip()
        # Without a window manager keys go nowhere else.
        subprocess.run(["xdotool", "windowfocus", "--sync", window.decode()], env=environment, check=True)
        time.sleep(8)
        pictures, start = page.pictures if page else 0, time.time()
        took = []
        while time.time() - start < float(seconds):
            took.append(snapshot(folder, environment))
            time.sleep(0.3)
        network = statistics.median(took)
        shown = (page.pictures - pictures) / (time.time() - start) if page else 0
        delay = page.first_picture - page.first_state if page and page.first_state else 0
        size = page.bytes / max(page.pictures, 1) / 1000 if page else 0
        for process in (view, x):
            process.terminate()
            process.wait()
        return network, shown, delay, size


times = {way: [] for way in WAYS}
for _ in range(int(rounds)):
    for way in WAYS:
        network, shown, delay, size = run(way)
        times[way].append(network)
        page = f"; {shown:.1f} pictures of {size:.0f} kB a second to the page, the first {delay:.2f} s after the first result"
        print(f"{way}: the network takes {network:.1f} ms a frame{page if way == 'served' else ''}", flush=True)
alone = statistics.median(times["alone"])
for way in ("served", "recorded"):
    print(f"{way}, a frame takes {statistics.median(times[way]) / alone:.3f} times as long")
PYTHON
