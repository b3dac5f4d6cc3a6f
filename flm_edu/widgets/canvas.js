// A crisp canvas, what is drawn on it, and the legend below it.

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

/** Text in the middle of a place, to be read from below upwards: the label of an upright axis. */
function writeUpwards(context, text, x, y, color) {
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  write(context, text, 0, 0, { color, align: "center" });
  context.restore();
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

/** The corners of the markers that have some, from the middle, at radius 1. */
const MARKERS = {
  s: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  "^": [[0, -1], [1, 0.8], [-1, 0.8]],
  v: [[0, 1], [1, -0.8], [-1, -0.8]],
  D: [[0, -1.1], [1.1, 0], [0, 1.1], [-1.1, 0]],
  P: [
    [-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35],
    [0.35, 1], [-0.35, 1], [-0.35, 0.35], [-1, 0.35], [-1, -0.35], [-0.35, -0.35],
  ],
};

/** The marker shapes of plots/style.py: o s ^ v D P x. */
function marker(context, shape, x, y, radius, color, lineWidth = 2) {
  context.save();
  context.fillStyle = context.strokeStyle = color;
  context.beginPath();
  const corners = MARKERS[shape];
  if (corners) {
    for (const [dx, dy] of corners) context.lineTo(x + radius * dx, y + radius * dy); // the first only begins the path
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
      const stripes = `${color} 0 ${ink}px, transparent ${ink}px ${ink + gap}px`;
      key.style.background = gap ? `repeating-linear-gradient(90deg, ${stripes})` : color;
      return element("li", {}, key, label);
    }),
  );
}
