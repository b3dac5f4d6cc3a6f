// TrajectoryPlayer: tables of positions by steps, one for each model.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "A text being written",
    caption:
      "A row for each step, a column for each position: the likeliest word so far, its colour the stronger the surer. " +
      "Point at a word, or go to it with the arrow keys, to see the five likeliest.",
  });
  const recording = createRecording(model);
  const body = element("div", { class: "flm-scroll" });
  const reading = element("p", { class: "flm-five", "aria-live": "polite" });
  frame.body.append(body, reading);

  let chosen = null; // {key, row, position}: the cell whose five likeliest words are shown
  let drawn = ""; // what the tables show; playing changes it a few times a second, not at each frame
  frame.update = () => {
    const runs = recording.shownRuns();
    const rows = runs.map(recording.reached);
    const state = JSON.stringify([model.get("steps"), recording.sample(), rows, chosen, frame.colors.theme]);
    if (state === drawn) return;
    drawn = state;
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const scrolled = body.scrollLeft;
    body.replaceChildren(...runs.map((run) => drawRun(frame, recording, run, chosen)));
    body.scrollLeft = scrolled;
    if (focused) body.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
    frame.readout.textContent = tellVerdicts(model, recording, runs);
    reading.textContent = tellCell(recording, chosen);
  };
  listenForCells(frame, body, recording, {
    chosen: () => chosen,
    choose(cell) {
      chosen = cell;
      frame.requestUpdate();
    },
  });

  addPlayer(frame, "time", { label: "time", seconds: 4, format: (value) => percent(value) });
  addChoice(frame, "steps", { label: "network evaluations", options: model.get("counts").map((count) => [count, count]) });
  const texts = model.get("samples");
  addSlider(frame, "sample", { label: "text", min: 0, max: texts - 1, format: (value) => `${value + 1} of ${texts}` });

  const { likeliest, shownRuns } = recording;
  el.flm = { model, likeliest, shownRuns };
  return () => frame.dispose();
}

// --- what was recorded -------------------------------------------------------------------------

/** The recorded runs, one for each model and number of steps, as the widget's state has them chosen. */
function createRecording(model) {
  const words = model.get("words");
  const arrays = readArrays(model);
  const shownRuns = () => model.get("runs").filter((run) => run.steps === model.get("steps"));
  const sample = () => Math.min(model.get("sample"), model.get("samples") - 1);
  /** Rows and columns of a run's table: its steps, the last of which is the text, and the text's positions. */
  function size(key) {
    const [rows, , length] = arrays[`words ${key}`].shape;
    return { rows, length };
  }
  /** The last row that has been written by now. */
  const reached = ({ key }) => Math.floor(model.get("time") * (size(key).rows - 1) + 1e-9);
  /** The likeliest words of a cell, best first: [[word, probability], ...]. */
  function likeliest(run, row, position) {
    const { data, shape } = arrays[`words ${run.key}`];
    const [, samples, length, rank] = shape;
    const at = ((row * samples + sample()) * length + position) * rank;
    return Array.from({ length: rank }, (_, k) => [words[data[at + k]], arrays[`chances ${run.key}`].data[at + k]]);
  }
  /** Whether the text that a run ends as belongs to the language; null where that cannot be known. */
  const verdict = ({ valid }) => (valid === null ? null : valid[sample()]);
  return { shownRuns, sample, size, reached, likeliest, verdict };
}

// --- the tables --------------------------------------------------------------------------------

function drawRun(frame, recording, run, chosen) {
  const { rows, length } = recording.size(run.key);
  const until = recording.reached(run);
  const heading = element("caption", {}, `${run.model}, ${rows - 1} evaluation${rows === 2 ? "" : "s"}`);
  if (until === rows - 1) heading.append(drawVerdict(recording.verdict(run)));
  const label = `${run.model}, words by step`;
  const table = element("table", { class: "flm-words", tabindex: "0", "aria-label": label, "data-key": run.key }, heading);
  const { color } = frame.look.families[run.kind] ?? { color: frame.colors.soft };
  for (let row = 0; row < rows; row++) {
    const written = element("tr", {}, element("th", { scope: "row" }, row === rows - 1 ? "text" : `step ${row + 1}`));
    for (let position = 0; position < length; position++) {
      const [[word, chance]] = recording.likeliest(run, row, position);
      const cell = element("td", { "data-row": row, "data-position": position }, row <= until ? word : "·");
      if (row <= until) {
        // Opacity is confidence, in the ground as in the ink, with enough ink left to read.
        cell.style.background = `color-mix(in srgb, ${color} ${Math.round(55 * chance)}%, transparent)`;
        cell.style.color = `color-mix(in srgb, ${frame.colors.ink} ${Math.round(45 + 55 * chance)}%, transparent)`;
      }
      const here = chosen?.key === run.key && chosen.row === row && chosen.position === position;
      if (here) cell.classList.add("flm-chosen");
      written.append(cell);
    }
    table.append(written);
  }
  return table;
}

/** The mark behind a finished run's name. */
function drawVerdict(valid) {
  const texts = { true: " ✓ a text of the language", false: " ✗ no text of the language", null: "" };
  return element("span", { class: valid ? "" : "flm-wrong" }, texts[valid]);
}

// --- the sentences below them ------------------------------------------------------------------

function tellVerdicts(model, { sample, verdict }, runs) {
  const count = model.get("steps");
  if (runs.every((run) => verdict(run) === null)) {
    return `Text ${sample() + 1} of ${model.get("samples")}, ${count} network evaluations each.`;
  }
  const valid = runs.filter(verdict).map((run) => run.model);
  const evaluations = `${count} network evaluation${count === "1" ? "" : "s"}`;
  return `With ${evaluations}, a text of the language from: ${valid.join(", ") || "none of them"}.`;
}

/** The likeliest words of the chosen cell. */
function tellCell({ shownRuns, likeliest }, chosen) {
  const run = chosen && shownRuns().find(({ key }) => key === chosen.key);
  if (!run) return "Five likeliest words: choose a cell.";
  const five = likeliest(run, chosen.row, chosen.position).filter(([, chance], i) => !i || chance > 0.0005);
  const told = five.map(([word, chance]) => `${word} ${percent(chance, 1)}`).join(", ");
  return `${run.model}, step ${chosen.row + 1}, position ${chosen.position + 1}: ${told}`;
}

// --- how a cell is chosen ----------------------------------------------------------------------

/** Cells are chosen by pointing at one, by a click or a touch, and by the arrow keys. */
function listenForCells(frame, body, { size }, { chosen, choose }) {
  let place = "";
  function point({ target, type, screenX, screenY }) {
    // A table drawn anew under a resting pointer is "entered" too; that must not take the choice from the keyboard.
    if (type === "mouseover" && place === `${screenX} ${screenY}`) return;
    place = `${screenX} ${screenY}`;
    const cell = target.closest("td");
    if (!cell) return;
    const { key } = cell.closest("table").dataset;
    choose({ key, row: Number(cell.dataset.row), position: Number(cell.dataset.position) });
  }
  for (const event of ["mouseover", "click"]) frame.listen(body, event, point);
  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  frame.listen(body, "keydown", (event) => {
    const [down, right] = arrows[event.key] ?? [0, 0];
    const table = event.target.closest("table");
    if (!table || !(down || right)) return;
    event.preventDefault();
    const { key } = table.dataset;
    const { rows, length } = size(key);
    const from = chosen()?.key === key ? chosen() : { row: 0, position: right ? -1 : 0 };
    choose({ key, row: clamp(from.row + down, 0, rows - 1), position: clamp(from.position + right, 0, length - 1) });
  });
}
