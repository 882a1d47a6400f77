// The keyboard: "/" searches, j and k or the arrows move in the list, Enter opens, Esc closes.

import { part } from "./dom.js";
import { go, here } from "./place.js";

const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

const links = () => [...part("rows").tBodies[0].querySelectorAll("a")];

/** Make one row's link the one that Tab reaches. */
export function settle(focused) {
  const all = links();
  const chosen = all.find((link) => link === focused) ?? all[0];
  for (const link of all) link.tabIndex = link === chosen ? 0 : -1;
}

function move(step) {
  const all = links();
  const at = all.indexOf(document.activeElement);
  const start = at < 0 && step < 0 ? all.length : at;
  const next = all[Math.min(Math.max(start + step, 0), all.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function leave() {
  const { id, search } = here();
  if (part("controls").open) part("controls").open = false;
  else if (id) go({ of: "", id: "" });
  else if (search) go({ search: "", offset: 0 });
}

function inSearch(event) {
  if (event.key === "Escape") {
    event.preventDefault();
    if (part("search").value) go({ search: "", offset: 0 }, { quietly: true });
    else part("search").blur();
  } else if (event.key === "ArrowDown" || event.key === "Enter") {
    event.preventDefault();
    move(1);
  }
}

function elsewhere(event) {
  if (event.key === "/") {
    event.preventDefault();
    part("search").select();
    part("search").focus();
  } else if (event.key === "Escape") leave();
  else if (event.key in STEPS && !reading(event)) {
    event.preventDefault();
    move(STEPS[event.key]);
  }
}

/** In the detail the arrows scroll, as they do everywhere else. */
const reading = (event) =>
  event.key.startsWith("Arrow") && part("detail").contains(document.activeElement);

/** Listen to the keyboard. */
export function listen() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target === part("status")) return; // the arrows choose there
    if (event.target === part("search")) inSearch(event);
    else elsewhere(event);
  });
  part("rows").addEventListener("focusin", (event) => settle(event.target));
}
