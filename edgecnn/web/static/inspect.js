// Zoom and pan of the drawn graph, and the way from a node to its row and back.
(() => {
  const view = document.querySelector(".view"), svg = document.getElementById("graph");
  const hint = document.querySelector(".tools .quiet");
  if (!view || !svg) return;
  const width = +svg.dataset.width, height = +svg.dataset.height;
  // What is seen of the drawing: its upper left corner, and drawing units per pixel.
  let x = 0, y = 0, scale = 1;
  const pointers = new Map();
  let moved = 0;

  const show = () => svg.setAttribute(
    "viewBox", `${x} ${y} ${view.clientWidth * scale} ${view.clientHeight * scale}`);
  const fit = (whole) => {
    const across = width / view.clientWidth, down = height / view.clientHeight;
    // A deep network is shown from its top, at a size that can be read.
    scale = whole ? Math.max(across, down) : Math.min(Math.max(across, 0.8), 2.2);
    // Where not all of its width can be seen, the input stands in the middle.
    const first = svg.querySelector(".node.in rect"), room = width - view.clientWidth * scale;
    x = room / 2;
    if (!whole && room > 0 && first)
      x = Math.min(Math.max(+first.getAttribute("x") + (+first.getAttribute("width") - width + room) / 2, 0), room);
    y = whole ? (height - view.clientHeight * scale) / 2 : Math.min(0, (height - view.clientHeight * scale) / 2);
    show();
  };
  const zoom = (factor, px, py) => {
    const next = Math.min(Math.max(scale * factor, 0.15), Math.max(width, height) / 120 + 4);
    x += px * (scale - next);
    y += py * (scale - next);
    scale = next;
    show();
  };
  const at = (event) => {
    const box = view.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  view.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004), ...at(event));
  }, { passive: false });
  view.addEventListener("pointerdown", (event) => { pointers.set(event.pointerId, at(event)); moved = 0; });
  addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (pointers.size === 1) {
      x -= (now[0] - before[0]) * scale;
      y -= (now[1] - before[1]) * scale;
      show();
    } else {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const gap = (point) => Math.max(Math.hypot(point[0] - other[0], point[1] - other[1]), 1);
      zoom(gap(before) / gap(now), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    pointers.set(event.pointerId, now);
  });
  for (const name of ["pointerup", "pointercancel"]) addEventListener(name, (event) => pointers.delete(event.pointerId));

  const choose = (row) => {
    for (const one of document.querySelectorAll(".chosen")) one.classList.remove("chosen");
    const node = svg.querySelector(`[data-row="${row}"]`), line = document.getElementById(`row-${row}`);
    if (node) node.classList.add("chosen");
    if (line) line.classList.add("chosen");
    // What a mouse is told by hovering, a finger is told here.
    const said = node && node.querySelector("title");
    if (said) hint.textContent = said.textContent.split("\n").join("; ");
    return [node, line];
  };
  svg.addEventListener("click", (event) => {
    const node = event.target.closest("[data-row]");
    if (node && moved < 6) choose(node.dataset.row);
  });
  const follow = (event) => {
    const node = event.target.closest("[data-row]");
    const line = node && choose(node.dataset.row)[1];
    if (line) line.scrollIntoView({ block: "center", behavior: "smooth" });
  };
  svg.addEventListener("dblclick", follow);
  svg.addEventListener("keydown", (event) => { if (event.key === "Enter") follow(event); });
  for (const line of document.querySelectorAll("table.nodes tbody tr")) line.addEventListener("click", () => {
    const node = choose(line.id.slice(4))[0];
    if (!node) return;
    const box = node.querySelector("rect");
    scale = Math.min(scale, 1.2);
    x = +box.getAttribute("x") + 98 - view.clientWidth * scale / 2;
    y = +box.getAttribute("y") + 23 - view.clientHeight * scale / 2;
    show();
    view.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });
  const actions = { in: () => zoom(0.75, view.clientWidth / 2, view.clientHeight / 2),
    out: () => zoom(1.33, view.clientWidth / 2, view.clientHeight / 2), top: () => fit(false), all: () => fit(true) };
  for (const button of document.querySelectorAll(".tools button")) button.addEventListener("click", actions[button.dataset.does]);
  addEventListener("resize", show);
  fit(false);
})();
