// SimplexExplorer: particles on the way from Gaussian noise to the corners of the probability simplex.

const MODEL_NAMES = { flow: "exact flow", euler: "exact flow, Euler steps", "flow-map": "exact flow map, jumps", trained: "trained FLM" };
const FAMILY_OF = { flow: "perfect-flow", euler: "perfect-flow", "flow-map": "perfect-flow-map", trained: "flow-lm" };
const FINE = 64; // knots of the exact way
const DISC = 0.26; // particles at a corner are spread over a disc of this radius, so that they can be seen
const ROUNDING = 0.04; // the last part of the time slider, in which samples are rounded to words

function render({ model, el }) {
  const language = model.get("language");
  const { words, tokens } = language;
  const size = words.length; // 3: a triangle; 4: a tetrahedron
  const flat = size === 3;
  const strip = 24 + 16 * size; // pixels below the picture for the posterior
  let corners = seenCorners(size, model.get("turn"));
  const frame = createFrame({ model, el }, {
    title: "Noise becomes words",
    caption:
      "Every dot is a sample on its way from Gaussian noise to a corner of the simplex, a word. " +
      "At the end it is rounded to the likeliest one. Its colour is the text that the exact flow carries it to: " +
      "a dot of another colour at a corner was led astray.",
  });
  const clocks = { "decoding-error": decodingErrorClock(words.length, model.get("clock")), uniform: uniformClock };
  const flow = exactFlow(language, clocks["decoding-error"]);
  const { noise, recorded } = readArrays(model);
  const textOf = (text) => text.map((token) => words[token]).join(" ");

  // --- the ways of the particles, computed when first needed ---
  const known = new Map();
  const remember = (key, compute) => {
    if (!known.has(key)) {
      if (known.size > 12) known.clear(); // each is a few megabytes
      known.set(key, compute());
    }
    return known.get(key);
  };
  const start = (count) => noise.data.subarray(0, count * flow.row);
  const stepTimes = () => spacedTimes(clocks[model.get("schedule")], model.get("steps"));
  function exactWay(count) {
    return remember(`exact ${count}`, () => {
      const clock = clocks["decoding-error"];
      const last = clock.tau(DECIDED / (1 + DECIDED));
      const times = [...Array.from({ length: FINE + 1 }, (_, k) => (k === FINE ? DECIDED / (1 + DECIDED) : clock.t((last * k) / FINE))), 1];
      const states = flow.jumpPath(start(count), times, 1); // a step from knot to knot
      return { times, states, ends: flow.decode(states.at(-1)) };
    });
  }
  function steppedWay(kind, count) {
    const times = stepTimes();
    return remember(`${kind} ${count} ${times}`, () => {
      const states = kind === "euler" ? flow.eulerPath(start(count), times) : flow.jumpPath(start(count), times);
      return { times, states, ends: flow.decode(states.at(-1)) };
    });
  }
  const recordedWay = () =>
    remember("recorded", () => {
      const [knots, count] = recorded.shape;
      const size = count * flow.row;
      const states = Array.from({ length: knots }, (_, k) => recorded.data.subarray(k * size, (k + 1) * size));
      return { times: model.get("recorded_t"), states, ends: flow.decode(states.at(-1)) };
    });
  function particleCount() {
    const limit = model.get("model") === "trained" ? recorded.shape[1] : noise.shape[0];
    return Math.min(model.get("particles"), limit);
  }
  function currentWay() {
    const kind = model.get("model");
    if (kind === "flow") return exactWay(particleCount());
    if (kind === "trained") return recordedWay();
    return steppedWay(kind, particleCount());
  }
  /** The mixing time that the slider stands at. */
  const currentT = () => (model.get("axis") === "t" ? model.get("time") : clocks["decoding-error"].t(model.get("time")));

  /** A way at mixing time t: the two knots around it and how far between them; steps are straight in t. */
  function between(way, t) {
    let k = 0;
    while (k < way.times.length - 2 && way.times[k + 1] <= t) k++;
    return { before: way.states[k], after: way.states[k + 1], share: clamp((t - way.times[k]) / (way.times[k + 1] - way.times[k]), 0, 1), k };
  }
  /** Where one particle is seen: its point of the picture of a position (0 or 1). */
  const plane = (states, particle, position) => planePoint(states, particle * flow.row + position * size, corners);
  const disc = Array.from({ length: noise.shape[0] }, (_, i) => {
    const radius = DISC * Math.sqrt(((i * 0.7548776662) % 1)); // a low-discrepancy radius, the golden angle
    return [radius * Math.cos(i * 2.39996), radius * Math.sin(i * 2.39996)];
  });
  const sameText = (a, b) => a.every((token, i) => token === b[i]);
  /** Particles that end as another text than on the exact way. */
  function ledAstray(way, exact) {
    if (way.comparedWith !== exact) {
      way.comparedWith = exact;
      way.astray = exact.ends.flatMap((text, i) => (sameText(text, way.ends[i]) ? [] : [i])); // a recording may hold more
    }
    return way.astray;
  }
  /** How well a particle's way can be seen: the shortest of its ways to go, if it starts within the picture. */
  const show = (i, exact) =>
    Math.min(
      ...exact.ends[i].map((word, position) => {
        const [x, y] = plane(noise.data, i, position);
        return Math.max(Math.abs(x), Math.abs(y)) < 1.5 ? Math.hypot(x - corners[word][0], y - corners[word][1]) : 0;
      }),
    );
  /** The one chosen; else, of those that Euler's method leads astray, the one that shows it best. */
  function watchedParticle() {
    const chosen = model.get("watched");
    if (chosen >= 0 && chosen < particleCount()) return chosen;
    const [exact, euler] = [exactWay(particleCount()), steppedWay("euler", particleCount())];
    return remember(`watched ${particleCount()} ${stepTimes()}`, () => {
      const wrong = ledAstray(euler, exact);
      const candidates = wrong.length ? wrong : [...exact.ends.keys()];
      return candidates.reduce((best, i) => (show(i, exact) > show(best, exact) ? i : best), candidates[0]);
    });
  }

  // --- the picture ---
  const panels = flow.length;
  const canvas = addCanvas(frame, {
    height: (width) => pictureHeight(width) + (model.get("posterior") ? strip : 0),
    label: `Particles moving to the corners ${words.join(", ")} of the probability simplex`,
  });
  const pictureHeight = (width) => Math.round(panels === 1 ? clamp(width * 0.72, 270, 440) : clamp(width * 0.5, 230, 380));
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);
  const textColor = (i) => frame.look.texts[i % frame.look.texts.length];
  /** A word's colour where it tells which text it is, else null. */
  const wordColor = (word, position) => {
    const having = tokens.flatMap((text, i) => (text[position] === word ? [i] : []));
    return having.length === 1 ? textColor(having[0]) : null;
  };

  const geometry = (position, width, height) => placeTriangle((width / panels) * position, 0, width / panels, height);

  let pointer = null; // {position, point}, while it is over the canvas
  const channels = (color) => color.match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));

  /**
   * A layer of dots that is written pixel by pixel: thousands of them take a tenth of the time that as many
   * calls of the canvas would. A stamp is the pixels of one dot, ready in each colour, with a thin edge of the
   * ground's colour; sizes are in the screen's own pixels.
   */
  const layer = element("canvas");
  let layerImage = null;
  let layerPixels = null; // its pixels, one number each
  const stamps = new Map();
  function stamp(ratio, radius) {
    const key = `${frame.colors.theme} ${ratio} ${radius}`;
    if (stamps.has(key)) return stamps.get(key);
    const reach = Math.ceil((radius + 1) * ratio);
    const pixels = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const distance = Math.hypot(dx, dy) / ratio;
        const cover = clamp((radius + 0.8 - distance) * ratio + 0.5, 0, 1);
        if (cover > 0) pixels.push({ dx, dy, cover, edge: clamp((distance - radius) * ratio + 0.5, 0, 1) });
      }
    }
    pixels.sort((a, b) => b.cover - a.cover);
    const ground = channels(frame.colors.ground);
    const inks = frame.look.texts.map(channels).map((color) => {
      const inked = (alphaOf) => {
        const bytes = new Uint8ClampedArray(4 * pixels.length); // red, green, blue, alpha
        pixels.forEach((pixel, k) => bytes.set([...color.map((c, i) => c + pixel.edge * (ground[i] - c)), 255 * alphaOf(pixel)], 4 * k));
        return new Uint32Array(bytes.buffer);
      };
      return { soft: inked((pixel) => pixel.cover), full: inked(() => 1) };
    });
    const made = {
      reach,
      dx: Int32Array.from(pixels, (p) => p.dx),
      dy: Int32Array.from(pixels, (p) => p.dy),
      whole: pixels.filter(({ cover }) => cover === 1).length, // so many pixels are covered whole,
      inner: pixels.filter(({ cover }) => cover >= 0.5).length, // so many at least by half
      inks,
    };
    stamps.set(key, made);
    return made;
  }
  /** Draw dots at {x, y} (of the plane), the first `count`; `textOf[i]` says which of the texts' colours. */
  function stampDots(context, place, height, count, { x, y }, textOf, radius) {
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(place.panelWidth * ratio), Math.round(height * ratio)];
    if (layer.width !== wide || layer.height !== high || !layerImage) {
      Object.assign(layer, { width: wide, height: high });
      layerImage = new ImageData(wide, high);
      layerPixels = new Uint32Array(layerImage.data.buffer);
    }
    const pixels = layerPixels;
    pixels.fill(0);
    const { reach, dx, dy, inks, whole, inner } = stamp(ratio, radius);
    const step = Int32Array.from(dx, (across, k) => dy[k] * wide + across); // from a dot's middle to each of its pixels
    const unit = place.unit * ratio;
    const [left, top] = [(place.centerX - place.left) * ratio, place.centerY * ratio];
    for (let i = 0; i < count; i++) {
      const px = Math.round(left + unit * x[i]);
      const py = Math.round(top - unit * y[i]);
      if (!(px >= reach && py >= reach && px < wide - reach && py < high - reach)) continue; // none is cut at the rim
      const { soft, full } = inks[textOf[i] % inks.length];
      const at = py * wide + px;
      for (let k = 0; k < whole; k++) pixels[at + step[k]] = full[k];
      // The soft rim: over an earlier dot its inner half hides that one, its outer half lets it be.
      for (let k = whole; k < step.length; k++) {
        const to = at + step[k];
        if (pixels[to] === 0) pixels[to] = soft[k];
        else if (k < inner) pixels[to] = full[k];
      }
    }
    layer.getContext("2d").putImageData(layerImage, 0, 0);
    context.drawImage(layer, place.left, 0, place.panelWidth, height);
  }

  /** The state of the watched particle now, with one position replaced where a point is given. */
  function stateOfWatched(way, t, watched, position, point) {
    const { before, after, share } = between(way, t);
    const state = new Float64Array(flow.row);
    for (let j = 0; j < flow.row; j++) state[j] = (1 - share) * before[watched * flow.row + j] + share * after[watched * flow.row + j];
    if (point) state.set(lift(point), position * size); // a triangle's only
    return state;
  }

  const CELL = 7; // pixels of the tint's raster
  const tints = Array.from({ length: panels }, () => ({ canvas: element("canvas"), image: null })); // kept from frame to frame
  const guess = new Float64Array(flow.row);
  function drawRegions(context, position, place, height, t, way, watched) {
    const [columns, rows] = [Math.ceil(place.panelWidth / CELL), Math.ceil(height / CELL)];
    const tint = tints[position];
    if (tint.image?.width !== columns || tint.image.height !== rows) {
      Object.assign(tint.canvas, { width: columns, height: rows });
      tint.image = new ImageData(columns, rows);
    }
    const rgba = tint.image.data;
    const state = stateOfWatched(way, t, watched, position, [0, 0]);
    const gain = Math.min(t / (1 - t) ** 2, 1e12);
    const colors = words.map((_, word) => channels(wordColor(word, position) ?? frame.colors.soft));
    const from = position * 3;
    for (let r = 0, at = 0; r < rows; r++) {
      const y = (place.centerY - (r + 0.5) * CELL) / place.unit;
      for (let c = 0; c < columns; c++, at += 4) {
        const x = (place.left + (c + 0.5) * CELL - place.centerX) / place.unit;
        for (let word = 0; word < 3; word++) state[from + word] = (2 / 3) * (x * CORNERS[word][0] + y * CORNERS[word][1]);
        flow.posterior(state, 0, gain, guess, 0);
        let best = from;
        for (let j = from + 1; j < from + 3; j++) if (guess[j] > guess[best]) best = j;
        const color = colors[best - from];
        for (let channel = 0; channel < 3; channel++) rgba[at + channel] = color[channel];
        rgba[at + 3] = 70 * clamp((guess[best] - 1 / 3) * 1.5, 0, 1); // deeper where it is surer
      }
    }
    tint.canvas.getContext("2d").putImageData(tint.image, 0, 0);
    context.drawImage(tint.canvas, place.left, 0, columns * CELL, rows * CELL);
  }

  function drawTriangle(context, position, place) {
    corners.forEach((from, i) =>
      corners.slice(0, i).forEach((to) => {
        const behind = flat ? 0 : clamp(0.5 - (from[2] + to[2]) / 2, 0, 1); // edges at the back are fainter
        line(context, [place.toPixel(from), place.toPixel(to)], { color: frame.colors.ink, width: 1.2, alpha: 1 - 0.75 * behind });
      }),
    );
    corners.forEach((corner, word) => {
      // Beside its corner, away from the middle, and clear of the disc of dots there.
      const away = 1 + 0.46 / Math.max(Math.hypot(corner[0], corner[1]), 0.3);
      const [x, y] = place.toPixel([away * corner[0], away * corner[1]]);
      const likely = Math.exp(language.logP.reduce((sum, logP, i) => (tokens[i][position] === word ? Math.log(Math.exp(sum) + Math.exp(logP)) : sum), -Infinity));
      write(context, words[word], x, y, { color: frame.colors.ink, align: "center", bold: true, size: 13, halo: frame.colors.ground });
      marker(context, "s", x - context.measureText(words[word]).width / 2 - 9, y, 4, wordColor(word, position) ?? frame.colors.ink);
      write(context, percent(likely), x, y + 14, { color: frame.colors.soft, align: "center", size: 11, halo: frame.colors.ground });
    });
    if (panels > 1) write(context, ["first word", "second word"][position], place.left + 8, 12, { color: frame.colors.soft });
  }

  const seen = { x: new Float64Array(noise.shape[0]), y: new Float64Array(noise.shape[0]) }; // written anew for every frame
  /** Where the first `count` dots of a position are drawn at mixing time t: points of the plane. */
  function dots(way, t, position, count) {
    const { before, after, share } = between(way, t);
    const spread = t ** 6; // over the discs, towards the end
    const rounded = clamp((model.get("time") - 1) / ROUNDING + 1, 0, 1);
    for (let i = 0, at = position * size; i < count; i++, at += flow.row) {
      let [x, y] = [0, 0];
      for (let word = 0; word < size; word++) {
        const value = before[at + word] + share * (after[at + word] - before[at + word]);
        x += value * corners[word][0];
        y += value * corners[word][1];
      }
      const corner = corners[way.ends[i][position]];
      seen.x[i] = x + rounded * (corner[0] - x) + spread * disc[i][0];
      seen.y[i] = y + rounded * (corner[1] - y) + spread * disc[i][1];
    }
    return seen;
  }

  function drawParticles(context, position, place, height, way, t, count, exact) {
    stampDots(context, place, height, count, dots(way, t, position, count), exact.textOfEnd, count > 800 ? 1.8 : 2.6);
  }

  function wayPoints(way, particle, position, t) {
    const { before, after, share, k } = between(way, t);
    const points = way.states.slice(0, k + 1).map((states) => plane(states, particle, position));
    const [from, to] = [plane(before, particle, position), plane(after, particle, position)];
    return [...points, [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]];
  }

  function drawTrails(context, position, place, way, t, count, exact) {
    for (let i = 0; i < Math.min(count, 120); i++) {
      line(context, wayPoints(way, i, position, t).map(place.toPixel), { color: textColor(exact.textOfEnd[i]), width: 1, alpha: 0.45 });
    }
  }

  function drawArrows(context, position, place, way, t, count) {
    // (1-t) b_t(x) = D_t(x) - x: the whole way that is left if the guess does not change; a fifth of it is drawn.
    for (let i = 0; i < Math.min(count, 80); i++) {
      const state = stateOfWatched(way, t, i);
      const aim = flow.denoiser(state, t);
      const [x, y] = plane(state, 0, position);
      const [ax, ay] = plane(aim, 0, position);
      const [from, to] = [place.toPixel([x, y]), place.toPixel([x + 0.2 * (ax - x), y + 0.2 * (ay - y)])];
      drawArrow(context, from, to, frame.colors.ink, 1.1);
    }
  }

  /** The watched particle's three ways: the exact curve, Euler's straight steps, one jump of the flow map. */
  function drawWatched(context, position, place, watched, exact, euler, jump) {
    const { colors, look } = frame;
    const halo = (points, color, width, dash) => {
      line(context, points, { color: colors.ground, width: width + 2.5 });
      line(context, points, { color, width, dash });
    };
    const curve = wayPoints(exact, watched, position, 1).map(place.toPixel);
    halo(curve, colors.ink, 1.6, [4, 3]);
    const steps = euler.states.map((states) => place.toPixel(plane(states, watched, position)));
    halo(steps, look.families["perfect-flow"].color, 2.5);
    const [from, to] = [noise.data, jump.states.at(-1)].map((states) => place.toPixel(plane(states, watched, position)));
    halo([from, to], look.families["perfect-flow-map"].color, 2.5);
    steps.slice(1).forEach(([x, y]) => marker(context, "s", x, y, 4, look.families["perfect-flow"].color));
    drawArrow(context, from, to, look.families["perfect-flow-map"].color, 3);
    const wrong = !sameText(euler.ends[watched], exact.ends[watched]);
    const corner = place.toPixel(corners[euler.ends[watched][position]]);
    line(context, [steps.at(-1), corner], { color: look.families["perfect-flow"].color, width: 2, dash: [2, 3] }); // the rounding
    if (wrong) marker(context, "x", ...corner, 12, colors.ground, 8);
    marker(context, wrong ? "x" : "o", ...corner, wrong ? 10 : 4.5, look.families["perfect-flow"].color, 4);
    marker(context, "o", ...from, 5, colors.ink);
  }

  function drawPosterior(context, position, place, t, way, watched, height) {
    const here = flat && pointer?.position === position ? pointer.point : null;
    const state = stateOfWatched(way, t, watched, position, here);
    const chance = flow.denoiser(state, t).subarray(position * size, (position + 1) * size);
    const [left, top] = [place.left + 8, height + 20];
    write(context, here ? "posterior at the pointer" : "posterior, watched particle", left, top - 10, { color: frame.colors.soft, size: 11 });
    words.forEach((word, i) => {
      const y = top + 6 + 16 * i;
      write(context, word, left, y, { color: frame.colors.ink, size: 11 });
      context.fillStyle = wordColor(i, position) ?? frame.colors.soft;
      const room = Math.min(place.panelWidth - 100, 260);
      context.fillRect(left + 42, y - 5, Math.max(1, room * chance[i]), 10);
      write(context, percent(chance[i]), left + 48 + room, y, { color: frame.colors.soft, size: 11 });
    });
  }

  frame.update = () => {
    corners = seenCorners(size, model.get("turn"));
    const count = particleCount();
    const t = currentT();
    const way = currentWay();
    const exact = exactWay(count);
    exact.textOfEnd ??= exact.ends.map(flow.textIndex);
    const euler = steppedWay("euler", count);
    const jump = remember(`jump ${count}`, () => {
      const states = flow.jumpPath(start(count), [0, 1]);
      return { times: [0, 1], states, ends: flow.decode(states.at(-1)) };
    });
    const watched = Math.min(watchedParticle(), count - 1);
    canvas.paint((context, width, height) => {
      height = pictureHeight(width);
      for (let position = 0; position < panels; position++) {
        const place = geometry(position, width, height);
        if (model.get("posterior")) drawPosterior(context, position, place, t, way, watched, height);
        context.save();
        context.beginPath();
        context.rect(place.left, 0, place.panelWidth, height);
        context.clip();
        if (flat && model.get("regions")) drawRegions(context, position, place, height, t, way, watched);
        if (model.get("trails")) drawTrails(context, position, place, way, t, count, exact);
        drawParticles(context, position, place, height, way, t, count, exact);
        if (model.get("arrows")) drawArrows(context, position, place, way, t, count);
        drawTriangle(context, position, place);
        drawWatched(context, position, place, watched, exact, euler, jump);
        if (flat && pointer?.position === position) marker(context, "x", ...place.toPixel(pointer.point), 5, frame.colors.ink);
        context.restore();
        if (position) line(context, [[place.left, 8], [place.left, height - 8]], { color: frame.colors.line, width: 1 });
      }
    });
    tellResult(way, exact, euler, jump, watched, count, t);
  };

  const plural = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;
  function tellResult(way, exact, euler, jump, watched, count, t) {
    const kind = model.get("model");
    const astray = ledAstray(way, exact).length;
    const steps = kind === "euler" ? `, ${plural(model.get("steps"), "step")}` : kind === "flow-map" ? `, ${plural(model.get("steps"), "jump")}` : kind === "trained" ? `, ${plural(recorded.shape[0] - 1, "step")}` : "";
    const name = kind === "euler" ? "Euler" : kind === "flow-map" ? "Flow map" : kind === "flow" ? "Exact flow" : "Trained FLM";
    const result = `${name}${steps}: ${astray} of ${count} particles (${percent(astray / count)}) end in a wrong corner.`;
    if (frame.readout.textContent !== result) frame.readout.textContent = result;
    const families = frame.look.families;
    const verdict = (text) => `${textOf(text)} ${sameText(text, exact.ends[watched]) ? "✓" : flow.textIndex(text) < 0 ? "✗ (no text of the language)" : "✗"}`;
    setLegend(legend, [
      ...tokens.map((text, i) => ({ label: textOf(text), color: textColor(i) })),
      { label: `watched particle: exact flow → ${textOf(exact.ends[watched])}`, color: frame.colors.ink, shape: "line", dash: [4, 3] },
      { label: `Euler, ${plural(model.get("steps"), "step")} → ${verdict(euler.ends[watched])}`, color: families["perfect-flow"].color, shape: "line" },
      { label: `flow map, one jump → ${verdict(jump.ends[watched])}`, color: families["perfect-flow-map"].color, shape: "line" },
    ]);
    el.flm.t = t;
  }

  // --- controls ---
  const tell = (value) => {
    const t = model.get("axis") === "t" ? value : clocks["decoding-error"].t(value);
    return `τ ${clocks["decoding-error"].tau(t).toFixed(2)} · t ${t.toFixed(2)}`;
  };
  const player = addPlayer(frame, "time", { label: "time", seconds: 5, format: tell });
  frame.listen(model, "change:axis", () => (player.slider.output.textContent = tell(model.get("time"))));
  addChoice(frame, "model", { label: "model", options: model.get("models").map((name) => [name, MODEL_NAMES[name]]) });
  // The first eight step counts one by one, then doubling: a slider over 64 would hide where it matters.
  const counts = [1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 64];
  const nearest = (n) => counts.reduce((best, c, i) => (Math.abs(c - n) < Math.abs(counts[best] - n) ? i : best), 0);
  addSlider(frame, "steps", { label: "steps", min: 0, max: counts.length - 1, toSlider: nearest, fromSlider: (i) => counts[i] });
  addChoice(frame, "schedule", { label: "steps spaced in", options: [["decoding-error", "τ (decoding error)"], ["uniform", "t (uniform)"]] });
  addChoice(frame, "axis", { label: "play over", options: [["tau", "τ"], ["t", "t"]] });
  addSlider(frame, "particles", { label: "particles", min: 1, max: noise.shape[0] });
  addSwitch(frame, "trails", { label: "trails" });
  addSwitch(frame, "arrows", { label: "velocity arrows" });
  if (flat) addSwitch(frame, "regions", { label: "likeliest word (tint)" });
  else addSlider(frame, "turn", { label: "turn", min: 0, max: 360, format: (value) => `${value}°` });
  addSwitch(frame, "posterior", { label: "posterior" });
  addButton(frame, "watch another", () => {
    const [exact, euler] = [exactWay(particleCount()), steppedWay("euler", particleCount())];
    const wrong = ledAstray(euler, exact);
    const now = watchedParticle();
    // The next one led astray; where there is none, the next one.
    const next = wrong.find((i) => i > now) ?? wrong[0] ?? (now + 1) % particleCount();
    setState(model, { watched: next });
  });

  const positionAt = ([x, y]) => {
    const { width } = canvas.size;
    const height = pictureHeight(width);
    const position = clamp(Math.floor((x / width) * panels), 0, panels - 1);
    return { position, point: geometry(position, width, height).toPlane(x, y) };
  };
  let dragged = null; // where a drag of the tetrahedron began: [pixel, degrees]
  let turned = false; // a drag is no click
  frame.listen(canvas.canvas, "pointerdown", (event) => {
    turned = false;
    if (!flat) dragged = [event.clientX, model.get("turn")];
  });
  frame.listen(window, "pointerup", () => {
    if (turned) model.save_changes();
    dragged = null;
  });
  frame.listen(window, "pointermove", (event) => {
    if (!dragged || Math.abs(event.clientX - dragged[0]) < 3) return;
    turned = true;
    model.set("turn", Math.round((((dragged[1] + event.clientX - dragged[0]) % 360) + 360) % 360));
  });
  frame.listen(canvas.canvas, "pointermove", (event) => {
    pointer = positionAt(canvas.locate(event));
    frame.requestUpdate();
  });
  frame.listen(canvas.canvas, "pointerleave", () => {
    pointer = null;
    frame.requestUpdate();
  });
  frame.listen(canvas.canvas, "click", (event) => {
    if (turned) return;
    const { position, point } = positionAt(canvas.locate(event));
    const { x, y } = dots(currentWay(), currentT(), position, particleCount());
    let [nearestParticle, least] = [0, Infinity];
    for (let i = 0; i < particleCount(); i++) {
      const distance = Math.hypot(x[i] - point[0], y[i] - point[1]);
      if (distance < least) [nearestParticle, least] = [i, distance];
    }
    setState(model, { watched: nearestParticle });
  });

  // For the console and the tests: what the picture is drawn from.
  el.flm = { model, flow, clocks, noise: noise.data, exactWay, steppedWay, currentWay, draw: () => frame.update() };
  return () => frame.dispose();
}
