// A slider beside the field for a day: the parts of the page follow it. Without script the form does the same.

const form = document.querySelector("form[data-first]");
const field = form.querySelector("input[type=date]");
const DAY_MS = 86_400_000;
const SETTLED_MS = 120;
const first = Date.parse(form.dataset.first);
const last = Date.parse(form.dataset.last);
const dayOf = (at) => new Date(first + at * DAY_MS).toISOString().slice(0, 10);

const slider = document.createElement("input");
slider.type = "range";
slider.id = "day";
slider.min = "0";
slider.max = String(Math.round((last - first) / DAY_MS));
slider.value = field.value ? String(Math.round((Date.parse(field.value) - first) / DAY_MS)) : slider.max;
slider.className = "slider";

function tell() {
  slider.setAttribute("aria-valuetext", dayOf(Number(slider.value)));
}

let timer = 0;
let asked = new AbortController();
async function look() {
  asked.abort();
  asked = new AbortController();
  const address = Number(slider.value) === Number(slider.max) ? form.getAttribute("action") : `${form.getAttribute("action")}?as_of=${field.value}`;
  try {
    const answer = await fetch(address, { signal: asked.signal, cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh) part.replaceChildren(...fresh.childNodes);
    }
    history.replaceState(null, "", address);
  } catch { /* another day was asked for, or the network is away: the form still works */ }
}

slider.addEventListener("input", () => {
  field.value = dayOf(Number(slider.value));
  tell();
  clearTimeout(timer);
  timer = setTimeout(look, SETTLED_MS);
});

const label = document.createElement("label");
label.htmlFor = "day";
label.textContent = `From ${form.dataset.first} to today`;
const line = document.createElement("p");
line.className = "asked__slider";
line.append(label, slider);
form.append(line);
tell();
