// Keeps a page current. An event says that something happened; the page is then fetched anew and its live parts are replaced.
// A part is an element with an id, `data-live` (what the types of its events begin with) and `data-name` (what it is called).

const status = document.getElementById("live");
const parts = [...document.querySelectorAll("[data-live]")];
const said = document.createElement("p");
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 15_000;
const SILENCE_MS = 45_000; // the server says something every 15 s
const SETTLING_MS = 500; // figures are counted a moment after their event
const EVERY_MS = 1_000;
const SPOKEN_EVERY_MS = 8_000;
const NEW_MS = 4_000;
const ANYWAY_MS = 60_000; // sums are public, the facts they come from are not all
let last = Number(status.dataset.head);
let connection = new AbortController();

const rest = (ms) => new Promise((done) => setTimeout(done, ms));

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

function show(text, on) {
  status.hidden = false;
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("on", on);
}

// What changed, said politely and not all the time.
const unsaid = new Set();
let speaking = false;
async function say(names) {
  for (const name of names) unsaid.add(name);
  if (speaking || unsaid.size === 0) return;
  speaking = true;
  said.textContent = `Updated: ${[...unsaid].join(", ")}`;
  unsaid.clear();
  await rest(SPOKEN_EVERY_MS);
  speaking = false;
  say([]);
}

const REACHED = "a[href], button, input, select, summary, [tabindex]";
const order = (part, selector) => [...part.querySelectorAll(selector)];

// Whoever reads keeps the place: focus, what was opened, how far it was scrolled.
function replace(part, fresh) {
  const focused = order(part, REACHED).indexOf(document.activeElement);
  const opened = order(part, "details").map((each) => each.open);
  const scrolled = order(part, ".scroll").map((each) => each.scrollLeft);
  const known = new Set(order(part, "[data-seq]").map((each) => each.dataset.seq));
  part.replaceChildren(...fresh.childNodes);
  opened.forEach((open, at) => { const each = order(part, "details")[at]; if (each) each.open = open; });
  scrolled.forEach((left, at) => { const each = order(part, ".scroll")[at]; if (each) each.scrollLeft = left; });
  if (focused >= 0) order(part, REACHED)[focused]?.focus({ preventScroll: true });
  const marked = known.size ? order(part, "[data-seq]").filter((each) => !known.has(each.dataset.seq)) : [];
  for (const each of marked) each.classList.add("new");
  setTimeout(() => marked.forEach((each) => each.classList.remove("new")), NEW_MS);
}

// Ages differ from one fetch to the next and are no change.
function content(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time[data-ago]")) time.textContent = "";
  for (const each of copy.querySelectorAll(".new")) each.classList.remove("new");
  for (const each of copy.querySelectorAll("[class='']")) each.removeAttribute("class");
  return copy.innerHTML;
}

async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const changed = [];
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (fresh === null || content(fresh) === content(part)) continue;
    replace(part, fresh);
    changed.push(part.dataset.name);
  }
  age();
  say(changed);
  return Number(page.getElementById("live")?.dataset.head ?? last);
}

let wanted = false;
let busy = false;
async function change() {
  wanted = true;
  if (busy || document.hidden) return;
  busy = true;
  while (wanted) {
    wanted = false;
    try {
      await refresh();
      await rest(SETTLING_MS);
      await refresh();
    } catch { /* the next event, or the next connection, asks again */ }
    await rest(EVERY_MS);
  }
  busy = false;
}

const prefixes = [...new Set(parts.flatMap((part) => part.dataset.live.split(" ")))];
const concerns = (type) => prefixes.some((prefix) => type === prefix || type.startsWith(`${prefix}.`));

async function heard(block) {
  const lines = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
  const type = lines.get("event") ?? "";
  if (type === "reset") last = await refresh();
  if (lines.get("id")) last = Number(lines.get("id"));
  if (concerns(type)) change();
}

async function listen() {
  const answer = await fetch(`/v1/events/stream?after=${last}`, { cache: "no-store", signal: connection.signal });
  if (answer.status === 400 || answer.status === 422) last = await refresh();
  if (!answer.ok) throw new Error(String(answer.status));
  show("● Live", true);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const silence = setTimeout(() => connection.abort(), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) await heard(block);
  }
}

async function follow() {
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    const began = Date.now();
    connection = new AbortController();
    try { await listen(); } catch { /* said below */ }
    if (Date.now() - began > LONGEST_PAUSE_MS) pause = FIRST_PAUSE_MS;
    show("Reconnecting …", false);
    await rest(pause * (0.5 + Math.random() / 2));
    pause = navigator.onLine ? Math.min(2 * pause, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
  }
}

said.className = "hidden";
said.setAttribute("role", "status");
document.body.append(said);
addEventListener("offline", () => connection.abort());
document.addEventListener("visibilitychange", () => { if (wanted) change(); });
age();
setInterval(age, 30_000);
setInterval(change, ANYWAY_MS);
follow();
