// TrainingMonitor: a logged number against training steps, and the texts sampled on the way.

const LABELS = {
  loss: "loss, nats per token",
  cross_entropy: "cross-entropy, nats per token",
  diagonal_kl: "diagonal divergence, nats per token",
  semigroup_kl: "semigroup divergence, nats per token",
  path_kl: "divergence of the answer, nats per token",
  guess_kl: "divergence of the guesses, nats per token",
  gradient_norm: "norm of the gradient",
  lr_factor: "share of the full learning rate",
  tokens_per_second: "tokens per second",
};

function render({ model, el }) {
  const known = model.get("floor") !== null;
  const frame = createFrame({ model, el }, {
    title: known ? "A training on its way to the floor" : "A training, step by step",
    caption:
      (known
        ? "Noise hides the words, so a flow's cross-entropy cannot reach zero: the dashed line is the least that any model can. "
        : "No floor is drawn: the least that this loss can reach is not known. ") +
      "Click the curve, or use the arrow keys, to read a record.",
  });
  const canvas = addCanvas(frame, {
    height: (width) => Math.round(clamp(width * 0.55, 240, 340)),
    label: "Chart of a logged number against training steps; left and right arrow keys go from record to record",
    keys: true,
  });
  const legend = element("ul", { class: "flm-legend" });
  const samples = element("ul", { class: "flm-texts", "aria-live": "polite" });
  frame.body.append(legend, samples);

  /** Indices of the records that have the series. */
  const having = () => model.get("records").flatMap((record, i) => (model.get("series") in record ? [i] : []));
  const current = () => {
    const last = model.get("records").length - 1;
    return model.get("at") < 0 ? last : Math.min(model.get("at"), last);
  };
  const floor = () => (["loss", "cross_entropy"].includes(model.get("series")) ? model.get("floor") : null);

  /** Round numbers within a range: 1, 2 and 5 times the powers of ten where it spans much, else equally spaced ones. */
  function ticks(low, high, log) {
    if (log) {
      const powers = Array.from({ length: 25 }, (_, i) => 10 ** (i - 12));
      const inside = (factors) => powers.flatMap((p) => factors.map((f) => f * p)).filter((v) => v >= low && v <= high);
      const fine = inside([1, 2, 5]);
      return (fine.length > 7 ? inside([1]) : fine).map((v) => [v, String(Number(v.toPrecision(3)))]);
    }
    const rough = (high - low) / 5 || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * power).find((size) => size >= rough);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step).map((v) => [v, Number(v.toPrecision(6)).toLocaleString("en")]);
  }

  let drawn = []; // [index of record, x, y], for the pointer
  frame.update = () => {
    const records = model.get("records");
    const name = model.get("series");
    const { colors } = frame;
    const look = frame.look.families[model.get("kind")] ?? { color: colors.soft, label: model.get("kind") };
    fillChoice();
    canvas.paint((context, width, height) => {
      drawn = [];
      const shown = having();
      if (!shown.length) return write(context, "waiting for the first record", width / 2, height / 2, { color: colors.soft, align: "center" });
      const values = [...shown.map((i) => records[i][name]), ...(floor() === null ? [] : [floor()])];
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const log = least > 0 && most / least > 3;
      const margin = (most - least || Math.abs(most) || 1) * 0.06;
      const range = log ? [least / 1.15, most * 1.15] : [least - margin, most + margin];
      const last = Math.max(model.get("steps"), records[shown.at(-1)].step, 1);
      const { toX, toY, box } = drawAxes(
        context, width, height,
        { label: "training steps", range: [0, last], ticks: ticks(0, last, false) },
        { label: LABELS[name] ?? name, range, ticks: ticks(...range, log), log },
        colors,
      );
      if (floor() !== null) line(context, [[box.left, toY(floor())], [box.right, toY(floor())]], { color: colors.ink, width: 1.2, dash: [4, 3] });
      drawn = shown.map((i) => [i, toX(records[i].step), toY(records[i][name])]);
      line(context, drawn.map(([, x, y]) => [x, y]), { color: look.color, width: 2 });
      for (const [, x, y] of drawn.filter(([i]) => i === current())) {
        line(context, [[x, box.top], [x, box.bottom]], { color: colors.ink, width: 1, dash: [2, 3] });
        marker(context, "o", x, y, 5, look.color);
      }
    });
    setLegend(legend, [
      { label: look.label, color: look.color, shape: "line" },
      ...(floor() === null ? [] : [{ label: `exact floor of the flow, ${floor().toFixed(3)} nats per token`, color: colors.ink, shape: "line", dash: [4, 3] }]),
    ]);
    tellRecord();
  };

  const duration = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`);
  function tellRecord() {
    const record = model.get("records")[current()];
    if (!record) {
      frame.readout.textContent = "No record yet.";
      return samples.replaceChildren();
    }
    const parts = [`Step ${record.step.toLocaleString("en")}${model.get("steps") ? ` of ${model.get("steps").toLocaleString("en")}` : ""}`];
    if ("loss" in record) parts.push(`loss ${record.loss.toFixed(4)}${model.get("floor") === null ? "" : `, ${(record.loss - model.get("floor")).toFixed(4)} above the floor`}`);
    if ("tokens_per_second" in record) parts.push(`${Math.round(record.tokens_per_second).toLocaleString("en")} tokens per second`);
    const left = model.get("steps") - record.step;
    if ("seconds" in record) parts.push(left > 0 && record.step > 0 ? `${duration((record.seconds / record.step) * left)} left` : `${duration(record.seconds)} in all`);
    frame.readout.textContent = parts.join("; ") + ".";
    const texts = model.get("texts").filter(({ step }) => step <= record.step).at(-1);
    samples.replaceChildren(...(texts ? texts.lines.map((text) => element("li", {}, text)) : []));
  }

  // The series may grow while a training runs.
  const choice = addChoice(frame, "series", { label: "draw", options: [] });
  function fillChoice() {
    const names = model.get("all_series");
    if (choice.select.options.length === names.length) return;
    choice.select.replaceChildren(...names.map((name) => element("option", { value: name }, LABELS[name] ?? name)));
    choice.select.value = model.get("series");
  }
  const go = (i) => setState(model, { at: i === model.get("records").length - 1 ? -1 : i });
  frame.listen(canvas.canvas, "click", (event) => {
    const [x] = canvas.locate(event);
    const [best] = drawn.map(([i, px]) => [Math.abs(px - x), i]).sort((a, b) => a[0] - b[0]);
    if (best) go(best[1]);
  });
  frame.listen(canvas.canvas, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !drawn.length) return;
    event.preventDefault(); // the page must not scroll
    go(clamp(current() + step, 0, model.get("records").length - 1));
  });

  el.flm = { model, drawn: () => drawn };
  return () => frame.dispose();
}
