// The picture of an automaton: a column for the states before and after each word, and curves through the words.

const FULL = 9; // pixels of an edge that has all of its position's weight
const GAP = 25; // pixels from edge to edge where a position has the most of them
const HEAD = 26; // pixels for the positions' numbers
const BAR = 21; // pixels of a row of the bars
const LONGEST = 12; // letters of a label
const WIDE = 12; // sizes of the labels' font
const NARROW = 10;
const BESIDE = { [WIDE]: 34, [NARROW]: 13 }; // pixels beside a label, for a state and the bends of curves

/** A word short enough for its place. */
const shortened = (word, most) => (word.length > most ? `${word.slice(0, most - 1)}…` : word);

/** The order of a column's or a layer's members by a number of each: member -> its place, 0 to 1. */
function spread(numbers) {
  const order = [...numbers.keys()].sort((a, b) => numbers[a] - numbers[b] || a - b);
  const places = [];
  order.forEach((member, k) => (places[member] = (k + 0.5) / order.length));
  return places;
}

/** Heights of states and of edges in the middle, 0 to 1, with few crossings: each state lies amid those it leads to. */
function arrange(layers) {
  const heights = [1, ...layers.map(({ states }) => states[1])].map((size) => spread(Array(size).fill(0)));
  const pull = (l, from, to, near, far) => {
    const [sum, count] = [Array(heights[near].length).fill(0), Array(heights[near].length).fill(0)];
    layers[l][to].forEach((state, e) => {
      sum[state] += heights[far][layers[l][from][e]];
      count[state]++;
    });
    heights[near] = spread(sum.map((total, state) => total / count[state]));
  };
  for (let sweep = 0; sweep < 4; sweep++) {
    layers.forEach((_, l) => pull(l, "source", "target", l + 1, l));
    for (let l = layers.length - 1; l >= 0; l--) pull(l, "target", "source", l, l + 1);
  }
  // An edge goes through its label, and labels keep their distance: none lies on another.
  const middles = layers.map(({ source, target }, l) =>
    spread(source.map((state, e) => heights[l][state] + heights[l + 1][target[e]])));
  return { heights, middles };
}

/** Widths that the positions' labels ask for, in a font of that size. */
function neededWidths(context, { words, layers }, size) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  const long = (word) => context.measureText(shortened(words[word], LONGEST)).width;
  return layers.map(({ token }) => Math.max(...token.map(long)) + BESIDE[size]);
}

/** Where all is in a picture of that width: x of each column, y of heights, and which position lies at an x. */
function placeAutomaton({ layers }, needed, width) {
  const margin = 9;
  const rest = (width - 2 * margin - needed.reduce((a, b) => a + b, 0)) / layers.length;
  const x = [margin];
  for (const gap of needed) x.push(x.at(-1) + gap + rest);
  const height = GAP * Math.max(4, ...layers.map(({ token }) => token.length));
  return {
    x,
    flat: needed.map((label) => label / 4), // half of what an edge runs level at its label
    y: (share) => HEAD + 12 + share * height,
    height: HEAD + height + 12,
    positionAt: (at) => clamp(x.findLastIndex((left) => left <= at), 0, layers.length - 1),
  };
}

/** The automaton: `shares` of its edges and states, `path` of the clean text as {states, edges}, the chosen position. */
function drawAutomaton(context, { colors, look }, automaton, place, { arranged, shares, path, position, size }) {
  const { words, layers } = automaton;
  const { x, y, flat, height } = place;
  const { heights, middles } = arranged;
  context.fillStyle = colors.card;
  context.fillRect(x[position], 0, x[position + 1] - x[position], height);
  line(context, [[x[position], 1], [x[position + 1], 1]], { color: look.texts[0], width: 3 });
  const labels = [];
  layers.forEach(({ source, token, target }, l) => {
    const middle = (x[l] + x[l + 1]) / 2;
    const chosen = l === position;
    write(context, `${l + 1}`, middle, 14, { color: chosen ? colors.ink : colors.soft, align: "center", bold: chosen });
    token.forEach((word, e) => {
      const [from, over, to] = [heights[l][source[e]], middles[l][e], heights[l + 1][target[e]]].map(y);
      const own = path.edges[l] === e;
      const thickness = Math.max(0.8, FULL * shares.edges[l][e]);
      context.save();
      context.strokeStyle = own ? look.texts[0] : colors.soft;
      context.lineWidth = thickness;
      context.beginPath();
      context.moveTo(x[l], from);
      // Level below its label, so that it does not run into it.
      const level = Math.min(flat[l], 0.28 * (x[l + 1] - x[l]));
      const [enter, leave] = [middle - level, middle + level];
      const bend = (enter - x[l]) / 2;
      context.bezierCurveTo(x[l] + bend, from, enter - bend, over, enter, over);
      context.lineTo(leave, over);
      context.bezierCurveTo(leave + bend, over, x[l + 1] - bend, to, x[l + 1], to);
      context.stroke();
      context.restore();
      const style = { color: own || shares.edges[l][e] > 0.02 ? colors.ink : colors.soft, bold: own };
      const halo = chosen ? colors.card : colors.ground;
      labels.push([shortened(words[word], LONGEST), middle, over - thickness / 2 - 7, { ...style, halo }]);
    });
  });
  heights.forEach((column, l) =>
    column.forEach((share, state) => {
      const color = path.states[l] === state ? look.texts[0] : colors.soft;
      const radius = size === WIDE ? 7 : 5;
      marker(context, "o", x[l], y(share), radius + 1.2, color);
      marker(context, "o", x[l], y(share), radius, colors.ground);
      context.globalAlpha = shares.states[l][state];
      marker(context, "o", x[l], y(share), radius, color);
      context.globalAlpha = 1;
    }));
  for (const [word, at, up, style] of labels) write(context, word, at, up, { ...style, align: "center", size });
}

/** Bars of the posterior over a position's words, the clean text's own marked. */
function drawBars(context, { colors, look }, width, { words, shown, posterior, truth }) {
  const left = Math.min(110, width * 0.3);
  const most = Math.floor(left / 7.5);
  shown.forEach((word, k) => {
    const [top, middle] = [k * BAR + 2, (k + 0.5) * BAR];
    const own = word === truth;
    const long = (width - left - 110) * posterior[word];
    const style = { color: colors.ink, bold: own };
    write(context, shortened(words[word], most), left - 8, middle, { ...style, align: "right" });
    context.fillStyle = own ? look.texts[0] : colors.soft;
    context.fillRect(left, top, Math.max(1, long), BAR - 4);
    const note = own ? "◂ true" : "";
    write(context, `${percent(posterior[word], 1)} ${note}`, left + long + 7, middle, style);
  });
}
