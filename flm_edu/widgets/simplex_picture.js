// What is drawn of the simplex. Each function draws one thing into one panel, {position, place, height}, of the scene
// that simplex.js puts together; `scene.now` is what the widget's state says at the moment.

const CELL = 7; // pixels of the tint's raster
const TRAILS = 120; // particles that leave a trail, where trails are drawn
const ARROWS = 80; // particles that have a velocity arrow, where arrows are drawn

/** The whole picture: the panels of all positions side by side, and their posteriors below them. */
function drawPicture(context, scene, width) {
  const { model, frame, flat, panels, view, pointer } = scene;
  const height = view.height(width);
  for (let position = 0; position < panels; position++) {
    const place = view.place(position, width);
    const panel = { position, place, height };
    if (model.get("posterior")) drawPosterior(context, scene, panel);
    context.save();
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
    const here = flat && pointer?.position === position;
    if (here) marker(context, "x", ...place.toPixel(pointer.point), 5, frame.colors.ink);
    context.restore();
    if (position) line(context, [[place.left, 8], [place.left, height - 8]], { color: frame.colors.line, width: 1 });
  }
}

const textColor = ({ frame }, text) => frame.look.texts[text % frame.look.texts.length];

/** A word's colour where it tells which text it is, else null. */
function wordColor(scene, word, position) {
  const having = scene.language.tokens.flatMap((text, i) => (text[position] === word ? [i] : []));
  return having.length === 1 ? textColor(scene, having[0]) : null;
}

/** The tint: at each point of the triangle the colour of the word that is likeliest there, deeper where it is surer. */
function drawRegions(context, scene, { position, place, height }) {
  const { frame, flow, language, now } = scene;
  const [columns, rows] = [Math.ceil(place.panelWidth / CELL), Math.ceil(height / CELL)];
  const tint = fitTint(scene.tints, position, columns, rows);
  const rgba = tint.image.data;
  // The other position's word stays that of the watched particle; this one's is put at each cell in turn.
  const state = stateAt(now.way, now.watched, flow.row, now.t);
  const guess = new Float64Array(flow.row);
  const gain = gainAt(now.t);
  const colors = language.words.map((_, word) => channels(wordColor(scene, word, position) ?? frame.colors.soft));
  const from = position * 3;
  for (let r = 0, at = 0; r < rows; r++) {
    const y = (place.centerY - (r + 0.5) * CELL) / place.unit;
    for (let c = 0; c < columns; c++, at += 4) {
      const x = (place.left + (c + 0.5) * CELL - place.centerX) / place.unit;
      // As `lift` does, without making an array a cell.
      for (let word = 0; word < 3; word++) state[from + word] = (2 / 3) * (x * CORNERS[word][0] + y * CORNERS[word][1]);
      flow.posterior(state, 0, gain, guess, 0);
      let best = from;
      for (let j = from + 1; j < from + 3; j++) if (guess[j] > guess[best]) best = j;
      const color = colors[best - from];
      for (let channel = 0; channel < 3; channel++) rgba[at + channel] = color[channel];
      rgba[at + 3] = 70 * clamp((guess[best] - 1 / 3) * 1.5, 0, 1);
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
    // Beside its corner, away from the middle, and clear of the disc of dots there.
    const away = 1 + 0.46 / Math.max(Math.hypot(corner[0], corner[1]), 0.3);
    const [x, y] = place.toPixel([away * corner[0], away * corner[1]]);
    const having = logP.filter((_, text) => tokens[text][position] === word);
    const share = Math.exp(having.reduce((sum, one) => Math.log(Math.exp(sum) + Math.exp(one)), -Infinity));
    write(context, words[word], x, y, { color: ink, align: "center", bold: true, size: 13, halo: ground });
    const left = x - context.measureText(words[word]).width / 2;
    marker(context, "s", left - 9, y, 4, wordColor(scene, word, position) ?? ink);
    write(context, percent(share), x, y + 14, { color: soft, align: "center", size: 11, halo: ground });
  });
  if (panels > 1) write(context, ["first word", "second word"][position], place.left + 8, 12, { color: soft });
}

