// The decoding-error clock of schedule.py: tau(t) = 1 - P_e(t) / P_e(0).

/** The standard normal's upper tail Q(x) for x >= 0: a power series near 0, a continued fraction beyond. */
function upperTail(x) {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) sum += term *= (x * x) / k;
    return 0.5 - density * sum;
  }
  let fraction = x;
  for (let k = 40; k > 0; k--) fraction = x + k / fraction;
  return density / fraction;
}

/** log Phi(x), accurate in both tails. */
const logPhi = (x) => (x > 0 ? Math.log1p(-upperTail(x)) : Math.log(upperTail(-x)));

/**
 * The clock of a vocabulary of a given size. `quadrature` holds the nodes and weights that Python uses, so
 * that both compute the same numbers: {nodes: [...], weights: [...]}, the weights summing to 1.
 */
function decodingErrorClock(vocabSize, { nodes, weights }) {
  const heavy = [...weights.keys()].filter((i) => weights[i] > 1e-18); // the others change no digit
  function rawError(t) {
    if (t >= 1) return 0;
    const shift = t / (1 - t);
    let error = 0;
    for (const i of heavy) error -= weights[i] * Math.expm1((vocabSize - 1) * logPhi(nodes[i] + shift));
    return error;
  }
  const errorAtZero = rawError(0);
  const tau = (t) => clamp(1 - rawError(clamp(t, 0, 1)) / errorAtZero, 0, 1);
  const inverted = new Map(); // the same few times are asked for again and again
  return {
    /** The chance that argmax of a noisy token is wrong. */
    decodingError: (t) => (rawError(t) / errorAtZero) * (1 - 1 / vocabSize),
    tau,
    /** The inverse, by regula falsi kept within its bracket (Illinois variant); the ends are exact. */
    t(wanted) {
      if (wanted <= 0) return 0;
      if (wanted >= 1) return 1;
      if (inverted.has(wanted)) return inverted.get(wanted);
      let [low, high] = [0, 1];
      let [below, above] = [-wanted, 1 - wanted]; // tau - wanted at both ends
      let [t, side] = [0, 0];
      for (let i = 0; i < 100 && high - low > 1e-10; i++) {
        // Every third time the middle: where tau is flat the chord alone would creep.
        t = i % 3 === 2 ? (low + high) / 2 : (low * above - high * below) / (above - below);
        const miss = tau(t) - wanted;
        if (Math.abs(miss) < 1e-13) break;
        if (miss < 0) {
          [low, below] = [t, miss];
          if (side === -1) above /= 2;
          side = -1;
        } else {
          [high, above] = [t, miss];
          if (side === 1) below /= 2;
          side = 1;
        }
      }
      inverted.set(wanted, t);
      return t;
    },
  };
}

const uniformClock = { tau: (t) => clamp(t, 0, 1), t: (tau) => clamp(tau, 0, 1) };
