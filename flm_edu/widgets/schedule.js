// ScheduleExplorer: decoding error and clock of any vocabulary, and tokens turning right over both times.

function render({ model, el }) {
  const frame = createFrame({ model, el }, {
    title: "A clock for decisions",
    caption:
      "A noisy token is right once its own word's entry is the largest. In a large vocabulary all tokens turn right " +
      "in a narrow range of t; the clock τ is made so that they turn at an even pace.",
  });
  const { own, quantile } = readArrays(model);
  const times = Array.from({ length: 241 }, (_, i) => i / 240);
  const shares = Array.from({ length: 48 }, (_, i) => (i + 0.5) / 48);
  let clock = null;
  let clockOf = 0;
  function currentClock() {
    if (clockOf !== model.get("vocab_size")) {
      clockOf = model.get("vocab_size");
      clock = decodingErrorClock(clockOf, model.get("clock"));
      clock.turns = turningTimes(clockOf);
      // What is the same until another vocabulary is chosen, so that playing only draws.
      clock.taus = times.map(clock.tau);
      clock.errors = clock.taus.map((tau) => (1 - tau) * (1 - 1 / clockOf));
      clock.spread = shares.map(clock.t);
      clock.turnTaus = clock.turns.map(clock.tau);
    }
    return clock;
  }

  /**
   * The mixing time at which each token turns right, sorted. Of the row t e_k + (1-t) z the k-th entry is the
   * largest once t/(1-t) > m - z_k, m the largest of the others, whose distribution is Phi(m)^(V-1).
   */
  function turningTimes(vocabSize) {
    return Array.from(quantile.data, (u, i) => {
      const wanted = Math.log(u) / (vocabSize - 1);
      let [low, high] = [-40, 12];
      for (let k = 0; k < 50; k++) {
        const middle = (low + high) / 2;
        if (logPhi(middle) < wanted) low = middle;
        else high = middle;
      }
      const gap = low - own.data[i];
      return gap > 0 ? gap / (1 + gap) : 0;
    }).sort((a, b) => a - b);
  }

  const CHART = 250;
  const TICKS = 62;
  const RASTER = 170;
  const canvas = addCanvas(frame, {
    height: () => CHART + TICKS + RASTER,
    label: "Decoding error and clock against mixing time, training times, and tokens turning right",
  });
  const legend = element("ul", { class: "flm-legend" });
  frame.body.append(legend);
  const unit = [0, 0.25, 0.5, 0.75, 1].map((v) => [v, String(v)]);

  frame.update = () => {
    const { colors, look } = frame;
    const now = currentClock();
    const size = model.get("vocab_size");
    const [tau, t] = [model.get("tau"), now.t(model.get("tau"))];
    const [clockColor, plainColor] = [look.families["flow-lm"].color, colors.soft];
    canvas.paint((context, width) => {
      // --- the curves ---
      const { toX, toY, box } = drawAxes(
        context, width, CHART,
        { label: "mixing time t (0 is noise, 1 is data)", range: [0, 1], ticks: unit },
        { label: "probability, clock τ", range: [0, 1], ticks: unit },
        colors,
      );
      line(context, times.map((v) => [toX(v), toY(v)]), { color: plainColor, width: 1.5, dash: [5, 4] });
      line(context, times.map((v, i) => [toX(v), toY(now.errors[i])]), { color: look.families["flow-map-lm"].color, width: 2.5 });
      line(context, times.map((v, i) => [toX(v), toY(now.taus[i])]), { color: clockColor, width: 2.5 });
      line(context, [[toX(t), box.bottom], [toX(t), toY(tau)], [box.left, toY(tau)]], { color: colors.ink, width: 1, dash: [2, 3] });
      marker(context, "o", toX(t), toY(tau), 5, clockColor);

      // --- where 48 training times fall: equally spaced quantiles of each schedule ---
      [["uniform in t", shares, plainColor], ["uniform in τ", now.spread, clockColor]].forEach(([label, places, color], row) => {
        const y = CHART + 6 + 28 * row;
        write(context, `training times ${label}`, box.left, y, { color: colors.soft, size: 11 });
        for (const place of places) line(context, [[toX(place), y + 8], [toX(place), y + 19]], { color, width: 1.5 });
      });

      // --- tokens turning right, a row each ---
      const gap = 18;
      const half = (box.right - box.left - gap) / 2;
      const top = CHART + TICKS + 18;
      const high = RASTER - 18 - 24;
      const panels = [
        [box.left, "over t", now.turns, t],
        [box.left + half + gap, "over τ", now.turnTaus, tau],
      ];
      for (const [left, label, turns, cursor] of panels) {
        write(context, `${now.turns.length} tokens turning right ${label}`, left, top - 10, { color: colors.soft, size: 11 });
        context.fillStyle = colors.card;
        context.fillRect(left, top, half, high);
        turns.forEach((turn, i) => {
          const from = left + half * turn;
          context.fillStyle = clockColor;
          context.fillRect(from, top + (high * i) / now.turns.length, left + half - from, high / now.turns.length - 0.4);
        });
        line(context, [[left, top], [left, top + high], [left + half, top + high]], { color: colors.ink, width: 1 });
        line(context, [[left + half * cursor, top - 4], [left + half * cursor, top + high + 4]], { color: colors.ink, width: 1.5 });
        write(context, label === "over t" ? "t" : "τ", left + half / 2, top + high + 13, { color: colors.ink, align: "center" });
        write(context, "0", left, top + high + 13, { color: colors.soft, align: "center" });
        write(context, "1", left + half, top + high + 13, { color: colors.soft, align: "center" });
      }
    });
    setLegend(legend, [
      { label: "decoding error Pₑ(t): chance that the likeliest word is wrong", color: look.families["flow-map-lm"].color, shape: "line" },
      { label: "clock τ(t)", color: clockColor, shape: "line" },
      { label: "no reparameterization, τ = t", color: plainColor, shape: "line", dash: [5, 4] },
    ]);
    const [from, to] = [now.t(0.1), now.t(0.9)];
    frame.readout.textContent =
      `V = ${size.toLocaleString("en")}: four fifths of τ lie in t from ${from.toFixed(2)} to ${to.toFixed(2)}. ` +
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
