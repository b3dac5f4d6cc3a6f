// The particles of the simplex picture: their ways from noise to words, and which of them end as another text.

const FINE = 64; // knots of the exact way
const KEPT = 12; // ways that are kept, each a few megabytes

const sameText = (a, b) => a.every((token, i) => token === b[i]);

/** A way at mixing time t: the two knots around it and how far between them; steps are straight in t. */
function between({ times, states }, t) {
  let k = 0;
  while (k < times.length - 2 && times[k + 1] <= t) k++;
  const share = clamp((t - times[k]) / (times[k + 1] - times[k]), 0, 1);
  return { before: states[k], after: states[k + 1], share, k };
}

/** The state of one particle at mixing time t, `row` numbers. */
function stateAt(way, particle, row, t) {
  const { before, after, share } = between(way, t);
  const state = new Float64Array(row);
  const from = particle * row;
  for (let j = 0; j < row; j++) state[j] = (1 - share) * before[from + j] + share * after[from + j];
  return state;
}

/** Particles that end as another text than on the exact way. */
function ledAstray(way, exact) {
  if (way.comparedWith !== exact) {
    way.comparedWith = exact;
    // A recording may hold more particles than the exact way.
    way.astray = exact.ends.flatMap((text, i) => (sameText(text, way.ends[i]) ? [] : [i]));
  }
  return way.astray;
}

/**
 * The ways of the particles, each {times, states, ends}: mixing times, the states of all particles at each of them, and
 * the text that each particle ends as. A way is computed when it is first needed.
 */
function createWays(model, flow, clocks, { noise, recorded, sources }) {
  const known = new Map();
  function remember(key, compute) {
    if (!known.has(key)) {
      if (known.size > KEPT) known.clear();
      known.set(key, compute());
    }
    return known.get(key);
  }
  const toEnd = (times, states) => ({ times, states, ends: flow.decode(states.at(-1)) });
  const start = (count) => noise.data.subarray(0, count * flow.row);
  const stepTimes = () => spacedTimes(clocks[model.get("schedule")], model.get("steps"));

  /** The exact way also knows which text of the language each particle ends as: its colour. */
  function exactWay(count) {
    return remember(`exact ${count}`, () => {
      const clock = clocks["decoding-error"];
      const decided = DECIDED / (1 + DECIDED);
      const last = clock.tau(decided);
      const knots = Array.from({ length: FINE + 1 }, (_, k) => (k === FINE ? decided : clock.t((last * k) / FINE)));
      const times = [...knots, 1];
      const way = toEnd(times, flow.jumpPath(start(count), times, 1)); // a step from knot to knot
      return { ...way, textOfEnd: way.ends.map(flow.textIndex) };
    });
  }

  function steppedWay(kind, count) {
    const times = stepTimes();
    const path = kind === "euler" ? flow.eulerPath : flow.jumpPath;
    return remember(`${kind} ${count} ${times}`, () => toEnd(times, path(start(count), times)));
  }

  /** Each noise on the straight line to a text that was drawn apart from it: at mixing time t the interpolant I_t. */
  function mixtures(count) {
    return remember(`mixtures ${count}`, () => {
      const { length, row, vocabSize } = flow;
      const ends = Array.from({ length: count }, (_, i) => [...sources.data.subarray(i * length, (i + 1) * length)]);
      const corners = new Float64Array(count * row);
      ends.flat().forEach((word, place) => (corners[place * vocabSize + word] = 1));
      return { times: [0, 1], states: [start(count), corners], ends, textOfEnd: ends.map(flow.textIndex), mixed: true };
    });
  }

  const oneJump = (count) => remember(`jump ${count}`, () => toEnd([0, 1], flow.jumpPath(start(count), [0, 1])));

  function recordedWay() {
    return remember("recorded", () => {
      const [knots, count] = recorded.shape;
      const size = count * flow.row;
      const states = Array.from({ length: knots }, (_, k) => recorded.data.subarray(k * size, (k + 1) * size));
      return toEnd(model.get("recorded_t"), states);
    });
  }

  function particleCount() {
    const limit = model.get("model") === "trained" ? recorded.shape[1] : noise.shape[0];
    return Math.min(model.get("particles"), limit);
  }

  function currentWay() {
    const kind = model.get("model");
    if (kind === "flow") return exactWay(particleCount());
    if (kind === "trained") return recordedWay();
    if (kind === "mixtures") return mixtures(particleCount());
    return steppedWay(kind, particleCount());
  }

  return { remember, stepTimes, exactWay, steppedWay, oneJump, currentWay, particleCount };
}

/** The way that may lead astray: the trained model's where it is shown, else Euler's. */
function erringWay({ model, ways }, count) {
  return model.get("model") === "trained" ? ways.currentWay() : ways.steppedWay("euler", count);
}

/** The particle whose ways are drawn: the chosen one, or else the best seen of those that are led astray. */
function watchedParticle(scene) {
  const { model, ways } = scene;
  const count = ways.particleCount();
  const chosen = model.get("watched");
  if (chosen >= 0 && chosen < count) return chosen;
  const [exact, erring] = [ways.exactWay(count), erringWay(scene, count)];
  return ways.remember(`watched ${model.get("model") === "trained"} ${count} ${erring.times}`, () => {
    const wrong = ledAstray(erring, exact);
    const candidates = wrong.length ? wrong : [...exact.ends.keys()];
    const seen = (i) => shortestWay(scene, exact.ends[i], i);
    return candidates.reduce((best, i) => (seen(i) > seen(best) ? i : best), candidates[0]);
  });
}

/** The particle to watch after this one: the next one led astray; where there is none, the next one. */
function nextParticle(scene) {
  const { ways } = scene;
  const count = ways.particleCount();
  const wrong = ledAstray(erringWay(scene, count), ways.exactWay(count));
  const now = watchedParticle(scene);
  return wrong.find((i) => i > now) ?? wrong[0] ?? (now + 1) % count;
}

/** How well a particle's way can be seen: the shortest of its ways to its words, if it starts within the picture. */
function shortestWay({ noise, view }, words, particle) {
  const lengths = words.map((word, position) => {
    const [x, y] = view.point(noise.data, particle, position);
    const [wordX, wordY] = view.corners[word];
    return Math.max(Math.abs(x), Math.abs(y)) < 1.5 ? Math.hypot(x - wordX, y - wordY) : 0;
  });
  return Math.min(...lengths);
}
