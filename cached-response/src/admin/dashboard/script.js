// Polls the figures of the scope and shows them. Values are written as text, never as markup.
"use strict";

const PERIOD = 2000;
const SAMPLES = 150;

const byId = (id) => document.getElementById(id);

/** Makes an element with a class and children; texts become text nodes. */
function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Replaces the children of an element. */
const fill = (element, ...children) => element.replaceChildren(...children);

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const decimals = (value, digits) =>
  new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

const count = (value) => whole.format(value);

const percent = (ratio) => {
  if (ratio === null || ratio === undefined) return "–";
  const value = 100 * ratio;
  return `${decimals(value, value === 0 || value === 100 ? 0 : value > 99.9 ? 2 : 1)} %`;
};

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? count(value) : decimals(value, 1)} ${units[unit]}`;
}

function duration(seconds) {
  if (seconds === 0) return "0 s";
  if (seconds < 1e-3) return `${count(seconds * 1e6)} µs`;
  if (seconds < 1) return `${decimals(seconds * 1e3, seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 60) return `${decimals(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return parts(seconds, 60, "min", 1, "s");
  if (seconds < 86400) return parts(seconds, 3600, "h", 60, "min");
  return parts(seconds, 86400, "d", 3600, "h");
}

function parts(seconds, large, largeName, small, smallName) {
  const first = Math.floor(seconds / large);
  const second = Math.floor((seconds % large) / small);
  return second ? `${count(first)} ${largeName} ${second} ${smallName}` : `${count(first)} ${largeName}`;
}

const SVG = "http://www.w3.org/2000/svg";

/** A line of the last figures. What it shows is beside it as text. */
function sparkline(values, most) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 100 24");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const top = most || Math.max(...values, 1e-9);
  const shown = values.length < 2 ? [0, 0] : values;
  const step = 100 / (Math.max(shown.length, 30) - 1);
  const start = 100 - step * (shown.length - 1);
  const x = (n) => (start + n * step).toFixed(2);
  const points = shown.map((value, n) => `${x(n)} ${(23 - (22 * value) / top).toFixed(2)}`);
  const line = `M${points.join("L")}`;
  for (const [name, path] of [["area", `${line}L100 24L${x(0)} 24Z`], ["line", line]]) {
    const element = document.createElementNS(SVG, "path");
    element.setAttribute("class", name);
    element.setAttribute("d", path);
    svg.append(element);
  }
  return svg;
}

function meter(part, className) {
  const bar = make("span");
  bar.style.width = `${Math.min(100, 100 * (part || 0)).toFixed(1)}%`;
  const element = make("div", `meter ${className || ""}`, bar);
  element.setAttribute("aria-hidden", "true");
  return element;
}

// What was counted, and what is shown of it.

/** The last samples of one name: its counts and the time. */
const history = new Map();
let last = null;

function note(name, sample) {
  const samples = history.get(name) || [];
  samples.push(sample);
  if (samples.length > SAMPLES + 1) samples.shift();
  history.set(name, samples);
}

/** The rates between samples. */
function rates(name, of) {
  const samples = history.get(name) || [];
  return samples.slice(1).map((sample, n) => {
    const before = samples[n];
    const seconds = (sample.at - before.at) / 1000;
    return seconds > 0 ? Math.max(0, of(sample, before, seconds)) : 0;
  });
}

const hitsEach = (sample, before, seconds) => (sample.hits - before.hits) / seconds;

function ratioEach(sample, before) {
  const hits = sample.hits - before.hits;
  const rest = sample.misses - before.misses;
  return hits + rest > 0 ? hits / (hits + rest) : 0;
}

const name = (route) => route.patterns[0] || route.handler;

/** Misses that no stored response answered, in memory or in the remote store. */
const unanswered = (counts) => Math.max(0, counts.misses - counts.remote_hits);

function tile(title, figure, noteText, graph) {
  const rest = [make("dd", "note", noteText)];
  return make("div", "", make("dt", "", title), make("dd", "figure", figure), ...rest, ...(graph ? [graph] : []));
}

function showOverview(stats) {
  const all = rates("", hitsEach);
  const now = all.length ? all[all.length - 1] : 0;
  const lookups = stats.hits + unanswered(stats);
  fill(
    byId("overview"),
    tile("Hit ratio", percent(stats.hit_ratio), `of ${count(lookups)} look-ups`, sparkline(rates("", ratioEach), 1)),
    tile("Hits a second", now >= 100 ? count(now) : decimals(now, 1), `${count(stats.hits)} since the start`, sparkline(all)),
    tile("Time saved", duration(stats.time_saved_seconds), `in runs; those that ran took ${duration(stats.run_time_seconds)}`),
    tile(
      "Memory",
      bytes(stats.bytes),
      stats.max_bytes ? `of ${bytes(stats.max_bytes)}; ${count(stats.entries)} entries` : `${count(stats.entries)} entries`,
      meter(stats.max_bytes ? stats.bytes / stats.max_bytes : 0, "spaced"),
    ),
    tile("Runs under way", count(stats.running), `${count(stats.runs)} ended, ${count(stats.failed)} failed`),
    tile("Shared runs", count(stats.collapsed), "misses that waited for one"),
    tile("Evictions", count(stats.evictions), "entries that made room"),
    tile("Invalidations", count(stats.invalidations), "and expiries"),
  );
}

function cell(label, className, ...children) {
  const element = make("td", className, ...children);
  element.setAttribute("role", "cell");
  if (label) element.dataset.label = label;
  return element;
}

function action(text, label, body) {
  const button = make("button", "small", text);
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", () => ask(label, body));
  return button;
}

function routeRow(route) {
  const shown = name(route);
  const all = rates(`route ${shown}`, hitsEach);
  const now = all.length ? all[all.length - 1] : 0;
  const others = route.patterns.slice(1).map((pattern) => `, ${pattern}`).join("");
  const title = [make("code", "", shown), make("span", "sub", route.handler + others)];
  const rate = make("div", "rate", sparkline(all), make("span", "sub", now >= 100 ? count(now) : decimals(now, 1)));
  const row = make(
    "tr",
    "",
    cell("", "", ...title),
    cell("Hit ratio", "number", percent(route.hit_ratio)),
    cell("Hits a second", "", rate),
    cell("Hits", "number", count(route.hits)),
    cell("Misses", "number", count(unanswered(route))),
    cell("Run", "number", route.runs ? duration(route.run_time_seconds / route.runs) : "–"),
    cell("Time saved", "number", duration(route.time_saved_seconds)),
    cell("", "", ...(route.patterns.length ? [action("Invalidate", `Invalidate the route ${shown}`, { route: shown })] : [])),
  );
  row.setAttribute("role", "row");
  return row;
}

/** Replaces the rows of a table. A button that has the focus keeps it. */
function showRows(id, rows) {
  const body = document.querySelector(`#${id} tbody`);
  const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  fill(body, ...rows);
  byId(id).hidden = rows.length === 0;
  byId(`${id}-empty`).hidden = rows.length > 0;
  if (focused) {
    const same = [...body.querySelectorAll("button")].find((button) => button.getAttribute("aria-label") === focused);
    if (same) same.focus();
  }
}

