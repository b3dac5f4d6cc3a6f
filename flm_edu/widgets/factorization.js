// FactorizationExplorer: joint tables of two words under the language and under perfect samplers.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "Words drawn apart, words drawn together",
    caption:
      "Tables of first word (rows) and second word (columns). Even a masked-diffusion model that knows the language " +
      "perfectly draws the words of one step independently; the flow moves both as one state.",
  });
  const language = model.get("language");
  const { words, tokens, vocabSize } = language;
  const [rows, columns] = language.used;
  const clock = decodingErrorClock(vocabSize, model.get("clock"));
  const flow = exactFlow(language, clock);
  const noise = readArrays(model).noise.data;

  // --- the tables: V x V numbers, row by row ---
  const joint = new Float64Array(vocabSize * vocabSize);
  tokens.forEach(([first, second], i) => (joint[first * vocabSize + second] = Math.exp(language.logP[i])));
  const cell = (table, first, second) => table[first * vocabSize + second];
  const marginal = (word, place) => tokens.reduce((sum, text, i) => sum + (text[place] === word ? Math.exp(language.logP[i]) : 0), 0);
  /** Perfect masked diffusion in n steps: only where both words are unmasked in one step is the agreement lost. */
  const masked = (n) => joint.map((p, i) => (marginal(Math.floor(i / vocabSize), 0) * marginal(i % vocabSize, 1)) / n + p * (1 - 1 / n));
  function frequencies(states) {
    const table = new Float64Array(vocabSize * vocabSize);
    const texts = flow.decode(states);
    for (const [first, second] of texts) table[first * vocabSize + second] += 1 / texts.length;
    return table;
  }
  const known = new Map();
  const euler = (n) => {
    if (!known.has(n)) known.set(n, frequencies(flow.eulerPath(noise, spacedTimes(clock, n)).at(-1)));
    return known.get(n);
  };
  const jump = frequencies(flow.flowMap(noise, 0, 1));
  const invalid = (table) => table.reduce((sum, p, i) => sum + (joint[i] > 0 ? 0 : p), 0);
  const totalVariation = (table) => table.reduce((sum, p, i) => sum + Math.abs(p - joint[i]), 0) / 2;

  const hidden = () => model.get("predict") && !model.get("revealed");
  const steps = (n) => `${n} step${n === 1 ? "" : "s"}`;
  function panels() {
    const n = model.get("steps");
    return [
      { title: "the language", table: joint },
      { title: `masked diffusion, ${steps(n)}`, table: masked(n), answer: true },
      { title: `flow, ${steps(n)}`, table: euler(n), answer: true },
      { title: "flow map, 1 jump", table: jump, answer: true },
    ];
  }

  const across = (width) => (width < 560 ? 2 : 4);
  const panelHeight = (width) => Math.round(clamp(width / across(width), 150, 210)) + 40;
  const canvas = addCanvas(frame, {
    height: (width) => panelHeight(width) * (4 / across(width)),
    label: "Tables of word pairs: the language, masked diffusion, the flow, the flow map",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);

  function drawTable(context, left, top, width, height, { title, table, answer }) {
    const { colors, look } = frame;
    write(context, title, left + width / 2, top + 9, { color: colors.ink, align: "center", bold: true, size: 12 });
    const [x, y] = [left + 40, top + 40];
    const [w, h] = [(width - 48) / columns.length, (height - 66) / rows.length];
    columns.forEach((word, j) => write(context, words[word], x + (j + 0.5) * w, y - 10, { color: colors.soft, align: "center", size: 11 }));
    rows.forEach((word, i) => write(context, words[word], x - 5, y + (i + 0.5) * h, { color: colors.soft, align: "right", size: 11 }));
    rows.forEach((first, i) =>
      columns.forEach((second, j) => {
        context.fillStyle = colors.card;
        context.fillRect(x + j * w, y + i * h, w - 2, h - 2);
        const center = [x + (j + 0.5) * w - 1, y + (i + 0.5) * h];
        if (answer && hidden()) return write(context, "?", ...center, { color: colors.soft, align: "center", size: 16 });
        const p = cell(table, first, second);
        context.globalAlpha = Math.sqrt(p);
        context.fillStyle = cell(joint, first, second) > 0 ? look.texts[0] : look.texts[1];
        context.fillRect(x + j * w, y + i * h, w - 2, h - 2);
        context.globalAlpha = 1;
        write(context, percent(p, p > 0 && p < 0.1 ? 1 : 0), ...center, { color: colors.ink, align: "center", size: w < 44 ? 10 : 13 });
      }),
    );
    const foot = answer && hidden() ? "?" : `not in the language: ${percent(invalid(table), invalid(table) > 0 && invalid(table) < 0.1 ? 1 : 0)}`;
    write(context, foot, left + width / 2, top + height - 12, { color: colors.ink, align: "center", size: 11 });
  }

  frame.update = () => {
    const shown = panels();
    canvas.paint((context, width) => {
      const perRow = across(width);
      const [w, h] = [width / perRow, panelHeight(width)];
      shown.forEach((panel, i) => drawTable(context, (i % perRow) * w, Math.floor(i / perRow) * h, w - 6, h, panel));
    });
    setLegend(legend, [
      { label: "a text of the language", color: frame.look.texts[0], shape: "square" },
      { label: "no text of the language", color: frame.look.texts[1], shape: "square" },
    ]);
    const wrong = invalid(shown[1].table);
    const n = model.get("steps");
    const guessed = model.get("predict") ? `You guessed ${percent(model.get("guess"))}. ` : "";
    frame.readout.textContent = hidden()
      ? `How many of the texts that perfect masked diffusion writes in ${steps(n)} are not in the language? Guess, then press show.`
      : `${guessed}Masked diffusion in ${steps(n)}: ${percent(wrong, 1)} are no text of the language; flow in ${steps(n)}: ${percent(invalid(shown[2].table), 1)}` +
        `${n === 1 ? ", but every sample is the same text" : ""}; flow map in one jump: ${percent(invalid(jump), 1)}. ` +
        `Total variation from the language: ${shown.slice(1).map(({ table }) => totalVariation(table).toFixed(2)).join(", ")}.`;
    const predicting = model.get("predict");
    guess.place.hidden = show.hidden = !predicting;
    show.disabled = !hidden();
  };

  addSlider(frame, "steps", { label: "steps", min: 1, max: 32 });
  addSwitch(frame, "predict", { label: "predict first" });
  const guess = addSlider(frame, "guess", { label: "my guess", min: 0, max: 1, step: 0.01, format: (value) => percent(value) });
  const show = addButton(frame, "show", () => setState(model, { revealed: true }));
  // Another question: the answer is hidden again. Not within the event itself: a notebook's model, changed while it
  // tells of a change, does not tell that all is done, and nothing would be drawn.
  frame.listen(model, "change:steps", () => queueMicrotask(() => setState(model, { revealed: false })));

  el.flm = { model, joint, masked, euler, jump, invalid };
  return () => frame.dispose();
}
