// All jobs: filter, sort, marks for a comparison, costs, and who waits for what.

import { h } from "./dom.js";
import { ago, amount, count, duration, figure, UNKNOWN } from "./format.js";

const COLUMNS = [
  ["name", "job", (job) => job.key],
  ["phase", "phase", (job) => job.phase],
  ["model", "model", (job) => job.model ?? ""],
  ["pool", "pool", (job) => job.pool ?? ""],
  ["percent", "progress", (job) => job.percent ?? -1],
  ["margin", "margin", (job) => job.margin ?? -Infinity],
  ["eta", "time left", (job) => job.etaSeconds ?? Infinity],
  ["cost", "cost", (job) => Number(job.cost ?? -1)],
  ["created", "created", (job) => job.created ?? ""],
];
export const state = { text: "", phase: "", namespace: "", sort: "created", descending: true, marked: new Set() };

export const jobLink = (key, ...content) => h("a", { href: `#/job/${key}` }, content.length ? content : key);

export function phaseBadge(row) {
  return h("span", { class: "badge", "data-phase": row.phase }, row.phase,
    row.healthy === false ? " – look closer" : "");
}

export function overviewPage(view) {
  const jobs = sorted(view.jobs.filter(matches));
  const marked = [...state.marked].filter((key) => view.jobs.some((job) => job.key === key));
  return [
    h("h1", {}, "All jobs"),
    view.problems.map((problem) => h("p", { class: "problem" }, problem)),
    h("p", { class: "muted" }, view.scope ? `Namespaces: ${view.scope.join(", ")}` : "All namespaces"),
    controls(view, marked),
    view.jobs.length ? jobTable(jobs) : h("p", {}, view.loaded ? "There is no job yet." : "Loading …"),
    view.jobs.length && !jobs.length ? h("p", {}, "No job matches the filter.") : null,
    h("div", { class: "cards" },
      waitingCard(view.waiting), costCard("Cost by namespace", "namespaces", view.costs.namespaces),
      costCard("Cost by pool", "pools", view.costs.pools), poolCard(view.pools)),
  ];
}

function matches(job) {
  const text = `${job.key} ${job.model ?? ""} ${job.dataset ?? ""} ${job.pool ?? ""} ${job.reason} ${job.method ?? ""}`;
  return (!state.phase || job.phase === state.phase) && (!state.namespace || job.namespace === state.namespace) &&
    text.toLowerCase().includes(state.text.toLowerCase());
}

function sorted(jobs) {
  const by = COLUMNS.find(([name]) => name === state.sort)[2];
  const sign = state.descending ? -1 : 1;
  return [...jobs].sort((one, other) => {
    const [left, right] = [by(one), by(other)];
    return left === right ? one.key.localeCompare(other.key) : sign * (left < right ? -1 : 1);
  });
}

function controls(view, marked) {
  const options = (name, label, values) => h("label", {}, label, " ",
    h("select", { "data-action": name, name },
      h("option", { value: "" }, "all"), values.map((each) => h("option", { value: each }, each))));
  const distinct = (field) => [...new Set(view.jobs.map((job) => job[field]))].sort();
  const target = `#/compare/${marked.join("/")}`;
  return h("div", { class: "controls" },
    h("label", {}, "Filter ", h("input", { type: "search", "data-action": "filter", name: "filter",
      placeholder: "name, model, pool, reason", "aria-keyshortcuts": "/" })),
    options("phase", "Phase", distinct("phase")), options("namespace", "Namespace", distinct("namespace")),
    marked.length > 1
      ? h("a", { class: "button", href: target, "aria-keyshortcuts": "c" }, `Compare ${marked.length} jobs`)
      : h("span", { class: "muted" }, marked.length ? "Mark another job to compare" : "Mark jobs to compare them"));
}

