// TrainingMonitor: a logged number against training steps, and the texts sampled on the way.

function render({ model, el }) {
  const known = model.get("floor") !== null;
  const frame = createFrame({ model, el }, {
    title: known ? "A training on its way to the floor" : "A training, step by step",
    caption:
      `${known
        ? "Noise hides the words, so a flow's cross-entropy cannot reach zero: the dashed line is the least that any model can. "
        : "No floor is drawn: the least that this loss can reach is not known. " 
      }Click the curve, or use the arrow keys, to read a record.`,
  });
  const log = createLog(model);
  const canvas = addCanvas(frame, {
    height: (width) => Math.round(clamp(width * 0.55, 240, 340)),
    label: "Chart of a logged number against training steps; left and right arrow keys go from record to record",
    keys: true,
  });
  const legend = element("ul", { class: "flm-legend" });
  const samples = element("ul", { class: "flm-texts", "aria-live": "polite" });
  frame.body.append(legend, samples);

  let drawn = []; // [index of record, x, y], for the pointer
  frame.update = () => {
    const { colors, look } = frame;
    const { color, label } = look.families[model.get("kind")] ?? { color: colors.soft, label: model.get("kind") };
    fillChoice();
    canvas.paint((context, width, height) => {
      drawn = drawLog(context, colors, color, width, height, log);
    });
    const floor = log.floor();
    const floorLabel = floor === null ? "" : `exact floor of the flow, ${floor.toFixed(3)} nats per token`;
    setLegend(legend, [
      { label, color, shape: "line" },
      ...(floorLabel ? [{ label: floorLabel, color: colors.ink, shape: "line", dash: [4, 3] }] : []),
    ]);
    const record = log.record();
    frame.readout.textContent = record ? tellRecord(record, log) : "No record yet.";
    const texts = record && model.get("texts").filter(({ step }) => step <= record.step).at(-1);
    samples.replaceChildren(...(texts ? texts.lines.map((text) => element("li", {}, text)) : []));
  };

  // The series may grow while a training runs.
  const { select } = addChoice(frame, "series", { label: "draw", options: [] });
  function fillChoice() {
    const names = model.get("all_series");
    if (select.options.length === names.length) return;
    select.replaceChildren(...names.map((name) => element("option", { value: name }, log.title(name))));
    select.value = model.get("series");
  }
  listenForRecords(frame, canvas, log, () => drawn);

  el.flm = { model, drawn: () => drawn };
  return () => frame.dispose();
}

/** The records as the widget's state has them chosen. */
function createLog(model) {
  const records = () => model.get("records");
  const series = () => model.get("series");
  const figures = () => model.get("figures"); // name -> {label, unit, logarithmic, bounded}, from plots/records.py
  const last = () => records().length - 1;
  const current = () => (model.get("at") < 0 ? last() : Math.min(model.get("at"), last()));
  return {
    model,
    records,
    series,
    figures,
    /** A figure's label with its unit. */
    title(name) {
      const { label, unit } = figures()[name];
      return unit ? `${label}, ${unit}` : label;
    },
    last,
    /** The index of the record that is read, and the record: none before the first. */
    current,
    record: () => records()[current()],
    /** Indices of the records that have the series. */
    having: () => records().flatMap((record, i) => (series() in record ? [i] : [])),
    /** The least that the series can be, where that is known. */
    floor: () => (figures()[series()].bounded ? model.get("floor") : null),
  };
}

// --- the chart ---------------------------------------------------------------------------------

/** The axis of the series, as `drawAxes` has it. */
function axisUpwards(log, values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const label = log.title(log.series());
  if (log.figures()[log.series()].logarithmic && least > 0 && most / least > 3) {
    const [low, high] = [least / 1.15, most * 1.15];
    const ticks = ticksAt(logNumbers(low, high, 7), (value) => String(Number(value.toPrecision(3))));
    return { label, range: [low, high], ticks, log: true };
  }
  const margin = (most - least || Math.abs(most) || 1) * 0.06;
  const [low, high] = [least - margin, most + margin];
  return { label, range: [low, high], ticks: ticksAt(roundNumbers(low, high), tellNumber), log: false };
}

const tellNumber = (value) => Number(value.toPrecision(6)).toLocaleString("en");

/** The whole chart. Returns [index of record, x, y] of each record that is drawn. */
function drawLog(context, colors, color, width, height, log) {
  const records = log.records();
  const name = log.series();
  const shown = log.having();
  if (!shown.length) {
    write(context, "waiting for the first record", width / 2, height / 2, { color: colors.soft, align: "center" });
    return [];
  }
  const floor = log.floor();
  const values = [...shown.map((i) => records[i][name]), ...(floor === null ? [] : [floor])];
  const end = Math.max(log.model.get("steps"), records[shown.at(-1)].step, 1);
  const across = { label: log.title("step"), range: [0, end], ticks: ticksAt(roundNumbers(0, end), tellNumber) };
  const { toX, toY, box } = drawAxes(context, width, height, across, axisUpwards(log, values), colors);
  if (floor !== null) {
    line(context, [[box.left, toY(floor)], [box.right, toY(floor)]], { color: colors.ink, width: 1.2, dash: [4, 3] });
  }
  const drawn = shown.map((i) => [i, toX(records[i].step), toY(records[i][name])]);
  line(context, drawn.map(([, x, y]) => [x, y]), { color, width: 2 });
  for (const [, x, y] of drawn.filter(([i]) => i === log.current())) {
    line(context, [[x, box.top], [x, box.bottom]], { color: colors.ink, width: 1, dash: [2, 3] });
    marker(context, "o", x, y, 5, color);
  }
  return drawn;
}

// --- the record below it, and how it is chosen -------------------------------------------------

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** A record in a sentence: how far the training is, how good, how quick. */
function tellRecord(record, log) {
  const [steps, floor] = [log.model.get("steps"), log.model.get("floor")];
  const { loss, tokens_per_second: speed } = log.figures();
  const parts = [`Step ${record.step.toLocaleString("en")}${steps ? ` of ${steps.toLocaleString("en")}` : ""}`];
  if ("loss" in record) {
    const above = floor === null ? "" : `, ${(record.loss - floor).toFixed(4)} above the floor`;
    parts.push(`${loss.label} ${record.loss.toFixed(4)}${above}`);
  }
  if ("tokens_per_second" in record) {
    parts.push(`${Math.round(record.tokens_per_second).toLocaleString("en")} ${speed.label}`);
  }
  if ("seconds" in record) {
    const left = steps - record.step;
    const going = left > 0 && record.step > 0;
    parts.push(going ? `${duration((record.seconds / record.step) * left)} left` : `${duration(record.seconds)} in all`);
  }
  return `${parts.join("; ")}.`;
}

/** Records are chosen by clicking near one, and by the arrow keys. */
function listenForRecords(frame, { canvas, locate }, { model, current, last }, drawn) {
  const go = (i) => setState(model, { at: i === last() ? -1 : i });
  frame.listen(canvas, "click", (event) => {
    const [x] = locate(event);
    const [best] = drawn().map(([i, px]) => [Math.abs(px - x), i]).sort((a, b) => a[0] - b[0]);
    if (best) go(best[1]);
  });
  frame.listen(canvas, "keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !drawn().length) return;
    event.preventDefault(); // the page must not scroll
    go(clamp(current() + step, 0, last()));
  });
}
