// The data of the page: blocks of numbers, unpacked one by one so that the page answers meanwhile.
"use strict";
const mapData = (() => {
  const head = JSON.parse(document.getElementById("head").textContent);
  document.getElementById("head").textContent = "";

  const fromBase64 = (text) => {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
    return bytes;
  };

  // The bytes of a block; null if the page has none of this name.
  const block = async (name) => {
    const element = document.getElementById("block-" + name);
    if (!element) return null;
    const packed = new Blob([fromBase64(element.textContent)]);
    element.remove();
    const stream = packed.stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  // n numbers from planes of bytes, in the smallest array that holds them.
  const joined = (bytes, n) => {
    const nPlanes = n ? bytes.length / n : 1;
    if (nPlanes === 1) return bytes;
    const numbers = nPlanes === 2 ? new Uint16Array(n) : new Uint32Array(n);
    for (let plane = 0; plane < nPlanes; plane++) {
      const shift = 8 * plane, begin = plane * n;
      for (let at = 0; at < n; at++) numbers[at] |= bytes[begin + at] << shift;
    }
    return numbers;
  };

  const reals = (bytes, n) => {
    const whole = new Uint8Array(4 * n);
    for (let plane = 0; plane < 4; plane++) {
      for (let at = 0; at < n; at++) whole[4 * at + plane] = bytes[plane * n + at];
    }
    return new Float32Array(whole.buffer);
  };

  // Reads numbers in groups of seven bits, the lowest first.
  class Numbers {
    constructor(bytes) { this.bytes = bytes; this.at = 0; }
    next() {
      let byte = this.bytes[this.at++];
      if (byte < 128) return byte;
      let value = byte & 127, factor = 128;
      do {
        byte = this.bytes[this.at++];
        value += (byte & 127) * factor;
        factor *= 128;
      } while (byte >= 128);
      return value;
    }
    signed() {
      const code = this.next();
      return code % 2 ? -(code + 1) / 2 : code / 2;
    }
  }

  const n = head.n_shown, nLevels = head.n_levels;
  const molecules = { n };
  // Everything is drawn relative to the middle of the map, so that single precision is enough.
  const extent = { left: 0, top: 0, right: 1, bottom: 1 };
  const middle = [0, 0];
  let first = 0;
  const tiles = head.tiles.map(([x, y, bits, counts]) => {
    const tile = {
      x: head.origin[0] + x * head.step, y: head.origin[1] + y * head.step, side: 2 ** bits * head.step, first, counts,
      n: counts.reduce((sum, count) => sum + count, 0),
    };
    first += tile.n;
    return tile;
  });
  head.tiles = null;

  const readPlaces = async () => {
    const codes = [joined(await block("x"), n), joined(await block("y"), n)];
    const places = new Uint16Array(2 * n);
    let at = 0;
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const tile of tiles) {
      const low = [65535, 65535], high = [0, 0];
      for (let level = 0; level < nLevels; level++) {
        const end = at + tile.counts[level];
        let x = 0, y = 0;
        for (; at < end; at++) {
          const dx = codes[0][at], dy = codes[1][at];
          x = (x + ((dx >> 1) ^ -(dx & 1))) & 65535;
          y = (y + ((dy >> 1) ^ -(dy & 1))) & 65535;
          places[2 * at] = x;
          places[2 * at + 1] = y;
          if (x < low[0]) low[0] = x;
          if (x > high[0]) high[0] = x;
          if (y < low[1]) low[1] = y;
          if (y > high[1]) high[1] = y;
        }
      }
      tile.box = [tile.x + low[0] * head.step, tile.y + low[1] * head.step, tile.x + high[0] * head.step, tile.y + high[1] * head.step];
      box[0] = Math.min(box[0], tile.box[0]);
      box[1] = Math.min(box[1], tile.box[1]);
      box[2] = Math.max(box[2], tile.box[2]);
      box[3] = Math.max(box[3], tile.box[3]);
    }
    molecules.places = places;
    if (n) [extent.left, extent.top, extent.right, extent.bottom] = box;
    const least = 4 * head.radius;
    for (const [low, high] of [["left", "right"], ["top", "bottom"]]) {
      const lack = least - (extent[high] - extent[low]);
      if (lack > 0) { extent[low] -= lack / 2; extent[high] += lack / 2; }
    }
    middle[0] = (extent.left + extent.right) / 2;
    middle[1] = (extent.top + extent.bottom) / 2;
  };

  const readCells = async () => {
    const known = new Numbers(await block("tile-cells"));
    const codes = joined(await block("cell"), n);
    const cells = new Int32Array(n);
    for (const tile of tiles) {
      const list = new Int32Array(known.next() + 1);
      list[0] = -1;
      let cell = 0;
      for (let at = 1; at < list.length; at++) list[at] = cell += known.signed();
      for (let at = tile.first; at < tile.first + tile.n; at++) cells[at] = list[codes[at]];
    }
    molecules.cell = cells;
  };

  const column = async (name) => {
    const bytes = await block(name);
    return bytes && joined(bytes, n);
  };

  const readMolecules = async () => {
    molecules.gene = await column("gene");
    for (const name of ["cluster", "confidence", "assignment", "red", "green", "blue", "z"]) molecules[name] = await column(name);
  };

  const cells = { n: head.n_cells, statistics: head.statistics };
  const readCellTable = async () => {
    cells.x = reals(await block("cell-x"), cells.n);
    cells.y = reals(await block("cell-y"), cells.n);
    for (const statistic of cells.statistics) statistic.values = reals(await block(statistic.block), cells.n);
    const clusters = await block("cell-cluster");
    cells.cluster = clusters && joined(clusters, cells.n);
    cells.geneBytes = await block("cell-genes");
    const numbers = new Numbers(cells.geneBytes);
    cells.genesBegin = new Uint32Array(cells.n);
    for (let cell = 0; cell < cells.n; cell++) {
      cells.genesBegin[cell] = numbers.at;
      numbers.next();
      for (let left = 2 * numbers.next(); left > 0; left--) numbers.next();
    }
  };
  // The number of genes of a cell, and its most frequent ones with their molecules.
  const genesOf = (cell) => {
    const numbers = new Numbers(cells.geneBytes);
    numbers.at = cells.genesBegin[cell];
    const nGenes = numbers.next(), top = [];
    for (let left = numbers.next(); left > 0; left--) top.push([numbers.next(), numbers.next()]);
    return { nGenes, top };
  };

  // Outlines: x and y from the middle of the map, ring after ring, each with its first vertex again at its end.
  const readOutlines = async (name, described) => {
    const bytes = described && await block(name);
    if (!bytes || !described.n) return null;
    const numbers = new Numbers(bytes);
    const owners = new Int32Array(described.n), begins = new Uint32Array(described.n + 1);
    let vertices = new Float32Array(1 << 16), used = 0, owner = 0, x0 = 0, y0 = 0;
    const left = head.origin[0] - middle[0], top = head.origin[1] - middle[1], step = described.step;
    for (let ring = 0; ring < described.n; ring++) {
      owners[ring] = owner += numbers.signed();
      const size = numbers.next();
      if (used + 2 * size + 2 > vertices.length) {
        const larger = new Float32Array(2 * Math.max(vertices.length, used + 2 * size + 2));
        larger.set(vertices);
        vertices = larger;
      }
      begins[ring] = used / 2;
      let x = x0, y = y0;
      for (let at = 0; at < size; at++) {
        x += numbers.signed();
        y += numbers.signed();
        if (at === 0) { x0 = x; y0 = y; }
        vertices[used++] = left + x * step;
        vertices[used++] = top + y * step;
      }
      vertices[used++] = vertices[2 * begins[ring]];
      vertices[used++] = vertices[2 * begins[ring] + 1];
    }
    begins[described.n] = used / 2;
    const ringOf = new Map();
    for (let ring = described.n - 1; ring >= 0; ring--) ringOf.set(owners[ring], ring);
    return { n: described.n, owners, begins, vertices: vertices.subarray(0, used), ringOf };
  };

  const data = { head, molecules, tiles, extent, middle, cells, genesOf, outlines: null, prior: null, priorLabels: [] };
  data.read = async () => {
    await readPlaces();
    await readCells();
    await readMolecules();
    await readCellTable();
    data.outlines = await readOutlines("outlines", head.outlines);
    data.prior = await readOutlines("prior", head.prior);
    const labels = await block("prior-labels");
    if (labels) data.priorLabels = JSON.parse(new TextDecoder().decode(labels));
  };
  // Numbers stand in names; cells that filters have left out leave gaps.
  data.cellName = (cell) => head.cell_prefix + (head.cell_numbers ? head.cell_numbers[cell] : cell + 1);
  data.cellOfNumber = (number) => (head.cell_numbers ? head.cell_numbers.indexOf(number) : number - 1);
  return data;
})();