function jobTable(jobs) {
  const header = COLUMNS.map(([name, label]) => {
    const order = state.sort !== name ? "none" : state.descending ? "descending" : "ascending";
    return h("th", { scope: "col", "aria-sort": order },
      h("button", { type: "button", "data-action": "sort", "data-column": name }, label,
        h("span", { class: "order", "aria-hidden": "true" }, { ascending: " ↑", descending: " ↓", none: "" }[order])));
  });
  return h("table", { class: "jobs" },
    h("caption", { class: "hidden" }, `${jobs.length} jobs`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "hidden" }, "compare")), header)),
    h("tbody", {}, jobs.map(jobLine)));
}

const whole = (text) => h("span", { class: "whole" }, text);

function jobLine(job) {
  const cell = (label, ...content) => h("td", { "data-label": label }, content);
  return h("tr", { "data-key": job.key },
    h("td", { class: "mark" }, h("input", { type: "checkbox", "data-action": "mark", "data-job": job.key,
      checked: state.marked.has(job.key), "aria-label": `compare ${job.key}` })),
    h("th", { scope: "row" }, jobLink(job.key, h("span", { class: "muted" }, `${job.namespace}/`), h("bdi", {}, job.name))),
    cell("phase", phaseBadge(job), job.reason && job.reason !== job.phase
      ? h("span", { class: "muted", title: job.message }, ` ${job.reason}`) : null),
    cell("model", h("bdi", {}, job.model ?? UNKNOWN)),
    cell("pool", h("bdi", {}, job.pool ?? UNKNOWN)),
    cell("progress", job.maxSteps
      ? h("span", { class: "whole" }, h("progress", { max: job.maxSteps, value: job.step, "aria-label": "progress" }), ` ${job.percent}%`) : UNKNOWN),
    cell("margin", figure(job.margin)),
    cell("time left", whole(duration(job.etaSeconds))),
    cell("cost", whole(amount(job.cost, job.currency ?? ""))),
    cell("created", whole(ago(job.created))));
}

function waitingCard(waiting) {
  return h("section", { class: "card", "data-key": "waiting" }, h("h2", {}, "Who waits for what"),
    waiting.length ? h("ul", {}, waiting.map((each) => h("li", { "data-key": each.key },
      jobLink(each.key), " waits for ",
      each.target ? jobLink(each.target, each.name) : h("b", {}, each.kind === "pool" ? `pool ${each.name}` : each.name),
      each.heldBy.length ? [" (used by ", each.heldBy.map((key, index) => [index ? ", " : "", jobLink(key)]), ")"] : null,
      each.message ? h("div", { class: "muted" }, each.message) : null)))
      : h("p", { class: "muted" }, "No job waits."));
}

function costCard(title, key, costs) {
  const highest = Math.max(...costs.map(({ cost }) => Number(cost)), 0.01);
  return h("section", { class: "card", "data-key": `cost-${key}` }, h("h2", {}, title),
    costs.length ? h("table", {}, h("tbody", {}, costs.map(({ name, cost, currency }) => h("tr", {},
      h("th", { scope: "row" }, h("bdi", {}, name || "not named")), h("td", { class: "number" }, amount(cost, currency)),
      h("td", { class: "bar", "aria-hidden": "true" }, h("div", { width: `${(100 * Number(cost)) / highest}%` }))))))
      : h("p", { class: "muted" }, "Nothing was spent."));
}

function poolCard(pools) {
  if (!pools.length) return null;
  return h("section", { class: "card", "data-key": "pools" }, h("h2", {}, "Pools"), h("div", { class: "wide" },
    h("table", {},
      h("thead", {}, h("tr", {}, ["pool", "GPU", "per hour", "free", "training", "queued"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, pools.map((pool) => h("tr", {},
        h("th", { scope: "row" }, h("bdi", {}, pool.name)), h("td", {}, `${pool.gpu} ${pool.memoryGiB} GiB`),
        h("td", {}, pool.hourlyPrice), h("td", {}, pool.gpus === null ? UNKNOWN : `${pool.free} of ${count(pool.gpus)}`),
        h("td", {}, pool.training), h("td", {}, pool.queued)))))));
}
