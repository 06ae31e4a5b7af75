// Several jobs: curves laid over each other, settings that differ, results.

import { chart } from "./charts.js";
import { h } from "./dom.js";
import { figure, value } from "./format.js";
import { jobLink, phaseBadge } from "./overview.js";

const CHARTS = [
  ["eval_loss", "Held-out loss"], ["loss", "Training loss"], ["eval_margin", "Held-out margin"],
  ["margin", "Training margin"], ["eval_accuracy", "Held-out accuracy"], ["accuracy", "Training accuracy"],
];

export function comparisonCharts(jobs) {
  const found = {};
  for (const [name] of CHARTS) {
    const steps = [...new Set(jobs.flatMap(({ curve }) => (curve[name] ? curve.step : [])))].sort((a, b) => a - b);
    if (!steps.length) continue;
    const series = jobs.map(({ row, curve }, index) => {
      const at = new Map(curve[name] ? curve.step.map((step, position) => [step, curve[name][position]]) : []);
      return { label: row.key, color: `--curve-${index}`, values: steps.map((step) => at.get(step) ?? null) };
    });
    found[name] = { steps, series };
  }
  return found;
}

export function comparisonPage(view) {
  const charts = comparisonCharts(view.jobs);
  const titles = Object.fromEntries(CHARTS);
  return [
    h("h1", {}, "Comparison"),
    view.missing.map((key) => h("p", { class: "problem" }, `${key} cannot be shown: there is no such job, or it cannot be read.`)),
    h("ul", { class: "compared" }, view.jobs.map(({ row }, index) => h("li", { "data-key": row.key },
      h("span", { class: "swatch", "data-curve": index }), " ", jobLink(row.key), " ", phaseBadge(row),
      row.percent === null || row.percent === undefined ? "" : ` ${row.percent}%`))),
    h("section", { "data-key": "results" }, h("h2", {}, "Results"), results(view)),
    h("section", { "data-key": "curves" }, h("h2", {}, "Curves"),
      Object.keys(charts).length ? null : h("p", { class: "muted" }, "No figures yet."),
      h("div", { class: "charts" }, Object.entries(charts).map(([id, columns]) => chart(id, titles[id], columns)))),
    h("section", { "data-key": "settings" }, h("h2", {}, "Settings that differ"),
      view.settings.length ? grid(view.jobs, view.settings.map(({ path, values }) => [path, values.map((each) => [value(each), false])]))
        : h("p", { class: "muted" }, "None.")),
  ];
}

function results(view) {
  const known = view.results.filter(({ values }) => values.some((each) => each !== null));
  if (!known.length) return h("p", { class: "muted" }, "No results yet.");
  return grid(view.jobs, known.map(({ name, better, values, best }) =>
    [`${name} (${better} is better)`, values.map((each, index) => [figure(each), index === best])]));
}

function grid(jobs, rows) {
  return h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "table" }, h("table", { class: "grid" },
    h("thead", {}, h("tr", {}, h("td", {}), jobs.map(({ row }) => h("th", { scope: "col" }, h("bdi", {}, row.key))))),
    h("tbody", {}, rows.map(([title, cells]) => h("tr", {}, h("th", { scope: "row" }, title),
      cells.map(([text, best]) => h("td", { class: best ? "best" : null }, text, best ? h("span", { class: "hidden" }, " best") : null)))))));
}
