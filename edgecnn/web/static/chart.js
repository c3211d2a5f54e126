"use strict";

// A line chart in an SVG as large as its place on the page, so that text keeps its size.
const SVG = "http://www.w3.org/2000/svg";

function svgElement(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Round numbers that divide a range, at most so many.
function ticks(low, high, most) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => span / each <= most);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) {
    found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  }
  return found;
}

function shortNumber(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000 || size < 0.001) return value.toExponential(1).replace(".0e", "e").replace("e+", "e").replace("-", "−");
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

// Means over as many points before as behind, so that nothing comes late.
function smoothed(points, half) {
  const sums = [0];
  for (const [, value] of points) sums.push(sums[sums.length - 1] + value);
  return points.map(([at], place) => {
    const reach = Math.min(half, place, points.length - 1 - place);
    return [at, (sums[place + reach + 1] - sums[place - reach]) / (2 * reach + 1)];
  });
}

class Chart {
  // series: [{name, label, at: (row) => value, smooth}], drawn in this order.
  constructor(id, series, { range, small = false, format = shortNumber }) {
    this.figure = document.getElementById(id);
    this.svg = this.figure.querySelector("svg");
    this.legend = this.figure.querySelector(".legend");
    this.series = series;
    this.range = range;
    this.small = small;
    this.format = format;
    this.rows = [];
    this.marks = [];
    this.cursor = null;
    new ResizeObserver(() => this.draw()).observe(this.svg);
    if (!small) {
      this.svg.addEventListener("pointermove", (event) => this.point(event));
      this.svg.addEventListener("pointerleave", () => { this.cursor = null; this.draw(); });
    }
  }

  update(rows, marks) {
    this.rows = rows;
    this.marks = marks;
    this.draw();
  }

  // The points of each series, smoothed where it asks for it.
  lines() {
    return this.series.map((each) => {
      const points = this.rows.map((row) => [row[0], each.at(row)])
        .filter(([, value]) => value !== null && value !== undefined);
      return each.smooth ? smoothed(points, Math.round(points.length * each.smooth)) : points;
    });
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    this.cursor = event.clientX - box.left;
    this.draw();
  }

  draw() {
    const width = this.svg.clientWidth, height = this.svg.clientHeight;
    if (!width || !height) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const lines = this.lines();
    const some = lines.some((points) => points.length);
    const left = this.small ? 0 : 40, bottom = this.small ? 2 : 24, top = 6, right = this.small ? 0 : 6;
    const last = Math.max(...this.rows.map((row) => row[0]), 0.02);
    const [low, high] = some ? this.range(lines) : [0, 1];
    const x = (at) => left + ((width - left - right) * at) / last;
    const y = (value) => {
      const clipped = Math.min(high + 0.02 * (high - low), Math.max(low, value));
      return height - bottom - ((height - bottom - top) * (clipped - low)) / (high - low);
    };
    const parts = [];
    if (!this.small) {
      for (const tick of some ? ticks(low, high, Math.max(2, Math.floor(height / 45))) : []) {
        parts.push(svgElement("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
        parts.push(svgElement("text", { x: left - 7, y: y(tick) + 4, "text-anchor": "end" }, this.format(tick)));
      }
      const across = ticks(0, last, Math.max(2, Math.floor(width / 90)));
      for (const tick of some ? across : []) {
        const anchor = x(tick) > width - 20 ? "end" : "middle";
        parts.push(svgElement("text", { x: x(tick), y: height - 7, "text-anchor": anchor },
          (tick === 0 ? "epoch " : "") + shortNumber(tick)));
      }
      if (!some) {
        parts.push(svgElement("text", { x: (left + width) / 2, y: height / 2, "text-anchor": "middle" }, "no steps yet"));
      }
    }
    parts.push(svgElement("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
    for (const mark of this.marks) {
      parts.push(svgElement("line", { class: "mark", x1: x(mark), x2: x(mark), y1: top, y2: height - bottom }));
    }
    lines.forEach((points, number) => {
      const name = this.series[number].name;
      const text = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      if (points.length) parts.push(svgElement("polyline", { class: name, points: text }));
      if (name === "validation" && points.length <= 40) {
        for (const [at, value] of points) parts.push(svgElement("circle", { cx: x(at), cy: y(value), r: 3 }));
      }
    });
    if (this.cursor !== null && some && this.cursor >= left) {
      const at = ((this.cursor - left) * last) / (width - left - right);
      parts.push(svgElement("line", { class: "cursor", x1: this.cursor, x2: this.cursor, y1: top, y2: height - bottom }));
      this.tell(lines, Math.min(at, last));
    } else {
      this.tell(lines, null);
    }
    this.svg.replaceChildren(...parts);
  }

  // The legend: names, and the values under the cursor.
  tell(lines, at) {
    if (!this.legend) return;
    const parts = [];
    this.series.forEach((each, number) => {
      if (!each.label || !lines[number].length) return;
      const part = document.createElement("span");
      part.className = each.name;
      part.textContent = each.label;
      if (at !== null) {
        const [, value] = lines[number].reduce((best, point) =>
          Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best);
        part.textContent += " " + this.format(value);
      }
      parts.push(part);
    });
    if (at !== null) {
      const place = document.createElement("span");
      place.className = "at";
      place.textContent = "epoch " + at.toFixed(2);
      parts.push(place);
    }
    this.legend.replaceChildren(...parts);
  }
}
