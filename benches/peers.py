#!/usr/bin/env python3
"""Times convscope's network and other programs' side by side: the same weights, the same picture, one run.

    peers.py --network BINARY [--device cpu|gpu] [--weights FILE] [--picture FILE] [--json FILE] [--markdown FILE]

BINARY is the bench `network` (`cargo build --release --bench network`). Each contestant is a process of its own that
stays, and is asked in rounds, in another order each round. First of all the answers are compared: only what computes the
same network is given a ratio. Needs nothing but Python 3.10 itself; the other programs are reached through
contestant.py, run by --python. A contestant that cannot take part is told with the reason, and what was measured is
written after each round.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import queue
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
OURS = "convscope"
ON_CPU = ["pytorch", "pytorch+channels-last", "pytorch+channels-last+folded", "onnxruntime", "openvino", "keras"]
ON_GPU = ["pytorch", "pytorch+f32", "pytorch+channels-last+benchmark", "pytorch+folded+benchmark+cuda-graph+f32",
          "pytorch+channels-last+folded+benchmark+cuda-graph", "pytorch+channels-last+folded+benchmark+cuda-graph+f16"]
# Largest difference of a log-probability between programs that compute the same: rounding of f32 alone, or of the
# shorter numbers that tensor cores take.
SAME_F32, SAME_SHORT = 0.01, 0.5
# Classes less probable than this are left out of that.
LEAST = 1e-6


class Trouble(Exception):
    """A contestant cannot go on; the message is a clause that says why."""


class Contestant:
    """A process that answers a line with a line."""

    def __init__(self, name, command, environment, log, start_limit_s):
        self.name, self.log = name, log
        with log.open("w") as errors:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.ms, self.rounds, self.peak_mb, self.trouble = [], [], None, None
        ready = self.next(start_limit_s)
        self.what, self.first_ms, self.start_ms = ready["ready"], ready["first_ms"], ready["start_ms"]

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def next(self, limit_s):
        try:
            line = self.lines.get(timeout=max(limit_s, 0.1))
        except queue.Empty:
            self.stop()
            raise Trouble(f"no answer within {limit_s:.0f} s") from None
        if line is None:
            said = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            raise Trouble(f"it ended: {said[-1].strip() if said else f'exit code {self.process.wait()}'}")
        answer = json.loads(line)
        if "error" in answer:
            raise Trouble(answer["error"])
        return answer

    def ask(self, question, limit_s):
        try:
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        except OSError:
            pass
        return self.next(limit_s)

    def probabilities(self, path, limit_s, question="answer"):
        count = self.ask(f"{question} {path}", limit_s)["count"]
        return struct.unpack(f"<{count}f", path.read_bytes())

    def note_memory(self):
        """Largest resident size so far, where the system tells it."""
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
            self.peak_mb = int(line.split()[1]) / 1024
        except (OSError, ValueError):
            pass

    def stop(self):
        self.process.kill()
        self.process.wait()


# Answers and numbers --------------------------------------------------------------------------------------------------

def differences(ours, theirs):
    """Largest difference of a probability, and of the logarithm of one that is not negligible."""
    if len(ours) != len(theirs) or not all(map(math.isfinite, theirs)):
        return math.inf, math.inf
    plain = max(abs(p - q) for p, q in zip(ours, theirs))
    logs = [abs(math.log(max(q, 1e-30) / p)) for p, q in zip(ours, theirs) if p > LEAST]
    return plain, max(logs, default=math.inf)


def percentile(values, fraction):
    values = sorted(values)
    place = fraction * (len(values) - 1)
    low = int(place)
    return values[low] + (place - low) * (values[min(low + 1, len(values) - 1)] - values[low])


def summary(contestant, ours):
    """A contestant's part of the document. Ratios are taken within rounds, which see the same load of the machine."""
    found = {"name": contestant.name, "what": contestant.what, "start_ms": contestant.start_ms,
             "first_ms": contestant.first_ms, "peak_memory_mb": contestant.peak_mb, "same_answer": contestant.same,
             "probability_difference": contestant.plain, "log_probability_difference": contestant.logs,
             "trouble": contestant.trouble, "ms": contestant.ms}
    if contestant.ms:
        low, middle, high = (percentile(contestant.ms, fraction) for fraction in (0.1, 0.5, 0.9))
        found |= {"median_ms": middle, "p10_ms": low, "p90_ms": high, "least_ms": min(contestant.ms)}
        ratios = [theirs / mine for theirs, mine in zip(contestant.rounds, ours.rounds if ours else [])]
        if ratios and contestant.same:
            low, middle, high = (percentile(ratios, fraction) for fraction in (0.1, 0.5, 0.9))
            found |= {"ratio": middle, "ratio_p10": low, "ratio_p90": high}
    return found


