// Elements from plain text: whatever a value holds, it is shown and never interpreted.

/** An element with attributes and children; a string becomes a text node. */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

/** The part of the page with an id. */
export const part = (id) => document.getElementById(id);

const number = new Intl.NumberFormat("en");

/** A whole number with its thousands set apart. */
export const counted = (count) => number.format(count);

const MOMENT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?Z$/;
const FAMILIES = { 2: "good", 3: "good", 4: "bad", 5: "bad" };

function moment(text) {
  const found = MOMENT.exec(text);
  return found ? el("time", { datetime: text, title: text }, `${found[1]} ${found[2]}`) : text;
}

function status(text) {
  const family = text === "none" ? "bad" : FAMILIES[text[0]] ?? "waits";
  return el("span", { class: `status ${family}` }, text);
}

function value(cell) {
  if (cell === null) return el("i", {}, "null");
  if (Array.isArray(cell)) return items(cell);
  return cell === "" ? el("i", {}, "empty text") : cell;
}

function items(list) {
  if (!list.length) return el("i", {}, "empty list");
  return el("ul", { class: "items" }, list.map((item) => el("li", {}, item)));
}

function clock(text) {
  const local = new Date(text);
  return el("time", { datetime: text, title: text }, local.toLocaleTimeString("en-GB"));
}

const KINDS = { time: moment, clock, status, value };

/** What a cell of a column shows. */
export function shown(kind, cell) {
  return kind in KINDS ? KINDS[kind](cell) : cell ?? "";
}

/** The head of a table; none if no column of it needs one. */
export function head(columns) {
  const cells = columns.map(({ label, kind, minor }) =>
    el("th", { scope: "col", class: classes(kind, minor) }, label));
  return el("tr", {}, cells);
}

/** A row of a table; `leads` tells where a link goes. */
export function row(columns, data, leads) {
  const cells = columns.map(({ kind, minor }, index) => {
    const content = shown(kind, data.cells[index]);
    const link = kind === "link" && data.to !== null;
    const inner = link ? el("a", { href: leads(data.of, data.to) }, content) : content;
    const whole = kind === "rest" ? data.cells[index] : null; // what does not fit shows on hover
    return el("td", { class: classes(kind, minor), title: whole }, inner);
  });
  return el("tr", {}, cells);
}

const classes = (kind, minor) => `${kind}${minor ? " minor" : ""}`;
