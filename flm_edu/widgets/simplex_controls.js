// How the simplex picture is steered: the controls below it, and the pointer on it.

// The first step counts one by one, then in larger strides: a slider over all 64 would hide where it matters.
const COUNTS = [1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 64];

/** Which of the step counts is nearest to n. */
const nearestCount = (n) =>
  COUNTS.reduce((best, count, i) => (Math.abs(count - n) < Math.abs(COUNTS[best] - n) ? i : best), 0);

function addControls(scene) {
  const { model, frame, flat, noise, clocks } = scene;
  const clock = clocks["decoding-error"];
  const tellTime = (value) => {
    const t = model.get("axis") === "t" ? value : clock.t(value);
    return `τ ${clock.tau(t).toFixed(2)} · t ${t.toFixed(2)}`;
  };
  const player = addPlayer(frame, "time", { label: "time", seconds: 5, format: tellTime });
  frame.listen(model, "change:axis", () => (player.slider.output.textContent = tellTime(model.get("time"))));
  addChoice(frame, "model", { label: "model", options: model.get("models").map((name) => [name, MODELS[name].label]) });
  addSlider(frame, "steps", {
    label: "steps", min: 0, max: COUNTS.length - 1,
    toSlider: nearestCount,
    fromSlider: (i) => COUNTS[i],
  });
  const schedules = [["decoding-error", "τ (decoding error)"], ["uniform", "t (uniform)"]];
  addChoice(frame, "schedule", { label: "steps spaced in", options: schedules });
  addChoice(frame, "axis", { label: "play over", options: [["tau", "τ"], ["t", "t"]] });
  addSlider(frame, "particles", { label: "particles", min: 1, max: noise.shape[0] });
  addSwitch(frame, "trails", { label: "trails" });
  addSwitch(frame, "arrows", { label: "velocity arrows" });
  if (flat) addSwitch(frame, "regions", { label: "likeliest word (tint)" });
  else addSlider(frame, "turn", { label: "turn", min: 0, max: 360, format: (value) => `${value}°` });
  addSwitch(frame, "posterior", { label: "posterior" });
  addButton(frame, "watch another", () => setState(model, { watched: nextParticle(scene) }));
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
    if (!drag.turned) setState(model, { watched: particleAt(scene, at(event)) });
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
