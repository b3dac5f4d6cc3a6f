// What is drawn of the simplex. Each function draws one thing into one panel, {position, place, height}, of the scene
// that simplex.js puts together; `scene.now` is what the widget's state says at the moment.

const CELL = 7; // pixels of the tint's raster
const TRAILS = 120; // particles that leave a trail, where trails are drawn
const ARROWS = 80; // particles that have a velocity arrow, where arrows are drawn

/** The whole picture: the panels of all positions side by side, and their posteriors below them. */
function drawPicture(context, scene, width) {
  const { model, frame, flat, panels, view } = scene;
  const height = view.panelHeight(width);
  for (let position = 0; position < panels; position++) {
    const place = view.place(position, width);
    const panel = { position, place, height };
    context.save();
    context.translate(0, view.top(position, width));
    if (model.get("posterior")) drawPosterior(context, scene, panel);
    context.beginPath();
    context.rect(place.left, 0, place.panelWidth, height);
    context.clip();
    if (flat && model.get("regions")) drawRegions(context, scene, panel);
    if (model.get("trails")) drawTrails(context, scene, panel);
    drawParticles(context, scene, panel);
    if (model.get("arrows")) drawArrows(context, scene, panel);
    drawEdges(context, scene, panel);
    drawWords(context, scene, panel);
    drawWatched(context, scene, panel);
    const here = pointerIn(scene, position);
    if (here) marker(context, "x", ...place.toPixel(here), 5, frame.colors.ink);
    context.restore();
    if (place.left) line(context, [[place.left, 8], [place.left, height - 8]], { color: frame.colors.line, width: 1 });
  }
}

/** The point of a triangle that the pointer is at, where a posterior can be told of it. */
const pointerIn = ({ model, flat, pointer }, position) =>
  flat && model.get("posterior") && pointer?.position === position ? pointer.point : null;

const textColor = ({ frame }, text) => frame.look.texts[text % frame.look.texts.length];

/** A word's colour where it tells which text it is, else null. */
function wordColor(scene, word, position) {
  const having = scene.language.tokens.flatMap((text, i) => (text[position] === word ? [i] : []));
  return having.length === 1 ? textColor(scene, having[0]) : null;
}

// The chances of the three words at a point of a triangle, of which three entries are given. There are thousands of
// points a frame: neither function makes an array for each.

/** What argmax makes of mixtures: all for the largest entry. */
function readByArgmax() {
  const chances = new Float64Array(3);
  return (entries) => {
    for (let word = 0; word < 3; word++) chances[word] = entries[word] === Math.max(entries[0], entries[1], entries[2]) ? 1 : 0;
    return chances;
  };
}

/** What the posterior says; the other position's word stays that of the watched particle. */
function readByPosterior({ flow, now }, position) {
  const state = stateAt(now.way, now.watched, flow.row, now.t);
  const guess = new Float64Array(flow.row);
  const chances = guess.subarray(position * 3, position * 3 + 3);
  const gain = gainAt(now.t);
  return (entries) => {
    state.set(entries, position * 3);
    flow.posterior(state, 0, gain, guess, 0);
    return chances;
  };
}

/** The tint: at each point of the triangle the colour of the word that is likeliest there, deeper where it is surer. */
function drawRegions(context, scene, { position, place, height }) {
  const { frame, language, now } = scene;
  const [columns, rows] = [Math.ceil(place.panelWidth / CELL), Math.ceil(height / CELL)];
  const tint = fitTint(scene.tints, position, columns, rows);
  const rgba = tint.image.data;
  const read = now.way.mixed ? readByArgmax() : readByPosterior(scene, position);
  const entries = new Float64Array(3);
  const colors = language.words.map((_, word) => channels(wordColor(scene, word, position) ?? frame.colors.soft));
  for (let r = 0, at = 0; r < rows; r++) {
    const y = (place.centerY - (r + 0.5) * CELL) / place.unit;
    for (let c = 0; c < columns; c++, at += 4) {
      const x = (place.left + (c + 0.5) * CELL - place.centerX) / place.unit;
      // As `lift` does, without making an array a cell.
      for (let word = 0; word < 3; word++) entries[word] = (2 / 3) * (x * CORNERS[word][0] + y * CORNERS[word][1]);
      const chances = read(entries);
      let best = 0;
      for (let word = 1; word < 3; word++) if (chances[word] > chances[best]) best = word;
      for (let channel = 0; channel < 3; channel++) rgba[at + channel] = colors[best][channel];
      rgba[at + 3] = 70 * clamp((chances[best] - 1 / 3) * 1.5, 0, 1);
    }
  }
  tint.canvas.getContext("2d").putImageData(tint.image, 0, 0);
  context.drawImage(tint.canvas, place.left, 0, columns * CELL, rows * CELL);
}

