"use strict";
// Pictures come as the page asks for them (each when the last is on the screen); keys, pointer, files and camera go to the server.
const PICTURE = 0, FILE = 1, CAMERA = 2;
const PART = 1 << 20, CAMERA_SIDE = 640, CAMERA_PAUSE = 66, AGAIN = 1000;
const find = (id) => document.getElementById(id);
const view = find("view"), room = find("room"), pen = view.getContext("2d");
const query = location.search;
let socket = null, controls = false, isOpen = false, size = "", camera = null;

// For those who look at the page from outside, such as its tests.
window.convscope = { pictures: 0, connections: 0 };

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/live${query}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { isOpen = true; window.convscope.connections += 1; away(""); };
  socket.onmessage = ({ data }) => (typeof data === "string" ? hear(JSON.parse(data)) : show(data));
  socket.onclose = () => {
    if (isOpen) stopCamera();
    isOpen = false;
    size = "";
    away("The server does not answer. Asking again …");
    setTimeout(connect, AGAIN);
  };
}

function say(what) {
  if (isOpen && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what));
}

function away(text) {
  find("away").hidden = !text;
  find("away").textContent = text;
}

function hear(told) {
  if (told.type === "state") {
    const parts = [told.layer, told.picture, told.top].filter(Boolean);
    find("state").textContent = parts.join(" · ") || "waiting for the first picture …";
    document.title = ["convscope", ...parts].join(" · ");
  } else if (told.type === "role") {
    controls = told.controls;
    find("take").hidden = controls;
    find("camera").disabled = !controls;
    if (controls) sendSize();
    if (!controls) stopCamera();
  } else if (told.type === "files") {
    const links = told.names.map((name) => {
      const link = document.createElement("a");
      link.href = `/files/${told.number}/${encodeURIComponent(name)}${query}`;
      link.download = name;
      link.textContent = name;
      return link;
    });
    find("files").replaceChildren("snapshot:", ...links);
  } else if (told.type === "refused") {
    find("message").textContent = `Not taken: ${told.reason}.`;
  }
}

async function show(data) {
  if (new Uint8Array(data, 0, 1)[0] !== PICTURE) return;
  try {
    const picture = await createImageBitmap(new Blob([new Uint8Array(data, 1)], { type: "image/jpeg" }));
    if (view.width !== picture.width || view.height !== picture.height) {
      view.width = picture.width;
      view.height = picture.height;
    }
    pen.drawImage(picture, 0, 0);
    picture.close();
    window.convscope.pictures += 1;
  } finally {
    say({ type: "shown" });
  }
}

function sendSize() {
  const scale = window.devicePixelRatio || 1;
  const wanted = [room.clientWidth, room.clientHeight].map((side) => Math.max(1, Math.round(side * scale)));
  if (controls && wanted.join() !== size) {
    size = wanted.join();
    say({ type: "size", width: wanted[0], height: wanted[1] });
  }
}

const NAMES = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", PageUp: "page up", PageDown: "page down",
  Escape: "esc", Enter: "enter", Backspace: "backspace", " ": "space",
};

// As keys.toml has keys: "u", "shift u", "ctrl k", "shift left".
function keyOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (metaKey || altKey) return null;
  const name = NAMES[key];
  if (name) return shiftKey && key.startsWith("Arrow") ? `shift ${name}` : name;
  if ([...key].length !== 1) return null;
  const small = key.toLowerCase();
  if (ctrlKey) return /[a-z]/.test(small) ? `ctrl ${small}` : null;
  return key !== small ? `shift ${small}` : key;
}

// What browsers need for themselves.
const THEIRS = new Set(["ctrl c", "ctrl v", "ctrl x", "ctrl a", "ctrl t", "ctrl w", "ctrl n", "ctrl l"]);

document.addEventListener("keydown", (event) => {
  const key = keyOf(event);
  if (!key || THEIRS.has(key) || event.target instanceof HTMLButtonElement) return;
  event.preventDefault();
  say({ type: "key", key, text: [...event.key].length === 1 && !event.ctrlKey ? event.key : null });
});

function pointer(kind) {
  return (event) => {
    const area = view.getBoundingClientRect();
    if (!area.width) return;
    say({ type: "pointer", kind, x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height });
  };
}
view.addEventListener("pointermove", pointer("moved"));
view.addEventListener("pointerdown", (event) => {
  view.focus();
  if (event.button === 0) { pointer("moved")(event); pointer("down")(event); }
});
view.addEventListener("pointerup", (event) => event.button === 0 && pointer("up")(event));
view.addEventListener("pointerleave", pointer("left"));
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  say({ type: "wheel", x: -event.deltaX, y: -event.deltaY });
}, { passive: false });

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); find("drop").hidden = !controls; });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) find("drop").hidden = true; });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  find("drop").hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) send(file);
});

async function send(file) {
  if (!controls) return;
  say({ type: "file", name: file.name, size: file.size });
  for (let at = 0; at < file.size && isOpen; at += PART) {
    const part = await file.slice(at, at + PART).arrayBuffer();
    sendBytes(FILE, part);
    while (isOpen && socket.bufferedAmount > 4 * PART) await new Promise((later) => setTimeout(later, 20));
  }
}

function sendBytes(kind, buffer) {
  const bytes = new Uint8Array(buffer.byteLength + 1);
  bytes[0] = kind;
  bytes.set(new Uint8Array(buffer), 1);
  if (isOpen) socket.send(bytes);
}

find("take").addEventListener("click", () => say({ type: "take" }));
find("camera").addEventListener("click", () => (camera ? stopCamera() : startCamera()));

async function startCamera() {
  if (!navigator.mediaDevices) {
    find("message").textContent = "Browsers give cameras to pages of this machine (localhost) alone: open it through a tunnel (ssh -L).";
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: CAMERA_SIDE } });
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = stream;
    await video.play();
    camera = { stream, video, canvas: document.createElement("canvas"), isBusy: false };
    camera.timer = setInterval(sendFrame, CAMERA_PAUSE);
    find("camera").textContent = "stop my camera";
    find("host").textContent = location.host;
    find("camera-on").hidden = false;
    say({ type: "camera", on: true });
  } catch (error) {
    find("message").textContent = `No camera: ${error.message}`;
  }
}

function sendFrame() {
  if (!camera || camera.isBusy || !isOpen || socket.bufferedAmount > 0) return;
  const { video, canvas } = camera;
  if (!video.videoWidth) return;
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  camera.isBusy = true;
  canvas.toBlob(async (blob) => {
    if (camera) camera.isBusy = false;
    if (blob && camera) sendBytes(CAMERA, await blob.arrayBuffer());
  }, "image/jpeg", 0.85);
}

function stopCamera() {
  if (!camera) return;
  clearInterval(camera.timer);
  camera.stream.getTracks().forEach((track) => track.stop());
  camera = null;
  find("camera").textContent = "send my camera";
  find("camera-on").hidden = true;
  say({ type: "camera", on: false });
}

new ResizeObserver(sendSize).observe(room);
connect();
view.focus();
