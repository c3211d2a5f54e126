"use strict";

// The two things that the page can do.
let noteTimer = 0;

function note(text) {
  setText("note", text);
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => setText("note", ""), 6000);
}

async function ask(wish) {
  try {
    const answer = await fetch("control", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wish),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json();
  } catch (error) {
    note(error instanceof TypeError ? "The connection is lost" : error.message);
    return null;
  }
}

function showPaused(paused) {
  const button = byId("pause");
  button.setAttribute("aria-pressed", paused ? "true" : "false");
  setText("pause", paused ? "Resume" : "Pause");
}

async function pauseOrResume() {
  const told = await ask({ pause: byId("pause").getAttribute("aria-pressed") !== "true" });
  if (told) showPaused(told.paused);
}

async function keepSnapshot() {
  byId("snapshot").disabled = true;
  const told = await ask({ snapshot: true });
  if (told) note("Kept as " + told.saved);
  byId("snapshot").disabled = false;
}
