// StepCountExplorer: a chart of a sweep whose marks can be read.

// Members of a family share its colour; as in plots/curves.py, their lines differ: the model, another sampler of it, ...
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3], [10, 3, 2, 3, 2, 3]];

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "Quality against steps",
    caption:
      "Each line is a model, each mark one number of network evaluations per sample. " +
      "Click a mark, or use the arrow keys, to read it and a few of its texts.",
  });
  const sweep = createSweep(model);
  const { points } = sweep;
  const canvas = addCanvas(frame, {
    height: (width) => Math.round(clamp(width * 0.62, 260, 400)),
    label: "Chart of quality against steps; left and right arrow keys go from mark to mark",
    keys: true,
  });
  const legend = element("ul", { class: "flm-legend" });
  const reading = element("div", { "aria-live": "polite" });
  frame.body.append(legend, reading);

  let drawn = []; // [index of point, x, y] of each mark, for the pointer
  frame.update = () => {
    const selected = sweep.here().includes(model.get("selected")) ? points[model.get("selected")] : undefined;
    controls.fillMetrics();
    canvas.paint((context, width, height) => {
      drawn = drawSweep(context, frame, width, height, sweep, selected);
    });
    frame.readout.textContent = `${sweep.info[sweep.metric()].title}.`;
    setLegend(legend, legendEntries(frame, sweep));
    controls.paper.place.hidden = !sweep.besidePaper();
    reading.replaceChildren(...(selected ? describe(selected, sweep.info, sweep.textsOf(selected)) : []));
  };
  const controls = addControls(frame, sweep);
  listenForMarks(frame, canvas, sweep, () => drawn);

  const { metric, marks, paperMarks } = sweep;
  el.flm = { model, metric, marks, points, paperMarks, drawn: () => drawn };
  return () => frame.dispose();
}

// --- what is read out of the state -------------------------------------------------------------

/** The points of the sweep as the widget's state has them chosen. `marks` are indices into the points. */
function createSweep(model) {
  const points = model.get("points");
  const info = model.get("metric_info");
  /** What was measured on the data that is shown: indices into the points, the names of the models, the data itself. */
  const here = () => points.flatMap((point, i) => (point.data === model.get("data") ? [i] : []));
  const names = () => [...new Set(here().filter((i) => points[i].steps).map((i) => points[i].model))];
  const reference = () => points[here().find((i) => !points[i].steps)];
  const available = () => model.get("metrics").filter((name) => here().some((i) => points[i][name] !== null));
  const metric = () => (available().includes(model.get("metric")) ? model.get("metric") : available()[0]);

  const kindOf = (name) => points[here().find((i) => points[i].model === name && points[i].steps)].kind;
  function dashOf(name) {
    const before = names().slice(0, names().indexOf(name));
    return DASHES[before.filter((other) => kindOf(other) === kindOf(name)).length % DASHES.length];
  }

  const across = (point) => (model.get("axis") === "steps" ? point.steps : point.seconds / point.samples);
  function quality(point) {
    const value = point?.[metric()] ?? null;
    return value === null ? null : value * (info[metric()].percent ? 100 : 1);
  }
  function marksOf(name) {
    const own = here().filter((i) => points[i].model === name && points[i].steps && quality(points[i]) !== null);
    return own.sort((a, b) => across(points[a]) - across(points[b]));
  }
  /** Marks that the current metric has, line after line from left to right. */
  const marks = () => names().flatMap(marksOf);

  /** Whether the paper's figures can stand beside these: they are perplexities, against steps. */
  const besidePaper = () => metric() === "judge_perplexity" && model.get("axis") === "steps";
  /** What the paper says within the same steps. */
  function paperMarks() {
    if (!model.get("paper") || !besidePaper()) return [];
    const places = marks().map((i) => points[i].steps);
    return model.get("reference").filter(({ steps }) => steps >= Math.min(...places) && steps <= Math.max(...places));
  }
  const textsOf = (point) => model.get("texts")[points.indexOf(point)] ?? [];
  const read = { here, names, reference, available, metric, kindOf, dashOf, across, quality, textsOf };
  return { model, points, info, ...read, marks, besidePaper, paperMarks };
}

