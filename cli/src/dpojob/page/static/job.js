// One job: curves, validity of the dataset, plan and memory, cost and budget, samples, evaluation, events.

import { chart } from "./charts.js";
import { h } from "./dom.js";
import { ago, amount, count, duration, figure, share, UNKNOWN, value } from "./format.js";
import { phaseBadge } from "./overview.js";

export const CHARTS = [
  ["loss", "Loss", [["loss", "training"], ["eval_loss", "held out"]]],
  ["margin", "Reward margin", [["margin", "training"], ["eval_margin", "held out"]]],
  ["accuracy", "Reward accuracy", [["accuracy", "training"], ["eval_accuracy", "held out"]]],
  ["logps", "Log-probabilities", [["chosen_logps", "chosen"], ["rejected_logps", "rejected"]]],
  ["grad_norm", "Gradient norm", [["grad_norm", "gradient norm"]]],
  ["learning_rate", "Learning rate", [["learning_rate", "learning rate"]]],
];

export function jobCharts(curve) {
  const found = {};
  for (const [id, , names] of CHARTS) {
    const series = names.map(([name, label], index) => ({ label, color: `--curve-${index}`, values: curve[name] }))
      .filter(({ values }) => values);
    if (series.length) found[id] = { steps: curve.step, series };
  }
  return found;
}

export function jobPage(view) {
  if (view.missing) return [h("h1", {}, view.missing), h("p", {}, view.loaded ? "There is no such job." : "Loading …")];
  const { row } = view;
  return [
    h("h1", {}, h("span", { class: "muted" }, `${row.namespace}/`), h("bdi", {}, row.name), " ", phaseBadge(row)),
    row.message ? h("p", { class: "message", "data-phase": row.phase }, h("b", {}, row.reason), ": ", row.message) : null,
    view.notice ? h("p", { class: "problem" }, view.notice) : null,
    facts(row),
    curves(view),
    h("div", { class: "cards" }, dataset(view.dataset), plan(view.plan), cost(view), evaluation(view.evaluation)),
    samples(view.samples ?? []),
    h("div", { class: "cards" }, events(view.events), attempts(view.attempts ?? []), conditions(view.conditions ?? []),
      artifacts(view.artifacts, row)),
  ];
}

const card = (key, title, ...content) =>
  h("section", { class: "card", "data-key": key }, h("h2", {}, title), content);

function pairs(...rows) {
  return h("dl", { class: "facts" }, rows.filter(([, text]) => text !== null && text !== undefined && text !== UNKNOWN && text !== "")
    .map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text))));
}

function facts(row) {
  const progress = row.maxSteps
    ? h("div", { class: "progress" },
      h("progress", { max: row.maxSteps, value: row.step, "aria-label": "progress" }),
      h("span", {}, `step ${count(row.step)} of ${count(row.maxSteps)}, ${row.percent}%`, row.etaSeconds ? `, ${duration(row.etaSeconds)} left` : ""))
    : null;
  return h("section", { "aria-label": "Progress" }, progress,
    pairs(["model", row.model], ["dataset", row.dataset], ["loss", figure(row.loss)], ["margin", figure(row.margin)],
      ["accuracy", share(row.accuracy)], ["held-out loss", figure(row.evalLoss)], ["held-out accuracy", share(row.evalAccuracy)],
      ["created", ago(row.created)]));
}

function curves(view) {
  const charts = jobCharts(view.curve);
  const titles = Object.fromEntries(CHARTS.map(([id, title]) => [id, title]));
  return h("section", { "data-key": "curves" }, h("h2", {}, "Curves"),
    Object.keys(charts).length ? null : h("p", { class: "muted" }, "No figures yet."),
    h("div", { class: "charts" }, Object.entries(charts).map(([id, columns]) => chart(id, titles[id], columns))),
    h("p", { class: "muted" }, view.curveSource));
}

