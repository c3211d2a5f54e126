"use strict";

const byId = (id) => document.getElementById(id);
const history = [];
const HISTORY = 120;
let over = false;

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
  top.forEach(([label, score], rank) => {
    const [name, value, track] = list.children[rank].children;
    name.textContent = label;
    name.title = label;
    value.textContent = (100 * score).toFixed(1) + " %";
    track.firstChild.style.width = Math.min(100, 100 * score) + "%";
  });
}

function spark(latency) {
  history.push(latency);
  if (history.length > HISTORY) history.shift();
  const most = Math.max(...history, 0.001);
  const points = history.map((value, place) => {
    const x = (120 * (HISTORY - history.length + place)) / (HISTORY - 1);
    return x.toFixed(1) + "," + (23 - (21 * value) / most).toFixed(1);
  });
  byId("spark-line").setAttribute("points", points.join(" "));
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

function show(status) {
  if (status.frame !== undefined) {
    const unknown = status.state === "unknown";
    document.querySelector(".answer").dataset.state = status.state;
    setText("label", status.label || "–");
    byId("reason").hidden = !status.reason;
    setText("reason", status.reason);
    bars(status.top);
    setText("fps", status.fps.toFixed(1));
    setText("latency", milliseconds(status.latency_ms));
    spark(status.latency_ms);
    counts(status.ledger);
    if (!status.summary) setState(unknown ? "unknown" : "live", unknown ? "unknown" : "live");
  }
  if (status.summary) ended(status.summary);
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

about().catch(() => setState("lost", "connection lost"));
// "load" comes with the first picture of the stream, "error" when the stream breaks off.
byId("picture").addEventListener("load", () => showPicture(true));
byId("picture").addEventListener("error", () => showPicture(false));
// A page counts as loading until each picture in it has come, and the first may take its time.
window.addEventListener("load", watch);
setState("waiting", "waiting");
listen();