def table(document):
    """The document as a Markdown table and what has to be said beside it."""
    network, machine = document["network"], document["machine"]
    lines = [
        f"InceptionV3 ({network['weights']}, width {network['width_multiplier']:g}, {network['avg_pool']} padding in average"
        f" pooling), one picture of {network['input'][1]}×{network['input'][2]}, f32 but where f16 is said;"
        f" {document['rounds']} rounds, alternating. {machine['processor']}, {machine['threads']} of {machine['cores']}"
        f" cores, load {machine['load_before']:.1f} before and {machine['load_after']:.1f} after"
        f"{'; ' + machine['gpu'] if machine['gpu'] else ''}.",
        "",
        "| contestant | median ms | p10–p90 | least | time ÷ convscope's | first run ms | peak memory MB | largest Δ probability |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for found in document["contestants"]:
        if "median_ms" not in found:
            continue
        ratio = f"{found['ratio']:.2f} ({found['ratio_p10']:.2f}–{found['ratio_p90']:.2f})" if "ratio" in found else "–"
        memory = f"{found['peak_memory_mb']:.0f}" if found["peak_memory_mb"] else "–"
        lines.append(f"| {found['name']} | {found['median_ms']:.2f} | {found['p10_ms']:.2f}–{found['p90_ms']:.2f}"
                     f" | {found['least_ms']:.2f} | {ratio} | {found['first_ms']:.0f} | {memory} | {found['probability_difference']:.1e} |")
    lines.append("")
    if machine["load_before"] > machine["cores"] / 4:
        lines.append("- The machine was not idle. That costs the contestants differently: OpenMP's threads (PyTorch, Keras)"
                     " wait for the slowest of them after every layer. The least times tell more than the medians.")
    for found in document["contestants"]:
        note = f"- {found['name']}: {found['what']}." if found["what"] else f"- {found['name']}"
        if found["same_answer"] is False:
            note += " NOT THE SAME ANSWER: a log-probability differs by up to " \
                    f"{found['log_probability_difference']:.2g}, so no ratio."
        if found["trouble"]:
            note += f" {'' if found['what'] else 'is '}left out: {found['trouble']}."
        lines.append(note)
    if document["unfinished"]:
        lines.append(f"- {document['unfinished']}.")
    return "\n".join(lines) + "\n"


# The machine ----------------------------------------------------------------------------------------------------------

def processor():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def nvidia():
    """The GPU as its driver names it; empty where there is none."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def has_cuda(python):
    code = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


# The run --------------------------------------------------------------------------------------------------------------

class Match:
    def __init__(self, asked, folder):
        self.asked, self.folder = asked, folder
        self.end = time.monotonic() + asked.seconds
        self.contestants, self.left_out, self.unfinished = [], [], None
        self.machine = {"processor": processor(), "cores": os.cpu_count(), "threads": asked.threads, "gpu": nvidia(),
                        "system": platform.platform(), "load_before": os.getloadavg()[0]}
        threads = {name: str(asked.threads) for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        self.environment = {**os.environ, **threads, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.done = 0

    def left_s(self):
        return self.end - time.monotonic()

    def prepare(self):
        asked = self.asked
        command = [asked.network, "prepare", str(self.folder), "--weights", asked.weights, "--picture", asked.picture,
                   "--width-multiplier", str(asked.width_multiplier)]
        command += ["--avg-pool", asked.avg_pool] if asked.avg_pool else []
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=self.left_s())
        if done.returncode != 0:
            sys.exit(f"peers.py: the network could not be prepared: {done.stderr.strip()}")
        network = json.loads((self.folder / "network.json").read_text())
        self.network = {key: value for key, value in network.items() if key != "nodes"}

    def start(self, name, command, limit_s):
        log = self.folder / f"log-{len(self.contestants) + len(self.left_out)}.txt"
        print(f"peers.py: starting {name}", file=sys.stderr)
        try:
            contestant = Contestant(name, command, self.environment, log, min(limit_s, self.left_s()))
            answer = contestant.probabilities(self.folder / "answer.f32", min(60, self.left_s()))
        except Trouble as trouble:
            self.left_out.append((name, str(trouble)))
            return
        if not self.contestants:
            # convscope's, unless it could not start: then the others are still compared with each other.
            self.reference = answer
        contestant.plain, contestant.logs = differences(self.reference, answer)
        is_short = "f16" in name or (self.on_cuda and "f32" not in name)
        contestant.same = contestant.logs <= (SAME_SHORT if is_short else SAME_F32)
        self.contestants.append(contestant)

    def start_all(self):
        asked = self.asked
        device = ["--device", asked.device] + (["--adapter", asked.adapter] if asked.adapter else [])
        self.on_cuda = asked.device == "gpu" and has_cuda(asked.python)
        serve = [asked.network, "serve", str(self.folder), *device]
        self.start(OURS, serve, asked.start_seconds)
        if asked.device == "gpu":
            self.start(f"{OURS}+f16", [*serve, "--precision", "f16"], asked.start_seconds)
        place = "cuda" if self.on_cuda else "cpu"
        for name in asked.contestants or (ON_GPU if asked.device == "gpu" else ON_CPU):
            if self.left_s() < 20:
                self.left_out.append((name, "no time was left to start it"))
                continue
            script = [asked.python, str(HERE / "contestant.py"), name, str(self.folder)]
            self.start(name, [*script, "--device", place, "--threads", str(asked.threads)], asked.start_seconds)

    def play(self):
        asked = self.asked
        longest_s = 0.0
        for number in range(asked.rounds):
            if self.left_s() < 1.5 * longest_s + 2:
                self.unfinished = f"the time was up after {number} of {asked.rounds} rounds"
                break
            start = time.monotonic()
            order = [contestant for contestant in self.contestants if contestant.trouble is None]
            random.Random(number).shuffle(order)
            for contestant in order:
                # Threads of the one before stop spinning.
                time.sleep(asked.pause)
                try:
                    times = contestant.ask(f"run {asked.warm} {asked.count}", self.left_s())["ms"]
                except Trouble as trouble:
                    contestant.trouble = str(trouble)
                    continue
                contestant.ms += times
                contestant.rounds.append(statistics.median(times))
                contestant.note_memory()
            self.done = number + 1
            longest_s = max(longest_s, time.monotonic() - start)
            self.write()
        self.write()

    def document(self):
        ours = next((contestant for contestant in self.contestants if contestant.name == OURS), None)
        found = [summary(contestant, ours) for contestant in self.contestants]
        for name, trouble in self.left_out:
            found.append({"name": name, "what": None, "same_answer": None, "trouble": trouble})
        asked = self.asked
        return {"machine": {**self.machine, "load_after": os.getloadavg()[0]}, "network": self.network,
                "device": asked.device, "rounds": self.done, "warm": asked.warm, "count": asked.count,
                "unfinished": self.unfinished, "contestants": found}

    def write(self):
        document = self.document()
        for path, text in ((self.asked.json, json.dumps(document, indent=1) + "\n"),
                           (self.asked.markdown, table(document))):
            if path:
                part = path.with_name(path.name + ".part")
                part.write_text(text)
                part.rename(path)

    def stop(self):
        for contestant in self.contestants:
            contestant.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", required=True, help="the bench binary `network`")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--adapter", help="graphics adapter, by a part of its name")
    parser.add_argument("--weights", default="untrained", help="as convscope's --weights [default: untrained]")
    parser.add_argument("--picture", default="testcard", help="[default: the test card]")
    parser.add_argument("--width-multiplier", type=float, default=1.0, help="for the untrained network")
    parser.add_argument("--avg-pool", choices=["include", "exclude"], help="[default: what the weights take]")
    parser.add_argument("--threads", type=int, default=cores(), help="of each contestant [default: all cores]")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warm", type=int, help="runs of a round before the clock [default: 1, GPU 5]")
    parser.add_argument("--count", type=int, help="timed runs of a round [default: 2, GPU 20]")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds before each contestant's turn")
    parser.add_argument("--seconds", type=float, default=1800, help="limit of the whole run")
    parser.add_argument("--start-seconds", type=float, default=300, help="limit of one contestant's start")
    parser.add_argument("--contestants", type=lambda text: text.split(","), help="names, separated by commas")
    parser.add_argument("--python", default=sys.executable, help="the Python with the other programs [default: this]")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path)
    asked = parser.parse_args()
    on_gpu = asked.device == "gpu"
    asked.warm = asked.warm if asked.warm is not None else (5 if on_gpu else 1)
    asked.count = asked.count if asked.count is not None else (20 if on_gpu else 2)
    return asked


def main():
    asked = arguments()
    if hasattr(os, "sched_setaffinity"):
        # Inherited by every contestant: no library can take more than its share.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:max(asked.threads, 1)])
    with tempfile.TemporaryDirectory(prefix="convscope-peers-") as folder:
        match = Match(asked, pathlib.Path(folder))
        try:
            match.prepare()
            match.start_all()
            match.play()
            print(table(match.document()), end="")
        finally:
            match.stop()


if __name__ == "__main__":
    main()