// --- the chart ---------------------------------------------------------------------------------

const lookOf = ({ look, colors }, kind) => look.families[kind] ?? { color: colors.soft, marker: "x" };

/** The axis of steps or seconds, as `drawAxes` has it. */
function axisAcross({ model, points, across, marks }) {
  const places = marks().map((i) => across(points[i]));
  const range = [Math.min(...places) / 1.15, Math.max(...places) * 1.15];
  if (model.get("axis") === "steps") {
    const steps = [...new Set(places)].sort((a, b) => a - b);
    return { label: "steps (network evaluations per sample)", range, ticks: ticksAt(steps, String), log: true };
  }
  const powers = [-5, -4, -3, -2, -1, 0, 1, 2].map((p) => [10 ** p, p < -2 ? `${10 ** (p + 3)} ms` : `${10 ** p} s`]);
  const ticks = powers.filter(([value]) => value > range[0] && value < range[1]);
  return { label: "seconds per sample, as measured for the sweep", range, ticks, log: true };
}

/** The axis of the metric, as `drawAxes` has it. */
function axisUpwards({ points, info, metric, marks, paperMarks, quality, reference }) {
  const { label, percent: inPercent, logarithmic: log } = info[metric()];
  const values = [...marks().map((i) => points[i]), ...paperMarks()].map(quality);
  if (quality(reference()) !== null) values.push(quality(reference()));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (log) {
    const [low, high] = [least / 1.15, most * 1.15];
    const ticks = ticksAt(logNumbers(low, high, 9), (value) => Number(value.toPrecision(3)).toLocaleString("en"));
    return { label, range: [low, high], ticks, log };
  }
  if (inPercent) return { label, range: [0, 102], ticks: ticksAt([0, 20, 40, 60, 80, 100], String), log };
  const margin = 0.06 * (most - least || 1);
  const [low, high] = [least - margin, most + margin];
  const ticks = ticksAt(roundNumbers(low, high), (value) => String(Number(value.toPrecision(6))));
  return { label, range: [low, high], ticks, log };
}

/** The whole chart. Returns [index of point, x, y] of each mark. */
function drawSweep(context, frame, width, height, sweep, selected) {
  const { points, names, dashOf, across, quality, reference, marks } = sweep;
  const { colors } = frame;
  const { toX, toY, box } = drawAxes(context, width, height, axisAcross(sweep), axisUpwards(sweep), colors);
  const level = quality(reference());
  if (level !== null) {
    line(context, [[box.left, toY(level)], [box.right, toY(level)]], { color: colors.ink, width: 1.2, dash: [4, 3] });
  }
  drawPaper(context, frame, sweep.paperMarks(), toX, toY);
  const drawn = marks().map((i) => [i, toX(across(points[i])), toY(quality(points[i]))]);
  for (const name of names()) {
    const own = drawn.filter(([i]) => points[i].model === name);
    if (!own.length) continue;
    const look = lookOf(frame, points[own[0][0]].kind);
    line(context, own.map(([, x, y]) => [x, y]), { color: look.color, width: 2, dash: dashOf(name) });
    for (const [, x, y] of own) marker(context, look.marker, x, y, 5, look.color);
  }
  // The selected mark comes last, on top of others at the same place.
  for (const [i, x, y] of drawn.filter(([index]) => points[index] === selected)) {
    const look = lookOf(frame, points[i].kind);
    marker(context, "o", x, y, 10, colors.ink);
    marker(context, look.marker, x, y, 6, look.color);
  }
  return drawn;
}

