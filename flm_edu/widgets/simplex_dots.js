// A layer of dots that is written pixel by pixel: thousands of them take a tenth of the time that as many calls of the
// canvas would. Sizes are in the screen's own pixels, `ratio` of them to one of the page's.

/** Red, green and blue of a colour like "#0072B2". */
const channels = (color) => color.match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));

/** The pixels of a dot, the most covered first: how far a pixel is covered, and how far it is of the thin edge. */
function dotPixels(ratio, radius) {
  const reach = Math.ceil((radius + 1) * ratio);
  const pixels = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const distance = Math.hypot(dx, dy) / ratio;
      const cover = clamp((radius + 0.8 - distance) * ratio + 0.5, 0, 1);
      if (cover > 0) pixels.push({ dx, dy, cover, edge: clamp((distance - radius) * ratio + 0.5, 0, 1) });
    }
  }
  pixels.sort((a, b) => b.cover - a.cover);
  return { reach, pixels };
}

/** The pixels of one dot, ready in each of the colours, with a thin edge of the ground's colour. */
function makeStamp(ratio, radius, colors, groundColor) {
  const { reach, pixels } = dotPixels(ratio, radius);
  const ground = channels(groundColor);
  /** One number a pixel: its red, green, blue and alpha. */
  const inked = (color, alphaOf) => {
    const bytes = new Uint8ClampedArray(4 * pixels.length);
    pixels.forEach((pixel, k) => {
      const mixed = color.map((channel, i) => channel + pixel.edge * (ground[i] - channel));
      bytes.set([...mixed, 255 * alphaOf(pixel)], 4 * k);
    });
    return new Uint32Array(bytes.buffer);
  };
  return {
    reach,
    dx: Int32Array.from(pixels, (pixel) => pixel.dx),
    dy: Int32Array.from(pixels, (pixel) => pixel.dy),
    whole: pixels.filter(({ cover }) => cover === 1).length, // so many pixels are covered whole,
    inner: pixels.filter(({ cover }) => cover >= 0.5).length, // so many at least by half
    inks: colors.map(channels).map((color) => ({
      soft: inked(color, (pixel) => pixel.cover),
      full: inked(color, () => 1),
    })),
  };
}

/** Print a stamp at each of the first `count` dots into the pixels of a layer; `textOf[i]` says in which colour. */
function printDots(image, place, ratio, count, { x, y }, textOf, { reach, dx, dy, inks, whole, inner }) {
  const { pixels, wide, high } = image;
  const step = Int32Array.from(dx, (across, k) => dy[k] * wide + across); // from a dot's middle to each of its pixels
  const unit = place.unit * ratio;
  const [left, top] = [(place.centerX - place.left) * ratio, place.centerY * ratio];
  for (let i = 0; i < count; i++) {
    const px = Math.round(left + unit * x[i]);
    const py = Math.round(top - unit * y[i]);
    if (!(px >= reach && py >= reach && px < wide - reach && py < high - reach)) continue; // none is cut at the rim
    const { soft, full } = inks[textOf[i] % inks.length];
    const at = py * wide + px;
    for (let k = 0; k < whole; k++) pixels[at + step[k]] = full[k];
    // The soft rim: over an earlier dot its inner half hides that one, its outer half lets it be.
    for (let k = whole; k < step.length; k++) {
      const to = at + step[k];
      if (pixels[to] === 0) pixels[to] = soft[k];
      else if (k < inner) pixels[to] = full[k];
    }
  }
}

/** A function that draws dots at points {x, y} of the plane: their layer and stamps are kept from frame to frame. */
function createDotLayer(frame) {
  const canvas = element("canvas");
  let image = null; // {data, pixels: one number each, wide, high}
  const stamps = new Map();
  function stampOf(ratio, radius) {
    const key = `${frame.colors.theme} ${ratio} ${radius}`;
    if (!stamps.has(key)) stamps.set(key, makeStamp(ratio, radius, frame.look.texts, frame.colors.ground));
    return stamps.get(key);
  }
  function fit(wide, high) {
    if (image?.wide === wide && image.high === high) return;
    Object.assign(canvas, { width: wide, height: high });
    const data = new ImageData(wide, high);
    image = { data, pixels: new Uint32Array(data.data.buffer), wide, high };
  }
  return (context, { place, height }, count, dots, textOf, radius) => {
    const ratio = window.devicePixelRatio || 1;
    fit(Math.round(place.panelWidth * ratio), Math.round(height * ratio));
    image.pixels.fill(0);
    printDots(image, place, ratio, count, dots, textOf, stampOf(ratio, radius));
    canvas.getContext("2d").putImageData(image.data, 0, 0);
    context.drawImage(canvas, place.left, 0, place.panelWidth, height);
  };
}
