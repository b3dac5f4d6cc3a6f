// FlowMapExplorer: X_{s,t} against X_{u,t} after X_{s,u}, on the triangle, and the map's error over (s, t), which
// flow_map_heat.js draws.

const GRID = 10; // intervals of tau; s, u and t below are whole numbers of them
const TIMES = ["s", "u", "t"]; // in the order that they keep
const MAP_NAMES = {
  denoiser: "untrained: the denoiser D_s for δ",
  exact: "exact flow map",
  trained: "trained flow map (FMLM)",
};
const HEAT_HEIGHT = 300; // of the heat map where it stands below the plane

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "One jump against two",
    caption:
      "From the black dot on the exact flow, one jump from s to t and two over u. A flow map must land at the same " +
      "point either way. The heat map shows how far a jump from s to t lands from the exact flow, in the same colours " +
      "for every map.",
  });
  const language = model.get("language");
  const clock = decodingErrorClock(3, model.get("clock"));
  const maps = createMaps(exactFlow(language, clock), spacedTimes(clock, GRID), readArrays(model));
  const { compose, errorTable, times, onFlow } = maps;
  const narrow = (width) => width < 560;
  const canvas = addCanvas(frame, {
    height: (width) => (narrow(width) ? 280 + HEAT_HEIGHT : 360),
    label: "Jumps on the triangle, and a heat map of the error over s and t",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);

  const most = scaleEnd(model.get("maps").map(errorTable));
  let heat = null; // where the heat map lies, for the pointer
  frame.update = () => {
    const [s, u, t] = TIMES.map((name) => model.get(name));
    const kind = model.get("map");
    const particle = model.get("particle");
    const result = compose(kind, s, u, t, particle);
    const way = onFlow.slice(s, t + 1).map((states) => stateOf(states, particle));
    canvas.paint((context, width) => {
      const [w, h] = narrow(width) ? [width, 280] : [width * 0.54, 360];
      const box = narrow(width)
        ? { left: 0, top: h, width, height: HEAT_HEIGHT }
        : { left: w, top: 0, width: width - w, height: h };
      drawPlane(context, frame, { width: w, height: h, words: language.words }, way, result);
      heat = drawHeat(context, frame, box, errorTable(kind), { s, t, most });
    });
    setLegend(legend, legendEntries(frame));
    frame.readout.textContent = tellJumps(s, u, t, times, result);
  };

  addChoice(frame, "map", { label: "map", options: model.get("maps").map((name) => [name, MAP_NAMES[name]]) });
  const tenths = (value) => (value / GRID).toFixed(1);
  for (const name of TIMES) addSlider(frame, name, { label: name, min: 0, max: GRID, format: tenths });
  keepOrder(frame);
  addSlider(frame, "particle", { label: "particle", min: 0, max: maps.count - 1, format: (value) => String(value + 1) });
  frame.listen(canvas.canvas, "click", (event) => {
    const [x, y] = canvas.locate(event);
    const [s, t] = [Math.floor((x - heat.left) / heat.cell), GRID - Math.floor((y - heat.top) / heat.cell)];
    if (s < 0 || t > GRID || s > t) return;
    setState(model, { s, t, u: clamp(model.get("u"), s, t) });
  });

  el.flm = { model, compose, errorTable, times, onFlow, heat: () => heat };
  return () => frame.dispose();
}

/**
 * Keep s <= u <= t: a time that is moved takes those in its way along. Not within the event itself: a notebook's model,
 * changed while it tells of a change, does not tell that all is done, and nothing would be drawn.
 */
function keepOrder({ model, listen }) {
  TIMES.forEach((moved, at) => {
    const push = () => {
      const value = model.get(moved);
      const pushed = TIMES.flatMap((name, i) => {
        const other = model.get(name);
        return (i < at && other > value) || (i > at && other < value) ? [[name, value]] : [];
      });
      if (pushed.length) setState(model, Object.fromEntries(pushed));
    };
    listen(model, `change:${moved}`, () => queueMicrotask(push));
  });
}

// --- the maps ----------------------------------------------------------------------------------

/** The state of one particle, three numbers. */
const stateOf = (states, particle) => states.slice(3 * particle, 3 * particle + 3);

/** Where s <= u <= t of the grid stands in the recording of a trained map: "s u t" -> number. */
function recordedTriples() {
  const triples = new Map();
  for (let s = 0; s <= GRID; s++) {
    for (let u = s; u <= GRID; u++) for (let t = u; t <= GRID; t++) triples.set(`${s} ${u} ${t}`, triples.size);
  }
  return triples;
}

