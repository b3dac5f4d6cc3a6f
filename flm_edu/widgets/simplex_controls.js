// How the simplex picture is steered: the controls below it, and the pointer on it.

// The first step counts one by one, then in larger strides: a slider over all 64 would hide where it matters.
const COUNTS = [1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 64];

/** Which of the step counts is nearest to n. */
const nearestCount = (n) =>
  COUNTS.reduce((best, count, i) => (Math.abs(count - n) < Math.abs(COUNTS[best] - n) ? i : best), 0);

/** The controls of the stage, in the order of its list. */
function addControls(scene) {
  const { stage } = scene;
  const added = {};
  for (const name of stage.controls) added[name] = CONTROLS[name](scene, stage.words);
  const fit = () => fitToModel(scene, added);
  scene.frame.listen(scene.model, "change:model", fit);
  fit();
}

const CONTROLS = {
  time({ model, frame, clocks }, words) {
    const clock = clocks["decoding-error"];
    const tellTime = (value) => {
      if (words.time) return value.toFixed(2);
      const t = model.get("axis") === "t" ? value : clock.t(value);
      return `τ ${clock.tau(t).toFixed(2)} · t ${t.toFixed(2)}`;
    };
    const { slider } = addPlayer(frame, "time", { label: words.time ?? "time", seconds: 5, format: tellTime });
    frame.listen(model, "change:axis", slider.show);
  },
  model({ model, frame }) {
    addChoice(frame, "model", { label: "model", options: model.get("models").map((name) => [name, MODELS[name].label]) });
  },
  steps: (scene, words) =>
    addSlider(scene.frame, "steps", {
      label: words.steps ?? "steps", min: 0, max: COUNTS.length - 1,
      format: () => stepCount(scene),
      toSlider: () => nearestCount(stepCount(scene)),
      fromSlider: (i) => COUNTS[i],
    }),
  schedule({ frame }) {
    const options = [["decoding-error", "τ (decoding error)"], ["uniform", "t (uniform)"]];
    return addChoice(frame, "schedule", { label: "steps spaced in", options });
  },
  axis: ({ frame }) => addChoice(frame, "axis", { label: "play over", options: [["tau", "τ"], ["t", "t"]] }),
  particles: ({ frame, noise, ways }) =>
    addSlider(frame, "particles", { label: "particles", min: 1, max: noise.shape[0], format: () => ways.particleCount() }),
  trails: ({ frame }, words) => addSwitch(frame, "trails", { label: words.trails }),
  arrows: ({ frame }) => addSwitch(frame, "arrows", { label: "velocity arrows" }),
  regions: ({ frame, flat }) => flat && addSwitch(frame, "regions", { label: "likeliest word (tint)" }),
  turn: ({ frame, flat }) =>
    flat || addSlider(frame, "turn", { label: "turn", min: 0, max: 360, format: (value) => `${value}°` }),
  posterior: ({ frame }) => addSwitch(frame, "posterior", { label: "posterior" }),
  watch: (scene, { dot }) =>
    addButton(scene.frame, `watch another${dot === "particle" ? "" : ` ${dot}`}`, () =>
      setState(scene.model, { watched: nextParticle(scene) })),
};

/** Disable what does not apply to the model that is shown, and say why. */
function fitToModel({ model, recorded, noise }, { steps, schedule, particles }) {
  const [knots, count] = model.get("model") === "trained" ? recorded.shape : [0, noise.shape[0]];
  const why = knots ? `The trained model's way was recorded in ${knots - 1} steps, equally spaced in τ` : "";
  if (steps) {
    disable(steps.input, steps.place, why);
    steps.show();
  }
  if (schedule) disable(schedule.select, schedule.place, why);
  if (!particles) return;
  particles.input.max = count;
  particles.place.title = knots ? `The recording has ${count} particles` : "";
  particles.show();
}

/** Show what is under the pointer, watch the particle that is clicked, and turn the tetrahedron that is dragged. */
function followPointer(scene, { canvas, locate, size }) {
  const { model, frame, flat, view } = scene;
  const at = (event) => view.locate(locate(event), size.width);
  const drag = flat ? { turned: false } : turnByDragging(scene, canvas);
  const point = (pointer) => {
    scene.pointer = pointer;
    frame.requestUpdate();
  };
  frame.listen(canvas, "pointermove", (event) => point(at(event)));
  frame.listen(canvas, "pointerleave", () => point(null));
  frame.listen(canvas, "click", (event) => {
    if (!drag.turned && scene.stage.lines.length) setState(model, { watched: particleAt(scene, at(event)) });
  });
}

/** Turn the tetrahedron as it is dragged; `turned` tells a drag from a click. */
function turnByDragging({ model, frame }, canvas) {
  const drag = { turned: false };
  let began = null; // [pixel, degrees]
  frame.listen(canvas, "pointerdown", (event) => {
    drag.turned = false;
    began = [event.clientX, model.get("turn")];
  });
  frame.listen(window, "pointerup", () => {
    if (drag.turned) model.save_changes();
    began = null;
  });
  frame.listen(window, "pointermove", (event) => {
    if (!began || Math.abs(event.clientX - began[0]) < 3) return;
    drag.turned = true;
    const degrees = began[1] + event.clientX - began[0];
    model.set("turn", Math.round(((degrees % 360) + 360) % 360));
  });
  return drag;
}

/** The particle whose dot is nearest to a point of a panel. */
function particleAt({ ways, dots, currentT }, { position, point }) {
  const count = ways.particleCount();
  const { x, y } = dots(ways.currentWay(), currentT(), position, count);
  let [nearest, least] = [0, Infinity];
  for (let i = 0; i < count; i++) {
    const distance = Math.hypot(x[i] - point[0], y[i] - point[1]);
    if (distance < least) [nearest, least] = [i, distance];
  }
  return nearest;
}
