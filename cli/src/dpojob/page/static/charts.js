// Line charts with uPlot. A chart is drawn into an element with data-chart, and redrawn when its data grows.

import { figure, UNKNOWN } from "./format.js";
import { h } from "./dom.js";

const drawn = new Map(); // By element: the plot and the options it was made with.
const dark = matchMedia("(prefers-color-scheme: dark)");
const resized = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const chart = drawn.get(target);
    if (chart && contentRect.width > 0) chart.plot.setSize({ width: contentRect.width, height: HEIGHT });
  }
});
const HEIGHT = 200;
const TABLE_ROWS = 40;

// A figure with a title, its chart, and the same figures as a table.
export function chart(id, title, columns) {
  const { steps, series } = columns;
  const described = series.map(({ label, values }) => `${label}: ${summary(steps, values)}`).join("; ");
  return h("figure", { class: "chart", "data-key": `chart-${id}` },
    h("figcaption", {}, title),
    h("div", { "data-chart": id, role: "img", "aria-label": `${title}. ${described}`, "data-points": steps.length }),
    h("details", {}, h("summary", {}, "as a table"), table(steps, series)));
}

function summary(steps, values) {
  const known = steps.map((step, index) => [step, values[index]]).filter(([, each]) => each !== null);
  if (!known.length) return "no points";
  const [first, last] = [known[0], known.at(-1)];
  return `${known.length} points, ${figure(first[1])} at step ${first[0]} to ${figure(last[1])} at step ${last[0]}`;
}

function table(steps, series) {
  const every = Math.max(1, Math.ceil(steps.length / TABLE_ROWS));
  const rows = steps.map((step, index) => index).filter((index) => (steps.length - 1 - index) % every === 0);
  return h("div", { class: "wide" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "step"),
      series.map(({ label }) => h("th", { scope: "col" }, label)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, steps[row]),
      series.map(({ values }) => h("td", {}, figure(values[row]))))))));
}

// Draws every chart of the document; `charts` has the columns by id.
export function draw(charts) {
  for (const [element, { plot }] of drawn) {
    if (element.isConnected) continue;
    plot.destroy();
    resized.unobserve(element);
    drawn.delete(element);
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    const { steps, series } = charts[element.dataset.chart];
    const data = [steps, ...series.map(({ values }) => values)];
    const options = JSON.stringify([series.map(({ label, color, dash }) => [label, color, dash]), dark.matches]);
    const before = drawn.get(element);
    if (before?.options === options) {
      before.plot.setData(data);
      continue;
    }
    before?.plot.destroy();
    drawn.set(element, { options, plot: plot(element, series, data) });
    resized.observe(element);
  }
}

const mark = (value) => (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : String(+value.toPrecision(6)));

function plot(element, series, data) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
  const shown = (_, value) => (value === null || value === undefined ? UNKNOWN : figure(value));
  return new uPlot({
    width: Math.max(200, element.clientWidth), height: HEIGHT,
    scales: { x: { time: false } },
    axes: [{ ...axis, size: 32 }, { ...axis, size: 60, values: (_, marks) => marks.map(mark) }],
    cursor: { drag: { x: true, y: false } },
    series: [{ label: "step" }, ...series.map(({ label, color: name, dash }) => ({
      label, stroke: color(name), width: 2, dash: dash ? [6, 4] : undefined, spanGaps: true, value: shown,
      points: { show: data[0].length < 60, size: 5 },
    }))],
  }, data, element);
}

export const onThemeChange = (redraw) => dark.addEventListener("change", redraw);
