// The heat map of FlowMapExplorer: the mean error of a map's jumps over s and t.

/** The mean errors over s and t, the chosen pair framed. Returns where the cells lie, and the scale's end. */
function drawHeat(context, { colors, look }, box, table, { s, t, most }) {
  const side = Math.min(box.width - 62, box.height - 74);
  const cell = side / (GRID + 1);
  const [left, top] = [box.left + 46, box.top + 26];
  const color = look.families["flow-map-lm"].color;
  const title = "mean distance from the exact flow";
  context.font = "600 12px system-ui, sans-serif";
  const titleLeft = Math.min(left, box.left + box.width - context.measureText(title).width);
  write(context, title, titleLeft, box.top + 12, { color: colors.ink, bold: true, size: 12 });
  for (let i = 0; i <= GRID; i++) {
    for (let j = i; j <= GRID; j++) {
      const [x, y] = [left + i * cell, top + (GRID - j) * cell];
      context.fillStyle = colors.card;
      context.fillRect(x, y, cell - 1, cell - 1);
      context.globalAlpha = table[i][j] / most;
      context.fillStyle = color;
      context.fillRect(x, y, cell - 1, cell - 1);
      context.globalAlpha = 1;
    }
  }
  Object.assign(context, { strokeStyle: colors.ink, lineWidth: 2 });
  context.strokeRect(left + s * cell, top + (GRID - t) * cell, cell - 1, cell - 1);
  for (const k of [0, GRID / 2, GRID]) {
    write(context, String(k / GRID), left + (k + 0.5) * cell, top + side + 10, { color: colors.soft, align: "center" });
    write(context, String(k / GRID), left - 6, top + (GRID - k + 0.5) * cell, { color: colors.soft, align: "right" });
  }
  write(context, "s (start, in τ)", left + side / 2, top + side + 27, { color: colors.ink, align: "center" });
  writeUpwards(context, "t (end, in τ)", box.left + 14, top + side / 2, colors.ink);
  // The empty half below the diagonal has room for the scale.
  drawScale(context, [left + 0.62 * side, top + 0.86 * side], 0.34 * side, most, { color, soft: colors.soft });
  return { left, top, cell, most };
}

/** Where the scale of all maps ends: the largest distance in any of their tables, in full tenths. */
const scaleEnd = (tables) => Math.max(0.2, Math.ceil(10 * Math.max(...tables.flat(2))) / 10);

/** The scale of the heat map's colours, from 0 to `most`; it is that of all maps, so that they can be compared. */
function drawScale(context, [x, y], long, most, { color, soft }) {
  for (let i = 0; i < 40; i++) {
    context.globalAlpha = i / 39;
    context.fillStyle = color;
    context.fillRect(x + (long * i) / 40, y, long / 40 + 0.5, 9);
  }
  context.globalAlpha = 1;
  for (const share of [0, 0.5, 1]) {
    write(context, (share * most).toFixed(2), x + share * long, y + 18, { color: soft, align: "center", size: 11 });
  }
}
