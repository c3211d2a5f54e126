"use strict";

const byId = (id) => document.getElementById(id);
let over = false;
// For so long nothing is said of a stream that stands still.
const SILENCE_S = 3;
// Longer names have a line of their own, where there is room for it.
const LONG = 14;
const WIDE = matchMedia("(min-width: 861px)");

function setState(state, text) {
  byId("state").dataset.state = state;
  if (byId("state-text").textContent !== text) byId("state-text").textContent = text;
}

function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

async function about() {
  const answer = await fetch("about.json");
  const facts = await answer.json();
  setText("model", facts.model);
  setText("source", facts.source);
  document.title = facts.model + " · edgecnn live";
  byId("tools").hidden = !facts.controls;
  offerCamera(facts.camera);
  past.order = facts.sources || [];
  past.colours = new Map(Object.entries(facts.colours || {}));
  drawPast();
  const list = byId("facts");
  list.replaceChildren();
  for (const [title, text] of Object.entries(facts.card)) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = title;
    value.textContent = text;
    row.append(term, value);
    list.append(row);
  }
}

function watch() {
  byId("picture").src = "picture.mjpeg?" + Date.now();
}

function showPicture(there) {
  byId("picture").hidden = !there;
  byId("empty").hidden = there;
  byId("view").classList.toggle("empty-view", !there);
}

function bars(top) {
  const list = byId("top");
  while (list.children.length < top.length) {
    const row = document.createElement("li");
    for (const name of ["name", "score", "track"]) {
      const part = document.createElement("span");
      part.className = name;
      row.append(part);
    }
    const fill = document.createElement("span");
    fill.className = "fill";
    row.lastChild.append(fill);
    list.append(row);
  }
  while (list.children.length > top.length) list.lastChild.remove();
  list.classList.toggle("short", top.every(([label]) => label.length <= LONG || !WIDE.matches));
  top.forEach(([label, score], rank) => {
    const [name, value, track] = list.children[rank].children;
    name.textContent = label;
    name.title = label;
    value.textContent = (100 * score).toFixed(1) + " %";
    track.firstChild.style.width = Math.min(100, 100 * score) + "%";
  });
}

