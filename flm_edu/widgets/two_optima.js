// The posterior of a list of texts, and how far that of all texts is from that of the first few.

/** Token marginals when text i weighs exp(logP[i] + sum_l evidence(l, word)): one array of V numbers a position. */
function listPosterior(tokens, logP, vocabSize, evidence) {
  const logs = tokens.map((text, i) => text.reduce((sum, word, l) => sum + evidence(l, word), logP[i]));
  const top = Math.max(...logs);
  const weights = logs.map((log) => Math.exp(log - top));
  const total = weights.reduce((a, b) => a + b, 0);
  const marginals = tokens[0].map(() => new Float64Array(vocabSize));
  tokens.forEach((text, i) => text.forEach((word, l) => (marginals[l][word] += weights[i] / total)));
  return marginals;
}

/** Total variation of two distributions: 0 where they agree, 1 where they share no word. */
const totalVariation = (p, q) => p.reduce((sum, share, k) => sum + Math.abs(share - q[k]), 0) / 2;

/** Both optima of {tokens, logP, words}, the first n of whose texts are known by heart, each as likely. */
function twoOptima({ tokens, logP, words }, n) {
  const [known, alike] = [tokens.slice(0, n), Array(n).fill(0)];
  return {
    known,
    heldOut: tokens.slice(n),
    /** {rules, heart}: marginals of each for the mixture of a text with noise(l, word) at t. */
    at(text, t, noise) {
      const gain = gainAt(t);
      const evidence = (l, word) => gain * ((1 - t) * noise(l, word) + (word === text[l] ? t : 0));
      return {
        rules: listPosterior(tokens, logP, words.length, evidence),
        heart: listPosterior(known, alike, words.length, evidence),
      };
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