function drawParticles(context, { dots, drawDots, now }, panel) {
  const { way, t, count, exact } = now;
  drawDots(context, panel, count, dots(way, t, panel.position, count), exact.textOfEnd, count > 800 ? 1.8 : 2.6);
}

/** The points of the plane that a particle has been at until mixing time t. */
function wayPoints(view, way, particle, position, t) {
  const { before, after, share, k } = between(way, t);
  const points = way.states.slice(0, k + 1).map((states) => view.point(states, particle, position));
  const [from, to] = [view.point(before, particle, position), view.point(after, particle, position)];
  return [...points, [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]];
}

function drawTrails(context, scene, { position, place }) {
  const { way, t, count, exact } = scene.now;
  for (let i = 0; i < Math.min(count, TRAILS); i++) {
    const points = wayPoints(scene.view, way, i, position, t).map(place.toPixel);
    line(context, points, { color: textColor(scene, exact.textOfEnd[i]), width: 1, alpha: 0.45 });
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

/** The watched particle's three ways: the exact curve, Euler's straight steps, one jump of the flow map. */
function drawWatched(context, { frame, noise, view, now }, { position, place }) {
  const { colors, look } = frame;
  const { exact, euler, jump, watched } = now;
  const [eulerColor, jumpColor] = [look.families["perfect-flow"].color, look.families["perfect-flow-map"].color];
  const seen = (states) => place.toPixel(view.point(states, watched, position));
  const halo = (points, color, width, dash) => {
    line(context, points, { color: colors.ground, width: width + 2.5 });
    line(context, points, { color, width, dash });
  };
  halo(wayPoints(view, exact, watched, position, 1).map(place.toPixel), colors.ink, 1.6, [4, 3]);
  const steps = euler.states.map(seen);
  halo(steps, eulerColor, 2.5);
  const [from, to] = [seen(noise.data), seen(jump.states.at(-1))];
  halo([from, to], jumpColor, 2.5);
  for (const [x, y] of steps.slice(1)) marker(context, "s", x, y, 4, eulerColor);
  drawArrow(context, from, to, jumpColor, 3);
  const wrong = !sameText(euler.ends[watched], exact.ends[watched]);
  const corner = place.toPixel(view.corners[euler.ends[watched][position]]);
  line(context, [steps.at(-1), corner], { color: eulerColor, width: 2, dash: [2, 3] }); // the rounding
  if (wrong) marker(context, "x", ...corner, 12, colors.ground, 8);
  marker(context, wrong ? "x" : "o", ...corner, wrong ? 10 : 4.5, eulerColor, 4);
  marker(context, "o", ...from, 5, colors.ink);
}

/** Bars of the words' chances below a panel: for the watched particle, or for the point of a triangle pointed at. */
function drawPosterior(context, scene, { position, place, height }) {
  const { frame, language, flow, flat, pointer, now } = scene;
  const { ink, soft } = frame.colors;
  const { words } = language;
  const here = flat && pointer?.position === position ? pointer.point : null;
  const state = stateAt(now.way, now.watched, flow.row, now.t);
  const from = position * words.length;
  if (here) state.set(lift(here), from);
  const chance = flow.denoiser(state, now.t).subarray(from, from + words.length);
  const [left, top] = [place.left + 8, height + 20];
  const title = here ? "posterior at the pointer" : "posterior, watched particle";
  write(context, title, left, top - 10, { color: soft, size: 11 });
  words.forEach((word, i) => {
    const y = top + 6 + 16 * i;
    const room = Math.min(place.panelWidth - 100, 260);
    write(context, word, left, y, { color: ink, size: 11 });
    context.fillStyle = wordColor(scene, i, position) ?? soft;
    context.fillRect(left + 42, y - 5, Math.max(1, room * chance[i]), 10);
    write(context, percent(chance[i]), left + 48 + room, y, { color: soft, size: 11 });
  });
}