function dataset(data) {
  if (!data) return null;
  const quality = data.quality ?? {};
  const validity = { True: "valid", False: "invalid", Unknown: "not decided" }[data.status];
  return card("dataset", "Dataset",
    h("p", {}, h("span", { class: "badge", "data-validity": data.status }, validity), " ", h("b", {}, data.reason), " ", data.message),
    data.rows === undefined ? null : pairs(["rows", count(data.rows)], ["to train on", count(data.trainRows)], ["held out", count(data.evalRows)],
      ["left out", data.droppedRows ? count(data.droppedRows) : null], ["layout", data.preset], ["duplicates", count(quality.duplicateRows)],
      ["contradictory", count(quality.contradictoryPairs)], ["chosen is longer", share(quality.chosenLongerShare)], ["are cut", share(quality.truncatedShare)]),
    (data.problems ?? []).length ? h("ul", {}, data.problems.map((problem) => h("li", {},
      h("span", { class: "badge", "data-severity": problem.severity }, problem.severity), " ", h("b", {}, problem.code), " ",
      problem.rows ? `${count(problem.rows)} rows. ` : "", problem.message))) : null,
    (data.suspects ?? []).length ? h("p", {}, "Rows that may be wrong: ",
      data.suspects.map(({ kind, rows }) => `${count(rows)} ${kind}`).join(", ")) : null);
}

function plan(found) {
  if (!found) return null;
  return card("plan", "Plan",
    pairs(["pool", found.pool], ["GPUs", `${found.gpus} ${found.gpuModel ?? ""}`], ["nodes", found.nodes > 1 ? found.nodes : null],
      ["method", found.method], ["precision", found.precision], ["batch", `${found.batch} pairs`], ["length", `${count(found.maxLength)} tokens`],
      ["expected", `${found.hours} h, ${found.cost}`]),
    memoryBar(found.memory),
    h("details", {}, h("summary", {}, "Why this plan"), h("ul", {}, found.reasons.map((reason) => h("li", {}, reason)))),
    found.considered.length ? h("details", {}, h("summary", {}, `${found.considered.length} pools looked at`),
      h("ul", {}, found.considered.map((other) => h("li", {}, h("b", {}, other.pool), ` ${other.verdict}: ${other.reason}`)))) : null);
}

function memoryBar({ needed, available, margin, parts, measured }) {
  const whole = Math.max(available, needed, measured ?? 0) || 1;
  const width = (gib) => `${(100 * gib) / whole}%`;
  const named = Object.entries(parts).filter(([, gib]) => gib > 0);
  const shown = named.length ? named : [["needed", needed]];
  return h("div", { class: "memory" },
    h("h3", {}, "Memory of a GPU"),
    h("p", {}, `${figure(needed, 1)} of ${figure(available, 1)} GiB expected`,
      margin ? `, ${figure(margin, 1)} kept free` : "", measured ? `; ${figure(measured, 1)} measured so far` : ""),
    h("div", { class: "stack", role: "img", "aria-label": shown.map(([name, gib]) => `${name} ${figure(gib, 1)} GiB`).join(", ") },
      shown.map(([name, gib], index) => h("div", { "data-part": index % 8, width: width(gib), title: `${name} ${figure(gib, 1)} GiB` }))),
    measured ? h("div", { class: "measured", title: "measured", width: width(measured) }) : null,
    h("ul", { class: "legend" }, shown.map(([name, gib], index) =>
      h("li", {}, h("span", { class: "swatch", "data-part": index % 8 }), `${name} ${figure(gib, 1)}`))));
}

function cost({ cost: found }) {
  if (!found) return null;
  const limit = found.maxCost === null ? null : Number(found.maxCost);
  const whole = limit ?? Number(found.estimate ?? found.soFar);
  const over = limit !== null && Number(found.estimate ?? 0) > limit;
  return card("cost", "Cost",
    h("p", {}, h("b", {}, amount(found.soFar, found.currency)), " so far",
      found.estimate ? `, about ${amount(found.estimate, found.currency)} expected` : ""),
    whole > 0 ? h("meter", { min: 0, max: whole, high: limit === null ? null : 0.9 * limit, value: Math.min(Number(found.soFar), whole),
      "aria-label": limit === null ? "cost of the estimate" : "cost of the budget" }) : null,
    limit === null ? h("p", { class: "muted" }, "No limit on the cost.") : h("p", {}, `Budget ${amount(found.maxCost, found.currency)}`,
      over ? h("b", { class: "warn" }, " – the estimate exceeds it") : ""),
    found.maxDuration ? h("p", {}, `Time limit ${found.maxDuration}`) : null);
}

