// What every widget is made of: a themed frame, controls bound to the model's state, a crisp canvas.
// No framework and no build step. A widget's own file follows this one in the same module.

/** An element with attributes and children: element("p", {class: "x"}, "text"). */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Arrays of the one Bytes trait, by name: {data: typed array, shape}. */
function readArrays(model) {
  const view = model.get("arrays"); // a DataView, in notebooks as in pages
  const found = {};
  for (const [name, { at, shape, type }] of Object.entries(model.get("array_index"))) {
    const kind = type === "int32" ? Int32Array : Float32Array;
    const size = shape.reduce((a, b) => a * b, 1);
    const start = view.byteOffset + at;
    // A notebook's message may place the bytes anywhere; typed arrays want them aligned.
    const buffer = view.buffer.slice(start, start + 4 * size);
    found[name] = { data: new kind(buffer), shape };
  }
  return found;
}

/**
 * The frame of a widget: title, caption, places for pictures and controls, themes, clean-up.
 *
 * `frame.update` is called (once a displayed frame at most) when any state changes; `frame.colors` are
 * those of the current theme; `frame.dispose` undoes everything and is what `render` returns.
 */
function createFrame({ model, el }, { title, caption }) {
  const heading = element("h3", {}, title);
  const captionLine = element("p", { class: "flm-caption" }, caption);
  const body = element("div");
  const readout = element("p", { class: "flm-readout", "aria-live": "polite" });
  const message = element("p", { class: "flm-message", role: "alert" });
  const controls = element("div", { class: "flm-controls" });
  const root = element("section", { class: "flm", "aria-label": title }, heading, captionLine, body, readout, controls, message);
  el.replaceChildren(root);

  const undo = [];
  const listen = (target, event, callback, ...rest) => {
    // Models have on/off, everything else addEventListener.
    if (target.on) target.on(event, callback);
    else target.addEventListener(event, callback, ...rest);
    undo.push(() => (target.off ? target.off(event, callback) : target.removeEventListener(event, callback, ...rest)));
  };

  // In JupyterLab plain keys are the notebook's shortcuts: an arrow would go to another cell and never reach a slider.
  // It looks for this mark on the focused element itself, before the element hears of the key.
  const keep = (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey));
  };
  listen(window, "keydown", keep, true);

  const look = model.get("look");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const frame = { model, root, body, readout, controls, look, colors: null, canvases: [], listen, update() {} };

  let requested = 0;
  frame.requestUpdate = () => {
    requested ||= requestAnimationFrame(() => {
      requested = 0;
      frame.update();
      el.flm.painted = (el.flm.painted ?? 0) + 1;
    });
  };
  undo.push(() => cancelAnimationFrame(requested));

  function applyTheme() {
    const lab = document.body.dataset.jpThemeLight; // JupyterLab's "true" or "false", absent elsewhere
    const browser = dark.matches ? "dark" : "light";
    const automatic = lab === undefined ? browser : lab === "false" ? "dark" : "light";
    const theme = model.get("theme") === "auto" ? automatic : model.get("theme");
    frame.colors = { ...look.themes[theme], theme };
    root.dataset.theme = theme;
    root.style.colorScheme = theme;
    for (const [name, value] of Object.entries(look.themes[theme])) root.style.setProperty(`--flm-${name}`, value);
    root.style.setProperty("--flm-accent", look.families["flow-lm"].color);
    frame.requestUpdate();
  }
  const observer = new MutationObserver(applyTheme);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  undo.push(() => observer.disconnect());
  listen(dark, "change", applyTheme);
  listen(model, "change:theme", applyTheme);
  applyTheme();

  const tell = () => (message.textContent = model.get("message"));
  listen(model, "change:message", tell);
  tell();
  listen(model, "change", frame.requestUpdate);

  const resized = new ResizeObserver(frame.requestUpdate);
  resized.observe(root);
  undo.push(() => resized.disconnect());

  frame.onDispose = (step) => undo.push(step);
  frame.dispose = () => undo.splice(0).forEach((step) => step());
  return frame;
}

// --- controls: each shows one trait and writes it back -----------------------------------------

