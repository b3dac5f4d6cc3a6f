// StepCountExplorer: a chart of a sweep whose marks can be read.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "Quality against steps",
    caption: "Each line is a model, each mark one number of network evaluations per sample. Click a mark, or use the arrow keys, to read it and a few of its texts.",
  });
  const points = model.get("points");
  const info = model.get("metric_info");
  const published = model.get("reference");
  /** What was measured on the data that is shown: indices into the points, the names of the models, the data itself. */
  const here = () => points.flatMap((point, i) => (point.data === model.get("data") ? [i] : []));
  const names = () => [...new Set(here().filter((i) => points[i].steps).map((i) => points[i].model))];
  const reference = () => points[here().find((i) => !points[i].steps)];
  const available = () => model.get("metrics").filter((metric) => here().some((i) => points[i][metric] !== null));
  const metric = () => (available().includes(model.get("metric")) ? model.get("metric") : available()[0]);
  // Members of a family share its colour; as in plots/curves.py, their lines differ: the model, another sampler of it, ...
  const kindOf = (name) => points[here().find((i) => points[i].model === name && points[i].steps)].kind;
  const rank = (name) => names().slice(0, names().indexOf(name)).filter((other) => kindOf(other) === kindOf(name)).length;
  const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3], [10, 3, 2, 3, 2, 3]];
  const dashOf = (name) => DASHES[rank(name) % DASHES.length];

  const canvas = addCanvas(frame, {
    height: (width) => Math.round(clamp(width * 0.62, 260, 400)),
    label: "Chart of quality against steps; left and right arrow keys go from mark to mark",
    keys: true,
  });
  const legend = element("ul", { class: "flm-legend" });
  const reading = element("div", { "aria-live": "polite" });
  frame.body.append(legend, reading);

  const lookOf = (point) => frame.look.families[point.kind] ?? { color: frame.colors.soft, marker: "x" };
  const across = (point) => (model.get("axis") === "steps" ? point.steps : point.seconds / point.samples);
  const quality = (point) => {
    const value = point?.[metric()] ?? null;
    return value === null ? null : value * (info[metric()].percent ? 100 : 1);
  };
  /** Marks that the current metric has, as indices into the points, line after line from left to right. */
  const marks = () =>
    names().flatMap((name) =>
      here().filter((i) => points[i].model === name && points[i].steps && quality(points[i]) !== null).sort((a, b) => across(points[a]) - across(points[b])),
    );

  /** What the paper says, where its marks can stand beside these: in perplexity, against steps, within the same steps. */
  const paperMarks = () => {
    if (!model.get("paper") || metric() !== "judge_perplexity" || model.get("axis") !== "steps") return [];
    const places = marks().map((i) => points[i].steps);
    return published.filter(({ steps }) => steps >= Math.min(...places) && steps <= Math.max(...places));
  };

  /** Round numbers of a log axis: 1, 2 and 5 times the powers of ten, or the powers alone where they span much. */
  function logTicks(low, high) {
    const powers = Array.from({ length: 21 }, (_, i) => 10 ** (i - 6));
    const inside = (factors) => powers.flatMap((power) => factors.map((f) => f * power)).filter((v) => v >= low && v <= high);
    const fine = inside([1, 2, 5]);
    return (fine.length > 9 ? inside([1]) : fine).map((v) => [v, Number(v.toPrecision(3)).toLocaleString("en")]);
  }
  /** About five round numbers between two values. */
  function roundTicks(low, high) {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    const ticks = [];
    for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) ticks.push([value, String(Number(value.toPrecision(6)))]);
    return ticks;
  }
  function axes() {
    const shown = marks().map((i) => points[i]);
    const { label, percent: inPercent, logarithmic: log } = info[metric()];
    const values = [...shown, ...paperMarks()].map(quality);
    if (quality(reference()) !== null) values.push(quality(reference()));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const margin = 0.06 * (most - least || 1);
    const range = log ? [least / 1.15, most * 1.15] : inPercent ? [0, 102] : [Math.min(least - margin, least >= 0 ? Math.max(0, least - margin) : least), most + margin];
    const places = shown.map(across);
    const ends = [Math.min(...places) / 1.15, Math.max(...places) * 1.15];
    const ticks =
      model.get("axis") === "steps"
        ? [...new Set(places)].sort((a, b) => a - b).map((value) => [value, String(value)])
        : [-5, -4, -3, -2, -1, 0, 1, 2].map((p) => [10 ** p, p < -2 ? `${10 ** (p + 3)} ms` : `${10 ** p} s`]).filter(([value]) => value > ends[0] && value < ends[1]);
    return {
      x: { label: model.get("axis") === "steps" ? "steps (network evaluations per sample)" : "seconds per sample, as measured for the sweep", range: ends, ticks, log: true },
      y: { label, range, log, ticks: log ? logTicks(...range) : inPercent ? [0, 20, 40, 60, 80, 100].map((v) => [v, String(v)]) : roundTicks(...range) },
    };
  }

  let drawn = []; // [index of point, x, y] of each mark, for the pointer
  frame.update = () => {
    const { colors } = frame;
    const selected = here().includes(model.get("selected")) ? points[model.get("selected")] : undefined;
    fillMetrics();
    canvas.paint((context, width, height) => {
      const { x, y } = axes();
      const { toX, toY, box } = drawAxes(context, width, height, x, y, colors);
      if (quality(reference()) !== null) {
        line(context, [[box.left, toY(quality(reference()))], [box.right, toY(quality(reference()))]], { color: colors.ink, width: 1.2, dash: [4, 3] });
      }
      for (const kind of new Set(paperMarks().map((mark) => mark.kind))) {
        const look = lookOf({ kind });
        const places = paperMarks().filter((mark) => mark.kind === kind).map((mark) => [toX(mark.steps), toY(mark.judge_perplexity)]);
        line(context, places, { color: look.color, width: 1, alpha: 0.4 });
        context.globalAlpha = 0.4;
        for (const [px, py] of places) marker(context, look.marker, px, py, 4, look.color);
        context.globalAlpha = 1;
      }
      drawn = marks().map((i) => [i, toX(across(points[i])), toY(quality(points[i]))]);
      for (const name of names()) {
        const own = drawn.filter(([i]) => points[i].model === name);
        if (!own.length) continue;
        const look = lookOf(points[own[0][0]]);
        line(context, own.map(([, px, py]) => [px, py]), { color: look.color, width: 2, dash: dashOf(name) });
        for (const [, px, py] of own) marker(context, look.marker, px, py, 5, look.color);
      }
      // The selected mark comes last, on top of others at the same place.
      for (const [i, px, py] of drawn.filter(([i]) => points[i] === selected)) {
        marker(context, "o", px, py, 10, colors.ink);
        marker(context, lookOf(points[i]).marker, px, py, 6, lookOf(points[i]).color);
      }
    });
    frame.readout.textContent = info[metric()].title + ".";
    const paper = paperMarks();
    setLegend(legend, [
      ...names().map((name) => ({ label: name, color: lookOf({ kind: kindOf(name) }).color, shape: "line", dash: dashOf(name) })),
      ...(quality(reference()) !== null ? [{ label: `${reference().model}, the data itself`, color: colors.ink, shape: "line", dash: [4, 3] }] : []),
      ...(paper.length ? [{ label: `faint: the paper (${[...new Set(paper.map((mark) => mark.model))].join(", ")}) on OpenWebText, judged by GPT-2 Large: not the same judge or corpus`, color: colors.line, shape: "line" }] : []),
    ]);
    paperSwitch.place.hidden = metric() !== "judge_perplexity" || model.get("axis") !== "steps";
    read(selected);
  };

  function read(point) {
    if (!point) return reading.replaceChildren();
    const facts = Object.entries(info)
      .filter(([name]) => point[name] !== null)
      .map(([name, { label, percent: inPercent }]) => `${label.replace(", %", "")} ${inPercent ? percent(point[name], 1) : point[name].toFixed(3)}`);
    const seconds = (1000 * point.seconds) / point.samples;
    const title = `${point.model}, ${point.steps} step${point.steps === 1 ? "" : "s"}: ${facts.join(", ")}; ${seconds.toPrecision(2)} ms a sample (${point.samples} samples).`;
    const texts = model.get("texts")[points.indexOf(point)] ?? [];
    if (texts.length) reading.replaceChildren(element("p", {}, `${title} Texts it wrote:`), element("ul", { class: "flm-texts" }, ...texts.map((text) => element("li", {}, text))));
    else reading.replaceChildren(element("p", {}, `${title} The sweep kept no text of it.`));
  }

  const dataChoice = addChoice(frame, "data", { label: "texts of", options: model.get("datasets").map((name) => [name, name]) });
  dataChoice.place.hidden = model.get("datasets").length < 2;
  const metricChoice = addChoice(frame, "metric", { label: "quality", options: [] });
  /** Only what was measured on this data can be chosen. */
  function fillMetrics() {
    const { select } = metricChoice;
    if ([...select.options].map((option) => option.value).join() !== available().join()) {
      select.replaceChildren(...available().map((name) => element("option", { value: name }, info[name].label)));
    }
    select.value = metric();
  }
  addChoice(frame, "axis", { label: "against", options: [["steps", "steps"], ["seconds", "seconds per sample"]] });
  const paperSwitch = addSwitch(frame, "paper", { label: "the paper's figures" });

  frame.listen(canvas.canvas, "click", (event) => {
    const [x, y] = canvas.locate(event);
    const [best] = drawn.map(([i, px, py]) => [Math.hypot(px - x, py - y), i]).sort((a, b) => a[0] - b[0]);
    setState(model, { selected: best && best[0] < 24 ? best[1] : -1 });
  });
  frame.listen(canvas.canvas, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault(); // the page must not scroll
    const order = marks();
    const at = order.indexOf(model.get("selected"));
    setState(model, { selected: order[at < 0 ? (step > 0 ? 0 : order.length - 1) : (at + step + order.length) % order.length] });
  });

  el.flm = { model, metric, marks, points, paperMarks, drawn: () => drawn };
  return () => frame.dispose();
}
