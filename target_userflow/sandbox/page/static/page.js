// The page: asks the sandbox every second whether anything changed, and shows what is looked at.

import { counted, el, head, part, row } from "./dom.js";
import { listen, settle } from "./keys.js";
import { beginning, go, here, thing } from "./place.js";

const EVERY = 1000; // ms between two looks
const FAULT_SHARE = 0.1; // of the requests that a fault hits once it is switched on
const SHARE = 10; // a look that took long is not taken again before this many times its length
const narrow = matchMedia("(max-width: 900px)");

let live = true;
let drawn = {}; // what is on the screen, as the sandbox told it
let turn = 0; // counts the looks, so that a late answer to an old question is dropped
let timer;

class Unreachable extends Error {}

async function ask(endpoint, parameters = {}) {
  const url = `/_sandbox/page/${endpoint}?${new URLSearchParams(parameters)}`;
  const answer = await fetch(url).catch(() => null);
  if (!answer || answer.status >= 500) throw new Unreachable(url);
  return answer.text();
}

async function look({ again = false } = {}) {
  clearTimeout(timer);
  const mine = ++turn;
  const started = performance.now();
  try {
    const overview = await ask("overview");
    const moved = location.hash !== drawn.hash; // also if another look was begun meanwhile
    const changed = JSON.parse(overview).revision !== drawn.revision && !selecting();
    const found = again || moved || changed ? await everything() : {};
    if (mine === turn) draw({ overview, ...found });
    if (mine === turn) connected(true);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    if (mine === turn) connected(false);
  }
  if (mine === turn) later(Math.max(EVERY, SHARE * (performance.now() - started)));
}

async function everything() {
  const { list: of, search, status, offset, of: kind, id } = here();
  const [list, one] = await Promise.all([
    ask("list", { of, search, status, offset }),
    id ? ask("one", { of: kind, id }) : "",
  ]);
  return { list, one };
}

function later(wait) {
  clearTimeout(timer);
  if (live && !document.hidden) timer = setTimeout(look, wait);
}

/** Whether someone marks text, which a redraw would take away. */
function selecting() {
  const marked = getSelection();
  return !marked.isCollapsed && part("main").contains(marked.anchorNode);
}

function draw({ overview, list, one }) {
  const told = JSON.parse(overview);
  if (overview !== drawn.overview || drawn.hash !== location.hash) drawLists(told);
  if (list !== undefined) {
    if (list !== drawn.list || drawn.hash !== location.hash) drawRows(JSON.parse(list));
    if (one !== drawn.one) drawDetail(one ? JSON.parse(one) : null);
    drawn = { list, one, revision: told.revision, hash: location.hash };
  }
  drawn.overview = overview;
}

function drawLists({ lists, conditions, faults }) {
  const { list } = here();
  const groups = new Map();
  for (const one of lists) groups.set(one.api, [...(groups.get(one.api) ?? []), one]);
  const link = ({ of, label, count }) =>
    el("a", { href: beginning(of), "data-of": of, "aria-current": of === list && "page" },
      el("span", {}, label), el("b", {}, counted(count)));
  const parts = [...groups].map(([api, members]) =>
    el("section", { "aria-label": api }, el("h2", {}, api), members.map(link)));
  keepingFocus(part("lists"), "data-of", () => part("lists").replaceChildren(...parts));
  const chosen = lists.find(({ of }) => of === list);
  part("title").textContent = chosen ? titled(chosen) : "Nothing of this name";
  part("search").placeholder = chosen ? `Search by ${chosen.searched}` : "";
  part("conditions").textContent = conditions;
  part("filter").hidden = chosen?.api !== "Requests";
  part("status").value = here().status;
  drawFaults(faults);
  if (drawn.hash !== location.hash) showChosen();
}

/** On a narrow page the lists stand in one line that may hide the chosen one. */
function showChosen() {
  part("lists").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

/** A switch for each fault; one that is on hits a tenth of the requests, or what was set. */
function drawFaults(faults) {
  const odds = Object.fromEntries(faults.map(({ fault, probability }) => [fault, probability]));
  const switches = faults.map(({ fault, effect, probability }) => {
    const box = el("input", { type: "checkbox", role: "switch", "data-fault": fault });
    box.checked = probability > 0;
    box.addEventListener("change", () => setFaults({ ...odds, [fault]: box.checked ? FAULT_SHARE : 0 }));
    const share = probability ? ` ${Math.round(probability * 1000) / 10}%` : "";
    return el("label", {}, box, el("b", {}, fault + share), el("span", {}, effect));
  });
  keepingFocus(part("faults"), "data-fault", () => part("faults").replaceChildren(...switches));
}

async function setFaults(odds) {
  const faults = Object.fromEntries(Object.entries(odds).filter(([, odd]) => odd > 0));
  await change("config", { faults });
}

/** Change the sandbox itself, and show what came of it. */
async function change(endpoint, body) {
  const answer = await fetch(`/_sandbox/${endpoint}`, { method: "POST", body: JSON.stringify(body) })
    .catch(() => null);
  const failed = answer === null ? "No connection" : answer.ok ? "" : (await answer.json()).error.message;
  part("refusal").textContent = failed;
  look({ again: true });
}

const titled = ({ api, label }) =>
  api === "Requests" ? `${label} requests` : `${label} in ${api}`;

function drawRows({ page, hint, error }) {
  const place = here();
  const { columns, rows, offset, total } = page ?? { columns: [], rows: [], offset: 0, total: 0 };
  const made = rows.map((data) => line(columns, data, place));
  const table = part("rows");
  keepingFocus(table.tBodies[0], "data-id", () => {
    table.tHead.replaceChildren(head(columns));
    table.tBodies[0].replaceChildren(...made);
  });
  table.hidden = !rows.length;
  settle(document.activeElement);
  const range = `${counted(offset + 1)}–${counted(offset + rows.length)}`;
  const all = total === null ? `more than ${counted(offset + rows.length)}` : counted(total);
  part("range").textContent = rows.length ? `${range} of ${all}` : "";
  part("found").textContent = place.search ? `${total === 0 ? "none" : all} found` : "";
  part("previous").disabled = offset === 0;
  part("next").disabled = total !== null && offset + rows.length >= total;
  part("pager").hidden = part("previous").disabled && part("next").disabled;
  drawEmpty(rows.length ? null : error ?? hint, place);
}

function line(columns, data, place) {
  const made = row(columns, data, thing);
  const open = data.of === place.of && data.to === place.id;
  const link = made.querySelector("a");
  link?.setAttribute("data-id", data.id);
  if (open) link?.setAttribute("aria-current", "true");
  return made;
}

function drawEmpty(hint, { search, status, offset }) {
  const box = part("empty");
  box.hidden = !part("rows").hidden;
  if (typeof hint === "string") box.replaceChildren(el("p", {}, hint));
  else if (hint) box.replaceChildren(el("p", {}, hint.text), command(hint.command));
  else if (offset) box.replaceChildren(el("p", {}, "The list ends before this page."));
  else if (status && !search) box.replaceChildren(el("p", {}, "No request has this status."));
  else box.replaceChildren(el("p", {}, `Nothing has “${search}” in it. Esc clears the search.`));
}

function command(text) {
  return el("div", { class: "command" }, el("pre", { tabindex: 0 }, text), copier("Copy", text));
}

/** A button that copies a text. */
function copier(label, text) {
  const copy = el("button", { type: "button" }, label);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
  });
  return copy;
}