function evaluation(found) {
  if (!found) return null;
  const interval = (each) => (each?.value === undefined ? UNKNOWN : `${share(each.value)} (${share(each.low)} to ${share(each.high)})`);
  return card("evaluation", "Evaluation",
    found.verdict ? h("p", {}, h("b", {}, found.verdict), ": ", found.message) : null,
    pairs(["win rate", interval(found.winRate)], ["at equal length", interval(found.lengthControlledWinRate)],
      ["reward accuracy", interval(found.rewardAccuracy)], ["prompts", found.prompts ? count(found.prompts) : null],
      ["wins, ties, losses", found.winRate ? `${found.wins}, ${found.ties}, ${found.losses}` : null], ["judge", found.judge]),
    tasks(found.tasks ?? []),
    (found.attention ?? []).map(({ message }) => h("p", { class: "problem" }, message)),
    found.note ? h("p", { class: "muted" }, found.note) : null);
}

function tasks(found) {
  if (!found.length) return null;
  const change = (each) => `${figure(each?.value)} (${figure(each?.low)} to ${figure(each?.high)})`;
  return h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "benchmark tasks" }, h("table", {},
    h("thead", {}, h("tr", {}, ["task", "before", "tuned", "change", "samples"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, found.map((task) => h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, task.name), task.metric ? `, ${task.metric}` : ""),
      task.error ? h("td", { class: "warn", colspan: 4 }, task.error) : [figure(task.before?.value), figure(task.after?.value),
        change(task.difference), count(task.difference?.n)].map((cell) => h("td", {}, cell)))))));
}

function samples(found) {
  if (!found.length) return null;
  const text = (title, content) => h("div", {}, h("h4", {}, title), h("p", { class: "text" }, content ?? UNKNOWN));
  return h("section", { "data-key": "samples" }, h("h2", {}, "Samples"), found.map((sample) => h("article", { class: "card sample" },
    h("p", { class: "text prompt" }, sample.prompt),
    h("div", { class: "sides" }, text("before", sample.before), text("after", sample.after)))));
}

function events(found) {
  return card("events", "Events", found.length ? h("ul", { class: "events" }, found.map((event) =>
    h("li", { class: event.type === "Warning" ? "warning" : null }, h("time", { datetime: event.time, title: event.time }, ago(event.time)), " ",
      h("b", {}, event.reason), event.count > 1 ? ` ×${event.count}` : "", " ", event.message)))
    : h("p", { class: "muted" }, "No events; the cluster keeps them for an hour."));
}

function attempts(found) {
  if (found.length < 2) return null;
  return card("attempts", "Attempts", h("ol", {}, found.map((attempt) => h("li", { value: attempt.number },
    `${attempt.pool ?? ""}, ${attempt.gpus} GPU, steps ${count(attempt.firstStep)} to ${count(attempt.lastStep)}`,
    attempt.outcome ? `: ${attempt.outcome}` : ""))));
}

function conditions(found) {
  return card("conditions", "Conditions", h("ul", {}, found.map((each) => h("li", {},
    h("b", {}, each.type), ` ${each.status}, ${each.reason}`, each.message ? h("div", { class: "muted" }, each.message) : null))));
}

function artifacts(found, row) {
  if (!found) return null;
  const at = (path) => (found.claimName && path !== undefined ? `${found.claimName}:${path || "/"}` : null);
  return card("artifacts", "Results", pairs(["model at", at(found.path ?? "")], ["report at", found.report ? at(found.report) : null],
    ["pushed to", found.push], ["uploaded to", found.s3], ["kind", value(found.kind)]),
  h("p", { class: "muted" }, `dpojob status ${row.name} -n ${row.namespace} shows the same in the terminal.`));
}
