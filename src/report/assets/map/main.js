// The map itself: the view, what the reader has chosen, and when to draw what.
"use strict";
const baysorMap = (() => {
  const { head, extent, cells, molecules } = mapData;
  const byId = (id) => document.getElementById(id);
  const stage = byId("stage"), message = byId("message"), root = document.documentElement;
  const state = {
    mode: ["ncv", "cluster", "cell", "plain"].find((key) => mapColors.modes.some((mode) => mode.key === key && !mode.lacks)), genes: [], hiddenClusters: new Set(),
    noise: true, cells: true, prior: true, outlineBy: "none", size: 1, z: [0, 0], zMost: 0, priorColor: [0.84, 0.37, 0, 1],
  };
  // Middle of the view in units of the coordinates, and pixels (of the page) per unit.
  const view = { x: 0, y: 0, scale: 1 };
  let dots = null, lines = null, selected = null, hovered = null, frame = 0, restsAt = 0, isMoving = false, pointer = null, hoverTimer = 0, hasDrawn = false;
  const dirty = { view: true, lines: true };

  const ratio = () => Math.min(window.devicePixelRatio || 1, 2);
  const size = () => [Math.max(stage.clientWidth, 1), Math.max(stage.clientHeight, 1)];
  const fitScale = () => {
    const [width, height] = size();
    return 0.94 * Math.min(width / (extent.right - extent.left), height / (extent.bottom - extent.top));
  };
  const worldAt = (x, y) => {
    const [width, height] = size();
    return [view.x + (x - width / 2) / view.scale, view.y + (y - height / 2) / view.scale];
  };
  const screenOf = (x, y) => {
    const [width, height] = size();
    return [(x - view.x) * view.scale + width / 2, (y - view.y) * view.scale + height / 2];
  };

  // Dots grow with the view, between a pixel and what still tells neighbors apart.
  const dotSize = () => {
    const area = (extent.right - extent.left) * (extent.bottom - extent.top);
    const spacing = Math.sqrt(area / Math.max(head.n_shown, 1)) * view.scale;
    return Math.min(Math.max(0.9 * spacing, 1.25), 9) * state.size;
  };

  const pixels = () => {
    const [width, height] = size(), factor = ratio();
    return {
      x: view.x, y: view.y, scale: view.scale * factor, ratio: factor, width: Math.round(width * factor), height: Math.round(height * factor),
      dot: Math.max(dotSize() * factor, 1),
    };
  };

  const resize = () => {
    const { width, height } = pixels();
    for (const id of ["molecules", "lines", "marks"]) {
      const canvas = byId(id);
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    }
    dirty.view = true;
    ask();
  };

  const ask = () => { if (!frame && dots) frame = requestAnimationFrame(draw); };

  const draw = () => {
    frame = 0;
    if (!dots) return;
    // The frame before must be drawn first, or frames would queue up and the map lag behind the pointer.
    if (dots.watch.isBusy || lines.watch.isBusy) { ask(); return; }
    if (hasDrawn && root.dataset.ready !== "yes") {
      root.dataset.readyAfter = String(Math.round(performance.now()));
      root.dataset.ready = "yes";
    }
    hasDrawn = true;
    const now = performance.now(), wasMoving = isMoving;
    isMoving = now < restsAt;
    if (wasMoving && !isMoving) dirty.lines = true;
    const shown = pixels();
    if (dirty.view) {
      dots.draw(shown);
      drawScale();
    } else if (!isMoving && !dots.isComplete) dots.refine();
    if (dirty.view || dirty.lines) {
      byId("outline-hint").hidden = !(lines.draw(shown, state, isMoving) && state.outlineBy === "none" && (state.cells || state.prior) && (lines.outlines || lines.prior));
      drawMarks(shown);
    }
    dirty.view = dirty.lines = false;
    const share = dots.total ? dots.drawn / dots.total : 1;
    byId("detail").hidden = isMoving || share >= 1;
    byId("detail").textContent = `${Math.round(100 * share)} % drawn`;
    root.dataset.complete = String(!isMoving && dots.isComplete);
    if (isMoving || !dots.isComplete || root.dataset.ready !== "yes") ask();
  };

  // The selected cell and the molecule under the pointer.
  const drawMarks = (shown) => {
    const canvas = byId("marks"), context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(shown.ratio, shown.ratio);
    const style = getComputedStyle(root), accent = style.getPropertyValue("--accent"), page = style.getPropertyValue("--page");
    if (selected !== null) {
      const ring = mapData.outlines && mapData.outlines.ringOf.get(selected);
      context.beginPath();
      if (ring !== undefined && ring !== null) {
        const { begins, vertices } = mapData.outlines;
        for (let at = begins[ring]; at < begins[ring + 1]; at++) {
          context.lineTo(...screenOf(vertices[2 * at] + mapData.middle[0], vertices[2 * at + 1] + mapData.middle[1]));
        }
        context.closePath();
      } else context.arc(...screenOf(cells.x[selected], cells.y[selected]), Math.max(head.radius * view.scale, 8), 0, 7);
      context.lineJoin = "round";
      for (const [width, color] of [[6, page], [3, accent]]) {
        context.lineWidth = width;
        context.strokeStyle = color;
        context.stroke();
      }
    }
    if (hovered !== null) {
      context.beginPath();
      context.arc(...hovered, Math.max(dotSize() / 2 + 3, 6), 0, 7);
      context.lineWidth = 2;
      context.strokeStyle = accent;
      context.stroke();
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  };

  const drawScale = () => {
    const wanted = 130 / view.scale, power = 10 ** Math.floor(Math.log10(wanted));
    const length = [5, 2, 1].map((factor) => factor * power).find((value) => value <= wanted) || power;
    byId("scale-bar").style.width = `${length * view.scale}px`;
    byId("scale-text").textContent = `${Number(length.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 12 })} ${length === 1 ? "unit" : "units"}`;
  };

  const moved = () => {
    const most = Math.max(200 / head.radius, 50 * fitScale()), least = fitScale() / 6;
    view.scale = Math.min(Math.max(view.scale, least), most);
    view.x = Math.min(Math.max(view.x, extent.left), extent.right);
    view.y = Math.min(Math.max(view.y, extent.top), extent.bottom);
    restsAt = performance.now() + 160;
    isMoving = true;
    hovered = null;
    mapPanels.showTip(null);
    dirty.view = true;
    root.dataset.complete = "false";
    ask();
    keep();
  };

  const map = {
    state, view, worldAt, screenOf,
    moveBy: (dx, dy) => { view.x -= dx / view.scale; view.y -= dy / view.scale; moved(); },
    zoomAt: (x, y, factor) => {
      const [worldX, worldY] = worldAt(x, y);
      view.scale *= factor;
      moved();
      const [nowX, nowY] = worldAt(x, y);
      view.x += worldX - nowX;
      view.y += worldY - nowY;
    },
    fit: () => {
      view.x = (extent.left + extent.right) / 2;
      view.y = (extent.top + extent.bottom) / 2;
      view.scale = fitScale();
      moved();
    },
    // What has to be made anew: colors of molecules, colors of cells, lines, or the view only.
    change: (what) => {
      if (what === "molecules") { dots.paint(state); lines.highlight(state); dirty.view = true; }
      if (what === "cells") lines.paint(state);
      if (what === "view") dirty.view = true;
      dirty.lines = true;
      root.dataset.complete = "false";
      mapPanels.update();
      keep();
      ask();
    },
    chooseGene: (gene) => {
      if (!state.genes.some((chosen) => chosen.gene === gene)) {
        const used = new Set(state.genes.map(({ color }) => color));
        const free = mapColors.few.find((color) => !used.has(color)) || mapColors.geneColor(state.genes.length);
        state.genes = [...state.genes, { gene, color: free }];
      }
      state.mode = "gene";
      map.change("molecules");
    },
    select: (cell) => {
      selected = cell;
      clearTimeout(hoverTimer);
      mapPanels.showTip(null);
      mapPanels.showCell(cell);
      dirty.lines = true;
      ask();
    },
    goToCell: (cell) => {
      view.x = cells.x[cell];
      view.y = cells.y[cell];
      view.scale = Math.max(view.scale, 60 / head.radius);
      moved();
      map.select(cell);
    },
    pointAt: (x, y) => {
      pointer = x === null ? null : [x, y];
      const where = pointer && worldAt(x, y);
      const digits = Math.max(0, Math.min(6, Math.ceil(Math.log10(view.scale))));
      byId("where").textContent = where ? `x ${where[0].toFixed(digits)}  y ${where[1].toFixed(digits)}` : "";
    },
    // Tells what is under the pointer once it rests there.
    hover: (x, y) => {
      clearTimeout(hoverTimer);
      const had = hovered;
      hovered = null;
      if (x === null) { mapPanels.showTip(null); if (had) { dirty.lines = true; ask(); } return; }
      hoverTimer = setTimeout(() => {
        const found = mapInput.find(map, x, y);
        mapPanels.showTip(found, x, y);
        if (found && found.molecule !== null) hovered = map.placeOf(found.molecule);
        drawMarks(pixels());
      }, 40);
    },
    // Where a molecule is on the page.
    placeOf: (at) => {
      const tile = mapData.tiles.find(({ first, n }) => at >= first && at < first + n);
      return screenOf(tile.x + molecules.places[2 * at] * head.step, tile.y + molecules.places[2 * at + 1] * head.step);
    },
    data: mapData,
    // Milliseconds of the last frame: molecules, lines.
    times: () => [dots.lastTime, lines.lastTime, dots.drawn],
  };

  // The address keeps the view.
  let keepTimer = 0;
  const keep = () => {
    clearTimeout(keepTimer);
    keepTimer = setTimeout(() => {
      const parts = new URLSearchParams();
      parts.set("at", [view.x, view.y].map((value) => Number(value.toPrecision(9))).join(","));
      parts.set("scale", String(Number(view.scale.toPrecision(5))));
      parts.set("color", state.mode);
      for (const { gene } of state.genes) parts.append("gene", head.genes[gene]);
      if (state.outlineBy !== "none") parts.set("cells-by", state.outlineBy);
      const off = ["noise", "cells", "prior"].filter((name) => !state[name]);
      if (off.length) parts.set("off", off.join(","));
      try { window.history.replaceState(null, "", "#" + parts); } catch (_) { /* not in every frame */ }
    }, 300);
  };
  const restore = () => {
    const parts = new URLSearchParams(window.location.hash.slice(1));
    const at = (parts.get("at") || "").split(",").map(Number), scale = Number(parts.get("scale"));
    if (at.length === 2 && at.every(Number.isFinite) && scale > 0) { view.x = at[0]; view.y = at[1]; view.scale = scale; }
    const mode = mapColors.modes.find(({ key, lacks }) => key === parts.get("color") && !lacks);
    for (const name of parts.getAll("gene")) {
      const gene = head.genes.indexOf(name);
      if (gene >= 0) state.genes.push({ gene, color: mapColors.geneColor(state.genes.length) });
    }
    if (mode) state.mode = mode.key;
    if (cells.statistics.some(({ name }) => name === parts.get("cells-by")) || parts.get("cells-by") === "cluster") state.outlineBy = parts.get("cells-by");
    for (const name of (parts.get("off") || "").split(",")) if (["noise", "cells", "prior"].includes(name)) state[name] = false;
  };

  const themed = () => {
    state.priorColor = [...mapColors.parts(getComputedStyle(root).getPropertyValue("--prior").trim()).map((value) => value / 255), 1];
    if (dots) { map.change("molecules"); map.change("cells"); }
  };

  // Without WebGL 2: the static picture, if there is one.
  const fallBack = (reason) => {
    const picture = byId("static-picture");
    message.classList.toggle("top", Boolean(picture));
    message.textContent = `${reason} ` + (picture ? "This is a still picture instead." : "Open the map in a current version of Firefox, Chrome, Edge or Safari.");
    if (picture) {
      const image = document.createElement("img");
      image.className = "static";
      image.alt = "Molecules and outlines of cells";
      image.src = "data:image/png;base64," + picture.textContent.trim();
      stage.prepend(image);
    }
    root.dataset.ready = "still";
  };

  const start = async () => {
    mapPanels.begin(map);
    let contexts = null;
    try { contexts = [new MoleculeLayer(byId("molecules")), new LineLayer(byId("lines"))]; } catch (_) { /* told below */ }
    if (!contexts || contexts.some(({ gl }) => !gl)) { fallBack("This browser has no WebGL 2, which the interactive map needs."); return; }
    if (typeof DecompressionStream === "undefined") { fallBack("This browser is too old to unpack the molecules."); return; }
    await mapData.read();
    if (molecules.z) {
      for (let at = 0; at < molecules.n; at++) state.zMost = Math.max(state.zMost, molecules.z[at]);
      state.z = [0, state.zMost];
      byId("z-low").max = byId("z-high").max = state.zMost;
    }
    contexts.forEach((layer) => layer.load());
    for (const { canvas } of contexts) {
      canvas.addEventListener("webglcontextlost", (event) => {
        event.preventDefault();
        message.textContent = "The graphics of this browser were lost; load the page again.";
        cancelAnimationFrame(frame);
        dots = null;
      });
    }
    map.fit();
    restore();
    [dots, lines] = contexts;
    mapPanels.beginDepth();
    themed();
    resize();
    restsAt = 0;
    baysorTheme.onChange(themed);
    new ResizeObserver(resize).observe(stage);
    mapInput.begin(map);
    message.textContent = head.n_shown ? "" : "There are no molecules to show.";
  };
  start().catch((error) => {
    console.error(error);
    message.textContent = `The map could not be drawn: ${error.message}`;
    root.dataset.ready = "failed";
  });
  return map;
})();
