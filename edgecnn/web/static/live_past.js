"use strict";

// The last minute: which label there was when, and how long the answers took.
const WINDOW_S = 60;
const STEP_S = 0.25;
// Two points further apart have nothing between them: the stream stood still.
const GAP_S = 2;
// Labels that the legend has room for.
const MOST = 10;

const past = {
  sources: new Map(),
  // Their names from top to bottom, where there are several.
  order: [],
  // Of each label, in the labels' order: the same as in the picture, and for every visitor.
  colours: new Map(),

  add([t, label, state, latency, source]) {
    if (!this.sources.has(source)) this.sources.set(source, []);
    const points = this.sources.get(source);
    const last = points.at(-1);
    // Another time than before: the stream was started anew.
    if (last && t < last.t) points.length = 0;
    else if (last && t - last.t < STEP_S) return false;
    points.push({ t, label, state, latency });
    while (points[0].t < t - WINDOW_S) points.shift();
    return true;
  },

  // What is no answer has none; what is none of the labels ("none" found) is grey.
  colour(point) {
    return point.state === "unknown" ? "" : this.colours.get(point.label) || "var(--quiet)";
  },

  place(label) {
    const place = [...this.colours.keys()].indexOf(label);
    return place < 0 ? this.colours.size : place;
  },

  runs(points) {
    const runs = [];
    for (const [place, point] of points.entries()) {
      const next = points[place + 1];
      const until = next && next.t - point.t <= GAP_S ? next.t : point.t + STEP_S;
      const colour = this.colour(point);
      const run = runs.at(-1);
      if (run && run.label === point.label && run.colour === colour && run.until === point.t) run.until = until;
      else runs.push({ label: point.label, colour, from: point.t, until });
    }
    return runs;
  },
};

function drawPast() {
  const names = past.order.length ? past.order : [...past.sources.keys()];
  const rows = names.map((name) => past.sources.get(name) || []).filter((points) => points.length);
  if (!rows.length) return;
  const end = Math.max(...rows.map((points) => points.at(-1).t)) + STEP_S;
  const x = (t) => Math.max(0, 600 * (1 - (end - t) / WINDOW_S));
  const high = 20 / rows.length;
  drawStrip(rows.flatMap((points, row) => past.runs(points).map((run) => ({ ...run, y: row * high, high }))), x);
  drawLatency(rows, x);
}

function drawStrip(runs, x) {
  // An answer that is a picture has no label.
  byId("past").hidden = !runs.some((run) => run.label);
  const strip = byId("strip");
  while (strip.children.length < runs.length) {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    strip.append(bar);
  }
  while (strip.children.length > runs.length) strip.lastChild.remove();
  const lasted = new Map();
  runs.forEach((run, place) => {
    const bar = strip.children[place];
    bar.setAttribute("x", x(run.from).toFixed(1));
    bar.setAttribute("width", Math.max(0, x(run.until) - x(run.from)).toFixed(1));
    paint(bar, run.colour);
    bar.setAttribute("y", run.y.toFixed(2));
    // A hair between the rows of several sources.
    bar.setAttribute("height", (run.high < 20 ? 0.9 * run.high : run.high).toFixed(2));
    const seen = lasted.get(run.label) || { colour: run.colour, seconds: 0 };
    seen.seconds += run.until - run.from;
    lasted.set(run.label, seen);
  });
  // Those that lasted longest, in an order that stays.
  const shown = [...lasted].filter(([label]) => label).sort((a, b) => b[1].seconds - a[1].seconds).slice(0, MOST);
  legend(shown.sort((a, b) => past.place(a[0]) - past.place(b[0])));
}

function paint(element, colour) {
  if (element.dataset.colour === colour) return;
  element.dataset.colour = colour;
  if (colour) element.style.setProperty("--colour", colour);
  else element.style.removeProperty("--colour");
}

function legend(entries) {
  const list = byId("legend");
  while (list.children.length < entries.length) list.append(document.createElement("li"));
  while (list.children.length > entries.length) list.lastChild.remove();
  entries.forEach(([label, { colour }], place) => {
    const entry = list.children[place];
    if (entry.textContent !== label) entry.textContent = label;
    paint(entry, colour);
  });
}

function drawLatency(rows, x) {
  const most = Math.max(...rows.flat().map((point) => point.latency), 0.001);
  const steps = rows.flatMap((points) => points.map((point, place) => {
    const before = points[place - 1];
    const joined = before && point.t - before.t <= GAP_S;
    return (joined ? "L" : "M") + x(point.t).toFixed(1) + " " + (23 - (21 * point.latency) / most).toFixed(1);
  }));
  byId("spark-line").setAttribute("d", steps.join(""));
  setText("spark-most", "up to " + milliseconds(most) + " ms in the last minute");
}

async function remember() {
  const answer = await fetch("past.json");
  past.sources.clear();
  for (const point of await answer.json()) past.add(point);
  drawPast();
}
