// The stages of the simplex picture: which controls and which lines of the watched particle it has, and its words. What
// a stage has no control for is as simplex.py sets it out.

const EXPLORER = {
  title: "Noise becomes words",
  caption:
    "Every dot is a sample on its way from Gaussian noise to a corner of the simplex, a word. " +
    "At the end it is rounded to the likeliest one. Its colour is the text that the exact flow carries it to: " +
    "a dot of another colour at a corner was led astray.",
  controls: [
    "time", "model", "steps", "schedule", "axis", "particles", "trails", "arrows", "regions", "turn", "posterior", "watch",
  ],
  lines: ["exact", "euler", "jump"],
  words: { dot: "particle", watched: "watched particle", astray: "end in a wrong corner", trails: "trails" },
};

const OF_NOISE = { dot: "noise", watched: "one noise", astray: "end as another text than on the exact flow", trails: "paths" };

const STAGES = {
  all: EXPLORER,
  noise: {
    title: "Part noise, part word",
    caption:
      "Every dot is a mixture of one noise and one word, and keeps the colour of that word. The ground shows as which " +
      "word a dot would be read.",
    controls: ["time", "turn"],
    lines: [],
    words: { dot: "mixture", watched: "one mixture", time: "mixing time t" },
  },
  flow: {
    title: "From noise to words, in steps",
    caption:
      "Every dot starts as noise, and argmax reads a word at its end. Its colour is the text at which the exact flow " +
      "ends: a dot of another colour at a corner was led astray by its steps.",
    controls: ["time", "model", "steps", "trails", "turn", "watch"],
    lines: ["exact", "euler"],
    words: OF_NOISE,
  },
  jumps: {
    title: "Jumps of the flow map",
    caption:
      "Every dot starts as noise. However many jumps the flow map makes, each ends on the path of the flow, and the last " +
      "at its end. Euler's steps leave the path. The colour of a dot is the text at which the exact flow ends.",
    controls: ["time", "model", "steps", "turn", "watch"],
    lines: ["exact", "euler", "jumps"],
    words: { ...OF_NOISE, steps: "jumps or steps" },
  },
};

/**
 * The ways of the watched particle that are drawn as lines, each {kind, way, label, color}: those of the stage. With a
 * trained model its own way takes the place of the exact flow's steps and jumps.
 */
function watchedLines({ model, frame, ways, stage, recorded }, count) {
  const { families } = frame.look;
  const n = model.get("steps");
  const lines = {
    exact: () => ({ way: ways.exactWay(count), label: "exact flow", color: frame.colors.ink }),
    euler: () => ({
      way: ways.steppedWay("euler", count),
      label: `Euler, ${plural(n, "step")}`,
      color: families["perfect-flow"].color,
    }),
    jump: () => ({ way: ways.oneJump(count), label: "flow map, one jump", color: families["perfect-flow-map"].color }),
    jumps: () => ({
      way: ways.steppedWay("flow-map", count),
      label: `flow map, ${plural(n, "jump")}`,
      color: families["perfect-flow-map"].color,
    }),
    trained: () => ({
      way: ways.currentWay(),
      label: `trained FLM, ${plural(recorded.shape[0] - 1, "step")}`,
      color: families["flow-lm"].color,
    }),
  };
  const kinds = model.get("model") === "trained" && stage.lines.length ? ["exact", "trained"] : stage.lines;
  return kinds.map((kind) => ({ kind, ...lines[kind]() }));
}