/** What the maps do to the particles: `compose` for one choice of times, `errorTable` for all of them. */
function createMaps(flow, times, { noise, jumps }) {
  const count = noise.shape[0];
  const onFlow = flow.jumpPath(noise.data, times); // x_s of every particle at every time of the grid
  const triples = recordedTriples();
  const go = (x, by, s, t) => move(x, by, times[s], times[t]);

  function exactDelta(x, u, t) {
    if (u === t) return flow.denoiser(x, times[u]);
    const landed = flow.flowMap(x, times[u], times[t]);
    const r = (times[t] - times[u]) / (1 - times[u]);
    return landed.map((value, i) => (value - (1 - r) * x[i]) / r);
  }
  /** delta_{u,t} after the jump from s to u, for a particle that was at x_s on the flow and is at x now. */
  function delta(kind, x, s, u, t, particle) {
    if (kind === "exact") return exactDelta(x, u, t);
    if (kind === "denoiser") return flow.denoiser(x, times[u]);
    // The trained map is known only where it was recorded.
    const at = (triples.get(`${s} ${u} ${t}`) * count + particle) * 3;
    return Float64Array.from(jumps.data.subarray(at, at + 3));
  }
  /** Everything about one choice of s <= u <= t. */
  function compose(kind, s, u, t, particle) {
    const x = stateOf(onFlow[s], particle);
    const whole = delta(kind, x, s, s, t, particle);
    const first = delta(kind, x, s, s, u, particle);
    const middle = go(x, first, s, u);
    const second = delta(kind, middle, s, u, t, particle);
    const [landed, landedTwice] = [go(x, whole, s, t), go(middle, second, u, t)];
    const gap = Math.hypot(...landed.map((value, i) => value - landedTwice[i]));
    return { x, whole, first, middle, second, landed, landedTwice, exact: stateOf(onFlow[t], particle), gap };
  }
  /** Mean distance of the landing point from the exact flow's, over the particles. */
  function meanError(kind, s, t) {
    if (t < s) return null;
    if (kind === "exact") return 0; // by definition: onFlow is made by its jumps
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const x = stateOf(onFlow[s], i);
      const landed = go(x, delta(kind, x, s, s, t, i), s, t);
      sum += Math.hypot(...landed.map((value, j) => value - onFlow[t][3 * i + j]));
    }
    return sum / count;
  }
  const errors = {};
  /** The mean error from every s to every t, a triangle of numbers. */
  function errorTable(kind) {
    errors[kind] ??= times.map((_, s) => times.map((__, t) => meanError(kind, s, t)));
    return errors[kind];
  }
  return { count, times, onFlow, compose, errorTable };
}

// --- the picture -------------------------------------------------------------------------------

/** The triangle with the exact way, one jump and two, and their two-time denoisers. */
function drawPlane(context, frame, { width, height, words }, way, result) {
  const { colors, look } = frame;
  const [single, double] = [look.families["flow-map-lm"].color, look.families["flow-lm"].color];
  const place = placeTriangle(0, 0, width, height);
  const pixel = (state) => place.toPixel(planePoint(state, 0));
  const corners = CORNERS.map(place.toPixel);
  line(context, [...corners, corners[0]], { color: colors.ink, width: 1.2 });
  words.forEach((word, i) => {
    const [x, y] = place.toPixel(CORNERS[i].map((value) => 1.28 * value));
    write(context, word, x, y, { color: colors.ink, align: "center", bold: true, size: 13 });
  });
  line(context, way.map(pixel), { color: colors.ink, width: 1.6, dash: [4, 3] });
  // The two-time denoisers, points of the triangle: that of [s, t] should lie between those of its parts.
  line(context, [pixel(result.first), pixel(result.second)], { color: double, width: 1.5, dash: [2, 3] });
  marker(context, "D", ...pixel(result.first), 5, double);
  marker(context, "D", ...pixel(result.second), 5, double);
  marker(context, "D", ...pixel(result.whole), 6, single);
  drawArrow(context, pixel(result.x), pixel(result.middle), double, 2.5);
  drawArrow(context, pixel(result.middle), pixel(result.landedTwice), double, 2.5);
  drawArrow(context, pixel(result.x), pixel(result.landed), single, 3);
  marker(context, "o", ...pixel(result.exact), 4, colors.ink);
  marker(context, "o", ...pixel(result.x), 6, colors.ink);
  for (const [text, state, dy] of [["s", result.x, -9], ["u", result.middle, 11], ["t", result.exact, -9]]) {
    const [x, y] = pixel(state);
    write(context, text, x + 9, y + dy, { color: colors.ink, size: 12, halo: colors.ground });
  }
}

// --- the text below it -------------------------------------------------------------------------

function legendEntries({ colors, look }) {
  return [
    { label: "exact flow", color: colors.ink, shape: "line", dash: [4, 3] },
    { label: "one jump, and its δ (diamond)", color: look.families["flow-map-lm"].color, shape: "line" },
    { label: "two jumps, and their δ", color: look.families["flow-lm"].color, shape: "line" },
  ];
}

/** Where the jumps land, and how much the first of two weighs. */
function tellJumps(s, u, t, times, { landed, exact, gap }) {
  const [begin, middle, end] = [times[s], times[u], times[t]];
  const g = t > s && middle < 1 ? ((1 - end) * (middle - begin)) / ((1 - middle) * (end - begin)) : 1;
  const off = Math.hypot(...landed.map((value, i) => value - exact[i]));
  return (
    `s → u → t: ${s / GRID} → ${u / GRID} → ${t / GRID}, in τ. Gap between one jump and two: ${gap.toFixed(3)}; ` +
    `one jump lands ${off.toFixed(3)} from the exact flow; weight of the first part g = ${g.toFixed(2)}.`
  );
}
