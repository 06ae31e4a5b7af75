// The page: shows the view that the address names, keeps it up to date, and obeys keys.

import { draw, onThemeChange } from "./charts.js";
import { comparisonCharts, comparisonPage } from "./compare.js";
import { update } from "./dom.js";
import { jobCharts, jobPage } from "./job.js";
import { overviewPage, state } from "./overview.js";
import { follow } from "./stream.js";

const main = document.getElementById("main");
const REDRAW_MILLISECONDS = 30000; // Ages such as "5m ago" grow.
let shown = null; // The page of the newest view, as a function.

const pages = {
  overview: (view) => [overviewPage(view), {}],
  job: (view) => [jobPage(view), view.missing ? {} : jobCharts(view.curve)],
  comparison: (view) => [comparisonPage(view), comparisonCharts(view.jobs)],
};

function render() {
  if (!shown) return;
  const [content, charts] = shown();
  update(main, ...content);
  draw(charts);
}

function route() {
  const [name, ...parts] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const keys = parts.flatMap((part, index) => (index % 2 ? [`${parts[index - 1]}/${part}`] : []));
  const jobs = keys.map((key) => `job=${encodeURIComponent(key)}`).join("&");
  const kind = { job: "job", compare: "comparison" }[name] ?? "overview";
  document.title = kind === "overview" ? "DPOJobs" : `${keys.join(", ")} – DPOJobs`;
  shown = null;
  follow(`/streams/${kind}${jobs && `?${jobs}`}`, (view) => {
    const first = shown === null;
    shown = () => pages[kind](view);
    if (first) main.replaceChildren();
    render();
    if (first) scrollTo(0, 0);
  }, (text) => {
    document.getElementById("state").textContent = text;
    document.body.dataset.state = text === "live" ? "live" : "lost";
  });
}

const actions = {
  help: () => document.getElementById("help").showModal(),
  skip: (element, event) => { event.preventDefault(); main.focus(); },
  sort: ({ dataset: { column } }) => {
    state.descending = state.sort === column ? !state.descending : ["created", "cost", "percent", "margin"].includes(column);
    state.sort = column;
  },
  mark: ({ dataset: { job }, checked }) => (checked ? state.marked.add(job) : state.marked.delete(job)),
  filter: ({ value }) => { state.text = value; },
  phase: ({ value }) => { state.phase = value; },
  namespace: ({ value }) => { state.namespace = value; },
};

function act(event) {
  const element = event.target.closest("[data-action]");
  const typed = element && ["INPUT", "SELECT"].includes(element.nodeName);
  if (!element || typed !== (event.type === "input")) return;
  actions[element.dataset.action](element, event);
  render();
}

function move(by) {
  const links = [...document.querySelectorAll(".jobs tbody th a")];
  const now = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, now + by))]?.focus();
}

const keys = {
  "/": () => document.querySelector("[name=filter]")?.focus(),
  "?": () => actions.help(),
  j: () => move(1), ArrowDown: () => move(1),
  k: () => move(-1), ArrowUp: () => move(-1),
  x: () => document.activeElement.closest("tr")?.querySelector("[data-action=mark]")?.click(),
  c: () => document.querySelector(".controls a.button")?.click(),
  u: () => { location.hash = "#/"; },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, dialog, .wide");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.name === "filter") event.target.blur();
  const overview = document.querySelector(".jobs");
  const arrow = event.key.startsWith("Arrow");
  if (typing || !keys[event.key] || (arrow && !overview)) return;
  event.preventDefault();
  keys[event.key]();
});
document.addEventListener("click", act);
document.addEventListener("input", act);
addEventListener("hashchange", () => { route(); main.focus({ preventScroll: true }); });
onThemeChange(render);
setInterval(render, REDRAW_MILLISECONDS);
route();
