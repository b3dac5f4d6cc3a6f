// ScheduleExplorer: decoding error and clock of any vocabulary, and tokens turning right over both times.

const CHART = 250; // pixels of the three pictures, from above: the curves,
const TICKS = 62; // the training times,
const RASTER = 170; // the tokens
const UNIT = [0, 0.25, 0.5, 0.75, 1].map((value) => [value, String(value)]);
const TIMES = Array.from({ length: 241 }, (_, i) => i / 240); // at which the curves are drawn
const SHARES = Array.from({ length: 48 }, (_, i) => (i + 0.5) / 48); // equally spaced quantiles of a schedule

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "A clock for decisions",
    caption:
      "A noisy token is right once its own word's entry is the largest. In a large vocabulary all tokens turn right " +
      "in a narrow range of t; the clock τ is made so that they turn at an even pace.",
  });
  const arrays = readArrays(model);
  let clock = null;
  let clockOf = 0;
  function currentClock() {
    if (clockOf !== model.get("vocab_size")) {
      clockOf = model.get("vocab_size");
      clock = preparedClock(clockOf, model.get("clock"), arrays);
    }
    return clock;
  }

  const canvas = addCanvas(frame, {
    height: () => CHART + TICKS + RASTER,
    label: "Decoding error and clock against mixing time, training times, and tokens turning right",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);

  frame.update = () => {
    const now = currentClock();
    const [tau, t] = [model.get("tau"), now.t(model.get("tau"))];
    const { families } = frame.look;
    const inks = { error: families["flow-map-lm"].color, clock: families["flow-lm"].color, plain: frame.colors.soft };
    canvas.paint((context, width) => {
      const box = drawCurves(context, width, frame.colors, inks, now, { tau, t });
      drawTrainingTimes(context, box, inks, now);
      drawTurning(context, box, frame.colors, inks, now, { tau, t });
    });
    setLegend(legend, [
      { label: "decoding error Pₑ(t): chance that the likeliest word is wrong", color: inks.error, shape: "line" },
      { label: "clock τ(t)", color: inks.clock, shape: "line" },
      { label: "no reparameterization, τ = t", color: inks.plain, shape: "line", dash: [5, 4] },
    ]);
    const [from, to] = [now.t(0.1), now.t(0.9)];
    frame.readout.textContent =
      `V = ${clockOf.toLocaleString("en")}: four fifths of τ lie in t from ${from.toFixed(2)} to ${to.toFixed(2)}. ` +
      `At τ = ${tau.toFixed(2)}, t = ${t.toFixed(3)}, ${percent(1 - now.decodingError(t))} of tokens are right.`;
  };

  // A slider in powers of two, in steps of a quarter.
  addSlider(frame, "vocab_size", {
    label: "vocabulary size V", min: 1, max: 17, step: 0.25, wide: true,
    format: (value) => value.toLocaleString("en"),
    toSlider: Math.log2,
    fromSlider: (power) => Math.round(2 ** power),
  });
  addPlayer(frame, "tau", { label: "τ", seconds: 5, format: (value) => value.toFixed(2) });

  el.flm = { model, currentClock };
  return () => frame.dispose();
}

/** The clock of a vocabulary with all that is drawn of it and stays as it is while τ plays. */
function preparedClock(vocabSize, quadrature, arrays) {
  const clock = decodingErrorClock(vocabSize, quadrature);
  const turns = turningTimes(vocabSize, arrays);
  const taus = TIMES.map(clock.tau);
  return {
    ...clock,
    turns,
    taus,
    errors: taus.map((tau) => (1 - tau) * (1 - 1 / vocabSize)),
    spread: SHARES.map(clock.t),
    turnTaus: turns.map(clock.tau),
  };
}

/**
 * The mixing time at which each token turns right, sorted. Of the row t e_k + (1-t) z the k-th entry is the
 * largest once t/(1-t) > m - z_k, m the largest of the others, whose distribution is Phi(m)^(V-1).
 */
function turningTimes(vocabSize, { own, quantile }) {
  const times = Array.from(quantile.data, (u, i) => {
    const wanted = Math.log(u) / (vocabSize - 1);
    let [low, high] = [-40, 12];
    for (let k = 0; k < 50; k++) {
      const middle = (low + high) / 2;
      if (logPhi(middle) < wanted) low = middle;
      else high = middle;
    }
    const gap = low - own.data[i];
    return gap > 0 ? gap / (1 + gap) : 0;
  });
  return times.sort((a, b) => a - b);
}

/** Decoding error, clock and the cursor at (t, τ). Returns the box of the plot. */
function drawCurves(context, width, colors, inks, clock, { tau, t }) {
  const { toX, toY, box } = drawAxes(
    context, width, CHART,
    { label: "mixing time t (0 is noise, 1 is data)", range: [0, 1], ticks: UNIT },
    { label: "probability, clock τ", range: [0, 1], ticks: UNIT },
    colors,
  );
  const curve = (values) => TIMES.map((time, i) => [toX(time), toY(values[i])]);
  line(context, curve(TIMES), { color: inks.plain, width: 1.5, dash: [5, 4] });
  line(context, curve(clock.errors), { color: inks.error, width: 2.5 });
  line(context, curve(clock.taus), { color: inks.clock, width: 2.5 });
  const cursor = [[toX(t), box.bottom], [toX(t), toY(tau)], [box.left, toY(tau)]];
  line(context, cursor, { color: colors.ink, width: 1, dash: [2, 3] });
  marker(context, "o", toX(t), toY(tau), 5, inks.clock);
  return { ...box, toX };
}

/** Where the training times of each schedule fall. */
function drawTrainingTimes(context, { left, toX }, inks, clock) {
  const rows = [["uniform in t", SHARES, inks.plain], ["uniform in τ", clock.spread, inks.clock]];
  rows.forEach(([label, times, color], row) => {
    const y = CHART + 6 + 28 * row;
    write(context, `training times ${label}`, left, y, { color: inks.plain, size: 11 });
    for (const time of times) line(context, [[toX(time), y + 8], [toX(time), y + 19]], { color, width: 1.5 });
  });
}

/** Tokens turning right, a row each, over t and beside it over τ. */
function drawTurning(context, box, colors, inks, clock, { tau, t }) {
  const gap = 18;
  const half = (box.right - box.left - gap) / 2;
  const [top, high] = [CHART + TICKS + 18, RASTER - 18 - 24];
  const panels = [[box.left, "t", clock.turns, t], [box.left + half + gap, "τ", clock.turnTaus, tau]];
  for (const [left, name, turns, cursor] of panels) {
    const [bottom, right] = [top + high, left + half];
    write(context, `${turns.length} tokens turning right over ${name}`, left, top - 10, { color: colors.soft, size: 11 });
    context.fillStyle = colors.card;
    context.fillRect(left, top, half, high);
    context.fillStyle = inks.clock;
    turns.forEach((turn, i) => {
      const from = left + half * turn;
      context.fillRect(from, top + (high * i) / turns.length, right - from, high / turns.length - 0.4);
    });
    line(context, [[left, top], [left, bottom], [right, bottom]], { color: colors.ink, width: 1 });
    const x = left + half * cursor;
    line(context, [[x, top - 4], [x, bottom + 4]], { color: colors.ink, width: 1.5 });
    write(context, name, left + half / 2, bottom + 13, { color: colors.ink, align: "center" });
    write(context, "0", left, bottom + 13, { color: colors.soft, align: "center" });
    write(context, "1", right, bottom + 13, { color: colors.soft, align: "center" });
  }
}
