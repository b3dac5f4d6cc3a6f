// AutomatonExplorer: forward and backward weights of a noisy text in the automaton of its language.

const SHOWS = [
  ["forward", "forward: the words before"],
  ["backward", "backward: the words after"],
  ["both", "both: the posterior"],
];

function render({ model, el }) {
  const automaton = model.get("language");
  const { words, layers, texts, states, edges } = automaton;
  const count = (number, name) => `${number.toLocaleString("en")} ${name}${number === 1 ? "" : "s"}`;
  const frame = createFrame({ model, el }, {
    title: "Text through an automaton",
    caption:
      `${count(texts, "text")} through ${count(states, "state")} and ${count(edges, "edge")}: texts that differ in ` +
      "what no longer matters meet in one state. A position's edges share a weight of 1: the thicker, the more; " +
      "states are filled alike.",
  });
  const noisy = createNoisyText(model, automaton);
  const arranged = arrange(layers);
  const position = () => Math.min(model.get("position"), layers.length) - 1;

  const scroll = element("div", { class: "flm-scroll" });
  frame.body.append(scroll);
  const canvas = addCanvas({ body: scroll }, {
    height: (width) => placeAutomaton(automaton, neededWidths(pen, automaton, size()), width).height,
    label: "The automaton: states in columns, a curve for each word. Left and right arrow keys choose a position",
    keys: true,
  });
  canvas.canvas.style.touchAction = "auto"; // where it is wider than its place, a finger moves it
  const pen = canvas.canvas.getContext("2d");
  const size = () => (scroll.clientWidth < 480 ? NARROW : WIDE);
  const legend = element("ul", { class: "flm-legend" });
  const heading = element("p");
  frame.body.append(legend, heading);
  const wordsAt = layers.map(({ token }) => [...new Set(token)].sort((a, b) => a - b));
  const bars = addCanvas(frame, {
    height: () => BAR * Math.max(...wordsAt.map((some) => some.length)),
    label: "Posterior over the words of the chosen position",
  });

  let placed = null;
  frame.update = () => {
    const [now, l] = [noisy(), position()];
    const shares = sharesShown(now, model.get("shows"));
    const needed = neededWidths(pen, automaton, size());
    canvas.canvas.style.minWidth = `${Math.ceil(18 + needed.reduce((a, b) => a + b, 0))}px`;
    canvas.paint((context, width) => {
      placed = placeAutomaton(automaton, needed, width);
      drawAutomaton(context, frame, automaton, placed, { arranged, shares, path: now.path, position: l, size: size() });
    });
    const truth = now.text[l];
    bars.paint((context, width) =>
      drawBars(context, frame, width, { words, shown: wordsAt[l], posterior: now.posterior[l], truth }));
    bars.canvas.setAttribute("aria-label", `Posterior at position ${l + 1}: ${tellWords(now.posterior[l], words, wordsAt[l])}`);
    setLegend(legend, [
      { label: "the clean text", color: frame.look.texts[0], shape: "line" },
      { label: "other texts", color: frame.colors.soft, shape: "line" },
    ]);
    heading.textContent = `Posterior over the word at position ${l + 1}, which is “${words[truth]}” in the clean text:`;
    frame.readout.textContent = tellPosterior(now, l, words, wordsAt[l]);
  };

  addPlayer(frame, "tau", { label: "τ", seconds: 6, format: (value) => value.toFixed(2) });
  addChoice(frame, "text", { label: "clean text", options: model.get("texts").map((text) => [text, text]) });
  addChoice(frame, "shows", { label: "an edge shows", options: SHOWS });
  const format = (value) => `${Math.min(value, layers.length)} of ${layers.length}`;
  addSlider(frame, "position", { label: "position", min: 1, max: layers.length, format });
  listenForPositions(frame, canvas, { model, position, last: layers.length - 1, placed: () => placed, scroll });

  el.flm = { model, noisy, placed: () => placed };
  return () => frame.dispose();
}

/** The noisy text as the state has it, with all weights; computed anew only where something of it has changed. */
function createNoisyText(model, automaton) {
  const { words, layers, tokens } = automaton;
  const noise = readArrays(model).noise.data;
  const clock = decodingErrorClock(words.length, model.get("clock"));
  let [known, current] = ["", null];
  return () => {
    const [tau, name] = [model.get("tau"), model.get("text")];
    if (known === `${tau} ${name}`) return current;
    known = `${tau} ${name}`;
    const text = tokens[Math.max(0, model.get("texts").indexOf(name))];
    const t = clock.t(tau);
    const gain = gainAt(t);
    // The state (1 - t) noise + t data says of each word: t/(1-t)^2 times its entry.
    const evidence = text.map((own, l) => words.map((_, word) =>
      gain * ((1 - t) * noise[l * words.length + word] + (word === own ? t : 0))));
    current = { tau, t, text, path: pathOf(layers, text), ...forwardBackward(automaton, evidence) };
    return current;
  };
}

/** The edges and states that a text goes through. */
function pathOf(layers, text) {
  const [states, edges] = [[0], []];
  layers.forEach(({ source, token, target }, l) => {
    const edge = source.findIndex((state, e) => state === states[l] && token[e] === text[l]);
    edges.push(edge);
    states.push(target[edge]);
  });
  return { states, edges };
}

/** One of the three kinds of shares, of all edges and states. */
const sharesShown = ({ edges, states }, kind) => ({
  edges: edges.map((layer) => layer[kind]),
  states: states.map((column) => column[kind]),
});

/** Words with their probabilities. */
const tellWords = (chances, words, some) => some.map((word) => `${words[word]} ${percent(chances[word], 1)}`).join(", ");

/** The sentence below the picture: the time, and the likeliest words of the chosen position. */
function tellPosterior({ tau, t, text, posterior }, l, words, shown) {
  const likeliest = [...shown].sort((a, b) => posterior[l][b] - posterior[l][a]).slice(0, 3);
  const right = text.filter((own, at) => posterior[at].every((share) => share <= posterior[at][own])).length;
  return (
    `At τ = ${tau.toFixed(2)}, t = ${t.toFixed(3)}, the posterior at position ${l + 1}: ${tellWords(posterior[l], words, likeliest)}. ` +
    `The text's own word is the likeliest at ${right} of ${text.length} positions.`
  );
}

/** Positions are chosen by a click into one, and by the arrow keys. */
function listenForPositions(frame, { canvas, locate }, { model, position, last, placed, scroll }) {
  frame.listen(canvas, "click", (event) => setState(model, { position: placed().positionAt(locate(event)[0]) + 1 }));
  frame.listen(canvas, "keydown", (event) => {
    const at = position();
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault(); // the page must not scroll
    setState(model, { position: clamp(next, 0, last) + 1 });
  });
  // Where the picture is wider than its place, the chosen position comes into view.
  frame.listen(model, "change:position", () => {
    if (placed()) scroll.scrollLeft = placed().x[position()] - scroll.clientWidth / 3;
  });
}
