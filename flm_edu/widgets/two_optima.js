// Two perfect denoisers of one language: of all its texts, and of the first few alone.

/** Total variation of two distributions: 0 where they agree, 1 where they share no word. */
const totalVariation = (p, q) => p.reduce((sum, share, k) => sum + Math.abs(share - q[k]), 0) / 2;

/** Both optima of {tokens, logP, words}, the first n of whose texts are known by heart, each as likely. */
function twoOptima({ tokens, logP, words }, n, clock) {
  const vocabSize = words.length;
  const known = tokens.slice(0, n);
  const rules = exactFlow({ tokens, logP, vocabSize }, clock);
  const heart = exactFlow({ tokens: known, logP: Array(n).fill(0), vocabSize }, clock);
  return {
    known,
    heldOut: tokens.slice(n),
    /** {rules, heart}: the posterior of each at every position, for the mixture of a text with noise at t. */
    at(text, t, noise) {
      const x = Float64Array.from(noise, (value) => (1 - t) * value);
      text.forEach((word, l) => (x[l * vocabSize + word] += t));
      const read = (flow) => {
        const posterior = flow.denoiser(x, t);
        return text.map((_, l) => posterior.subarray(l * vocabSize, (l + 1) * vocabSize));
      };
      return { rules: read(rules), heart: read(heart) };
    },
  };
}

/** Mean total variation of the two, over positions, over some of the texts and over all noises: one number a time. */
function distances(optima, texts, times, noises) {
  const some = texts.slice(0, 6);
  return times.map((t) => {
    let sum = 0;
    for (const text of some) {
      for (const noise of noises) {
        const { rules, heart } = optima.at(text, t, noise);
        sum += rules.reduce((all, p, l) => all + totalVariation(p, heart[l]), 0) / text.length;
      }
    }
    return sum / (some.length * noises.length);
  });
}
