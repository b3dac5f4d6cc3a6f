// MemorizationExplorer: two optima side by side, how far they are apart, and what trained networks did.

const ROW = 34; // pixels of a word: a bar for each optimum
const CURVES = 220; // pixels of a chart
const TAUS = Array.from({ length: 21 }, (_, i) => i / 20); // at which the curves are computed
const UNIT = ticksAt([0, 0.25, 0.5, 0.75, 1], String);
const HUNDRED = ticksAt([0, 25, 50, 75, 100], String);

function render({ model, el }) {
  const language = model.get("language");
  const { words, tokens } = language;
  const most = Math.min(24, tokens.length - 1); // one text at least is held out
  const frame = createFrame({ model, el }, {
    title: "Learned or memorised",
    caption:
      `A language of ${tokens.length} texts, of which a training shows a few. Who knows the rules weighs all texts; who ` +
      "knows the training texts by heart holds all others impossible. Both are exact here.",
  });
  const inks = {
    rules: { label: "knows the rules", color: frame.look.families["perfect-flow"].color },
    heart: { label: "knows the training texts by heart", color: frame.look.families["perfect-flow-map"].color },
  };
  const clock = decodingErrorClock(words.length, model.get("clock"));
  const compute = createOptima(model, language, clock, most);
  const position = () => Math.min(model.get("position"), tokens[0].length) - 1;

  const heading = element("p", { "aria-live": "polite" });
  frame.body.append(heading);
  const wordsAt = tokens[0].map((_, l) => [...new Set(tokens.map((text) => text[l]))].sort((a, b) => a - b));
  const bars = addCanvas(frame, {
    height: () => ROW * Math.max(...wordsAt.map((some) => some.length)),
    label: "Posterior of both optima over the words of the chosen position",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend, element("p", {}, "How far the two are apart (mean over positions, texts and noises):"));
  const curves = addCanvas(frame, { height: () => CURVES, label: "Distance of the two optima against the clock" });
  const curveLegend = element("ul", { class: "flm-legend" });
  frame.body.append(curveLegend);
  const trained = addTrained(frame, model.get("rows"), model.get("rows_of"));

  frame.update = () => {
    const [now, l] = [compute(), position()];
    const shown = wordsAt[l];
    const truth = now.text[l];
    heading.textContent =
      `A noisy ${model.get("text")} text, “${now.text.map((word) => words[word]).join(" ")}”, at τ = ${now.tau.toFixed(2)}. ` +
      `What is word ${l + 1}?`;
    bars.paint((context, width) => drawPairs(context, frame, width, { words, shown, truth, now: now.at, l, inks }));
    bars.canvas.setAttribute("aria-label", tellBoth(now.at, l, words, shown));
    setLegend(legend, Object.values(inks).map(({ label, color }) => ({ label, color, shape: "square" })));
    curves.paint((context, width, height) => drawDistances(context, frame, width, height, now));
    setLegend(curveLegend, [
      { label: "on held-out texts", color: frame.colors.ink, shape: "line" },
      { label: "on training texts", color: frame.colors.ink, shape: "line", dash: [2, 3] },
    ]);
    trained();
    frame.readout.textContent =
      `${now.n} of ${tokens.length} texts are known by heart. On this noisy text the two are ` +
      `${totalVariation(now.at.rules[l], now.at.heart[l]).toFixed(2)} apart at word ${l + 1} (total variation, 0 to 1).`;
  };

  addSlider(frame, "training_texts", { label: "training texts", min: 1, max: most, format: (n) => `${Math.min(n, most)} of ${tokens.length}` });
  addPlayer(frame, "tau", { label: "τ", seconds: 6, format: (value) => value.toFixed(2) });
  addChoice(frame, "text", { label: "noisy text", options: [["held-out", "held out"], ["training", "a training text"]] });
  const last = tokens[0].length;
  addSlider(frame, "position", { label: "position", min: 1, max: last, format: (value) => `${Math.min(value, last)} of ${last}` });

  el.flm = { model, compute };
  return () => frame.dispose();
}

/** Both optima as the state has them; the curves are computed anew only where the training set has changed. */
function createOptima(model, language, clock, most) {
  const { data, shape: [count, length, size] } = readArrays(model).noise;
  const noises = Array.from({ length: count }, (_, i) => data.subarray(i * length * size, (i + 1) * length * size));
  const times = TAUS.map(clock.t);
  let curves = null;
  return () => {
    const n = Math.min(model.get("training_texts"), most);
    if (curves?.n !== n) {
      const optima = twoOptima(language, n, clock);
      const [heldOut, training] = [optima.heldOut, optima.known].map((texts) => distances(optima, texts, times, noises));
      curves = { n, optima, heldOut, training };
    }
    const { optima } = curves;
    const text = model.get("text") === "training" ? optima.known[0] : optima.heldOut[0];
    const tau = model.get("tau");
    const t = clock.t(tau);
    return { ...curves, tau, t, text, at: optima.at(text, t, noises[0]) };
  };
}

/** Two bars for each word, the text's own marked. */
function drawPairs(context, { colors }, width, { words, shown, truth, now, l, inks }) {
  const left = Math.min(110, width * 0.3);
  shown.forEach((word, k) => {
    const own = word === truth;
    const style = { color: colors.ink, bold: own };
    write(context, words[word].slice(0, Math.floor(left / 7.5)), left - 8, (k + 0.5) * ROW, { ...style, align: "right" });
    ["rules", "heart"].forEach((name, i) => {
      const share = now[name][l][word];
      const top = k * ROW + 3 + 15 * i;
      const long = Math.max(1, (width - left - 110) * share);
      context.fillStyle = inks[name].color;
      context.fillRect(left, top, long, 12);
      const note = own && i === 0 ? " ◂ true" : "";
      write(context, percent(share, 1) + note, left + long + 7, top + 6, { color: colors.ink, size: 11, bold: own && i === 0 });
    });
  });
}

/** The posterior of both in words. */
const tellBoth = (at, l, words, shown) =>
  [["rules", "Who knows the rules"], ["heart", "Who knows the training texts"]]
    .map(([name, who]) => `${who}: ${shown.map((word) => `${words[word]} ${percent(at[name][l][word], 1)}`).join(", ")}.`)
    .join(" ");

/** Distance against the clock, on held-out and on training texts. */
function drawDistances(context, { colors }, width, height, { tau, heldOut, training }) {
  const x = { label: "τ, from noise (0) to the clean text (1)", range: [0, 1], ticks: UNIT };
  const y = { label: "total variation", range: [0, 1.02], ticks: UNIT };
  const { toX, toY, box } = drawAxes(context, width, height, x, y, colors);
  line(context, [[toX(tau), box.top], [toX(tau), box.bottom]], { color: colors.soft, width: 1.5, dash: [4, 3] });
  const along = (values) => values.map((value, i) => [toX(TAUS[i]), toY(value)]);
  line(context, along(heldOut), { color: colors.ink, width: 2 });
  line(context, along(training), { color: colors.ink, width: 2, dash: [2, 3] });
}

/** The chart of trained networks; returns what draws it. */
function addTrained(frame, rows, of) {
  if (!rows.length) return () => {};
  const counts = [...new Set(rows.map(({ texts }) => texts))].sort((a, b) => a - b);
  frame.body.append(element("p", {}, `How many samples of trained networks were training texts, in “${of}” (kept rows):`));
  const chart = addCanvas(frame, {
    height: () => CURVES,
    label: rows.map(({ model, texts, seen, trainings }) =>
      `${model} from ${texts} texts: ${percent(seen)} seen, ${trainings} training${trainings === 1 ? "" : "s"}`).join("; "),
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);
  const models = [...new Set(rows.map(({ model }) => model))];
  return () => {
    const { colors, look } = frame;
    const lookOf = (kind) => look.families[kind] ?? { label: kind, color: colors.soft, marker: "x" };
    chart.paint((context, width, height) => {
      const x = {
        label: "training texts", range: [counts[0] / 1.2, counts.at(-1) * 1.2], log: true,
        ticks: ticksAt(counts, (count) => count.toLocaleString("en")),
      };
      const y = { label: "seen in training, %", range: [0, 104], ticks: HUNDRED };
      const { toX, toY } = drawAxes(context, width, height, x, y, colors);
      for (const model of models) {
        const own = rows.filter((row) => row.model === model).sort((a, b) => a.texts - b.texts);
        const places = own.map(({ texts, seen }) => [toX(texts), toY(100 * seen)]);
        const { color, marker: shape } = lookOf(own[0].kind);
        line(context, places, { color, width: 2 });
        for (const [px, py] of places) marker(context, shape, px, py, 5, color);
      }
    });
    setLegend(legend, models.map((model) => {
      const { label, color } = lookOf(rows.find((row) => row.model === model).kind);
      const trainings = rows.filter((row) => row.model === model).reduce((sum, row) => sum + row.trainings, 0);
      return { label: `${label}, ${trainings} training${trainings === 1 ? "" : "s"} in all`, color, shape: "line" };
    }));
  };
}
