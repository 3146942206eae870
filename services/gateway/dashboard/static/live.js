"use strict";
// Keeps the start page current: an event says that something happened, the page's own pieces are then fetched anew.

const list = document.getElementById("facts");
const areas = document.getElementById("areas");
const live = document.getElementById("live");
const shown = Number(list.dataset.shown);
const FACTS_EVERY_MS = 400;
const AREAS_EVERY_MS = 3000;
let newest = Number((list.firstElementChild || { dataset: { seq: list.dataset.head } }).dataset.seq);

function ago(time) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(time)) / 1000));
  const units = [[86400, "day"], [3600, "hour"], [60, "minute"]];
  for (const [size, name] of units) {
    const count = Math.floor(seconds / size);
    if (count > 0) return `${count} ${name}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

function age() {
  for (const time of document.querySelectorAll("time[data-ago]")) time.textContent = ago(time.dateTime);
}

// Runs `work` at most once per interval, and once more if asked meanwhile.
function atMostEvery(interval, work) {
  let asked = false;
  let busy = false;
  return async function ask() {
    asked = true;
    if (busy) return;
    busy = true;
    while (asked) {
      asked = false;
      try { await work(); } catch { /* the next event asks again */ }
      await new Promise((done) => setTimeout(done, interval));
    }
    busy = false;
  };
}

async function piece(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(String(answer.status));
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  return template.content;
}

const refreshFacts = atMostEvery(FACTS_EVERY_MS, async () => {
  const fresh = await piece(`/fragments/facts?after=${newest}`);
  const items = fresh.querySelectorAll("li");
  if (items.length === 0) return;
  newest = Number(items[0].dataset.seq);
  for (const item of items) item.classList.add("new");
  list.prepend(...items);
  while (list.children.length > shown) list.lastElementChild.remove();
  document.getElementById("no-facts")?.remove();
  age();
  setTimeout(() => items.forEach((item) => item.classList.remove("new")), 4000);
});

const refreshAreas = atMostEvery(AREAS_EVERY_MS, async () => {
  const focused = areas.contains(document.activeElement);
  if (!focused) areas.replaceChildren(await piece("/fragments/areas"));
});

function say(text, on) {
  live.hidden = false;
  live.textContent = text;
  live.classList.toggle("on", on);
}

const source = new EventSource(`/v1/events/stream?after=${list.dataset.head}`);
source.onopen = () => say("● Live", true);
source.onerror = () => say(source.readyState === EventSource.CLOSED ? "Not live. Reload the page." : "Reconnecting …", false);
for (const type of list.dataset.types.split(" ")) {
  source.addEventListener(type, () => { refreshFacts(); refreshAreas(); });
}
age();
setInterval(age, 30000);
