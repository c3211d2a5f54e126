"use strict";

// What an ECG's answers say besides the class of a beat: figures, and the alarms that are on.

function heart(status) {
  byId("heart-card").hidden = status.heart_rate_bpm === undefined;
  if (status.heart_rate_bpm === undefined) return;
  const rounded = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  setText("heart-rate", rounded(status.heart_rate_bpm, 0));
  setText("sdnn", rounded(status.sdnn_ms, 0));
  setText("rmssd", rounded(status.rmssd_ms, 0));
  setText("burden", rounded(status.pvc_burden_percent, 1));
  const held = byId("held");
  held.hidden = !status.alarms_held;
  const list = byId("alarms");
  const names = status.alarms.map((alarm) => alarm.name).join();
  // Replaced only when they change: each change is read out.
  if (list.dataset.names === names) return;
  list.dataset.names = names;
  list.replaceChildren(...status.alarms.map((alarm) => {
    const item = document.createElement("li");
    // Its value is that of when it began, and would contradict the figures below.
    item.textContent = alarm.title;
    return item;
  }));
}