/** The canvas and pixels of a position's tint, which are kept from frame to frame, in the size asked for. */
function fitTint(tints, position, columns, rows) {
  tints[position] ??= { canvas: element("canvas"), image: null };
  const tint = tints[position];
  if (tint.image?.width !== columns || tint.image.height !== rows) {
    Object.assign(tint.canvas, { width: columns, height: rows });
    tint.image = new ImageData(columns, rows);
  }
  return tint;
}

/** The edges of the triangle or tetrahedron; those at the back are fainter. */
function drawEdges(context, { frame, flat, view }, { place }) {
  view.corners.forEach((from, i) => {
    for (const to of view.corners.slice(0, i)) {
      const behind = flat ? 0 : clamp(0.5 - (from[2] + to[2]) / 2, 0, 1);
      const alpha = 1 - 0.75 * behind;
      line(context, [place.toPixel(from), place.toPixel(to)], { color: frame.colors.ink, width: 1.2, alpha });
    }
  });
}

/** The words beside their corners, with their colours and their shares of the language. */
function drawWords(context, scene, { position, place }) {
  const { frame, language, panels, view } = scene;
  const { words, tokens, logP } = language;
  const { ink, soft, ground } = frame.colors;
  view.corners.forEach((corner, word) => {
    context.font = "600 13px system-ui, sans-serif";
    const half = context.measureText(words[word]).width / 2;
    const [before, after] = [half + 15, half + 2]; // what it takes to each side, its mark before it included
    // Beside its corner, away from the middle, clear of the disc of dots there, and within the panel.
    const away = 1 + 0.46 / Math.max(Math.hypot(corner[0], corner[1]), 0.3);
    const [beside, y] = place.toPixel([away * corner[0], away * corner[1]]);
    const cornerX = place.toPixel(corner)[0];
    const clear = DISC * place.unit + 4;
    const [low, high] = [corner[0] > 0.3 ? cornerX + clear + before : -Infinity, corner[0] < -0.3 ? cornerX - clear - after : Infinity];
    const x = clamp(clamp(beside, low, high), place.left + before, place.left + place.panelWidth - after);
    const having = logP.filter((_, text) => tokens[text][position] === word);
    const share = Math.exp(having.reduce((sum, one) => Math.log(Math.exp(sum) + Math.exp(one)), -Infinity));
    write(context, words[word], x, y, { color: ink, align: "center", bold: true, size: 13, halo: ground });
    marker(context, "s", x - half - 9, y, 4, wordColor(scene, word, position) ?? ink);
    write(context, percent(share), x, y + 14, { color: soft, align: "center", size: 11, halo: ground });
  });
  if (panels > 1) write(context, ["first word", "second word"][position], place.left + 8, 12, { color: soft });
}

function drawParticles(context, { dots, drawDots, now }, panel) {
  const { way, t, count, textOf } = now;
  drawDots(context, panel, count, dots(way, t, panel.position, count), textOf, count > 800 ? 1.8 : 2.6);
}

/** The points of the plane that a particle has been at until mixing time t. */
function wayPoints(view, way, particle, position, t) {
  const { before, after, share, k } = between(way, t);
  const points = way.states.slice(0, k + 1).map((states) => view.point(states, particle, position));
  const [from, to] = [view.point(before, particle, position), view.point(after, particle, position)];
  return [...points, [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]];
}

