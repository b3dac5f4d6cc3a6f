// TrajectoryPlayer: tables of positions by steps, one for each model.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "A text being written",
    caption:
      "A row for each step, a column for each position: the likeliest word so far, its colour the stronger the surer. " +
      "Point at a word, or go to it with the arrow keys, to see the five likeliest.",
  });
  const words = model.get("words");
  const arrays = readArrays(model);
  const body = element("div", { class: "flm-scroll" });
  const reading = element("p", { class: "flm-five", "aria-live": "polite" });
  frame.body.append(body, reading);

  let chosen = null; // {key, row, position}: the cell whose five likeliest words are shown
  const lookOf = (run) => frame.look.families[run.kind] ?? { color: frame.colors.soft };
  const shownRuns = () => model.get("runs").filter((run) => run.steps === model.get("steps"));
  const sample = () => Math.min(model.get("sample"), model.get("samples") - 1);

  /** The likeliest words of a cell, best first: [[word, probability], ...]. */
  function likeliest(run, row, position) {
    const { data, shape } = arrays[`words ${run.key}`];
    const [, samples, length, rank] = shape;
    const at = ((row * samples + sample()) * length + position) * rank;
    return Array.from({ length: rank }, (_, k) => [words[data[at + k]], arrays[`chances ${run.key}`].data[at + k]]);
  }

  function drawRun(run) {
    const [rows, , length] = arrays[`words ${run.key}`].shape;
    const until = Math.floor(model.get("time") * (rows - 1) + 1e-9);
    const verdict = run.valid === null ? "" : run.valid[sample()] ? " ✓ a text of the language" : " ✗ no text of the language";
    const heading = element("caption", {}, `${run.model}, ${rows - 1} evaluation${rows === 2 ? "" : "s"}`);
    if (until === rows - 1) heading.append(element("span", { class: run.valid?.[sample()] ? "" : "flm-wrong" }, verdict));
    const table = element("table", { class: "flm-words", tabindex: "0", "aria-label": `${run.model}, words by step`, "data-key": run.key }, heading);
    for (let row = 0; row < rows; row++) {
      const line = element("tr", {}, element("th", { scope: "row" }, row === rows - 1 ? "text" : `step ${row + 1}`));
      for (let position = 0; position < length; position++) {
        const [[word, chance]] = likeliest(run, row, position);
        const cell = element("td", { "data-row": row, "data-position": position }, row <= until ? word : "·");
        if (row <= until) {
          // Opacity is confidence, in the ground as in the ink, with enough ink left to read.
          cell.style.background = `color-mix(in srgb, ${lookOf(run).color} ${Math.round(55 * chance)}%, transparent)`;
          cell.style.color = `color-mix(in srgb, ${frame.colors.ink} ${Math.round(45 + 55 * chance)}%, transparent)`;
        }
        if (chosen && chosen.key === run.key && chosen.row === row && chosen.position === position) cell.classList.add("flm-chosen");
        line.append(cell);
      }
      table.append(line);
    }
    return table;
  }

  let drawn = ""; // what the tables show; playing changes it a few times a second, not at each frame
  frame.update = () => {
    const runs = shownRuns();
    const rows = runs.map((run) => Math.floor(model.get("time") * (arrays[`words ${run.key}`].shape[0] - 1) + 1e-9));
    const state = JSON.stringify([model.get("steps"), sample(), rows, chosen, frame.colors.theme]);
    if (state === drawn) return;
    drawn = state;
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const scrolled = body.scrollLeft;
    body.replaceChildren(...runs.map(drawRun));
    body.scrollLeft = scrolled;
    if (focused) body.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
    const valid = runs.filter((run) => run.valid?.[sample()]).map((run) => run.model);
    frame.readout.textContent = runs.every((run) => run.valid === null)
      ? `Text ${sample() + 1} of ${model.get("samples")}, ${model.get("steps")} network evaluations each.`
      : `With ${model.get("steps")} network evaluation${model.get("steps") === "1" ? "" : "s"}, a text of the language from: ${valid.join(", ") || "none of them"}.`;
    readCell();
  };

  function readCell() {
    const run = chosen && shownRuns().find(({ key }) => key === chosen.key);
    if (!run) return (reading.textContent = "Five likeliest words: choose a cell.");
    const five = likeliest(run, chosen.row, chosen.position).filter(([, chance], i) => !i || chance > 0.0005);
    reading.textContent = `${run.model}, step ${chosen.row + 1}, position ${chosen.position + 1}: ${five.map(([word, chance]) => `${word} ${percent(chance, 1)}`).join(", ")}`;
  }

  function choose(cell) {
    chosen = cell;
    frame.requestUpdate();
  }
  let place = "";
  for (const event of ["mouseover", "click"]) {
    frame.listen(body, event, ({ target, type, screenX, screenY }) => {
      // A table drawn anew under a resting pointer is "entered" too; that must not take the choice from the keyboard.
      if (type === "mouseover" && place === `${screenX} ${screenY}`) return;
      place = `${screenX} ${screenY}`;
      const cell = target.closest("td");
      if (cell) choose({ key: cell.closest("table").dataset.key, row: Number(cell.dataset.row), position: Number(cell.dataset.position) });
    });
  }
  frame.listen(body, "keydown", (event) => {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [0, 0];
    const table = event.target.closest("table");
    if (!table || !(down || right)) return;
    event.preventDefault();
    const { key } = table.dataset;
    const [rows, , length] = arrays[`words ${key}`].shape;
    const from = chosen?.key === key ? chosen : { row: 0, position: right ? -1 : 0 };
    choose({ key, row: clamp(from.row + down, 0, rows - 1), position: clamp(from.position + right, 0, length - 1) });
  });

  addPlayer(frame, "time", { label: "time", seconds: 4, format: (value) => percent(value) });
  addChoice(frame, "steps", { label: "network evaluations", options: model.get("counts").map((count) => [count, count]) });
  addSlider(frame, "sample", { label: "text", min: 0, max: model.get("samples") - 1, format: (value) => `${value + 1} of ${model.get("samples")}` });

  el.flm = { model, likeliest, shownRuns };
  return () => frame.dispose();
}
