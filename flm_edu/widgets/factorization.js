// FactorizationExplorer: joint tables of two words under the language and under perfect samplers.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "Words drawn apart, words drawn together",
    caption:
      "Tables of first word (rows) and second word (columns). Even a masked-diffusion model that knows the language " +
      "perfectly draws the words of one step independently; the flow moves both as one state.",
  });
  const language = model.get("language");
  const clock = decodingErrorClock(language.vocabSize, model.get("clock"));
  const tables = createTables(language, clock, readArrays(model).noise.data);
  const hidden = () => model.get("predict") && !model.get("revealed");

  const across = (width) => (width < 560 ? 2 : 4);
  const panelHeight = (width) => Math.round(clamp(width / across(width), 150, 210)) + 40;
  const canvas = addCanvas(frame, {
    height: (width) => panelHeight(width) * (4 / across(width)),
    label: "Tables of word pairs: the language, masked diffusion, the flow, the flow map",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);

  frame.update = () => {
    const n = model.get("steps");
    const shown = [
      { title: "the language", table: tables.joint },
      { title: `masked diffusion, ${steps(n)}`, table: tables.masked(n), hidden: hidden() },
      { title: `flow, ${steps(n)}`, table: tables.euler(n), hidden: hidden() },
      { title: "flow map, 1 jump", table: tables.jump, hidden: hidden() },
    ];
    canvas.paint((context, width) => {
      const perRow = across(width);
      const [w, h] = [width / perRow, panelHeight(width)];
      shown.forEach((panel, i) => {
        const box = { left: (i % perRow) * w, top: Math.floor(i / perRow) * h, width: w - 6, height: h };
        drawTable(context, frame, language, tables, box, panel);
      });
    });
    setLegend(legend, [
      { label: "a text of the language", color: frame.look.texts[0], shape: "square" },
      { label: "no text of the language", color: frame.look.texts[1], shape: "square" },
    ]);
    const asked = model.get("predict") && model.get("asked");
    const guessed = asked ? `You guessed ${percent(model.get("guess"))} for ${steps(asked)}. ` : "";
    frame.readout.textContent = hidden() ? question(n) : guessed + answer(n, tables);
    guess.place.hidden = show.hidden = !model.get("predict");
    show.textContent = hidden() ? "show" : "hide and guess again";
    disable(guess.input, guess.place, hidden() ? "" : "The answer is shown; hide it to guess again");
  };

  addSlider(frame, "steps", { label: "steps", min: 1, max: 32 });
  addSwitch(frame, "predict", { label: "predict first" });
  const share = { min: 0, max: 1, step: 0.01, format: (value) => percent(value) };
  const guess = addSlider(frame, "guess", { label: "my guess", ...share });
  const show = addButton(frame, "show", () =>
    setState(model, hidden() ? { revealed: true, asked: model.get("steps") } : { revealed: false, asked: 0 }));

  const { joint, masked, euler, jump, invalid } = tables;
  el.flm = { model, joint, masked, euler, jump, invalid };
  return () => frame.dispose();
}

// --- the tables: V x V numbers, row by row -----------------------------------------------------

/** The language's own table, those of perfect samplers, and how far they are from it. */
function createTables(language, clock, noise) {
  const { tokens, logP, vocabSize } = language;
  const flow = exactFlow(language, clock);
  const joint = new Float64Array(vocabSize * vocabSize);
  tokens.forEach(([first, second], i) => (joint[first * vocabSize + second] = Math.exp(logP[i])));
  const marginal = (word, place) =>
    tokens.reduce((sum, text, i) => sum + (text[place] === word ? Math.exp(logP[i]) : 0), 0);
  const apart = (i) => marginal(Math.floor(i / vocabSize), 0) * marginal(i % vocabSize, 1);
  /** Perfect masked diffusion in n steps: only where both words are unmasked in one step is the agreement lost. */
  const masked = (n) => joint.map((p, i) => apart(i) / n + p * (1 - 1 / n));
  function frequencies(states) {
    const table = new Float64Array(vocabSize * vocabSize);
    const texts = flow.decode(states);
    for (const [first, second] of texts) table[first * vocabSize + second] += 1 / texts.length;
    return table;
  }
  const known = new Map();
  /** The flow in n Euler steps. */
  function euler(n) {
    if (!known.has(n)) known.set(n, frequencies(flow.eulerPath(noise, spacedTimes(clock, n)).at(-1)));
    return known.get(n);
  }
  return {
    joint,
    masked,
    euler,
    /** The flow map in one jump. */
    jump: frequencies(flow.flowMap(noise, 0, 1)),
    invalid: (table) => table.reduce((sum, p, i) => sum + (joint[i] > 0 ? 0 : p), 0),
    totalVariation: (table) => table.reduce((sum, p, i) => sum + Math.abs(p - joint[i]), 0) / 2,
  };
}

