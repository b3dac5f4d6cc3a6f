// Charts: axes, and round numbers for their ticks.

/**
 * Axes of a chart: grid, ticks, labels. Each of x and y is {label, range: [low, high], ticks: [[value, text]], log}.
 * Returns functions from values to pixels, and the box of the plot.
 */
function drawAxes(context, width, height, x, y, colors) {
  const digits = Math.max(...y.ticks.map(([, text]) => text.length)); // "20,000" needs more room than "80"
  const box = { left: Math.max(52, 26 + 7.5 * digits), right: width - 22, top: 12, bottom: height - 42 };
  const scale = ({ range: [low, high], log }, from, to) => {
    const bend = log ? Math.log : (v) => v;
    return (value) => from + ((bend(value) - bend(low)) / (bend(high) - bend(low))) * (to - from);
  };
  const toX = scale(x, box.left, box.right);
  const toY = scale(y, box.bottom, box.top);
  for (const [value, text] of x.ticks) {
    line(context, [[toX(value), box.top], [toX(value), box.bottom]], { color: colors.line, width: 1 });
    write(context, text, toX(value), box.bottom + 12, { color: colors.soft, align: "center" });
  }
  for (const [value, text] of y.ticks) {
    line(context, [[box.left, toY(value)], [box.right, toY(value)]], { color: colors.line, width: 1 });
    write(context, text, box.left - 6, toY(value), { color: colors.soft, align: "right" });
  }
  line(context, [[box.left, box.top], [box.left, box.bottom], [box.right, box.bottom]], { color: colors.ink, width: 1 });
  write(context, x.label, (box.left + box.right) / 2, height - 10, { color: colors.ink, align: "center" });
  writeUpwards(context, y.label, 12, (box.top + box.bottom) / 2, colors.ink);
  return { toX, toY, box };
}

/** Round numbers for a log axis: 1, 2 and 5 times the powers of ten, or the powers alone if there would be over `most`. */
function logNumbers(low, high, most) {
  const powers = Array.from({ length: 27 }, (_, i) => 10 ** (i - 12));
  const inside = (factors) =>
    powers.flatMap((power) => factors.map((factor) => factor * power)).filter((value) => value >= low && value <= high);
  const fine = inside([1, 2, 5]);
  return fine.length > most ? inside([1]) : fine;
}

/** About five equally spaced round numbers between two values. */
function roundNumbers(low, high) {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Ticks at numbers, each with its text. */
const ticksAt = (values, format) => values.map((value) => [value, format(value)]);
