// Draws the Vega-Lite charts of a page in the colors of the theme, and again when the theme changes.
"use strict";
const baysorCharts = (() => {
  const charts = [], views = new Map();
  const palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8c6bb1", "#7f7f7f"];
  const config = () => {
    const [text, faint, line] = ["text", "faint", "line"].map(baysorTheme.color);
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
    return {
      background: "transparent",
      font,
      view: { stroke: null },
      axis: {
        labelColor: faint, titleColor: text, gridColor: line, gridOpacity: 0.6, domainColor: line, tickColor: line,
        labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500, titlePadding: 8, labelLimit: 240, labelSeparation: 8,
      },
      legend: { labelColor: text, titleColor: text, labelFontSize: 12, titleFontSize: 12, labelLimit: 260 },
      title: { color: text, fontSize: 14, fontWeight: 600, anchor: "start" },
      text: { color: text },
      rule: { color: faint },
      range: { category: palette },
      mark: { color: palette[0] },
    };
  };
  const root = document.documentElement;
  // Whoever waits for the page looks at `data-ready` ("no": a chart failed) and `data-ready-theme`.
  const draw = async () => {
    const theme = baysorTheme.current();
    const drawn = await Promise.all(charts.map(drawOne));
    root.dataset.ready = drawn.every(Boolean) ? "yes" : "no";
    root.dataset.readyTheme = theme;
    if (!root.dataset.readyAfter) root.dataset.readyAfter = String(Math.round(performance.now()));
  };
  const drawOne = async ([id, spec]) => {
    const place = document.getElementById(id);
    try {
      const themed = JSON.parse(JSON.stringify(spec));
      const embedded = await vegaEmbed(place, themed, { config: config(), renderer: "canvas", actions: { export: true, source: false, compiled: false, editor: false } });
      views.set(id, embedded.view);
      place.dataset.drawn = "yes";
      return true;
    } catch (error) {
      place.dataset.drawn = "no";
      place.textContent = "This chart could not be drawn: " + error.message;
      console.error(id, error);
      return false;
    }
  };
  baysorTheme.onChange(draw);
  return { add: (id, spec) => charts.push([id, spec]), draw, view: (id) => views.get(id) };
})();
