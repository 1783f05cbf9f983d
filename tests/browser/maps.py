"""Checks of the interactive map, `*_borders.html`."""

import csv
import re
import time

from browser import n_colors, share_of, share_that_differs
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

COMPLETE = "return document.documentElement.dataset.complete === 'true'"


def rest(page):
    """Waits until all molecules are drawn."""
    time.sleep(0.25)
    page.check("the picture becomes complete", page.wait(COMPLETE))


def choose(page, text):
    """Searches and takes the first match."""
    page.driver.find_element("tag name", "body").send_keys("/")
    page.find("#search").send_keys(text + Keys.ENTER)
    rest(page)


def set_theme(page, theme):
    if page.run("return document.documentElement.dataset.theme") != theme:
        page.find("#theme").click()
    rest(page)


def cells_of(stats_csv):
    """Rows of the cell table by name."""
    with open(stats_csv, newline="", encoding="utf-8") as file:
        return {row["cell"]: row for row in csv.DictReader(file)}


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"-?[\d,]*\.?\d+", text)]


def check_drawn(page):
    """Molecules and outlines are on the screen. Returns the picture."""
    rest(page)
    picture = page.picture("#stage", "open")
    page.check("molecules have many colors", n_colors(picture) > 40, n_colors(picture))
    # Outlines of cells that are tiny on the screen are not drawn, so that the check looks from near.
    page.wheel("#stage", -240, times=4)
    rest(page)
    near = page.picture("#stage", "near")
    for name in ("cells", "prior"):
        box = page.find(f"#{name}")
        if box.is_enabled():
            box.click()
            rest(page)
            without = page.picture("#stage", f"without-{name}")
            page.check(f"outlines ({name}) are drawn", share_that_differs(near, without) > 0.001)
            box.click()
            rest(page)
    page.driver.find_element("tag name", "body").send_keys("f")
    rest(page)
    return picture


def check_zoom(page, before):
    page.wheel("#stage", -240, times=4)
    rest(page)
    after = page.picture("#stage", "zoomed")
    page.check("the wheel zooms", share_that_differs(before, after) > 0.02, share_that_differs(before, after))
    page.check("the address keeps the view", "scale=" in page.wait("return location.hash"))
    page.driver.find_element("tag name", "body").send_keys("f")
    rest(page)
    again = page.picture("#stage", "fitted")
    page.check("'f' shows all again", share_that_differs(before, again) < 0.02, share_that_differs(before, again))


def check_gene(page, gene):
    """Only molecules of the gene have its color."""
    colored = page.picture("#stage", "before-gene")
    choose(page, gene)
    picture = page.picture("#stage", "gene")
    page.check("the gene is in the legend as it is written", gene in page.text("#legend"), page.text("#legend"))
    blue = [0, 114, 178]
    page.check("molecules of the gene are blue", share_of(picture, blue, 30) > 0.0002, share_of(picture, blue, 30))
    grays = (picture.max(axis=-1) - picture.min(axis=-1) < 26).mean()
    page.check("others are faint", grays > 0.85 and grays > (colored.max(axis=-1) - colored.min(axis=-1) < 26).mean(), grays)
    shown = page.run("return baysorMap.state.genes.map(({ gene }) => baysorMap.data.head.genes[gene])")
    page.check("the first match is the gene", shown == [gene], shown)
    page.find("#legend .chip button").click()
    page.run("baysorMap.state.mode = baysorMap.data.molecules.red ? 'ncv' : 'plain'; baysorMap.change('molecules')")
    rest(page)


def check_cell(page, stats_csv):
    """A click on a cell shows its name and the numbers of the table."""
    cells = cells_of(stats_csv)
    name, row = max(cells.items(), key=lambda cell: int(cell[1]["n_transcripts"]))
    choose(page, name)
    page.run("baysorMap.select(null)")
    page.check("the panel can be closed", not page.find("#cell").is_displayed())
    # A place inside of the cell: one of its molecules that is nearest to the middle.
    place = page.run(
        """const { molecules, tiles, head, cells } = baysorMap.data, cell = arguments[0] - 1;
        let best = null, nearest = Infinity;
        for (const tile of tiles) for (let at = tile.first; at < tile.first + tile.n; at++) if (molecules.cell[at] === cell) {
          const x = tile.x + molecules.places[2 * at] * head.step, y = tile.y + molecules.places[2 * at + 1] * head.step;
          const d = Math.hypot(x - cells.x[cell], y - cells.y[cell]);
          if (d < nearest) { nearest = d; best = [x, y]; }
        }
        return baysorMap.screenOf(...best);""",
        int(name.rsplit("-", 1)[1]),
    )
    page.click_at("#stage", *place)
    page.wait("return !document.getElementById('cell').hidden")
    rest(page)
    page.save("cell")
    page.check("a click shows the cell", page.find("#cell").is_displayed() and page.text("#cell h2") == name, page.text("#cell"))
    for statistic in ("n_transcripts", "area", "elongation", "avg_confidence"):
        cell = page.driver.find_elements("css selector", f"#cell tr[data-statistic={statistic}] td:last-child")
        seen = numbers(cell[0].text)[0] if cell and numbers(cell[0].text) else None
        expected = float(row[statistic])
        holds = seen is not None and abs(seen - expected) <= 0.002 * max(abs(expected), 1)
        page.check(f"{statistic} is that of the table", holds, (seen, expected))
    # The nearest cell of the click is the one with the name, whatever lies above it.
    page.driver.find_element("tag name", "body").send_keys(Keys.ESCAPE)
    page.check("Esc closes the panel", not page.find("#cell").is_displayed())