/** Change state and tell the kernel, where there is one. */
function setState(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

function bind(frame, name, show) {
  const follow = () => show(frame.model.get(name));
  frame.listen(frame.model, `change:${name}`, follow);
  follow();
}

/** A range input for a numeric trait. `toSlider` and `fromSlider` bend its scale, `format` writes its value. */
function addSlider(frame, name, { label, min, max, step = 1, format = String, wide = false, toSlider = (v) => v, fromSlider = (v) => v }) {
  const input = element("input", { type: "range", min, max, step, "aria-label": label });
  const output = element("output");
  const place = element("label", wide ? { class: "flm-wide" } : {}, label, input, output);
  input.addEventListener("input", () => setState(frame.model, { [name]: fromSlider(Number(input.value)) }));
  bind(frame, name, (value) => {
    input.value = toSlider(value);
    output.textContent = format(value);
    input.setAttribute("aria-valuetext", `${format(value)}`);
  });
  frame.controls.append(place);
  return { input, output, place };
}

/** A select for a trait with a few values: options are [value, label] pairs. */
function addChoice(frame, name, { label, options }) {
  const select = element("select", { "aria-label": label }, ...options.map(([value, text]) => element("option", { value }, text)));
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
  }
  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    button.textContent = "▶ play";
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

// --- canvas ------------------------------------------------------------------------------------

/**
 * A canvas as wide as the widget; `height` is a function of the width. Call `paint(draw)` to draw on it.
 * One that listens to keys can be reached by them, and is no mere picture.
 */
function addCanvas(frame, { height, label, keys = false }) {
  const canvas = element("canvas", { role: keys ? "application" : "img", "aria-label": label });
  if (keys) canvas.tabIndex = 0;
  frame.body.append(canvas);
  const context = canvas.getContext("2d");
  const size = { width: 0, height: 0 };
  function paint(draw) {
    const ratio = window.devicePixelRatio || 1;
    size.width = canvas.clientWidth || 600;
    size.height = height(size.width);
    const [wide, high] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide;
      canvas.height = high;
      canvas.style.height = `${size.height}px`;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    context.font = "12px system-ui, sans-serif";
    context.lineJoin = "round";
    draw(context, size.width, size.height);
  }
  /** The pointer's place in the canvas's own pixels. */
  const locate = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  return { canvas, paint, locate, size };
}

/** Text at a place; align is "left", "center" or "right"; a halo of that colour keeps it readable on a crowd. */
function write(context, text, x, y, { color, align = "left", bold = false, size = 12, baseline = "middle", halo = null }) {
  context.font = `${bold ? "600 " : ""}${size}px system-ui, sans-serif`;
  context.fillStyle = color;
  context.textAlign = align;
  context.textBaseline = baseline;
  if (halo) {
    Object.assign(context, { strokeStyle: halo, lineWidth: 3 });
    context.strokeText(text, x, y);
  }
  context.fillText(text, x, y);
}

/** A line through points; `dash` and `width` as the canvas has them. */
function line(context, points, { color, width = 1.5, dash = [], alpha = 1 }) {
  context.save();
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  Object.assign(context, { strokeStyle: color, lineWidth: width, globalAlpha: alpha });
  context.setLineDash(dash);
  context.stroke();
  context.restore();
}

/** The marker shapes of plots/style.py: o s ^ v D x. */
function marker(context, shape, x, y, radius, color, lineWidth = 2) {
  context.save();
  context.fillStyle = context.strokeStyle = color;
  context.beginPath();
  const corners = {
    s: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
    "^": [[0, -1], [1, 0.8], [-1, 0.8]],
    v: [[0, 1], [1, -0.8], [-1, -0.8]],
    D: [[0, -1.1], [1.1, 0], [0, 1.1], [-1.1, 0]],
  }[shape];
  if (corners) {
    corners.forEach(([dx, dy], i) => (i ? context.lineTo(x + radius * dx, y + radius * dy) : context.moveTo(x + radius * dx, y + radius * dy)));
    context.fill();
  } else if (shape === "x") {
    context.lineWidth = lineWidth;
    for (const sign of [-1, 1]) {
      context.moveTo(x - radius, y - sign * radius);
      context.lineTo(x + radius, y + sign * radius);
    }
    context.stroke();
  } else {
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}

/** The legend below a picture: entries of {label, color, shape: "dot" | "square" | "line", dash as a line has it}. */
function setLegend(list, entries) {
  const shown = JSON.stringify(entries);
  if (list.dataset.shown === shown) return; // nothing to lay out anew while it plays
  list.dataset.shown = shown;
  list.replaceChildren(
    ...entries.map(({ label, color, shape = "dot", dash = [] }) => {
      const key = element("span", { class: `flm-key ${shape}`, "aria-hidden": "true" });
      const [ink, gap] = dash;
      key.style.background = gap ? `repeating-linear-gradient(90deg, ${color} 0 ${ink}px, transparent ${ink}px ${ink + gap}px)` : color;
      return element("li", {}, key, label);
    }),
  );
}

/**
 * Axes of a chart: grid, ticks, labels. Each of x and y is {label, range: [low, high], ticks: [[value, text]], log}.
 * Returns functions from values to pixels, and the box of the plot.
 */
function drawAxes(context, width, height, x, y, colors) {
  const digits = Math.max(...y.ticks.map(([, text]) => text.length)); // "20,000" needs more room than "80"
  const box = { left: Math.max(52, 26 + 7.5 * digits), right: width - 22, top: 12, bottom: height - 42 };
  const scale = ({ range: [low, high], log }, from, to) => {
    const bend = log ? Math.log : (v) => v;
    return (value) => from + ((bend(value) - bend(low)) / (bend(high) - bend(low))) * (to - from);
  };
  const toX = scale(x, box.left, box.right);
  const toY = scale(y, box.bottom, box.top);
  for (const [value, text] of x.ticks) {
    line(context, [[toX(value), box.top], [toX(value), box.bottom]], { color: colors.line, width: 1 });
    write(context, text, toX(value), box.bottom + 12, { color: colors.soft, align: "center" });
  }
  for (const [value, text] of y.ticks) {
    line(context, [[box.left, toY(value)], [box.right, toY(value)]], { color: colors.line, width: 1 });
    write(context, text, box.left - 6, toY(value), { color: colors.soft, align: "right" });
  }
  line(context, [[box.left, box.top], [box.left, box.bottom], [box.right, box.bottom]], { color: colors.ink, width: 1 });
  write(context, x.label, (box.left + box.right) / 2, height - 10, { color: colors.ink, align: "center" });
  context.save();
  context.translate(12, (box.top + box.bottom) / 2);
  context.rotate(-Math.PI / 2);
  write(context, y.label, 0, 0, { color: colors.ink, align: "center" });
  context.restore();
  return { toX, toY, box };
}
