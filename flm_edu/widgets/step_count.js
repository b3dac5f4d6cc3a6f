// StepCountExplorer: a chart of a sweep whose marks can be read.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "Quality against steps",
    caption: "Each line is a model, each mark one number of network evaluations per sample. Click a mark, or use the arrow keys, to read it.",
  });
  const points = model.get("points");
  const info = model.get("metric_info");
  const names = [...new Set(points.filter((point) => point.steps).map((point) => point.model))];
  const reference = points.find((point) => !point.steps); // the data itself

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
    const value = point[model.get("metric")];
    return value === null ? null : value * (info[model.get("metric")].percent ? 100 : 1);
  };
  /** Marks that the current metric has, as indices into the points, line after line from left to right. */
  const marks = () =>
    names.flatMap((name) =>
      points.flatMap((point, i) => (point.model === name && point.steps && quality(point) !== null ? [i] : [])).sort((a, b) => across(points[a]) - across(points[b])),
    );

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
    const { label, percent: inPercent } = info[model.get("metric")];
    const values = shown.map(quality);
    if (reference && quality(reference) !== null) values.push(quality(reference));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const margin = 0.06 * (most - least || 1);
    const range = inPercent ? [0, 102] : [Math.min(least - margin, least >= 0 ? Math.max(0, least - margin) : least), most + margin];
    const places = shown.map(across);
    const ends = [Math.min(...places) / 1.15, Math.max(...places) * 1.15];
    const ticks =
      model.get("axis") === "steps"
        ? [...new Set(places)].sort((a, b) => a - b).map((value) => [value, String(value)])
        : [-5, -4, -3, -2, -1, 0, 1, 2].map((p) => [10 ** p, p < -2 ? `${10 ** (p + 3)} ms` : `${10 ** p} s`]).filter(([value]) => value > ends[0] && value < ends[1]);
    return {
      x: { label: model.get("axis") === "steps" ? "steps (network evaluations per sample)" : "seconds per sample, as measured for the sweep", range: ends, ticks, log: true },
      y: { label, range, ticks: inPercent ? [0, 20, 40, 60, 80, 100].map((v) => [v, String(v)]) : roundTicks(...range) },
    };
  }

  let drawn = []; // [index of point, x, y] of each mark, for the pointer
  frame.update = () => {
    const { colors } = frame;
    const selected = points[model.get("selected")];
    canvas.paint((context, width, height) => {
      const { x, y } = axes();
      const { toX, toY, box } = drawAxes(context, width, height, x, y, colors);
      if (reference && quality(reference) !== null) {
        line(context, [[box.left, toY(quality(reference))], [box.right, toY(quality(reference))]], { color: colors.ink, width: 1.2, dash: [4, 3] });
      }
      drawn = marks().map((i) => [i, toX(across(points[i])), toY(quality(points[i]))]);
      for (const name of names) {
        const own = drawn.filter(([i]) => points[i].model === name);
        if (!own.length) continue;
        const look = lookOf(points[own[0][0]]);
        // As in plots/curves.py, dashes are the same model on the other clock.
        line(context, own.map(([, px, py]) => [px, py]), { color: look.color, width: 2, dash: name.includes("@uniform") ? [6, 4] : [] });
        for (const [, px, py] of own) marker(context, look.marker, px, py, 5, look.color);
      }
      // The selected mark comes last, on top of others at the same place.
      for (const [i, px, py] of drawn.filter(([i]) => points[i] === selected)) {
        marker(context, "o", px, py, 10, colors.ink);
        marker(context, lookOf(points[i]).marker, px, py, 6, lookOf(points[i]).color);
      }
    });
    frame.readout.textContent = info[model.get("metric")].title + ".";
    setLegend(legend, [
      ...names.map((name) => ({ label: name + (name.includes("@uniform") ? " (dashed)" : ""), color: lookOf(points.find((p) => p.model === name)).color, shape: "line" })),
      ...(reference && quality(reference) !== null ? [{ label: `${reference.model}, the data itself (dashed)`, color: colors.ink, shape: "line" }] : []),
    ]);
    read(selected);
  };

  function read(point) {
    if (!point) return reading.replaceChildren();
    const facts = Object.entries(info)
      .filter(([name]) => point[name] !== null)
      .map(([name, { label, percent: inPercent }]) => `${label.replace(", %", "")} ${inPercent ? percent(point[name], 1) : point[name].toFixed(3)}`);
    const seconds = (1000 * point.seconds) / point.samples;
    const title = `${point.model}, ${point.steps} step${point.steps === 1 ? "" : "s"}: ${facts.join(", ")}; ${seconds.toPrecision(2)} ms a sample (${point.samples} samples).`;
    const texts = model.get("texts")[`${point.model} ${point.steps}`] ?? [];
    reading.replaceChildren(element("p", {}, title), element("ul", { class: "flm-texts" }, ...texts.map((text) => element("li", {}, text))));
  }

  addChoice(frame, "metric", { label: "quality", options: model.get("metrics").map((name) => [name, info[name].label]) });
  addChoice(frame, "axis", { label: "against", options: [["steps", "steps"], ["seconds", "seconds per sample"]] });

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

  el.flm = { model, marks, points, drawn: () => drawn };
  return () => frame.dispose();
}