function showRoutes(stats) {
  const routes = [...stats.routes].sort((one, other) => other.time_saved_seconds - one.time_saved_seconds);
  showRows("routes", routes.map(routeRow));
}

/** Reasons over all routes, the most frequent first. */
function reasonRows(stats) {
  const rows = [];
  for (const [of, text] of [["bypasses", "request not looked up"], ["skips", "response not stored"]]) {
    for (const [reason, number] of Object.entries(stats[of])) {
      const routes = stats.routes.filter((route) => route[of][reason]);
      routes.sort((one, other) => other[of][reason] - one[of][reason]);
      rows.push({ reason, text, number, routes: routes.map(name) });
    }
  }
  return rows.sort((one, other) => other.number - one.number).slice(0, 12);
}

function showReasons(stats) {
  const rows = reasonRows(stats);
  const most = rows.length ? rows[0].number : 1;
  const items = rows.map((row) => {
    const where = row.routes.slice(0, 3).join(", ") + (row.routes.length > 3 ? " and others" : "");
    const about = make("span", "", make("code", "", row.reason), " ", make("span", "sub", `${row.text}${where ? `: ${where}` : ""}`));
    return make("li", "", about, make("span", "number", count(row.number)), meter(row.number / most));
  });
  fill(byId("reasons"), ...items);
  byId("reasons-empty").hidden = rows.length > 0;
}

function showRemote(remote) {
  const breaker = byId("breaker");
  if (!remote) {
    fill(breaker, "None: this process has responses of its own.");
    fill(byId("remote"));
    return;
  }
  const state = remote.is_open
    ? make("span", "badge bad", "breaker open: not called")
    : make("span", "badge good", "breaker closed: in use");
  fill(breaker, state);
  const facts = [
    ["Hits from it", last.remote_hits],
    ["Calls", remote.calls],
    ["Timed out", remote.slow],
    ["Not made, breaker open", remote.refused],
    ["Breaker opened", remote.opened],
    ["Writes", remote.written],
    ["Writes dropped", remote.dropped],
    ...Object.entries(remote.failed).map(([kind, number]) => [`Failed: ${kind}`, number]),
  ];
  fill(byId("remote"), ...facts.flatMap(([title, number]) => [make("dt", "", title), make("dd", "", count(number))]));
}

