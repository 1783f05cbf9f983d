// Finds what is under the pointer, and turns pointers, wheels and keys into movements of the map.
"use strict";
const mapInput = (() => {
  const { molecules, tiles, head, middle } = mapData;

  const inRing = ({ begins, vertices }, ring, x, y) => {
    let inside = false;
    for (let at = begins[ring]; at + 1 < begins[ring + 1]; at++) {
      const x0 = vertices[2 * at], y0 = vertices[2 * at + 1], x1 = vertices[2 * at + 2], y1 = vertices[2 * at + 3];
      if ((y0 > y) !== (y1 > y) && x < x0 + (y - y0) * (x1 - x0) / (y1 - y0)) inside = !inside;
    }
    return inside;
  };
  // The owner of the ring at a place; null without.
  const ownerAt = (outlines, worldX, worldY) => {
    if (!outlines) return null;
    const x = worldX - middle[0], y = worldY - middle[1];
    if (!outlines.boxes) {
      outlines.boxes = new Float32Array(4 * outlines.n);
      for (let ring = 0; ring < outlines.n; ring++) {
        let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
        for (let at = outlines.begins[ring]; at < outlines.begins[ring + 1]; at++) {
          left = Math.min(left, outlines.vertices[2 * at]);
          right = Math.max(right, outlines.vertices[2 * at]);
          top = Math.min(top, outlines.vertices[2 * at + 1]);
          bottom = Math.max(bottom, outlines.vertices[2 * at + 1]);
        }
        outlines.boxes.set([left, top, right, bottom], 4 * ring);
      }
    }
    const { boxes } = outlines;
    for (let ring = 0; ring < outlines.n; ring++) {
      const at = 4 * ring;
      if (boxes[at] <= x && boxes[at + 2] >= x && boxes[at + 1] <= y && boxes[at + 3] >= y && inRing(outlines, ring, x, y)) return outlines.owners[ring];
    }
    return null;
  };

  // The nearest molecule that is drawn, not farther than `reach`; null without.
  const moleculeAt = (state, x, y, reach) => {
    let best = null, nearest = reach * reach;
    const isChosen = state.mode === "gene" && state.genes.length ? new Set(state.genes.map(({ gene }) => gene)) : null;
    for (const tile of tiles) {
      const { box } = tile;
      if (box[0] > x + reach || box[2] < x - reach || box[1] > y + reach || box[3] < y - reach) continue;
      const px = (x - tile.x) / head.step, py = (y - tile.y) / head.step, factor = head.step * head.step;
      for (let at = tile.first; at < tile.first + tile.n; at++) {
        const dx = molecules.places[2 * at] - px, dy = molecules.places[2 * at + 1] - py;
        const distance = (dx * dx + dy * dy) * factor;
        if (distance < nearest && mapColors.isShown(state, at) && (!isChosen || isChosen.has(molecules.gene[at]))) {
          nearest = distance;
          best = at;
        }
      }
    }
    return best;
  };

  const find = (map, x, y) => {
    const [worldX, worldY] = map.worldAt(x, y), { state } = map;
    const molecule = moleculeAt(state, worldX, worldY, 7 / map.view.scale);
    const cell = state.cells ? ownerAt(mapData.outlines, worldX, worldY) : null;
    const segment = state.prior ? ownerAt(mapData.prior, worldX, worldY) : null;
    return molecule === null && cell === null && segment === null ? null : { molecule, cell, segment };
  };

  const begin = (map) => {
    const stage = document.getElementById("stage");
    const pointers = new Map();
    let moved = 0, pinch = null;
    const place = (event) => {
      const box = stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const isMap = (event) => event.target.tagName === "CANVAS" || event.target === stage;
    stage.addEventListener("wheel", (event) => {
      if (!isMap(event)) return;
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 400 : 1;
      const amount = Math.max(-300, Math.min(300, event.deltaY * lines * (event.ctrlKey ? 4 : 1)));
      map.zoomAt(...place(event), Math.exp(-amount * 0.0022));
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      if (!isMap(event)) return;
      stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, place(event));
      moved = 0;
      pinch = null;
      stage.focus({ preventScroll: true });
    });
    const end = (event) => {
      const was = pointers.get(event.pointerId);
      if (!was) return;
      pointers.delete(event.pointerId);
      pinch = null;
      stage.classList.remove("moving");
      if (event.type === "pointerup" && moved < 5 && pointers.size === 0) {
        const found = find(map, ...place(event));
        const cell = found && (found.cell !== null ? found.cell : found.molecule !== null ? molecules.cell[found.molecule] : -1);
        map.select(found && cell >= 0 ? cell : null);
      }
    };
    stage.addEventListener("pointerup", end);
    stage.addEventListener("pointercancel", end);
    stage.addEventListener("pointermove", (event) => {
      const [x, y] = place(event), before = pointers.get(event.pointerId);
      map.pointAt(x, y);
      if (!before) {
        mapPanels.showTip(null);
        if (isMap(event)) map.hover(x, y);
        return;
      }
      pointers.set(event.pointerId, [x, y]);
      moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
      if (pointers.size === 1) {
        if (moved >= 5) stage.classList.add("moving");
        mapPanels.showTip(null);
        map.moveBy(x - before[0], y - before[1]);
      } else if (pointers.size === 2) {
        const [a, b] = [...pointers.values()];
        const now = { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, wide: Math.hypot(a[0] - b[0], a[1] - b[1]) };
        if (pinch) {
          map.moveBy(now.x - pinch.x, now.y - pinch.y);
          map.zoomAt(now.x, now.y, now.wide / Math.max(pinch.wide, 1));
        }
        pinch = now;
      }
    });
    stage.addEventListener("pointerleave", () => { map.pointAt(null); map.hover(null); });
    stage.addEventListener("dblclick", (event) => { if (isMap(event)) map.zoomAt(...place(event), 2); });

    const middleOf = () => [stage.clientWidth / 2, stage.clientHeight / 2];
    const step = 90;
    const toggle = (name, what) => { map.state[name] = !map.state[name]; map.change(what); };
    const keys = {
      "+": () => map.zoomAt(...middleOf(), 1.5), "=": () => map.zoomAt(...middleOf(), 1.5), "-": () => map.zoomAt(...middleOf(), 1 / 1.5),
      ArrowLeft: () => map.moveBy(step, 0), ArrowRight: () => map.moveBy(-step, 0), ArrowUp: () => map.moveBy(0, step), ArrowDown: () => map.moveBy(0, -step),
      f: () => map.fit(), "0": () => map.fit(), n: () => toggle("noise", "molecules"), o: () => toggle("cells", "lines"), p: () => toggle("prior", "lines"),
      "/": () => document.getElementById("search").focus(), "?": () => document.getElementById("help-open").click(),
      Escape: () => { if (!document.getElementById("help").hidden) document.getElementById("help-close").click(); else map.select(null); },
    };
    document.addEventListener("keydown", (event) => {
      const isField = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName) && event.key !== "Escape";
      const action = keys[event.key];
      if (isField || !action || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      event.preventDefault();
      action();
    });
    document.getElementById("zoom-in").addEventListener("click", () => map.zoomAt(...middleOf(), 1.6));
    document.getElementById("zoom-out").addEventListener("click", () => map.zoomAt(...middleOf(), 1 / 1.6));
    document.getElementById("fit").addEventListener("click", () => map.fit());
  };

  return { begin, find };
})();