function drawDetail(detail) {
  const pane = part("detail");
  const before = pane.querySelector("#name")?.textContent;
  const inside = pane.contains(document.activeElement);
  const at = pane.scrollTop;
  document.body.classList.toggle("opened", detail !== null);
  pane.hidden = detail === null;
  part("main").inert = detail !== null && narrow.matches;
  pane.replaceChildren(...(detail ? contents(detail) : []));
  pane.scrollTop = part("name")?.textContent === before ? at : 0;
  if (inside && detail) pane.querySelector(".close").focus();
  else if (detail && narrow.matches) pane.querySelector(".close").focus();
  else if (inside) part("rows").querySelector("a[tabindex='0']")?.focus();
}

function contents({ error, kind, title, sections = [], named, curl }) {
  const close = el("button", { class: "close", type: "button", "aria-label": "Close" }, "✕");
  close.addEventListener("click", () => go({ of: "", id: "" }));
  const top = el("div", { class: "top" },
    el("div", {}, el("p", {}, error ? "Gone" : kind), el("h2", { id: "name" }, error ?? title)),
    close);
  const requests = named && el("p", { class: "related" },
    el("a", { href: beginning("requests", named) }, "Requests that name it"));
  const again = curl && el("p", { class: "related" }, copier("Copy as curl", curl));
  return [top, requests, again, ...sections.map(section)].filter(Boolean);
}

function section({ title, columns, rows, empty, text, answered }) {
  const content = answered ? el("samp", { tabindex: 0 }, text) : body(columns, rows, empty, text);
  return el("section", {}, el("h3", {}, title), content);
}

function body(columns, rows, empty, text) {
  if (text !== null) return el("pre", { tabindex: 0 }, text);
  if (!rows.length) return el("p", { class: "none" }, empty);
  const kind = columns.length === 2 ? "facts" : columns[2].kind === "value" ? "values" : "";
  return el("table", { class: kind },
    el("thead", {}, head(columns)),
    el("tbody", {}, rows.map((data) => row(columns, data, thing))));
}

/** Redraw, and give the focus back to the element that has it, known by an attribute. */
function keepingFocus(around, attribute, redraw) {
  const active = document.activeElement;
  const kept = around.contains(active) ? active.getAttribute(attribute) : null;
  redraw();
  if (kept === null) return;
  const same = [...around.querySelectorAll(`[${attribute}]`)]
    .find((one) => one.getAttribute(attribute) === kept);
  same?.focus({ preventScroll: true });
}

function connected(yes) {
  const state = yes ? (live ? "Live" : "Paused") : "No connection";
  const button = part("live");
  if (button.textContent === state) return;
  button.textContent = state;
  button.dataset.state = state;
  button.setAttribute("aria-label", `${state}, press to ${live ? "pause" : "resume"}`);
}

const turnPage = (step) => {
  const { limit } = JSON.parse(drawn.list).page;
  go({ offset: Math.max(0, here().offset + step * limit) });
};

let typing;
part("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => go({ search: part("search").value, offset: 0 }, { quietly: true }), 150);
});
part("finder").addEventListener("submit", (event) => event.preventDefault());
part("live").addEventListener("click", () => {
  live = !live;
  connected(true);
  look({ again: true });
});
part("status").addEventListener("change", () => go({ status: part("status").value, offset: 0 }));
part("reset").addEventListener("click", () => change("reset", null));
part("previous").addEventListener("click", () => turnPage(-1));
part("next").addEventListener("click", () => turnPage(1));
part("rows").addEventListener("click", (event) => {
  if (!event.target.closest("a") && getSelection().isCollapsed) {
    event.target.closest("tbody tr")?.querySelector("a")?.click();
  }
});

function arrive() {
  const { search } = here();
  if (part("search").value !== search) part("search").value = search;
  look({ again: true });
}

addEventListener("hashchange", arrive);
document.addEventListener("visibilitychange", () => document.hidden || look());
listen();
arrive();