function showAdvice(advice) {
  // Code stands between backticks.
  const text = (message) => message.split("`").map((part, n) => (n % 2 ? make("code", "", part) : part));
  const items = advice.map((one) => make("li", "", ...text(one.message)));
  fill(byId("advice"), ...items);
  byId("advice-section").hidden = items.length === 0;
}

function entryRow(entry) {
  const target = entry.path === undefined ? "value" : `${entry.method === "GET" ? "" : `${entry.method} `}${entry.path}`;
  const queries = entry.query_pairs ? ` ?…${entry.query_pairs > 1 ? ` (${entry.query_pairs} pairs)` : ""}` : "";
  const varies = entry.varies_by ? `; by ${entry.varies_by.join(", ")}` : "";
  const about = `${entry.status}${entry.handler ? `, ${entry.handler}` : ""}${varies}`;
  const row = make(
    "tr",
    "",
    cell("", "", make("code", "", target + queries), make("span", "sub", about)),
    cell("Tags", entry.tags.length ? "wide" : "wide none", ...entry.tags.map((tag) => make("span", "badge", tag))),
    cell("Size", "number", bytes(entry.bytes)),
    cell("Uses", "number", count(entry.uses)),
    cell("Age", "number", duration(entry.age_seconds)),
    cell("Fresh for", "number", entry.state === "fresh" ? duration(entry.fresh_seconds) : entry.state),
    cell("", "", ...(entry.path === undefined ? [] : [action("Invalidate", `Invalidate the path ${entry.path}`, { path: entry.path })])),
  );
  row.setAttribute("role", "row");
  return row;
}

// Requests to the scope.

let sort = "bytes";
let paused = false;

async function read(target) {
  const response = await fetch(target, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${target} was answered with ${response.status}`);
  return response.json();
}

function noteAll(stats) {
  const at = performance.now();
  const before = history.get("");
  // A rate over a moment says nothing.
  if (before && at - before[before.length - 1].at < PERIOD / 2) return;
  const sample = (counts) => ({ at, hits: counts.hits, misses: unanswered(counts) });
  note("", sample(stats));
  for (const route of stats.routes) note(`route ${name(route)}`, sample(route));
}

async function refresh() {
  try {
    const targets = ["stats", "advice", `entries?sort=${sort}&limit=10`];
    const [stats, suggested, page] = await Promise.all(targets.map(read));
    last = stats;
    noteAll(stats);
    showOverview(stats);
    showAdvice(suggested.advice);
    showRoutes(stats);
    showReasons(stats);
    showRemote(stats.remote);
    showRows("entries", page.entries.map(entryRow));
    say(paused ? "Paused" : "Live");
  } catch (error) {
    say(`No figures: ${error.message}`);
  }
}

function say(text) {
  // A status that repeats itself would be read out each time.
  if (byId("state").textContent !== text) byId("state").textContent = text;
}

async function tick() {
  if (!paused && !document.hidden) await refresh();
  setTimeout(tick, PERIOD);
}

const failures = (report) => report.failed.map((failure) => failure.error).join("; ");

async function invalidate(body) {
  const result = byId("result");
  result.className = "";
  result.textContent = "Invalidating";
  try {
    const response = await fetch("invalidate", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const report = await response.json();
    result.className = response.ok ? "good" : "bad";
    result.textContent = response.ok
      ? `${report.soft ? "Expired" : "Invalidated"}.`
      : `Only in this process: ${report.failed ? failures(report) : report.error}`;
  } catch (error) {
    result.className = "bad";
    result.textContent = `Not invalidated: ${error.message}`;
  }
  await refresh();
}

/** Asks before it invalidates. */
function ask(text, body) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent = `${text}?`;
  dialog.returnValue = "cancel";
  dialog.onclose = () => {
    if (dialog.returnValue === "yes") invalidate(body);
  };
  dialog.showModal();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const kind = form.elements.kind.value;
  const body = kind === "all" ? { all: true } : { [kind]: form.elements.name.value };
  if (form.elements.soft.checked) body.soft = true;
  if (kind === "all") ask(body.soft ? "Expire everything" : "Invalidate everything", body);
  else invalidate(body);
});

byId("form").elements.kind.addEventListener("change", (event) => {
  const isAll = event.target.value === "all";
  byId("name-label").hidden = isAll;
  byId("form").elements.name.required = !isAll;
});

byId("pause").addEventListener("click", (event) => {
  paused = !paused;
  event.target.setAttribute("aria-pressed", String(paused));
  say(paused ? "Paused" : "Live");
  if (!paused) refresh();
});

for (const button of document.querySelectorAll("[data-sort]")) {
  button.addEventListener("click", () => {
    sort = button.dataset.sort;
    for (const other of document.querySelectorAll("[data-sort]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    refresh();
  });
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused) refresh();
});

tick();
