// FlowMapExplorer: X_{s,t} against X_{u,t} after X_{s,u}, on the triangle, and the map's error over (s, t).

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "One jump against two",
    caption:
      "From the black dot on the exact flow, one jump from s to t and two over u. A flow map must land at the same " +
      "point either way. The heat map shows how far a jump from s to t lands from the exact flow.",
  });
  const GRID = 10;
  const language = model.get("language");
  const { words } = language;
  const clock = decodingErrorClock(3, model.get("clock"));
  const flow = exactFlow(language, clock);
  const times = spacedTimes(clock, GRID);
  const { noise, jumps } = readArrays(model);
  const count = noise.shape[0];
  const onFlow = flow.jumpPath(noise.data, times); // x_s of every particle at every time of the grid

  const one = (states, particle) => states.slice(3 * particle, 3 * particle + 3);
  const move = (x, delta, s, t) => {
    const r = times[s] < 1 ? (times[t] - times[s]) / (1 - times[s]) : 0;
    return x.map((value, i) => (1 - r) * value + r * delta[i]);
  };

  // --- the maps: delta_{u,t} at a state x, which the trained map knows only where it was recorded ---
  const exactDelta = (x, u, t) => {
    if (u === t) return flow.denoiser(x, times[u]);
    const landed = flow.flowMap(x, times[u], times[t]);
    const r = (times[t] - times[u]) / (1 - times[u]);
    return landed.map((value, i) => (value - (1 - r) * x[i]) / r);
  };
  const triple = new Map(); // where s <= u <= t stands in the recording
  for (let s = 0; s <= GRID; s++) for (let u = s; u <= GRID; u++) for (let t = u; t <= GRID; t++) triple.set(`${s} ${u} ${t}`, triple.size);
  const recorded = (s, u, t, particle) => {
    const at = (triple.get(`${s} ${u} ${t}`) * count + particle) * 3;
    return Float64Array.from(jumps.data.subarray(at, at + 3));
  };
  /** delta_{u,t} after the jump from s to u, for a particle that was at x_s on the flow and is at x now. */
  function delta(kind, x, s, u, t, particle) {
    if (kind === "exact") return exactDelta(x, u, t);
    if (kind === "denoiser") return flow.denoiser(x, times[u]);
    return recorded(s, u, t, particle);
  }
  /** Everything about one choice of s <= u <= t. */
  function compose(kind, s, u, t, particle) {
    const x = one(onFlow[s], particle);
    const whole = delta(kind, x, s, s, t, particle);
    const first = delta(kind, x, s, s, u, particle);
    const middle = move(x, first, s, u);
    const second = delta(kind, middle, s, u, t, particle);
    const [landed, landedTwice] = [move(x, whole, s, t), move(middle, second, u, t)];
    const gap = Math.hypot(...landed.map((value, i) => value - landedTwice[i]));
    return { x, whole, first, middle, second, landed, landedTwice, exact: one(onFlow[t], particle), gap };
  }

  /** Mean distance of the landing point from the exact flow's, over the particles: a triangle of numbers. */
  const errors = {};
  function errorTable(kind) {
    errors[kind] ??= times.map((_, s) =>
      times.map((__, t) => {
        if (t < s) return null;
        if (kind === "exact") return 0; // by definition: onFlow is made by its jumps
        let sum = 0;
        for (let i = 0; i < count; i++) {
          const x = one(onFlow[s], i);
          const landed = move(x, delta(kind, x, s, s, t, i), s, t);
          sum += Math.hypot(...landed.map((value, j) => value - onFlow[t][3 * i + j]));
        }
        return sum / count;
      }),
    );
    return errors[kind];
  }

  // --- the picture ---
  const narrow = (width) => width < 560;
  const planeSize = (width) => (narrow(width) ? [width, 280] : [width * 0.54, 360]);
  const canvas = addCanvas(frame, {
    height: (width) => (narrow(width) ? 280 + 300 : 360),
    label: "Jumps on the triangle, and a heat map of the error over s and t",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);
  const ordered = () => {
    const [s, u, t] = [model.get("s"), model.get("u"), model.get("t")].sort((a, b) => a - b);
    return { s, u, t };
  };

  function drawPlane(context, width, height, { s, t }, result) {
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
    const way = times.slice(s, t + 1).map((_, k) => pixel(one(onFlow[s + k], model.get("particle"))));
    line(context, way, { color: colors.ink, width: 1.6, dash: [4, 3] });
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
    const label = (text, state, dy) => {
      const [x, y] = pixel(state);
      write(context, text, x + 9, y + dy, { color: colors.ink, size: 12, halo: colors.ground });
    };
    label("s", result.x, -9);
    label("u", result.middle, 11);
    label("t", result.exact, -9);
  }

  let heat = null; // where the heat map lies, for the pointer
  function drawHeat(context, left, top, width, height, { s, t }) {
    const { colors, look } = frame;
    const table = errorTable(model.get("map"));
    const side = Math.min(width - 62, height - 74);
    const cell = side / (GRID + 1);
    heat = { left: left + 46, top: top + 26, cell };
    const most = Math.max(0.2, ...table.flat().filter((value) => value !== null));
    write(context, "mean distance from the exact flow", heat.left, top + 12, { color: colors.ink, bold: true, size: 12 });
    for (let i = 0; i <= GRID; i++) {
      for (let j = i; j <= GRID; j++) {
        const [x, y] = [heat.left + i * cell, heat.top + (GRID - j) * cell];
        context.fillStyle = colors.card;
        context.fillRect(x, y, cell - 1, cell - 1);
        context.globalAlpha = table[i][j] / most;
        context.fillStyle = look.families["flow-map-lm"].color;
        context.fillRect(x, y, cell - 1, cell - 1);
        context.globalAlpha = 1;
      }
    }
    context.strokeStyle = colors.ink;
    context.lineWidth = 2;
    context.strokeRect(heat.left + s * cell, heat.top + (GRID - t) * cell, cell - 1, cell - 1);
    for (const k of [0, GRID / 2, GRID]) {
      write(context, String(k / GRID), heat.left + (k + 0.5) * cell, heat.top + side + 10, { color: colors.soft, align: "center" });
      write(context, String(k / GRID), heat.left - 6, heat.top + (GRID - k + 0.5) * cell, { color: colors.soft, align: "right" });
    }
    write(context, "s (start, in τ)", heat.left + side / 2, heat.top + side + 27, { color: colors.ink, align: "center" });
    context.save();
    context.translate(left + 14, heat.top + side / 2);
    context.rotate(-Math.PI / 2);
    write(context, "t (end, in τ)", 0, 0, { color: colors.ink, align: "center" });
    context.restore();
    // The scale, in the empty half below the diagonal.
    const [x, y, long] = [heat.left + 0.62 * side, heat.top + 0.86 * side, 0.34 * side];
    for (let i = 0; i < 40; i++) {
      context.globalAlpha = i / 39;
      context.fillStyle = look.families["flow-map-lm"].color;
      context.fillRect(x + (long * i) / 40, y, long / 40 + 0.5, 9);
    }
    context.globalAlpha = 1;
    write(context, "0", x, y + 18, { color: colors.soft, align: "center", size: 11 });
    write(context, most.toFixed(2), x + long, y + 18, { color: colors.soft, align: "center", size: 11 });
  }

  frame.update = () => {
    const choice = ordered();
    const { s, u, t } = choice;
    const kind = model.get("map");
    const result = compose(kind, s, u, t, model.get("particle"));
    canvas.paint((context, width, height) => {
      const [w, h] = planeSize(width);
      drawPlane(context, w, h, choice, result);
      if (narrow(width)) drawHeat(context, 0, h, width, 300, choice);
      else drawHeat(context, w, 0, width - w, h, choice);
    });
    const families = frame.look.families;
    setLegend(legend, [
      { label: "exact flow", color: frame.colors.ink, shape: "line", dash: [4, 3] },
      { label: "one jump, and its δ (diamond)", color: families["flow-map-lm"].color, shape: "line" },
      { label: "two jumps, and their δ", color: families["flow-lm"].color, shape: "line" },
    ]);
    const [begin, end] = [times[s], times[t]];
    const middle = times[u];
    const g = t > s && middle < 1 ? ((1 - end) * (middle - begin)) / ((1 - middle) * (end - begin)) : 1;
    const off = Math.hypot(...result.landed.map((value, i) => value - result.exact[i]));
    frame.readout.textContent =
      `s → u → t: ${s / GRID} → ${u / GRID} → ${t / GRID}, in τ. Gap between one jump and two: ${result.gap.toFixed(3)}; ` +
      `one jump lands ${off.toFixed(3)} from the exact flow; weight of the first part g = ${g.toFixed(2)}.`;
  };

  const names = { denoiser: "untrained: the denoiser D_s for δ", exact: "exact flow map", trained: "trained flow map (FMLM)" };
  addChoice(frame, "map", { label: "map", options: model.get("maps").map((name) => [name, names[name]]) });
  const tenths = (value) => (value / GRID).toFixed(1);
  for (const name of ["s", "u", "t"]) addSlider(frame, name, { label: name, min: 0, max: GRID, format: tenths });
  addSlider(frame, "particle", { label: "particle", min: 0, max: count - 1, format: (value) => String(value + 1) });
  frame.listen(canvas.canvas, "click", (event) => {
    const [x, y] = canvas.locate(event);
    const [s, t] = [Math.floor((x - heat.left) / heat.cell), GRID - Math.floor((y - heat.top) / heat.cell)];
    if (s < 0 || t > GRID || s > t) return;
    setState(model, { s, t, u: clamp(model.get("u"), s, t) });
  });

  el.flm = { model, compose, errorTable, times, onFlow, heat: () => heat };
  return () => frame.dispose();
}
