// SimplexExplorer: particles on the way from Gaussian noise to the corners of the probability simplex.
//
// simplex_stages.js says what each stage has, simplex_ways.js has the particles' ways, simplex_view.js says where they are seen, simplex_dots.js and
// simplex_picture.js draw them, simplex_controls.js steers the picture. Here all of it is put together.

/** How each model is offered, and how the result calls it and its network evaluations. */
const MODELS = {
  flow: { label: "exact flow", name: "Exact flow" },
  euler: { label: "exact flow, Euler steps", name: "Euler", evaluation: "step" },
  "flow-map": { label: "exact flow map, jumps", name: "Flow map", evaluation: "jump" },
  mixtures: { label: "mixtures", name: "Mixtures" },
  trained: { label: "trained FLM", name: "Trained FLM", evaluation: "step" },
};

function render({ model, el }) {
  const stage = STAGES[model.get("stage")];
  const frame = createFrame({ model, el }, stage);
  const scene = createScene(model, frame, stage);
  const { language, view, flow, clocks, noise, ways } = scene;
  const canvas = addCanvas(frame, {
    height: view.height,
    label: `Particles moving to the corners ${language.words.join(", ")} of the probability simplex`,
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);

  frame.update = () => {
    view.turn();
    scene.now = readMoment(scene);
    canvas.paint((context, width) => drawPicture(context, scene, width));
    const result = resultLine(scene);
    if (frame.readout.textContent !== result) frame.readout.textContent = result;
    setLegend(legend, legendEntries(scene));
    el.flm.t = scene.now.t;
  };
  addControls(scene);
  followPointer(scene, canvas);

  // For the console and the tests: what the picture is drawn from.
  const { exactWay, steppedWay, currentWay } = ways;
  const locate = (pixel) => view.locate(pixel, canvas.size.width).point;
  const draw = () => frame.update();
  el.flm = { model, flow, clocks, noise: noise.data, exactWay, steppedWay, currentWay, locate, draw };
  return () => frame.dispose();
}

/** What the picture is made of: the same objects for the widget's whole life, but for `now` and `pointer`. */
function createScene(model, frame, stage) {
  const language = model.get("language");
  const size = language.words.length; // 3: a triangle; 4: a tetrahedron
  const clocks = { "decoding-error": decodingErrorClock(size, model.get("clock")), uniform: uniformClock };
  const flow = exactFlow(language, clocks["decoding-error"]);
  const { noise, recorded, sources } = readArrays(model);
  const shape = { row: flow.row, size, panels: flow.length };
  const view = createView(model, shape);
  return {
    model,
    frame,
    stage,
    language,
    flat: size === 3,
    panels: flow.length,
    clocks,
    flow,
    noise,
    recorded,
    view,
    ways: createWays(model, flow, clocks, { noise, recorded, sources }),
    dots: createDots(model, view, shape, noise.shape[0]),
    drawDots: createDotLayer(frame),
    tints: [], // a tint for each panel, once it is drawn
    /** The mixing time that the slider stands at. */
    currentT: () => (model.get("axis") === "t" ? model.get("time") : clocks["decoding-error"].t(model.get("time"))),
    pointer: null, // {position, point}, while it is over the canvas
    now: null, // see `readMoment`
  };
}

/** What the widget's state says is to be drawn. */
function readMoment(scene) {
  const { ways, currentT } = scene;
  const count = ways.particleCount();
  const [way, exact] = [ways.currentWay(), ways.exactWay(count)];
  return {
    count,
    t: currentT(),
    way,
    exact,
    textOf: way.textOfEnd ?? exact.textOfEnd, // of each dot, for its colour
    watched: Math.min(watchedParticle(scene), count - 1),
    lines: watchedLines(scene, count),
  };
}

const plural = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;

/** The network evaluations of the model that is shown: a trained one's were recorded. */
const stepCount = ({ model, recorded }) =>
  model.get("model") === "trained" ? recorded.shape[0] - 1 : model.get("steps");

/** How many particles the current model leads astray; of mixtures, how many are read as their own word. */
function resultLine(scene) {
  const { model, flow, stage, now } = scene;
  const kind = model.get("model");
  if (now.way.mixed) return mixturesRead(flow, now);
  const { name, evaluation } = MODELS[kind];
  const { dot, astray } = stage.words;
  const wrong = ledAstray(now.way, now.exact).length;
  const how = evaluation ? `${name}, ${plural(stepCount(scene), evaluation)}` : name;
  return `${how}: ${wrong} of ${plural(now.count, dot)} (${percent(wrong / now.count)}) ${astray}.`;
}

/** How many mixtures argmax reads as the text they were mixed from, at this time. */
function mixturesRead(flow, { way, t, count }) {
  const [noise, corners] = way.states;
  const read = flow.decode(noise.map((value, i) => (1 - t) * value + t * corners[i]));
  const right = read.filter((text, i) => sameText(text, way.ends[i])).length;
  const thing = flow.length === 1 ? "word" : "text";
  return `t = ${t.toFixed(2)}: ${right} of ${count} mixtures (${percent(right / count)}) are read as their own ${thing}.`;
}

/** The texts' colours, and where the watched particle's ways end. */
function legendEntries(scene) {
  const { language, flow, stage } = scene;
  const { exact, watched, lines } = scene.now;
  const textOf = (text) => text.map((token) => language.words[token]).join(" ");
  const verdict = (text) => {
    if (sameText(text, exact.ends[watched])) return `${textOf(text)} ✓`;
    return `${textOf(text)} ${flow.textIndex(text) < 0 ? "✗ (no text of the language)" : "✗"}`;
  };
  const entry = ({ kind, way, label, color }) =>
    kind === "exact"
      ? { label: `${stage.words.watched}: ${label} → ${textOf(way.ends[watched])}`, color, shape: "line", dash: [4, 3] }
      : { label: `${label} → ${verdict(way.ends[watched])}`, color, shape: "line" };
  return [...language.tokens.map((text, i) => ({ label: textOf(text), color: textColor(scene, i) })), ...lines.map(entry)];
}
