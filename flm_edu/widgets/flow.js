// The exact flow of a small finite language in closed form: what oracle.py computes, in the browser.
// States are flat arrays: sample after sample, each L positions of V numbers.

const DECIDED = 15; // t/(1-t) beyond which one jump is exact, as in oracle.py

/** What a word's entry in a state counts at mixing time t; bounded, as at t = 1 only the nearest texts count. */
const gainAt = (t) => Math.min(t / (1 - t) ** 2, 1e12);

/** x_t = (1 - r) x + r delta with r = (t-s)/(1-s): an Euler step if delta is D_s, a jump if it is delta_{s,t}. */
function move(x, delta, s, t) {
  const r = s < 1 ? (t - s) / (1 - s) : 0;
  return x.map((value, i) => (1 - r) * value + r * delta[i]);
}

/**
 * The classical Runge-Kutta method for dy/dc = D(c y), with a step from each c of `grid` to the next: moves every state
 * of y, `row` numbers each, in place.
 */
function rungeKutta(posterior, y, row, grid) {
  const [k1, k2, k3, k4, z] = Array.from({ length: 5 }, () => new Float64Array(row));
  for (let from = 0; from < y.length; from += row) {
    for (let k = 0; k < grid.length - 1; k++) {
      const [begin, end] = [grid[k], grid[k + 1]];
      const [middle, h] = [(begin + end) / 2, end - begin];
      posterior(y, from, begin, k1, 0);
      for (let j = 0; j < row; j++) z[j] = y[from + j] + (h / 2) * k1[j];
      posterior(z, 0, middle, k2, 0);
      for (let j = 0; j < row; j++) z[j] = y[from + j] + (h / 2) * k2[j];
      posterior(z, 0, middle, k3, 0);
      for (let j = 0; j < row; j++) z[j] = y[from + j] + h * k3[j];
      posterior(z, 0, end, k4, 0);
      for (let j = 0; j < row; j++) y[from + j] += (h / 6) * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]);
    }
  }
}

/** The text that each state stands for, the likeliest word at each position: n states -> n arrays of L tokens. */
function likeliestWords(x, length, vocabSize) {
  const texts = [];
  for (let from = 0; from < x.length; from += length * vocabSize) {
    const text = [];
    for (let position = 0; position < length; position++) {
      let best = 0;
      const at = from + position * vocabSize;
      for (let word = 1; word < vocabSize; word++) if (x[at + word] > x[at + best]) best = word;
      text.push(best);
    }
    texts.push(text);
  }
  return texts;
}

/** The perfect denoiser, flow map and samplers of {tokens: [[...]], logP: [...], vocabSize}. */
function exactFlow({ tokens, logP, vocabSize }, clock) {
  const length = tokens[0].length;
  const row = length * vocabSize; // numbers in one state
  const texts = tokens.length;
  // Where in a state each text's words stand: L numbers a text. Flat arrays and plain loops, as this is the inner loop.
  const columns = Int32Array.from(tokens.flatMap((text) => text.map((token, position) => position * vocabSize + token)));
  const weight = new Float64Array(texts);

  /** Token marginals when text i weighs p_i exp(gain <x, onehot(y_i)>), for the state at `from` in x. */
  function posterior(x, from, gain, out, to) {
    let highest = -Infinity;
    for (let i = 0, at = 0; i < texts; i++) {
      let score = 0;
      for (let position = 0; position < length; position++) score += x[from + columns[at++]];
      weight[i] = logP[i] + gain * score;
      if (weight[i] > highest) highest = weight[i];
    }
    let total = 0;
    for (let i = 0; i < texts; i++) total += weight[i] = Math.exp(weight[i] - highest);
    for (let j = 0; j < row; j++) out[to + j] = 0;
    for (let i = 0, at = 0; i < texts; i++) {
      const share = weight[i] / total;
      for (let position = 0; position < length; position++) out[to + columns[at++]] += share;
    }
  }

  /** D_t of every state in x; at t = 1 only the nearest texts count. */
  function denoiser(x, t) {
    const out = new Float64Array(x.length);
    const gain = gainAt(t);
    for (let from = 0; from < x.length; from += row) posterior(x, from, gain, out, from);
    return out;
  }

  /**
   * X_{s,t}: in y = x/(1-t) and c = t/(1-t) the flow is dy/dc = D(c y), solved by the classical Runge-Kutta
   * method on steps equally spaced in tau, and one jump where all is decided.
   */
  function flowMap(x, s, t, substeps = 96) {
    if (s >= t) return Float64Array.from(x);
    const stop = Math.max(s, Math.min(t, DECIDED / (1 + DECIDED)));
    const [first, last] = [clock.tau(s), clock.tau(stop)];
    const steps = Math.max(1, Math.ceil(substeps * (last - first)));
    const grid = Array.from({ length: steps + 1 }, (_, k) => {
      const time = k === 0 ? s : k === steps ? stop : clock.t(first + ((last - first) * k) / steps);
      return time / (1 - time);
    });
    const y = Float64Array.from(x, (value) => value / (1 - s));
    if (stop > s) rungeKutta(posterior, y, row, grid);
    const reached = y.map((value) => value * (1 - stop));
    return stop < t ? move(reached, denoiser(reached, stop), stop, t) : reached;
  }

  /** States at each of `times`, by Euler's method with a step from each to the next. */
  function eulerPath(noise, times) {
    const states = [Float64Array.from(noise)];
    for (let k = 1; k < times.length; k++) {
      const x = states[k - 1];
      states.push(move(x, denoiser(x, times[k - 1]), times[k - 1], times[k]));
    }
    return states;
  }

  /** States at each of `times`, by a jump of the exact flow map from each to the next. */
  function jumpPath(noise, times, substeps) {
    const states = [Float64Array.from(noise)];
    for (let k = 1; k < times.length; k++) states.push(flowMap(states[k - 1], times[k - 1], times[k], substeps));
    return states;
  }

  const known = new Map(tokens.map((text, i) => [text.join(), i]));
  /** Which text of the language this is, or -1. */
  const textIndex = (text) => known.get(text.join()) ?? -1;

  const decode = (x) => likeliestWords(x, length, vocabSize);

  return { length, vocabSize, row, posterior, denoiser, flowMap, eulerPath, jumpPath, decode, textIndex };
}

/** n + 1 mixing times from 0 to 1, equally spaced on a clock. */
const spacedTimes = (clock, n) => Array.from({ length: n + 1 }, (_, k) => clock.t(k / n));