// --- the picture -------------------------------------------------------------------------------

/** A share in percent, a small one with a digit more. */
const finePercent = (share) => percent(share, share > 0 && share < 0.1 ? 1 : 0);

/** One table into a box; its numbers are hidden while they are to be guessed. */
function drawTable(context, { colors, look }, language, { joint, invalid }, box, { title, table, hidden }) {
  const { words, vocabSize } = language;
  const [rows, columns] = language.used;
  const name = { color: colors.soft, size: 11 };
  const middle = box.left + box.width / 2;
  const narrow = box.width < 170;
  const lines = narrow ? title.split(", ") : [title];
  lines.forEach((text, i) =>
    write(context, text, middle, box.top + 9 + 11 * (i - (lines.length - 1) / 4), {
      color: colors.ink, align: "center", bold: true, size: narrow ? 11 : 12,
    }));
  const [x, y] = [box.left + 40, box.top + 40];
  const [w, h] = [(box.width - 48) / columns.length, (box.height - 66) / rows.length];
  columns.forEach((word, j) => write(context, words[word], x + (j + 0.5) * w, y - 10, { ...name, align: "center" }));
  rows.forEach((word, i) => write(context, words[word], x - 5, y + (i + 0.5) * h, { ...name, align: "right" }));
  rows.forEach((first, i) =>
    columns.forEach((second, j) => {
      context.fillStyle = colors.card;
      context.fillRect(x + j * w, y + i * h, w - 2, h - 2);
      const center = [x + (j + 0.5) * w - 1, y + (i + 0.5) * h];
      if (hidden) return write(context, "?", ...center, { color: colors.soft, align: "center", size: 16 });
      const cell = first * vocabSize + second;
      context.globalAlpha = Math.sqrt(table[cell]);
      context.fillStyle = joint[cell] > 0 ? look.texts[0] : look.texts[1];
      context.fillRect(x + j * w, y + i * h, w - 2, h - 2);
      context.globalAlpha = 1;
      const size = w < 44 ? 10 : 13;
      write(context, finePercent(table[cell]), ...center, { color: colors.ink, align: "center", size });
    }),
  );
  const foot = hidden ? "?" : `not in the language: ${finePercent(invalid(table))}`;
  write(context, foot, middle, box.top + box.height - 12, { color: colors.ink, align: "center", size: narrow ? 10 : 11 });
}

// --- the sentence below it ---------------------------------------------------------------------

const steps = (n) => `${n} step${n === 1 ? "" : "s"}`;

const question = (n) =>
  `How many texts of perfect masked diffusion, in ${steps(n)} of ancestral sampling, are not in the language? Guess, then press show.`;

function answer(n, { masked, euler, jump, invalid, totalVariation }) {
  const shown = [masked(n), euler(n), jump];
  const [apart, together, once] = shown.map((table) => percent(invalid(table), 1));
  return (
    `Masked diffusion in ${steps(n)}: ${apart} are no text of the language; flow in ${steps(n)}: ${together}` +
    `${n === 1 ? ", but every sample is the same text" : ""}; flow map in one jump: ${once}. ` +
    `Total variation from the language: ${shown.map((table) => totalVariation(table).toFixed(2)).join(", ")}.`
  );
}
