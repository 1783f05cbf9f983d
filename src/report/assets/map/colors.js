// What molecules and outlines are colored by. Colors are numbers 0xAABBGGRR, as arrays of bytes read them.
"use strict";
const mapColors = (() => {
  const { head, molecules, cells } = mapData;
  // Okabe and Ito without black, which is no color on a dark page; then others that differ in lightness too.
  const few = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8f7700", "#7a5195"];
  const many = [
    "#1f77b4", "#e6550d", "#2ca02c", "#d6279a", "#17becf", "#e7ba52", "#8c564b", "#7b5bd6", "#9ccc3c", "#f48fb1", "#00796b",
    "#a63603", "#5b7db8", "#c49c00", "#ad1457", "#7fcdbb", "#6d4c41", "#b39ddb", "#4f8a10", "#ff8a65", "#0d47a1", "#c0b283",
    "#c2185b", "#26a69a",
  ];
  // Points of viridis and of cividis, from low to high.
  const viridis = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
  const cividis = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const packed = ([red, green, blue], alpha) => ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  const ramp = (points, share) => {
    const place = Math.min(Math.max(share, 0), 1) * (points.length - 1), from = Math.min(Math.floor(place), points.length - 2);
    const [a, b] = [parts(points[from]), parts(points[from + 1])];
    return a.map((value, channel) => Math.round(value + (b[channel] - value) * (place - from)));
  };
  const gradient = (points) => `linear-gradient(90deg, ${points.join(", ")})`;
  const table = (points, n) => Array.from({ length: n }, (_, at) => ramp(points, n > 1 ? at / (n - 1) : 0));
  const category = (at, n) => (n <= few.length ? few[at % few.length] : many[at % many.length]);
  const geneColor = (at) => few[at % few.length];

  const nClusters = (head.n_of_cluster || []).length;
  const isDark = () => baysorTheme.current() === "dark";
  const gray = () => (isDark() ? [120, 128, 138] : [125, 132, 140]);

  // The ways to color molecules, with the reason where there is nothing to color by.
  const modes = [
    { key: "ncv", label: "Neighborhood (NCV)", lacks: !molecules.red && !document.getElementById("block-red") },
    { key: "cluster", label: "Cluster", lacks: !nClusters },
    { key: "gene", label: "Gene", lacks: !head.n_shown },
    { key: "confidence", label: "Confidence", lacks: !document.getElementById("block-confidence") },
    { key: "assignment", label: "Assignment confidence", lacks: !document.getElementById("block-assignment") },
    { key: "cell", label: "Cell", lacks: !cells.n },
    { key: "plain", label: "One color", lacks: false },
  ];

  // Color of every molecule into `out`; alpha 0 hides it. `state` is what the reader has chosen.
  const paint = (state, out) => {
    const { n, cell, gene, cluster, confidence, assignment, red, green, blue, z } = molecules;
    const noiseAlpha = state.noise ? 90 : 0;
    const solid = (color) => packed(color, 255), thin = (color) => packed(color, noiseAlpha);
    const pair = (colors) => [colors.map(thin), colors.map(solid)];
    const byTable = (values, colors) => {
      const [noise, real] = pair(colors);
      for (let at = 0; at < n; at++) out[at] = cell[at] < 0 ? noise[values[at]] : real[values[at]];
    };
    if (state.mode === "ncv") {
      const wide = [5, 6].map((bits) => Uint8Array.from({ length: 1 << bits }, (_, at) => Math.round(at * 255 / ((1 << bits) - 1))));
      for (let at = 0; at < n; at++) {
        const alpha = cell[at] < 0 ? noiseAlpha : 255;
        out[at] = (alpha << 24) | (wide[0][blue[at]] << 16) | (wide[1][green[at]] << 8) | wide[0][red[at]];
      }
    } else if (state.mode === "cluster") {
      const hidden = state.hiddenClusters;
      const colors = [gray(), ...Array.from({ length: nClusters }, (_, at) => parts(category(at, nClusters)))];
      const [noise, real] = pair(colors);
      for (const at of hidden) { noise[at] = 0; real[at] = 0; }
      for (let at = 0; at < n; at++) out[at] = cell[at] < 0 ? noise[cluster[at]] : real[cluster[at]];
    } else if (state.mode === "confidence") byTable(confidence, table(viridis, 101));
    else if (state.mode === "assignment") byTable(assignment, table(viridis, 101));
    else if (state.mode === "gene") {
      const faint = packed(gray(), isDark() ? 46 : 40), noise = state.noise ? packed(gray(), 22) : 0;
      for (let at = 0; at < n; at++) out[at] = cell[at] < 0 ? noise : faint;
    } else if (state.mode === "cell") {
      const colors = many.map((color) => solid(parts(color))), noise = thin(gray());
      for (let at = 0; at < n; at++) out[at] = cell[at] < 0 ? noise : colors[(Math.imul(cell[at], 0x9e3779b1) >>> 8) % colors.length];
    } else {
      const [noise, real] = [thin(gray()), solid(parts(few[0]))];
      for (let at = 0; at < n; at++) out[at] = cell[at] < 0 ? noise : real;
    }
    if (z && (state.z[0] > 0 || state.z[1] < state.zMost)) {
      for (let at = 0; at < n; at++) if (z[at] < state.z[0] || z[at] > state.z[1]) out[at] = 0;
    }
    return gene;
  };

  // Whether a molecule is drawn at all.
  const isShown = (state, at) => {
    const { cell, cluster, z } = molecules;
    if (!state.noise && cell[at] < 0) return false;
    if (z && (z[at] < state.z[0] || z[at] > state.z[1])) return false;
    return !(state.mode === "cluster" && state.hiddenClusters.has(cluster[at]));
  };

  // Range of a statistic without its extremes, which would leave one color for all others.
  const rangeOf = (statistic) => {
    if (statistic.range) return statistic.range;
    const values = Array.from(statistic.values).filter(Number.isFinite).sort((a, b) => a - b);
    const at = (share) => values[Math.round(share * (values.length - 1))];
    statistic.range = values.length ? [at(0.02), at(0.98)] : [0, 1];
    if (statistic.range[0] === statistic.range[1]) statistic.range = [values[0] || 0, values[values.length - 1] || 1];
    return statistic.range;
  };

  // Color of every cell's outline.
  const paintCells = (state, out) => {
    const plain = packed(isDark() ? [244, 246, 248] : [17, 20, 24], 255);
    const statistic = cells.statistics.find(({ name }) => name === state.outlineBy);
    if (statistic) {
      const [low, high] = rangeOf(statistic), colors = table(cividis, 256).map((color) => packed(color, 255)), none = packed(gray(), 255);
      for (let cell = 0; cell < cells.n; cell++) {
        const value = statistic.values[cell];
        const share = high > low ? (value - low) / (high - low) : 0.5;
        out[cell] = Number.isNaN(value) ? none : colors[Math.round(255 * Math.min(Math.max(share, 0), 1))];
      }
    } else if (state.outlineBy === "cluster" && cells.cluster) {
      const colors = [gray(), ...Array.from({ length: nClusters }, (_, at) => parts(category(at, nClusters)))].map((color) => packed(color, 255));
      for (let cell = 0; cell < cells.n; cell++) out[cell] = colors[cells.cluster[cell]];
    } else out.fill(plain);
  };

  return { modes, paint, paintCells, isShown, rangeOf, category, geneColor, gradient, viridis, cividis, nClusters, parts, packed, few };
})();
