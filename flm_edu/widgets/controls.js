// Controls: each shows one trait of the model and writes it back.

/** Change state and tell the kernel, where there is one. */
function setState(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

/** Call `show` with a trait's value, now and when it changes. Returns what shows it once more. */
function bind(frame, name, show) {
  const follow = () => show(frame.model.get(name));
  frame.listen(frame.model, `change:${name}`, follow);
  follow();
  return follow;
}

/** Disable a control, and say why where it is pointed at; `why` is empty where it applies. */
function disable(control, place, why) {
  control.disabled = Boolean(why);
  for (const part of [control, place]) part.title = why;
}

/** A range input for a numeric trait. `toSlider` and `fromSlider` bend its scale, `format` writes its value. */
function addSlider(frame, name, options) {
  const { label, min, max, step = 1, format = String, wide = false, toSlider = (v) => v, fromSlider = (v) => v } = options;
  const input = element("input", { type: "range", min, max, step, "aria-label": label });
  const output = element("output");
  const place = element("label", wide ? { class: "flm-wide" } : {}, label, input, output);
  input.addEventListener("input", () => setState(frame.model, { [name]: fromSlider(Number(input.value)) }));
  const show = bind(frame, name, (value) => {
    input.value = toSlider(value);
    output.textContent = format(value);
    input.setAttribute("aria-valuetext", `${format(value)}`);
  });
  frame.controls.append(place);
  return { input, output, place, show };
}

/** A select for a trait with a few values: options are [value, label] pairs. */
function addChoice(frame, name, { label, options }) {
  const offered = options.map(([value, text]) => element("option", { value }, text));
  const select = element("select", { "aria-label": label }, ...offered);
  select.addEventListener("change", () => setState(frame.model, { [name]: select.value }));
  bind(frame, name, (value) => (select.value = value));
  const place = element("label", {}, label, select);
  frame.controls.append(place);
  return { select, place };
}

/** A checkbox for a trait that is true or false. */
function addSwitch(frame, name, { label }) {
  const input = element("input", { type: "checkbox", "aria-label": label });
  input.addEventListener("change", () => setState(frame.model, { [name]: input.checked }));
  bind(frame, name, (value) => (input.checked = value));
  const place = element("label", {}, input, label);
  frame.controls.append(place);
  return { input, place };
}

function addButton(frame, label, onClick) {
  const button = element("button", { type: "button" }, label);
  button.addEventListener("click", onClick);
  frame.controls.append(button);
  return button;
}

/**
 * Play, pause and scrub a numeric trait over [0, 1]. While it plays the value moves in the browser only,
 * and the kernel hears of it at each pause: sixty messages a second would choke it.
 */
function addPlayer(frame, name, { label, seconds, format }) {
  const { model } = frame;
  let playing = 0; // the id of the next frame's callback
  let last = 0;
  const button = addButton(frame, "▶ play", () => (playing ? pause() : play()));
  const slider = addSlider(frame, name, { label, min: 0, max: 1, step: 0.001, format, wide: true });
  slider.input.addEventListener("input", pause);
  function play() {
    if (model.get(name) >= 1) model.set(name, 0);
    last = performance.now();
    playing = requestAnimationFrame(advance);
    button.textContent = "❚❚ pause";
    frame.readout.setAttribute("aria-live", "off"); // sixty announcements a second tell nobody anything
  }
  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    button.textContent = "▶ play";
    frame.readout.setAttribute("aria-live", "polite");
    model.save_changes();
  }
  function advance(now) {
    model.set(name, clamp(model.get(name) + (now - last) / (1000 * seconds), 0, 1));
    last = now;
    if (model.get(name) >= 1) pause();
    else playing = requestAnimationFrame(advance);
  }
  frame.onDispose(() => cancelAnimationFrame(playing));
  return { button, slider };
}
