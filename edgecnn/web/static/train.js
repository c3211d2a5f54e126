"use strict";

const byId = (id) => document.getElementById(id);
const PHASES = {
  preparing: "reading data", training: "training", pausing: "pausing", paused: "paused",
  testing: "measuring the test set", done: "done", failed: "failed", stopped: "stopped",
};
const OVER = ["done", "failed", "stopped"];
const NAMES = {
  rate_factor: "learning rate", momentum: "momentum", weight_decay: "weight decay", batch: "batch size",
};
const [AT, LOSS, ACCURACY, RATE, VALIDATION_LOSS, QUALITY] = [0, 1, 2, 3, 4, 5];

let about = null;
let asked = null;
let rows = [];
let status = {};
let figures = null;
let lost = false;
let snapshot = null;
let snapshotShown = 0;
let fetching = false;
let selected = 0;
// Sliders that a person has just moved, by when: figures that are on their way do not move them.
const touched = new Map();
const waiting = new Map();
const held = new Set();
const unsent = new Set();

function setText(id, text) {
  const element = typeof id === "string" ? byId(id) : id;
  if (element.textContent !== text) element.textContent = text;
}

function setState(state, text) {
  byId("state").dataset.state = state;
  setText("state-text", text);
}

const percent = (value, digits = 1) => (100 * value).toFixed(digits) + " %";
const known = (value) => value !== null && value !== undefined;

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// ---- curves

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))];
const settled = (points) => points.slice(Math.floor(points.length / 10)).map((point) => point[1]);

function lossRange([raw, smoothed, validation]) {
  const values = [...raw, ...validation].map((point) => point[1]);
  const later = [...settled(smoothed), ...settled(validation)];
  const high = Math.max(quantile(values, 0.97), ...later) * 1.08;
  const low = Math.min(...values);
  return [low < 0.5 * high ? 0 : low * 0.95, high || 1];
}

function qualityRange([raw, smoothed, validation]) {
  const later = [...settled(smoothed), ...settled(validation)];
  const all = [...raw, ...smoothed, ...validation].map((point) => point[1]);
  const low = Math.max(0, Math.min(...later) - 3), high = Math.min(100, Math.max(...all) + 2);
  return high > low ? [low, high] : [low, low + 1];
}

const rateRange = ([points]) => [0, 1.05 * Math.max(...points.map((point) => point[1]), 1e-12)];
const inPercent = (place) => (row) => (known(row[place]) ? 100 * row[place] : null);

const charts = [
  new Chart("loss-chart", [
    { name: "raw", at: (row) => row[LOSS] },
    { name: "training", label: "training, as drawn", at: (row) => row[LOSS], smooth: 0.02 },
    { name: "validation", label: "validation", at: (row) => row[VALIDATION_LOSS] },
  ], { range: lossRange }),
  new Chart("quality-chart", [
    { name: "raw", at: inPercent(ACCURACY) },
    { name: "training", label: "training, as drawn", at: inPercent(ACCURACY), smooth: 0.02 },
    { name: "validation", label: "validation", at: inPercent(QUALITY) },
  ], { range: qualityRange }),
  new Chart("rate-chart", [{ name: "rate", at: (row) => row[RATE] }], { range: rateRange, small: true }),
];

function drawCurves() {
  const marks = (status.interventions || []).map((each) => each.at);
  for (const chart of charts) chart.update(rows, marks);
  byId("marks-note").hidden = !marks.length;
}

// ---- controls

const significant = (value) => Number(value.toPrecision(2));
const batches = () => {
  const { least, most } = about.ranges.batch;
  const found = [-3, -2, -1, 0, 1, 2, 3].map((power) => Math.round(about.recipe.batch * 2 ** power));
  return [...new Set(found.map((size) => Math.min(most, Math.max(least, size))))];
};
const nearest = (list, value) =>
  list.reduce((best, each, place) => (Math.abs(each - value) < Math.abs(list[best] - value) ? place : best), 0);

// From a slider's place to a value, and back.
const KNOBS = {
  rate_factor: {
    value: (place) => Number((10 ** (place / 40 - 2)).toPrecision(3)),
    place: (value) => Math.round(40 * (Math.log10(value) + 2)),
    text: (value) => "×" + (value < 0.1 ? value.toPrecision(2) : value.toFixed(2)),
  },
  momentum: {
    value: (place) => place / 100,
    place: (value) => Math.round(100 * value),
    text: (value) => String(Number(value.toFixed(4))),
  },
  weight_decay: {
    value: (place) => (place === 0 ? 0 : significant(1e-6 * 10 ** ((place - 1) / 19.8))),
    place: (value) => (value <= 0 ? 0 : Math.max(1, Math.round(1 + 19.8 * Math.log10(value / 1e-6)))),
    text: (value) => (value === 0 ? "0" : shortNumber(value)),
  },
  batch: {
    value: (place) => batches()[place],
    place: (value) => nearest(batches(), value),
    text: (value) => String(value),
  },
};

