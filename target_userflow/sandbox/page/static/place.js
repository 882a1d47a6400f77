// Where the reader is: a list, a search in it, a page of it and an open thing, all in the URL.

const NOWHERE = { list: "users", search: "", status: "", offset: 0, of: "", id: "" };

/** The place that the URL names. */
export function here() {
  const [list, query] = location.hash.replace(/^#\/?/, "").split("?");
  const given = new URLSearchParams(query ?? "");
  return {
    list: list || NOWHERE.list,
    search: given.get("search") ?? "",
    status: given.get("status") ?? "",
    offset: Math.max(0, Number.parseInt(given.get("offset") ?? "0", 10) || 0),
    of: given.get("of") ?? "",
    id: given.get("id") ?? "",
  };
}

/** The address of a place, given by what differs from another one. */
export function address(changes, from = here()) {
  const place = { ...from, ...changes };
  const query = new URLSearchParams();
  for (const name of ["search", "status", "offset", "of", "id"]) {
    if (place[name]) query.set(name, place[name]);
  }
  const text = query.toString();
  return `#/${place.list}${text ? `?${text}` : ""}`; // `#users` would be a place on this page
}

/** Go to a place; with `quietly` the Back button does not lead here. */
export function go(changes, { quietly = false } = {}) {
  const to = address(changes);
  if (to === location.hash) return;
  if (!quietly) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The address of a list from its beginning. */
export const beginning = (list, search = "") => address({ ...NOWHERE, list, search });

/** The address of a thing beside the list that is shown. */
export const thing = (of, id) => address({ of, id });
