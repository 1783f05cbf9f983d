// What stands around the map: settings, legends, search, and the panel of a cell.
"use strict";
const mapPanels = (() => {
  const { head, molecules, cells, genesOf, cellName } = mapData;
  const byId = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const whole = (value) => value.toLocaleString("en-US");
  const short = (value) => {
    if (value === Infinity) return "\u221e";
    if (!Number.isFinite(value)) return "\u2013";
    if (Number.isInteger(value)) return whole(value);
    const digits = Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(Math.abs(value)))));
    return Number(value.toFixed(digits)).toLocaleString("en-US", { maximumFractionDigits: 6 });
  };
  let map = null;

  // Settings that do not depend on what is drawn.
  const begin = (owner) => {
    map = owner;
    const { state } = map;
    byId("title").textContent = head.title;
    byId("subtitle").textContent = head.subtitle;
    byId("subtitle").title = head.subtitle;
    byId("n-noise").textContent = whole(head.n_noise);
    byId("n-cells").textContent = whole(head.n_cells);
    for (const note of head.notes) byId("notes").append(make("li", "", note));
    if (!head.notes.length) byId("notes").append(make("li", "", "It shows all molecules and outlines of the run."));
    byId("notes").append(make("li", "", "Lengths are in the units of x and y in the molecule table."));
    for (const { key, label, lacks } of mapColors.modes) {
      const option = make("option", "", label + (lacks ? " \u2013 not in this map" : ""));
      option.value = key;
      option.disabled = lacks;
      byId("mode").append(option);
    }
    const outlineModes = [["none", "nothing"]];
    if (mapColors.nClusters && head.n_cells) outlineModes.push(["cluster", "Cluster"]);
    for (const { name, label } of head.n_cells ? cells.statistics : []) outlineModes.push([name, label]);
    for (const [value, label] of outlineModes) {
      const option = make("option", "", label);
      option.value = value;
      byId("outline-by").append(option);
    }
    const hasPrior = Boolean(head.prior && head.prior.n);
    byId("prior").disabled = !hasPrior;
    byId("prior-origin").textContent = head.prior ? head.prior.origin : "none was given";
    byId("n-prior").textContent = hasPrior ? whole(head.prior.n) : "";
    byId("cells").disabled = !head.outlines.n;
    byId("noise").disabled = !head.n_noise;
    byId("mode").addEventListener("change", () => { state.mode = byId("mode").value; map.change("molecules"); });
    byId("outline-by").addEventListener("change", () => { state.outlineBy = byId("outline-by").value; map.change("cells"); });
    for (const name of ["noise", "cells", "prior"]) {
      byId(name).addEventListener("change", () => { state[name] = byId(name).checked; map.change(name === "noise" ? "molecules" : "lines"); });
    }
    byId("size").addEventListener("input", () => { state.size = Number(byId("size").value); map.change("view"); });
    byId("toggle-side").addEventListener("click", () => byId("app").classList.toggle("narrow"));
    const help = (open) => { byId("help").hidden = !open; (open ? byId("help-close") : byId("stage")).focus(); };
    byId("help-open").addEventListener("click", () => help(true));
    byId("help-close").addEventListener("click", () => help(false));
    byId("help").addEventListener("click", (event) => { if (event.target === byId("help")) help(false); });
    byId("theme").addEventListener("click", () => baysorTheme.toggle());
    beginSearch();
  };

  // The range of z, once it is known.
  const beginDepth = () => {
    const { state } = map;
    if (!head.z || state.zMost === 0) return;
    byId("depth").hidden = false;
    for (const [at, id] of ["z-low", "z-high"].entries()) {
      const slider = byId(id);
      slider.addEventListener("input", () => {
        state.z[at] = Number(slider.value);
        if (state.z[0] > state.z[1]) state.z[1 - at] = state.z[at];
        map.change("molecules");
      });
    }
  };

  // Shows what the state says.
  const update = () => {
    const { state } = map;
    byId("mode").value = state.mode;
    byId("outline-by").value = state.outlineBy;
    for (const name of ["noise", "cells", "prior"]) byId(name).checked = state[name] && !byId(name).disabled;
    byId("size").value = state.size;
    if (head.z) {
      for (const [at, id] of ["z-low", "z-high"].entries()) {
        byId(id).value = state.z[at];
        byId(id + "-value").textContent = short(head.z.low + state.z[at] * head.z.step);
      }
    }
    byId("legend").replaceChildren(...legend(state));
    byId("outline-legend").replaceChildren(...outlineLegend(state));
  };

  const rampLegend = (colors, low, high) => {
    const bar = make("div", "ramp"), ends = make("div", "ends");
    bar.style.background = mapColors.gradient(colors);
    ends.append(make("span", "", low), make("span", "", high));
    return [bar, ends];
  };
  const dot = (color) => {
    const element = make("span", "dot");
    element.style.background = color;
    return element;
  };
  const swatches = (state, isFilter) => {
    const list = make("div", "swatches");
    head.n_of_cluster.forEach((n, at) => {
      const number = at + 1, item = make(isFilter ? "button" : "div", "swatch");
      item.append(dot(mapColors.category(at, mapColors.nClusters)), make("span", "label", String(number)), make("span", "n", whole(n)));
      if (isFilter) {
        item.type = "button";
        item.title = "Show or hide this cluster; with Shift, only this one";
        item.classList.toggle("off", state.hiddenClusters.has(number));
        item.addEventListener("click", (event) => {
          if (event.shiftKey) state.hiddenClusters = new Set(head.n_of_cluster.map((_, other) => other + 1).filter((other) => other !== number));
          else if (!state.hiddenClusters.delete(number)) state.hiddenClusters.add(number);
          map.change("molecules");
        });
      }
      list.append(item);
    });
    return list;
  };

  const legend = (state) => {
    switch (state.mode) {
      case "ncv": return [make("p", "", "Similar colors: similar genes around the molecule. The colors have no other meaning. Good outlines follow changes of color.")];
      case "cluster": return [swatches(state, true), make("p", "", "Molecules by cluster. Click to hide one, Shift-click to see one only.")];
      case "confidence": return [...rampLegend(mapColors.viridis, "0: noise", "1: real"), make("p", "", "Probability that a molecule is real and not background.")];
      case "assignment": return [...rampLegend(mapColors.viridis, "0", "1: sure"), make("p", "", "How steadily a molecule was in its cell. Low values mark borders that are not certain.")];
      case "cell": return [make("p", "", "Colors tell neighboring cells apart and repeat.")];
      case "gene": {
        const items = state.genes.map(({ gene, color }) => {
          const chip = make("div", "chip"), remove = make("button", "", "\u00d7");
          remove.type = "button";
          remove.title = "Remove";
          remove.addEventListener("click", () => { state.genes = state.genes.filter((other) => other.gene !== gene); map.change("molecules"); });
          chip.append(dot(color), make("span", "label", head.genes[gene]), make("span", "faint", whole(head.n_of_gene[gene])), remove);
          return chip;
        });
        return [...items, make("p", "", items.length ? "Search more genes to add them. Other molecules are faint." : "Search a gene above (press /).")];
      }
      default: return [];
    }
  };

  const outlineLegend = (state) => {
    if (state.outlineBy === "cluster") return [swatches(state, false)];
    const statistic = cells.statistics.find(({ name }) => name === state.outlineBy);
    if (!statistic) return [];
    const [low, high] = mapColors.rangeOf(statistic);
    const items = rampLegend(mapColors.cividis, short(low), short(high));
    if (statistic.unit) items.push(make("p", "faint", statistic.unit));
    if (statistic.name === "n_prior_segments") items.push(make("p", "faint", "Segments of the prior with a good share of the cell's molecules: more than one may be cells merged into one."));
    return items;
  };

  // Search.
  const lower = head.genes.map((name) => name.toLowerCase());
  const matchesOf = (text) => {
    const wanted = text.trim().toLowerCase();
    const begins = [], holds = [];
    if (wanted) {
      for (let gene = 0; gene < lower.length && begins.length < 40; gene++) {
        const at = lower[gene].indexOf(wanted);
        if (at === 0) begins.push(gene);
        else if (at > 0 && holds.length < 40) holds.push(gene);
      }
    }
    const exact = begins.findIndex((gene) => lower[gene] === wanted);
    if (exact > 0) begins.unshift(...begins.splice(exact, 1));
    const found = [...begins, ...holds].slice(0, 40).map((gene) => ({ gene }));
    const prefix = head.cell_prefix.toLowerCase();
    const number = /^\d+$/.test(wanted) ? Number(wanted) : wanted.startsWith(prefix) ? Number(wanted.slice(prefix.length)) : 0;
    const cell = Number.isInteger(number) && number >= 1 ? mapData.cellOfNumber(number) : -1;
    if (cell >= 0 && cell < cells.n) found.splice(exact >= 0 ? 1 : 0, 0, { cell });
    return found;
  };

  const beginSearch = () => {
    const input = byId("search"), list = byId("matches");
    let found = [], chosen = 0;
    const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); };
    const take = (match) => {
      if (!match) return;
      if (match.cell !== undefined) map.goToCell(match.cell);
      else map.chooseGene(match.gene);
      input.value = "";
      close();
      byId("stage").focus();
    };
    const show = () => {
      found = matchesOf(input.value);
      chosen = Math.min(chosen, Math.max(found.length - 1, 0));
      list.replaceChildren(...found.map((match, at) => {
        const item = make("li", at === chosen ? "chosen" : "");
        item.role = "option";
        if (match.cell !== undefined) item.append(make("span", "name", "Cell " + cellName(match.cell)), make("span", "n", "go there"));
        else item.append(make("span", "name", head.genes[match.gene]), make("span", "n", whole(head.n_of_gene[match.gene])));
        item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(match); });
        return item;
      }));
      if (!found.length && input.value.trim()) list.append(make("li", "", "No gene or cell of this name"));
      list.hidden = !input.value.trim();
      input.setAttribute("aria-expanded", String(!list.hidden));
    };
    input.addEventListener("input", () => { chosen = 0; show(); });
    input.addEventListener("focus", show);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(found.length, 1);
        show();
        list.children[chosen]?.scrollIntoView({ block: "nearest" });
      } else if (event.key === "Enter") take(found[chosen]);
      else if (event.key === "Escape") { input.value = ""; close(); byId("stage").focus(); }
      else return;
      event.preventDefault();
    });
  };

  // The panel of a cell; null closes it.
  const showCell = (cell) => {
    const panel = byId("cell");
    panel.hidden = cell === null;
    panel.replaceChildren();
    if (cell === null) return;
    const top = make("div", "head"), close = make("button", "", "\u00d7");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => map.select(null));
    top.append(make("h2", "", cellName(cell)), close);
    panel.append(top);
    const table = make("table");
    const row = (name, value) => {
      const line = make("tr");
      line.append(make("td", "", name), make("td", "", value));
      table.append(line);
    };
    for (const { name, label, values, unit } of cells.statistics) {
      row(label, short(values[cell]) + (unit && Number.isFinite(values[cell]) ? " " + unit : ""));
      table.lastChild.dataset.statistic = name;
    }
    if (cells.cluster) row("Main cluster", cells.cluster[cell] ? String(cells.cluster[cell]) : "\u2013");
    row("Center", `${short(cells.x[cell])}, ${short(cells.y[cell])}`);
    panel.append(table);
    const { nGenes, top: genes } = genesOf(cell);
    panel.append(make("h3", "", genes.length < nGenes ? `The ${genes.length} most frequent of ${whole(nGenes)} genes` : `${whole(nGenes)} genes`));
    for (const [gene, n] of genes) {
      const line = make("button", "gene"), track = make("span", "track"), bar = make("i");
      line.type = "button";
      line.title = "Show this gene";
      bar.style.width = `${Math.max(3, 100 * n / genes[0][1])}%`;
      track.append(bar);
      line.append(make("span", "label", head.genes[gene]), track, make("span", "n", whole(n)));
      line.addEventListener("click", () => map.chooseGene(gene));
      panel.append(line);
    }
  };

  // What is under the pointer.
  const showTip = (found, x, y) => {
    const tip = byId("tip");
    tip.hidden = !found;
    if (!found) return;
    const lines = [];
    if (found.molecule !== null) {
      const at = found.molecule, { gene, cell, cluster, confidence, assignment, z } = molecules;
      lines.push(make("div", "gene", head.genes[gene[at]]));
      lines.push(make("div", "", cell[at] < 0 ? "noise: in no cell" : "Cell " + cellName(cell[at])));
      if (confidence) lines.push(make("div", "", `Confidence ${(confidence[at] / 100).toFixed(2)}`));
      if (assignment && cell[at] >= 0) lines.push(make("div", "", `Assignment confidence ${(assignment[at] / 100).toFixed(2)}`));
      if (cluster) lines.push(make("div", "", `Cluster ${cluster[at]}`));
      if (z) lines.push(make("div", "", `z ${short(head.z.low + z[at] * head.z.step)}`));
    } else if (found.cell !== null) lines.push(make("div", "", "Cell " + cellName(found.cell)));
    if (found.segment !== null) lines.push(make("div", "faint", "Prior segment " + mapData.priorLabels[found.segment]));
    tip.replaceChildren(...lines);
    const stage = byId("stage").getBoundingClientRect(), box = tip.getBoundingClientRect();
    tip.style.left = `${x + 16 + box.width > stage.width ? x - box.width - 12 : x + 16}px`;
    tip.style.top = `${y + 16 + box.height > stage.height ? y - box.height - 12 : y + 16}px`;
  };

  return { begin, beginDepth, update, showCell, showTip, short, whole };
})();