const part = (name, selector) => document.querySelector(`[data-knob="${name}"] ${selector}`);

function setUpKnobs() {
  byId("batch").max = batches().length - 1;
  byId("momentum").max = Math.round(100 * about.ranges.momentum.most);
  byId("momentum-label").textContent = about.optimizer === "AdamW" ? "Momentum (β₁)" : "Momentum";
}

async function send(wish) {
  let refusal = "";
  try {
    const answer = await fetch("control", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish),
    });
    if (!answer.ok) refusal = await answer.text();
  } catch (error) {
    refusal = "The training cannot be reached.";
  }
  byId("refused").hidden = !refusal;
  setText("refused", refusal);
}

for (const name of Object.keys(KNOBS)) {
  const slider = byId(name);
  slider.addEventListener("input", () => {
    touched.set(name, Date.now());
    setText(part(name, "output"), KNOBS[name].text(KNOBS[name].value(Number(slider.value))));
  });
  // Keys change a slider step by step: while one is held nothing is sent, and of several quick ones
  // the last counts.
  const settle = () => {
    clearTimeout(waiting.get(name));
    waiting.set(name, setTimeout(() => {
      waiting.delete(name);
      touched.set(name, Date.now());
      send({ set: name, value: KNOBS[name].value(Number(slider.value)) });
    }, 300));
  };
  slider.addEventListener("keydown", () => held.add(name));
  for (const end of ["keyup", "blur"]) {
    slider.addEventListener(end, () => {
      if (held.delete(name) && unsent.delete(name)) settle();
    });
  }
  slider.addEventListener("change", () => (held.has(name) ? unsent.add(name) : settle()));
}

byId("pause").addEventListener("click", () => send({ pause: !["paused", "pausing"].includes(status.phase) }));
byId("reset").addEventListener("click", async () => {
  for (const name of Object.keys(KNOBS)) {
    if (status.wanted && status.wanted[name] !== about.recipe[name]) await send({ set: name, value: about.recipe[name] });
  }
});

// A slider that a person is moving, or has just moved, does not jump back to what is known so far.
const beingMoved = (name) =>
  held.has(name) || waiting.has(name) || Date.now() - (touched.get(name) || 0) < 1000;

function hint(name) {
  const wanted = status.wanted[name], inForce = status.knobs[name];
  if (wanted !== inForce) {
    return name === "batch" ? `${inForce} until the end of this epoch` : "from the next step on";
  }
  if (wanted !== about.recipe[name]) return `recipe: ${KNOBS[name].text(about.recipe[name])}`;
  return "";
}

function showControls() {
  const open = Boolean(status.wanted && about && about.ranges);
  for (const name of Object.keys(KNOBS)) {
    const slider = byId(name);
    slider.disabled = !open;
    const value = status.wanted ? status.wanted[name] : status.knobs && status.knobs[name];
    if (!known(value) || !about.ranges || beingMoved(name)) continue;
    slider.value = KNOBS[name].place(value);
    const text = KNOBS[name].text(value);
    setText(part(name, "output"), text);
    slider.setAttribute("aria-valuetext", text);
    part(name, "output").closest(".knob").dataset.changed = value === about.recipe[name] ? "no" : "yes";
    let below = open ? hint(name) : "";
    if (name === "rate_factor" && known(status.rate)) {
      below = `of the schedule (${about.schedule}); now ${shortNumber(status.rate)}` + (wantedNow() ? "" : ", new from the next step on");
    }
    setText(part(name, ".hint"), below);
  }
  const pause = byId("pause");
  pause.disabled = !open;
  setText(pause, ["paused", "pausing"].includes(status.phase) ? "Resume" : "Pause");
  const changed = open && Object.keys(KNOBS).some((name) => status.wanted[name] !== about.recipe[name]);
  byId("reset").hidden = !changed;
  showChanges();
}

const wantedNow = () => !status.wanted || status.wanted.rate_factor === status.knobs.rate_factor;

function showChanges() {
  const changes = status.interventions || [];
  byId("changes-part").hidden = !changes.length;
  const list = byId("changes");
  if (list.children.length === changes.length && list.dataset.count === String(status.changes)) return;
  list.dataset.count = String(status.changes);
  list.replaceChildren(...[...changes].reverse().map((each) => {
    const item = document.createElement("li");
    const what = document.createElement("span");
    const where = document.createElement("span");
    const text = KNOBS[each.setting].text;
    what.textContent = `${NAMES[each.setting]} ${text(each.before)} → ${text(each.after)}`;
    where.className = "quiet";
    where.textContent = `epoch ${each.epoch}, step ${each.step}`;
    item.append(what, where);
    return item;
  }));
}

