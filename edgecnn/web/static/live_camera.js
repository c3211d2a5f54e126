"use strict";

// This device's camera as the source: one JPEG a message, the next when the last one has arrived.
const camera = { stream: null, socket: null, facing: "environment", waiting: false, timer: 0, wishes: null };

function cameraNote(text) {
  setText("camera-note", text);
}

function offerCamera(wishes) {
  camera.wishes = wishes;
  byId("camera").hidden = !wishes;
  if (!wishes || camera.stream) return;
  setText("empty", "Waiting for a camera");
  if (!window.isSecureContext || !navigator.mediaDevices) {
    byId("camera-button").disabled = true;
    cameraNote("A browser gives its camera to HTTPS pages only: start edgecnn with --tls.");
  }
}

function why(error) {
  if (error.name === "NotAllowedError") return "The browser was not allowed to use the camera.";
  if (error.name === "NotFoundError") return "This device has no camera.";
  if (error.name === "NotReadableError") return "The camera is used by another program.";
  return "The camera cannot be used: " + error.message;
}

async function startCamera() {
  stopCamera();
  cameraNote("");
  const { size, fps } = camera.wishes;
  try {
    camera.stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: camera.facing, width: { ideal: size }, frameRate: { ideal: fps } },
    });
  } catch (error) {
    cameraNote(why(error));
    return;
  }
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = camera.stream;
  try {
    await video.play();
  } catch (error) {
    stopCamera();
    cameraNote(why(error));
    return;
  }
  camera.stream.getVideoTracks()[0].addEventListener("ended", () => stopCamera("The camera was taken away."));
  setText("camera-button", "Stop camera");
  byId("camera-button").classList.remove("main");
  byId("camera-turn").hidden = false;
  // A phone that falls asleep takes its camera along.
  if (navigator.wakeLock) camera.awake = await navigator.wakeLock.request("screen").catch(() => null);
  send(video);
}

function stopCamera(text = "") {
  clearInterval(camera.timer);
  if (camera.socket) {
    camera.socket.onclose = null;
    camera.socket.close();
  }
  if (camera.stream) for (const track of camera.stream.getTracks()) track.stop();
  if (camera.awake) camera.awake.release();
  camera.stream = camera.socket = camera.awake = null;
  setText("camera-button", "Use this device's camera");
  byId("camera-button").classList.add("main");
  byId("camera-turn").hidden = true;
  cameraNote(text);
}

function send(video) {
  const address = new URL("camera", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  const socket = new WebSocket(address);
  camera.socket = socket;
  camera.waiting = true;
  socket.onopen = () => { camera.waiting = false; };
  socket.onmessage = () => { camera.waiting = false; };
  socket.onclose = (event) => stopCamera(event.reason || "The connection is lost.");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const picture = () => {
    // While one is under way, the next would only be older when it arrives.
    if (camera.waiting || !video.videoWidth || socket.readyState !== WebSocket.OPEN) return;
    camera.waiting = true;
    const scale = Math.min(1, camera.wishes.size / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      if (blob && socket.readyState === WebSocket.OPEN) socket.send(blob);
      else camera.waiting = false;
    }, "image/jpeg", 0.85);
  };
  camera.timer = setInterval(picture, 1000 / camera.wishes.fps);
}

function turnCamera() {
  camera.facing = camera.facing === "environment" ? "user" : "environment";
  startCamera();
}