def check_tip(page):
    """Resting on a molecule tells its gene."""
    place = page.run(
        """const { molecules } = baysorMap.data, [width, height] = [stage.clientWidth, stage.clientHeight];
        for (let at = 0; at < molecules.n; at++) {
          const [x, y] = baysorMap.placeOf(at);
          if (molecules.cell[at] >= 0 && x > width * 0.4 && x < width * 0.6 && y > height * 0.4 && y < height * 0.6) return [x, y];
        }
        return null;"""
    )
    if place is None:
        return
    stage = page.find("#stage")
    width, height = page.run("return [stage.clientWidth, stage.clientHeight]")
    for shift in (3, 0):
        ActionChains(page.driver, duration=20).move_to_element_with_offset(stage, round(place[0] - width / 2) + shift, round(place[1] - height / 2)).perform()
    page.wait("return !document.getElementById('tip').hidden")
    page.save("tip")
    text = page.text("#tip")
    genes = page.run("return baysorMap.data.head.genes")
    page.check("resting on a molecule tells its gene", text.split("\n")[0] in genes, text)
    page.check("the pointer's place is told", len(numbers(page.text("#where"))) == 2, page.text("#where"))


def check_modes(page):
    """Every way to color molecules that is offered draws another picture."""
    pictures = {}
    for option in page.driver.find_elements("css selector", "#mode option:not([disabled])"):
        mode = option.get_attribute("value")
        option.click()
        rest(page)
        pictures[mode] = page.picture("#stage", f"mode-{mode}")
    names = [mode for mode in pictures if mode not in ("assignment",)]
    same = [(a, b) for a in names for b in names if a < b and share_that_differs(pictures[a], pictures[b]) < 0.001]
    page.check("ways to color molecules differ", not same, same)
    plain = pictures["plain"]
    for option in page.driver.find_elements("css selector", "#outline-by option")[1:]:
        option.click()
        rest(page)
        page.check(f"outlines can be colored by {option.text}", share_that_differs(plain, page.picture("#stage", "outlines")) > 0.001)
    page.driver.find_elements("css selector", "#outline-by option")[0].click()
    page.driver.find_elements("css selector", "#mode option:not([disabled])")[0].click()
    rest(page)


def check_noise(page):
    with_noise = page.picture("#stage", "with-noise")
    page.driver.find_element("tag name", "body").send_keys("n")
    rest(page)
    without = page.picture("#stage", "without-noise")
    page.check("'n' hides noise", share_that_differs(with_noise, without) > 0.0005)
    page.driver.find_element("tag name", "body").send_keys("n")
    rest(page)


def check_dark(page):
    set_theme(page, "light")
    light = page.picture("#stage", "light")
    set_theme(page, "dark")
    dark = page.picture("#stage", "dark")
    page.check("the dark theme is dark", dark.mean() < 0.6 * light.mean(), (dark.mean(), light.mean()))
    page.check("molecules are drawn in the dark", n_colors(dark) > 40, n_colors(dark))
    set_theme(page, "light")


def check_map(browser, path, name, gene, stats_csv, most_seconds=None):
    """A map with cells: everything that it can do."""
    page = browser.open(path, name)
    print(f"{name}: ready after {page.seconds:.2f} s, {path.stat().st_size / 1e6:.2f} MB")
    if most_seconds:
        page.check(f"is ready within {most_seconds} s", page.seconds < most_seconds, page.seconds)
    before = check_drawn(page)
    check_zoom(page, before)
    check_noise(page)
    check_gene(page, gene)
    check_cell(page, stats_csv)
    check_tip(page)
    page.driver.find_element("tag name", "body").send_keys("f")
    rest(page)
    check_modes(page)
    check_dark(page)
    page.find("#help-open").click()
    page.check("help tells what to look for", "over" in page.text("#help") or "scale" in page.text("#help"))
    page.save("help")
    page.find("#help-close").click()
    page.finish()


def check_bare_map(browser, path, name, notes):
    """A map that lacks something opens and says what."""
    page = browser.open(path, name)
    rest(page)
    picture = page.picture("#stage", "open")
    page.check("something is drawn", n_colors(picture) > 3, n_colors(picture))
    said = page.text("#notes")
    for note in notes:
        page.check(f"it says '{note}'", note in said, said)
    page.wheel("#stage", -240, times=2)
    rest(page)
    page.save("zoomed")
    page.finish()


def check_depth(browser, path, name):
    """In 3D a range of z can be chosen."""
    page = browser.open(path, name)
    rest(page)
    whole = page.picture("#stage", "all-z")
    page.check("a range of z can be chosen", page.find("#depth").is_displayed())
    page.run("const s = document.getElementById('z-high'); s.value = 0; s.dispatchEvent(new Event('input'))")
    rest(page)
    lowest = page.picture("#stage", "lowest-z")
    page.check("other molecules disappear", share_that_differs(whole, lowest) > 0.002, share_that_differs(whole, lowest))
    page.finish()


def check_without_webgl(browser, path, name):
    """Without WebGL the page says so."""
    page = browser.open(path, name, ready="still")
    page.check("it says that WebGL is missing", "WebGL" in page.text("#message"), page.text("#message"))
    page.save("still")
    page.finish()