// ---- figures

function showFigures() {
  const ended = OVER.includes(status.phase);
  setState(status.phase, PHASES[status.phase]);
  byId("ending-card").hidden = !ended;
  if (ended) {
    const epochs = status.epoch ? `${status.epochs_done} epochs` : "";
    const open = { done: "The training is done", failed: "The training failed", stopped: "The training was stopped" }[status.phase];
    setText("ending", [open + (epochs ? ` after ${epochs}` : ""), status.ending].filter(Boolean).join(": ") + ".");
  }
  if (!known(status.epoch)) return;
  setText("epoch", `Epoch ${status.epoch} of ${status.epochs}`);
  const running = ["training", "pausing", "paused"].includes(status.phase);
  setText("remaining", running && known(status.remaining_s) ? `about ${duration(status.remaining_s)} left` : "");
  const share = status.epochs ? Math.min(100, (100 * status.done) / status.epochs) : 0;
  byId("bar-fill").style.width = share + "%";
  byId("bar").setAttribute("aria-valuenow", share.toFixed(0));
  setText("loss", known(status.loss) ? status.loss.toFixed(4) : "–");
  setText("accuracy", known(status.accuracy) ? percent(status.accuracy) : "–");
  if (status.validation) {
    const { loss, quality, name } = status.validation;
    setText("validation-loss", loss.toFixed(4));
    setText("validation-name", name === "accuracy" ? "Validation accuracy" : `Validation ${name}`);
    setText("validation-quality", !known(quality) ? "–" : name === "accuracy" ? percent(quality, 2) : quality.toFixed(3));
    setText("quality-title", name === "accuracy" ? "Accuracy, %" : `${name}, %`);
  }
  const parts = [`step ${status.step} of ${status.steps}`];
  if (status.phase === "training" && known(status.steps_per_s)) parts.push(`${shortNumber(status.steps_per_s)} steps a second`);
  if (status.validation && status.validation.best_epoch) parts.push(`lowest validation loss in epoch ${status.validation.best_epoch}`);
  setText("speed", parts.join(" · "));
}

async function readAbout(version) {
  asked = version;
  const answer = await fetch("about.json");
  about = await answer.json();
  setText("title", about.title);
  const size = known(about.parameters) ? ` · ${about.parameters.toLocaleString("en")} parameters` : "";
  setText("subtitle", `${about.architecture}${size} · ${about.data}`);
  document.title = about.name + " · edgecnn training";
  if (about.ranges) setUpKnobs();
  showFacts();
  setUpExamples();
  showControls();
}

function showFacts() {
  const facts = {
    Recipe: about.name, Network: about.architecture, Data: about.data, Task: about.task,
    Optimizer: `${about.optimizer}, ${about.schedule}, peak rate ${shortNumber(about.peak_rate)}`,
  };
  if (known(about.training)) {
    facts.Examples = `${about.training.toLocaleString("en")} to train on, ` +
      (about.validation ? `${about.validation.toLocaleString("en")} to validate with` : "none to validate with");
  }
  if (about.averaged) facts.Weights = "validated and shown: the moving average; gradients: the last step’s";
  const list = byId("facts");
  list.replaceChildren(...Object.entries(facts).map(([title, text]) => {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const value = document.createElement("dd");
    term.textContent = title;
    value.textContent = text;
    row.append(term, value);
    return row;
  }));
}

// ---- examples and layers

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function traces(lines) {
  const svg = svgElement("svg", { viewBox: "0 0 160 100", preserveAspectRatio: "none" });
  const values = lines.flat();
  const low = Math.min(...values), span = Math.max(...values) - low || 1;
  for (const line of lines) {
    const points = line.map((value, place) =>
      `${((160 * place) / (line.length - 1)).toFixed(1)},${(96 - (92 * (value - low)) / span).toFixed(1)}`);
    svg.append(svgElement("polyline", { points: points.join(" ") }));
  }
  return svg;
}

function setUpExamples() {
  setText("examples-title", about.examples_title);
  setText("examples-empty", about.note || "The examples come with the data.");
  byId("examples-empty").hidden = about.examples.length > 0;
  byId("examples").replaceChildren(...about.examples.map((example, place) => {
    const button = element("button", "example");
    button.type = "button";
    button.setAttribute("aria-pressed", String(place === selected));
    const shown = element("span", "shown");
    if (example.picture) {
      const image = element("img");
      image.src = example.picture;
      image.alt = "";
      shown.append(image);
    } else if (example.traces) {
      shown.append(traces(example.traces));
    } else {
      shown.append(element("span", "words", example.text));
    }
    const truth = element("span", "truth");
    truth.append(element("b", "", example.truth), element("span", "verdict"));
    button.append(shown, truth, element("ol", "bars"));
    button.title = "Show the activations of this example";
    button.addEventListener("click", () => {
      selected = place;
      for (const [other, each] of [...byId("examples").children].entries()) {
        each.setAttribute("aria-pressed", String(other === place));
      }
      showLayers();
    });
    return button;
  }));
  if (snapshot) showSnapshot();
}