/** The paper's figures, faint, a line for each kind of model. */
function drawPaper(context, frame, marks, toX, toY) {
  for (const kind of new Set(marks.map((mark) => mark.kind))) {
    const look = lookOf(frame, kind);
    const own = marks.filter((mark) => mark.kind === kind);
    const places = own.map((mark) => [toX(mark.steps), toY(mark.judge_perplexity)]);
    line(context, places, { color: look.color, width: 1, alpha: 0.4 });
    context.globalAlpha = 0.4;
    for (const [x, y] of places) marker(context, look.marker, x, y, 4, look.color);
    context.globalAlpha = 1;
  }
}

// --- the texts below it ------------------------------------------------------------------------

function legendEntries(frame, { names, kindOf, dashOf, quality, reference, paperMarks }) {
  const { colors } = frame;
  const entries = names().map((name) => {
    const { color } = lookOf(frame, kindOf(name));
    return { label: name, color, shape: "line", dash: dashOf(name) };
  });
  if (quality(reference()) !== null) {
    entries.push({ label: `${reference().model}, the data itself`, color: colors.ink, shape: "line", dash: [4, 3] });
  }
  const models = [...new Set(paperMarks().map((mark) => mark.model))];
  if (models.length) {
    const faint = `faint: the paper (${models.join(", ")}) on OpenWebText, judged by GPT-2 Large`;
    entries.push({ label: `${faint}: not the same judge or corpus`, color: colors.line, shape: "line" });
  }
  return entries;
}

/** All that was measured at a mark, and the texts that were kept of it. */
function describe(point, info, texts) {
  const measured = Object.entries(info).filter(([name]) => point[name] !== null);
  const facts = measured.map(([name, { label, percent: inPercent }]) => {
    const value = inPercent ? percent(point[name], 1) : point[name].toFixed(3);
    return `${label.replace(", %", "")} ${value}`;
  });
  const seconds = (1000 * point.seconds) / point.samples;
  const title =
    `${point.model}, ${point.steps} step${point.steps === 1 ? "" : "s"}: ${facts.join(", ")}; ` +
    `${seconds.toPrecision(2)} ms a sample (${point.samples} samples).`;
  if (!texts.length) return [element("p", {}, `${title} The sweep kept no text of it.`)];
  const items = texts.map((text) => element("li", {}, text));
  return [element("p", {}, `${title} Texts it wrote:`), element("ul", { class: "flm-texts" }, ...items)];
}

// --- controls ----------------------------------------------------------------------------------

function addControls(frame, { model, info, available, metric }) {
  const datasets = model.get("datasets");
  const data = addChoice(frame, "data", { label: "texts of", options: datasets.map((name) => [name, name]) });
  data.place.hidden = datasets.length < 2;
  const { select } = addChoice(frame, "metric", { label: "quality", options: [] });
  /** Only what was measured on this data can be chosen. */
  function fillMetrics() {
    if ([...select.options].map((option) => option.value).join() !== available().join()) {
      select.replaceChildren(...available().map((name) => element("option", { value: name }, info[name].label)));
    }
    select.value = metric();
  }
  addChoice(frame, "axis", { label: "against", options: [["steps", "steps"], ["seconds", "seconds per sample"]] });
  return { fillMetrics, paper: addSwitch(frame, "paper", { label: "the paper's figures" }) };
}

/** Marks are chosen by clicking near one, and by the arrow keys. */
function listenForMarks(frame, { canvas, locate }, { model, marks }, drawn) {
  frame.listen(canvas, "click", (event) => {
    const [x, y] = locate(event);
    const [best] = drawn().map(([i, px, py]) => [Math.hypot(px - x, py - y), i]).sort((a, b) => a[0] - b[0]);
    setState(model, { selected: best && best[0] < 24 ? best[1] : -1 });
  });
  frame.listen(canvas, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault(); // the page must not scroll
    const order = marks();
    const at = order.indexOf(model.get("selected"));
    const next = at < 0 ? (step > 0 ? 0 : order.length - 1) : (at + step + order.length) % order.length;
    setState(model, { selected: order[next] });
  });
}