function drawTrails(context, scene, { position, place }) {
  const { way, t, count, textOf } = scene.now;
  for (let i = 0; i < Math.min(count, TRAILS); i++) {
    const points = wayPoints(scene.view, way, i, position, t).map(place.toPixel);
    line(context, points, { color: textColor(scene, textOf[i]), width: 1, alpha: 0.45 });
  }
}

function drawArrows(context, { frame, flow, view, now }, { position, place }) {
  // (1-t) b_t(x) = D_t(x) - x: the whole way that is left if the guess does not change; a fifth of it is drawn.
  for (let i = 0; i < Math.min(now.count, ARROWS); i++) {
    const state = stateAt(now.way, i, flow.row, now.t);
    const [x, y] = view.point(state, 0, position);
    const [aimX, aimY] = view.point(flow.denoiser(state, now.t), 0, position);
    const [from, to] = [place.toPixel([x, y]), place.toPixel([x + 0.2 * (aimX - x), y + 0.2 * (aimY - y)])];
    drawArrow(context, from, to, frame.colors.ink, 1.1);
  }
}

/** The watched particle's ways: the exact curve, straight steps, jumps of the flow map. */
function drawWatched(context, scene, { position, place }) {
  const { frame, noise, view, now } = scene;
  const { watched, lines } = now;
  if (!lines.length) return;
  const { colors } = frame;
  const seen = (states) => place.toPixel(view.point(states, watched, position));
  const halo = (points, color, width, dash) => {
    line(context, points, { color: colors.ground, width: width + 2.5 });
    line(context, points, { color, width, dash });
  };
  /** Steps, the rounding of their end, and a cross if it is wrong. */
  function drawSteps(points, { ends }, color) {
    halo(points, color, 2.5);
    for (const [x, y] of points.slice(1)) marker(context, "s", x, y, points.length > 13 ? 2 : 4, color);
    const wrong = !sameText(ends[watched], now.exact.ends[watched]);
    const corner = place.toPixel(view.corners[ends[watched][position]]);
    line(context, [points.at(-1), corner], { color, width: 2, dash: [2, 3] });
    if (wrong) marker(context, "x", ...corner, 12, colors.ground, 8);
    marker(context, wrong ? "x" : "o", ...corner, wrong ? 10 : 4.5, color, 4);
  }
  function drawJumps(points, color) {
    halo(points, color, 2.5);
    points.slice(1).forEach((to, k) => drawArrow(context, points[k], to, color, 3));
  }
  for (const { kind, way, color } of lines) {
    if (kind === "exact") halo(wayPoints(view, way, watched, position, 1).map(place.toPixel), color, 1.6, [4, 3]);
    else if (kind.startsWith("jump")) drawJumps(way.states.map(seen), color);
    else drawSteps(way.states.map(seen), way, color);
  }
  marker(context, "o", ...seen(noise.data), 5, colors.ink);
}

/** Bars of the words' chances below a panel: for the watched particle, or for the point of a triangle pointed at. */
function drawPosterior(context, scene, { position, place, height }) {
  const { frame, language, flow, now, stage } = scene;
  const { ink, soft } = frame.colors;
  const { words } = language;
  const here = pointerIn(scene, position);
  const state = stateAt(now.way, now.watched, flow.row, now.t);
  const from = position * words.length;
  if (here) state.set(lift(here), from);
  const chance = flow.denoiser(state, now.t).subarray(from, from + words.length);
  const [left, top] = [place.left + 8, height + 20];
  const title = here ? "posterior at the pointer" : `posterior, ${stage.words.watched}`;
  write(context, title, left, top - 10, { color: soft, size: 11 });
  const indent = Math.max(42, ...words.map((word) => context.measureText(word).width + 6)); // in the title's font
  const room = Math.min(place.panelWidth - 58 - indent, 260);
  words.forEach((word, i) => {
    const y = top + 6 + 16 * i;
    write(context, word, left, y, { color: ink, size: 11 });
    context.fillStyle = wordColor(scene, i, position) ?? soft;
    context.fillRect(left + indent, y - 5, Math.max(1, room * chance[i]), 10);
    write(context, percent(chance[i]), left + indent + 6 + room, y, { color: soft, size: 11 });
  });
}
