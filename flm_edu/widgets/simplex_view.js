// Where the particles of the simplex picture are seen: the corners as it is turned, its panels, the places of the dots.

const DISC = 0.26; // particles at a corner are spread over a disc of this radius, so that they can be seen
const ROUNDING = 0.04; // the last part of the time slider, in which samples are rounded to words
const NARROW = 200; // pixels: panels that would be narrower, with no room for the words, stand below each other

/** The view of states that have `row` numbers, `size` for each of their positions, of which each has its panel. */
function createView(model, { row, size, panels }) {
  const stacked = (width) => panels > 1 && width / panels < NARROW;
  /** Pixels below each panel for its posterior. */
  const strip = () => (model.get("posterior") ? 24 + 16 * size : 0);
  const panelHeight = (width) => {
    if (stacked(width)) return Math.round(clamp(width * 0.72, 210, 300));
    return Math.round(panels === 1 ? clamp(width * 0.72, 270, 440) : clamp(width * 0.5, 230, 380));
  };
  const view = {
    corners: seenCorners(size, model.get("turn")),
    /** Take the corners as the model now has the picture turned. */
    turn() {
      view.corners = seenCorners(size, model.get("turn"));
    },
    /** The point of the plane at which a particle of `states` is seen at a position, 0 or 1. */
    point: (states, particle, position) => planePoint(states, particle * row + position * size, view.corners),
    panelHeight,
    /** The height of the whole picture. */
    height: (width) => (stacked(width) ? panels : 1) * (panelHeight(width) + strip()),
    /** Where the panel of a position begins, counted from above. */
    top: (position, width) => (stacked(width) ? position * (panelHeight(width) + strip()) : 0),
    /** The place of a position's panel, counted from its own top, in a picture of a given width. */
    place(position, width) {
      const [left, wide] = stacked(width) ? [0, width] : [(width / panels) * position, width / panels];
      return placeTriangle(left, 0, wide, panelHeight(width));
    },
    /** The position whose panel a pixel is in, and the point of the plane there. */
    locate([x, y], width) {
      const across = stacked(width) ? y / view.height(width) : x / width;
      const position = clamp(Math.floor(across * panels), 0, panels - 1);
      return { position, point: view.place(position, width).toPlane(x, y - view.top(position, width)) };
    },
  };
  return view;
}

/** A place of its own on the disc for each particle: a low-discrepancy radius, the golden angle. */
function discPoint(particle) {
  const radius = DISC * Math.sqrt((particle * 0.7548776662) % 1);
  return [radius * Math.cos(particle * 2.39996), radius * Math.sin(particle * 2.39996)];
}

/**
 * A function that places the first `count` of at most `most` dots of a position at mixing time t. It returns points of
 * the plane, {x: [...], y: [...]}, which are written anew by every call.
 */
function createDots(model, view, { row, size }, most) {
  const disc = Array.from({ length: most }, (_, particle) => discPoint(particle));
  const [xs, ys] = [new Float64Array(most), new Float64Array(most)];
  return (way, t, position, count) => {
    const { before, after, share } = between(way, t);
    // Mixtures end at the corners by themselves: they are seen where they are.
    const spread = way.mixed ? 0 : t ** 6; // over the discs, towards the end
    const rounded = way.mixed ? 0 : clamp((model.get("time") - 1) / ROUNDING + 1, 0, 1);
    const { corners } = view;
    for (let i = 0, at = position * size; i < count; i++, at += row) {
      let [x, y] = [0, 0];
      for (let word = 0; word < size; word++) {
        const value = before[at + word] + share * (after[at + word] - before[at + word]);
        x += value * corners[word][0];
        y += value * corners[word][1];
      }
      const corner = corners[way.ends[i][position]];
      xs[i] = x + rounded * (corner[0] - x) + spread * disc[i][0];
      ys[i] = y + rounded * (corner[1] - y) + spread * disc[i][1];
    }
    return { x: xs, y: ys };
  };
}
