// Forward-backward over a language's automaton in log space: what automaton.py computes, in the browser.

/** log sum exp of the values that share an index. */
function logSums(values, index, size) {
  const top = new Float64Array(size).fill(-Infinity);
  values.forEach((value, i) => (top[index[i]] = Math.max(top[index[i]], value)));
  const sums = new Float64Array(size);
  values.forEach((value, i) => {
    if (value > -Infinity) sums[index[i]] += Math.exp(value - top[index[i]]);
  });
  return sums.map((sum, k) => (sum > 0 ? top[k] + Math.log(sum) : -Infinity));
}

/** Logarithms of weights as shares, which sum to 1. */
function sharesOf(logs) {
  const highest = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = logs.map((log) => Math.exp(log - highest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/**
 * All weights of {layers: [{source, token, target, logP, states}]} when texts weigh p(y) exp(sum_l evidence[l][y_l]);
 * one text at least must be possible.
 *
 * Of each layer's edges and of each column's states there are three kinds of shares: "forward", by the words before
 * alone; "backward", by the words after alone; "both", the posterior, for which an edge's own word counts as well.
 */
function forwardBackward({ words, layers }, evidence) {
  // A constant at each position changes nothing, and small numbers keep their digits.
  const own = layers.map(({ token }, l) => {
    const top = evidence[l].reduce((a, b) => Math.max(a, b), -Infinity);
    return Float64Array.from(token, (word) => evidence[l][word] - top);
  });
  const scores = layers.map(({ logP }, l) => own[l].map((score, e) => score + logP[e]));
  const before = [Float64Array.of(0)]; // log of the weight of all ways to each state,
  layers.forEach(({ source, target, states }, l) =>
    before.push(logSums(scores[l].map((score, e) => score + before[l][source[e]]), target, states[1])));
  const after = [Float64Array.of(0)]; // and of all ways from it to the end
  for (let l = layers.length - 1; l >= 0; l--) {
    const { source, target, states } = layers[l];
    after.unshift(logSums(scores[l].map((score, e) => score + after[0][target[e]]), source, states[0]));
  }
  const edges = layers.map(({ source, target, logP }, l) => ({
    forward: sharesOf(Float64Array.from(logP, (p, e) => p + before[l][source[e]])),
    backward: sharesOf(Float64Array.from(target, (state) => after[l + 1][state])),
    both: sharesOf(scores[l].map((score, e) => score + before[l][source[e]] + after[l + 1][target[e]])),
  }));
  const states = before.map((logs, column) => ({
    forward: sharesOf(logs),
    backward: sharesOf(after[column]),
    both: sharesOf(logs.map((log, state) => log + after[column][state])),
  }));
  const posterior = layers.map(({ token }, l) => {
    const marginal = new Float64Array(words.length);
    token.forEach((word, e) => (marginal[word] += edges[l].both[e]));
    return marginal;
  });
  return { edges, states, posterior };
}
