// What every widget is made of: a frame in the colours of the page around it, which is cleaned up at the end.
// No framework and no build step. controls.js, canvas.js and a widget's own files follow in the same module.

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

/** What a widget has begun and must end: `dispose` takes back every listener, and whatever `onDispose` was told of. */
function createCleanUp() {
  const undo = [];
  function listen(target, event, callback, ...rest) {
    // Models have on/off, everything else addEventListener.
    if (target.on) target.on(event, callback);
    else target.addEventListener(event, callback, ...rest);
    undo.push(() => (target.off ? target.off(event, callback) : target.removeEventListener(event, callback, ...rest)));
  }
  return { listen, onDispose: (step) => undo.push(step), dispose: () => undo.splice(0).forEach((step) => step()) };
}

/** Give the frame `requestUpdate`: it has the widget drawn with the next displayed frame, however often it is called. */
function drawOnRequest(frame, el) {
  let requested = 0;
  frame.requestUpdate = () => {
    requested ||= requestAnimationFrame(() => {
      requested = 0;
      frame.update();
      el.flm.painted = (el.flm.painted ?? 0) + 1;
    });
  };
  frame.onDispose(() => cancelAnimationFrame(requested));
}

/** Keep the frame in the theme that its model asks for, or else in JupyterLab's or the browser's. */
function followTheme(frame) {
  const { model, root, look } = frame;
  const dark = matchMedia("(prefers-color-scheme: dark)");
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
  frame.onDispose(() => observer.disconnect());
  frame.listen(dark, "change", applyTheme);
  frame.listen(model, "change:theme", applyTheme);
  applyTheme();
}

/**
 * In JupyterLab plain keys are the notebook's shortcuts: an arrow would go to another cell and never reach a slider.
 * It looks for this mark on the focused element itself, before the element hears of the key.
 */
function keepKeys({ root, listen }) {
  const keep = (event) => {
    const plain = !(event.ctrlKey || event.metaKey);
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", plain);
  };
  listen(window, "keydown", keep, true);
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
  const parts = [heading, captionLine, body, readout, controls, message];
  const root = element("section", { class: "flm", "aria-label": title }, ...parts);
  el.replaceChildren(root);

  const look = model.get("look");
  const frame = { model, root, body, readout, controls, look, colors: null, update() {}, ...createCleanUp() };
  keepKeys(frame);
  drawOnRequest(frame, el);
  followTheme(frame);

  const tell = () => (message.textContent = model.get("message"));
  frame.listen(model, "change:message", tell);
  tell();
  frame.listen(model, "change", frame.requestUpdate);

  const resized = new ResizeObserver(frame.requestUpdate);
  resized.observe(root);
  frame.onDispose(() => resized.disconnect());
  return frame;
}
