// SimplexExplorer: particles on the way from Gaussian noise to the corners of the probability simplex.
//
// simplex_ways.js has the particles' ways, simplex_view.js says where they are seen, simplex_dots.js and
// simplex_picture.js draw them, simplex_controls.js steers the picture. Here all of it is put together.

/** How each model is offered, and how the result calls it and its network evaluations. */
const MODELS = {
  flow: { label: "exact flow", name: "Exact flow" },
  euler: { label: "exact flow, Euler steps", name: "Euler", evaluation: "step" },
  "flow-map": { label: "exact flow map, jumps", name: "Flow map", evaluation: "jump" },
  trained: { label: "trained FLM", name: "Trained FLM", evaluation: "step" },
};

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "Noise becomes words",
    caption:
      "Every dot is a sample on its way from Gaussian noise to a corner of the simplex, a word. " +
      "At the end it is rounded to the likeliest one. Its colour is the text that the exact flow carries it to: " +
      "a dot of another colour at a corner was led astray.",
  });
  const scene = createScene(model, frame);
  const { language, view, flow, clocks, noise, ways } = scene;
  const strip = 24 + 16 * language.words.length; // pixels below the picture for the posterior
  const canvas = addCanvas(frame, {
    height: (width) => view.height(width) + (model.get("posterior") ? strip : 0),
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
  el.flm = { model, flow, clocks, noise: noise.data, exactWay, steppedWay, currentWay, draw: () => frame.update() };
  return () => frame.dispose();
}

/** What the picture is made of: the same objects for the widget's whole life, but for `now` and `pointer`. */
function createScene(model, frame) {
  const language = model.get("language");
  const size = language.words.length; // 3: a triangle; 4: a tetrahedron
  const clocks = { "decoding-error": decodingErrorClock(size, model.get("clock")), uniform: uniformClock };
  const flow = exactFlow(language, clocks["decoding-error"]);
  const { noise, recorded } = readArrays(model);
  const shape = { row: flow.row, size, panels: flow.length };
  const view = createView(model, shape);
  return {
    model,
    frame,
    language,
    flat: size === 3,
    panels: flow.length,
    clocks,
    flow,
    noise,
    recorded,
    view,
    ways: createWays(model, flow, clocks, { noise, recorded }),
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
  return {
    count,
    t: currentT(),
    way: ways.currentWay(),
    exact: ways.exactWay(count),
    euler: ways.steppedWay("euler", count),
    jump: ways.oneJump(count),
    watched: Math.min(watchedParticle(scene), count - 1),
  };
}

const plural = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;

/** How many particles the current model leads astray. */
function resultLine({ model, recorded, now }) {
  const kind = model.get("model");
  const { name, evaluation } = MODELS[kind];
  const steps = kind === "trained" ? recorded.shape[0] - 1 : model.get("steps");
  const astray = ledAstray(now.way, now.exact).length;
  const share = percent(astray / now.count);
  const how = evaluation ? `${name}, ${plural(steps, evaluation)}` : name;
  return `${how}: ${astray} of ${now.count} particles (${share}) end in a wrong corner.`;
}

/** The texts' colours, and where the watched particle's three ways end. */
function legendEntries(scene) {
  const { model, frame, language, flow } = scene;
  const { exact, euler, jump, watched } = scene.now;
  const { families } = frame.look;
  const steps = plural(model.get("steps"), "step");
  const textOf = (text) => text.map((token) => language.words[token]).join(" ");
  const verdict = (text) => {
    if (sameText(text, exact.ends[watched])) return `${textOf(text)} ✓`;
    return `${textOf(text)} ${flow.textIndex(text) < 0 ? "✗ (no text of the language)" : "✗"}`;
  };
  const way = (label, color, dash) => ({ label, color, shape: "line", dash });
  return [
    ...language.tokens.map((text, i) => ({ label: textOf(text), color: textColor(scene, i) })),
    way(`watched particle: exact flow → ${textOf(exact.ends[watched])}`, frame.colors.ink, [4, 3]),
    way(`Euler, ${steps} → ${verdict(euler.ends[watched])}`, families["perfect-flow"].color),
    way(`flow map, one jump → ${verdict(jump.ends[watched])}`, families["perfect-flow-map"].color),
  ];
}
