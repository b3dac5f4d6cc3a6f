// The picture of a position with three words, a triangle in the plane; or with four, a tetrahedron seen from a side.

const REACH = 1.8; // how far from its centre a triangle's picture goes; the corners are at distance 1

// Corners of the triangle, y upwards. They sum to zero, so adding one number to all entries of a state
// does not move its picture: as it does not change the flow.
const CORNERS = [(-Math.PI * 5) / 6, -Math.PI / 6, Math.PI / 2].map((angle) => [Math.cos(angle), Math.sin(angle)]);

/**
 * The corners as they are seen, [x, y, depth]: of the triangle, or of a tetrahedron turned about its upright
 * axis and tilted a little towards the reader. Projecting is linear, so it too is done by moving the corners.
 */
function seenCorners(count, degrees) {
  if (count === 3) return CORNERS.map(([x, y]) => [x, y, 0]);
  const [tilt, radius] = [0.3, Math.sqrt(8) / 3];
  const base = [0, 1, 2].map((k) => ((degrees + 120 * k) * Math.PI) / 180);
  const solid = [...base.map((angle) => [radius * Math.cos(angle), -1 / 3, radius * Math.sin(angle)]), [0, 1, 0]];
  return solid.map(([x, y, z]) => [x, y * Math.cos(tilt) + z * Math.sin(tilt), z * Math.cos(tilt) - y * Math.sin(tilt)]);
}

/** The point of the picture of the numbers, one for each corner, that start at `at`. */
function planePoint(states, at, corners = CORNERS) {
  let [x, y] = [0, 0];
  for (let word = 0; word < corners.length; word++) {
    x += states[at + word] * corners[word][0];
    y += states[at + word] * corners[word][1];
  }
  return [x, y];
}

/** Three numbers whose picture is a given point: inverts `planePoint`, as the corners' outer products sum to 3/2. */
const lift = ([x, y]) => CORNERS.map(([cx, cy]) => (2 / 3) * (x * cx + y * cy));

/** A triangle's place on a canvas: functions between the plane and pixels. */
function placeTriangle(left, top, panelWidth, panelHeight) {
  const unit = Math.min(panelWidth, panelHeight) / (2 * REACH);
  const [centerX, centerY] = [left + panelWidth / 2, top + panelHeight / 2 + 0.12 * unit];
  return {
    left,
    panelWidth,
    unit,
    centerX,
    centerY,
    toPixel: ([x, y]) => [centerX + unit * x, centerY - unit * y],
    toPlane: (x, y) => [(x - centerX) / unit, (centerY - y) / unit],
  };
}

function drawArrow(context, from, to, color, width) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const size = Math.hypot(dx, dy);
  if (size < 2) return;
  const head = Math.min(4 + 2 * width, size / 2);
  const [ux, uy] = [dx / size, dy / size];
  line(context, [from, to], { color, width });
  const back = [to[0] - head * ux, to[1] - head * uy];
  const [one, other] = [1, -1].map((side) => [back[0] - side * head * 0.5 * uy, back[1] + side * head * 0.5 * ux]);
  line(context, [one, to, other], { color, width });
}