function showAnswers() {
  snapshot.examples.forEach((answer, place) => {
    const card = byId("examples").children[place];
    if (!card) return;
    const verdict = card.querySelector(".verdict");
    verdict.dataset.right = answer.right ? "yes" : "no";
    setText(verdict, answer.right ? "✓ right" : "✗ wrong");
    const list = card.querySelector(".bars");
    while (list.children.length < answer.top.length) {
      const row = element("li");
      const track = element("span", "track");
      track.append(element("span", "fill"));
      row.append(element("span", "name"), element("span", "score"), track);
      list.append(row);
    }
    answer.top.forEach(([label, score], rank) => {
      const [name, value, track] = list.children[rank].children;
      list.children[rank].dataset.true = label === about.examples[place].truth ? "yes" : "no";
      setText(name, label);
      name.title = label;
      setText(value, percent(score));
      track.firstChild.style.width = Math.min(100, 100 * score) + "%";
    });
  });
}

const rangeText = ([low, high]) => (known(low) && known(high) ? `${shortNumber(low)} … ${shortNumber(high)}` : "not finite");

function panel(what, name, { form, shown, shape, range, signed }, picture) {
  const made = element("div", "panel");
  const head = element("p", "what");
  head.append(element("b", "", what), " " + [shape, shown && `(${shown})`].filter(Boolean).join(" "));
  const image = element("img");
  image.dataset.form = form;
  image.dataset.signed = signed ? "yes" : "no";
  image.alt = `${what} of ${name}`;
  image.src = picture;
  made.append(head, element("p", "what range", rangeText(range)), image);
  return made;
}

function showLayers() {
  const chosen = about.examples[selected];
  byId("layers-card").hidden = !snapshot.layers.length;
  setText("layers-note", [`epoch ${snapshot.epoch}, step ${snapshot.step}`,
    chosen ? `activations of example ${selected + 1} (${chosen.truth})` : "", snapshot.note].filter(Boolean).join(" · "));
  byId("layers").replaceChildren(...snapshot.layers.map((layer) => {
    const item = element("li", "layer");
    const head = element("h4", "", layer.kind);
    head.append(element("span", "quiet", `${layer.name} · ${layer.shape}`));
    const panels = element("div", "panels");
    const { maps, weights, gradients } = layer;
    panels.append(panel("Activations", layer.name, maps, maps.pictures[selected]));
    if (weights) {
      panels.append(panel("Weights", layer.name, weights, weights.picture));
      if (gradients) panels.append(panel("Gradient", layer.name, { ...gradients, shape: "", shown: "" }, gradients.picture));
      else panels.append(element("p", "quiet what", "no gradient: not learning, or no step yet"));
    }
    item.append(head, panels);
    return item;
  }));
}

function showSnapshot() {
  if (!about || !snapshot) return;
  showAnswers();
  showLayers();
}

async function readSnapshot(number) {
  if (fetching || number === snapshotShown || !number) return;
  fetching = true;
  try {
    const answer = await fetch("snapshot.json");
    snapshot = await answer.json();
    snapshotShown = number;
    showSnapshot();
  } catch (error) {
    // The next figures ask again.
  }
  fetching = false;
}

// ---- the stream of figures

async function take(message) {
  rows.length = message.from;
  rows.push(...message.rows);
  status = message.status;
  if (status.about !== asked) await readAbout(status.about).catch(() => { asked = null; });
  if (!about) return;
  showFigures();
  showControls();
  drawCurves();
  readSnapshot(status.snapshot);
}

function listen() {
  figures = new EventSource("figures");
  figures.onmessage = (event) => {
    if (lost) asked = null;
    lost = false;
    const message = JSON.parse(event.data);
    if (OVER.includes(message.status.phase)) figures.close();
    take(message);
  };
  figures.onerror = () => {
    if (OVER.includes(status.phase)) return;
    lost = true;
    setState("lost", "connection lost");
    status.wanted = null;
    if (about) showControls();
    // After some refusals a browser gives up by itself; the page does not.
    if (figures.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

// Nobody looks at a hidden page: the training need not make pictures for it.
document.addEventListener("visibilitychange", () => {
  if (OVER.includes(status.phase)) return;
  if (document.hidden) figures.close();
  else if (figures.readyState === EventSource.CLOSED) listen();
});

setState("waiting", "connecting");
listen();