function milliseconds(value) {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

function counts(ledger) {
  for (const cell of document.querySelectorAll("[data-count]")) {
    const count = ledger[cell.dataset.count];
    cell.textContent = count.toLocaleString("en");
    if (cell.dataset.count === "failed") cell.dataset.some = count ? "yes" : "no";
  }
}

function drift(state) {
  byId("drift-card").hidden = !state;
  if (!state) return;
  byId("drift").dataset.state = state.state;
  setText("drift", state.state);
  const list = byId("lights");
  const signals = Object.entries(state.signals || {});
  while (list.children.length < signals.length) {
    const state = document.createElement("span");
    state.className = "hidden";
    const row = document.createElement("li");
    row.className = "light";
    row.append("", state);
    list.append(row);
  }
  while (list.children.length > signals.length) list.lastChild.remove();
  signals.forEach(([title, signal], place) => {
    const row = list.children[place];
    const text = (signal && signal.state) || (typeof signal === "string" ? signal : "ok");
    const name = title.replaceAll("_", " ");
    if (row.firstChild.data !== name) row.firstChild.data = row.title = name;
    row.dataset.state = text;
    row.lastChild.textContent = ": " + text;
  });
}

// Of several sources, what each shows: there is no one answer.
function bySource(answers) {
  const list = byId("answers");
  while (list.children.length < answers.length) {
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    list.append(row);
  }
  answers.forEach((answer, place) => {
    const [name, text] = list.children[place].children;
    name.textContent = answer.source;
    text.textContent = answer.state === "unknown"
      ? "unknown: " + answer.reason
      : (answer.label || "–") + (answer.label ? " · " + (100 * answer.score).toFixed(0) + " %" : "");
    text.className = answer.state === "unknown" ? "warning" : "";
  });
}

function losses(lost) {
  const told = Object.entries(lost || {}).map(([name, count]) => name + " " + count.toLocaleString("en"));
  byId("lost").hidden = !told.length;
  setText("lost", "Answers lost by sinks that are too slow: " + told.join(", "));
}

function pill(status) {
  if (status.paused) setState("paused", "paused");
  else if (status.frame === undefined) setState("waiting", "waiting");
  else if (status.silence_s >= SILENCE_S) setState("unknown", "no frames for " + Math.round(status.silence_s) + " s");
  else setState(status.state === "unknown" ? "unknown" : "live", status.state === "unknown" ? "unknown" : "live");
}

function show(status) {
  if (status.ledger) counts(status.ledger);
  if (status.paused !== undefined) showPaused(status.paused);
  losses(status.lost);
  if (status.frame !== undefined) {
    document.querySelector(".answer").dataset.state = status.state;
    const several = (status.answers || []).length > 1;
    for (const part of document.querySelectorAll(".headline, #top")) part.hidden = several;
    byId("answers").hidden = !several;
    if (several) bySource(status.answers);
    setText("label", status.label || "–");
    byId("reason").hidden = several || !status.reason;
    setText("reason", status.reason);
    bars(status.top);
    setText("fps", status.fps.toFixed(1));
    setText("latency", milliseconds(status.latency_ms));
    drift(status.drift);
    heart(status);
    const added = (status.answers || []).map((one) => past.add([one.t, one.label, one.state, one.latency_ms, one.source]));
    if (added.some((is) => is)) drawPast();
  }
  if (status.summary) ended(status.summary);
  else if (status.frame !== undefined || status.paused !== undefined) pill(status);
}

function ended(summary) {
  over = true;
  counts(summary);
  const latency = summary.latency_ms;
  const speed = summary.processed
    ? ` At ${summary.fps.toFixed(1)} frames per second, latency p50 ${milliseconds(latency.p50)} ms, ` +
      `p95 ${milliseconds(latency.p95)} ms, p99 ${milliseconds(latency.p99)} ms.`
    : "";
  setText("summary",
    `${summary.processed.toLocaleString("en")} of ${summary.captured.toLocaleString("en")} frames ` +
    `answered in ${summary.seconds.toFixed(1)} s; ended by: ${summary.ended}.` + speed);
  byId("summary-card").hidden = false;
  byId("view").classList.add("over");
  if (!summary.captured) setText("empty", "The stream ended before its first frame");
  for (const button of document.querySelectorAll(".tools button")) button.disabled = true;
  stopCamera();
  setState("ended", "ended");
}

function listen() {
  const figures = new EventSource("figures");
  let lost = false;
  figures.onmessage = (event) => {
    if (lost) {
      lost = false;
      setText("empty", "Waiting for the next frame");
      about().catch(() => {});
      remember().catch(() => {});
      watch();
    }
    show(JSON.parse(event.data));
    if (over) figures.close();
  };
  figures.onerror = () => {
    if (over) return;
    lost = true;
    setState("lost", "connection lost");
    // A stream that breaks off tells its picture nothing, and leaves it blank.
    setText("empty", "Connection lost; trying again");
    showPicture(false);
    // After some refusals a browser gives up by itself; the page does not.
    if (figures.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

byId("model-card").open = matchMedia("(min-width: 861px) and (min-height: 860px)").matches;
byId("pause").addEventListener("click", pauseOrResume);
byId("snapshot").addEventListener("click", keepSnapshot);
byId("camera-button").addEventListener("click", () => (camera.stream ? stopCamera() : startCamera()));
byId("camera-turn").addEventListener("click", turnCamera);
about().catch(() => setState("lost", "connection lost"));
// "load" comes with the first picture of the stream, "error" when the stream breaks off.
byId("picture").addEventListener("load", () => showPicture(true));
byId("picture").addEventListener("error", () => showPicture(false));
// A page counts as loading until each picture in it has come, and the first may take its time.
window.addEventListener("load", watch);
setState("waiting", "waiting");
remember().catch(() => {});
listen();
