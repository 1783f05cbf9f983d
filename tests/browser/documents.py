"""What pages of sections, charts and pictures have to do: the preview and the diagnostics."""

from browser import n_colors, share_that_differs

# For a canvas or picture: its size, and how many different colors it has.
LOOK = """
const place = arguments[0];
let canvas = place;
if (place.tagName === "IMG") {
  canvas = document.createElement("canvas");
  canvas.width = place.naturalWidth;
  canvas.height = place.naturalHeight;
  if (canvas.width && canvas.height) canvas.getContext("2d").drawImage(place, 0, 0);
}
if (!canvas.width || !canvas.height) return [0, 0, 0];
const data = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
const colors = new Set();
for (let at = 0; at < data.length && colors.size < 1000; at += 3) colors.add(data[at]);
return [canvas.width, canvas.height, colors.size];
"""
# Marks that hold data, by chart: rules, axes and frames are not among them.
MARKS = """
return [...document.querySelectorAll(".chart")].map((place) => {
  const seen = {};
  const visit = (item) => {
    if (item.marktype && item.role === "mark") seen[item.marktype] = (seen[item.marktype] || 0) + item.items.length;
    (item.items || []).forEach(visit);
  };
  const view = baysorCharts.view(place.id);
  if (view) visit(view.scenegraph().root);
  return [place.id, place.getAttribute("aria-label"), seen];
});
"""


def check_document(browser, path, name, sections, n_pictures, n_charts, seconds=None):
    """Every figure is drawn, in both themes; the page has these sections, and so many pictures and charts at least."""
    page = browser.open(path, name)
    if seconds:
        page.check("answers soon", page.seconds < seconds, f"{page.seconds:.2f} s")
        print(f"{name}: ready after {page.seconds:.2f} s, {path.stat().st_size / 1e6:.2f} MB")
    light = page.save("open")
    for section in sections:
        page.check(f"has the section {section}", page.run("return !!document.querySelector('h1#' + arguments[0])", section))
    pictures = page.driver.find_elements("css selector", "figure img")
    page.check("has its pictures", len(pictures) >= n_pictures, len(pictures))
    for at, picture in enumerate(pictures):
        width, height, colors = page.run(LOOK, picture)
        page.check(f"picture {at} is drawn", min(width, height) >= 100 and colors >= 8, (width, height, colors))
    charts = page.run(MARKS)
    page.check("has its charts", len(charts) >= n_charts, len(charts))
    for chart, label, marks in charts:
        width, height, colors = page.run(LOOK, page.find(f"#{chart} canvas"))
        page.check(f"{chart} ({label}) is drawn", min(width, height) >= 60 and colors >= 8, (width, height, colors))
        page.check(f"{chart} ({label}) shows data", sum(marks.values()) > 0, marks)
    wide = page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.check("is not wider than the window", wide <= 1, wide)
    for at, figure in enumerate(page.driver.find_elements("css selector", "figure")[:8]):
        page.run("arguments[0].scrollIntoView({block: 'center'})", figure)
        page.save(f"figure-{at}")
    page.run("window.scrollTo(0, 0)")
    in_theme = "return baysorTheme.current() === arguments[0] && (!document.querySelector('.chart') || document.documentElement.dataset.readyTheme === arguments[0])"
    page.check("is light at first", page.wait(in_theme, "light"))
    page.run("baysorTheme.toggle()")
    page.check("changes its theme", page.wait(in_theme, "dark"))
    dark = page.save("dark")
    # The choice is kept for all pages.
    page.run("baysorTheme.toggle()")
    page.check("is dark on demand", share_that_differs(light, dark) > 0.5, share_that_differs(light, dark))
    page.check("is drawn in the dark", n_colors(dark) >= 8, n_colors(dark))
    page.finish()
    return page
