//! Pages that are read from top to bottom: sections of words, numbers, pictures and charts.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chart::Chart;
use super::escape::{html, script_json};

const THEME_STYLES: &str = include_str!("assets/theme.css");
const STYLES: &str = include_str!("assets/document.css");
const THEME: &str = include_str!("assets/theme.js");
const CHARTS: &str = include_str!("assets/charts.js");
const VEGA: [&str; 3] = [
    include_str!("assets/vendor/vega.min.js"),
    include_str!("assets/vendor/vega-lite.min.js"),
    include_str!("assets/vendor/vega-embed.min.js"),
];

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// What the page is, in the window's title and at the top.
    pub title: String,
    /// What it is about: the run, the numbers of molecules and cells. Plain text.
    pub subtitle: String,
    /// Its sections in order.
    pub sections: Vec<Section>,
    /// A last line: the program and its version. Plain text.
    pub footer: String,
}

/// A section of a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its identity: letters, digits and underscores. Programs look for it.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

impl Section {
    /// An empty section.
    pub fn new(id: &'static str, title: &str) -> Self {
        Self { id, title: title.to_owned(), blocks: Vec::new() }
    }

    /// Adds a block.
    pub fn push(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }
}

/// How good a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth a look.
    Careful,
    /// Wrong, as far as the program can tell.
    Bad,
    /// Neither: it cannot be told.
    Plain,
}

impl Level {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Careful => "careful",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// What stands below a figure: what it shows, and how good and bad cases look. Plain text; empty parts are left out.
#[derive(Clone, Debug, Default)]
pub struct Caption {
    /// What the figure shows.
    pub shows: String,
    /// How it looks when all is well.
    pub good: String,
    /// How it looks when something is wrong, and what to do then.
    pub bad: String,
}

impl Caption {
    /// A caption of plain texts.
    pub fn new(shows: &str, good: &str, bad: &str) -> Self {
        Self { shows: shows.to_owned(), good: good.to_owned(), bad: bad.to_owned() }
    }
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value, formatted, with its unit.
    pub value: String,
    /// A remark; may be empty.
    pub note: String,
}

impl Fact {
    /// A number with its name and a remark.
    pub fn new(name: &str, value: impl Into<String>, note: &str) -> Self {
        Self { name: name.to_owned(), value: value.into(), note: note.to_owned() }
    }
}

/// A part of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A second-level heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// Numbers at a glance.
    Facts(Vec<Fact>),
    /// A judgement: the heading, and sentences, each a paragraph.
    Verdict(Level, String, Vec<String>),
    /// A PNG.
    Picture {
        /// The file's bytes.
        png: Vec<u8>,
        /// What it shows, in a few words, for those who cannot see it.
        alt: String,
        /// Below it.
        caption: Caption,
    },
    /// A chart.
    Chart(Chart, Caption),
    /// Blocks beside one another where the window is wide enough.
    Row(Vec<Block>),
    /// Words for a terminal, with a button that copies them.
    Code(String),
    /// Blocks below a line that opens and closes them; closed at first.
    Details(String, Vec<Block>),
    /// A table.
    Table {
        /// Names of the columns; those that begin with `#` hold numbers, set to the right, and lose the mark.
        head: Vec<String>,
        /// Cells by row.
        rows: Vec<Vec<String>>,
    },
}

impl Document {
    /// Writes the page.
    ///
    /// KEEPS: sections begin with `<h1 id="…">`, a picture is an `<img>` with its data, and charts are variables
    /// `spec1`, `spec2`, … that are valid JSON: programs that read the preview of Baysor 0.7.1 look for them.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let title = html(&self.title);
        write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{THEME_STYLES}{STYLES}</style>\n<script>\n{THEME}</script>\n</head>\n<body>\n\
             <header><div><div class=\"title\">{title}</div><div class=\"subtitle\">{}</div></div>\
             <button type=\"button\" onclick=\"baysorTheme.toggle()\" title=\"Light or dark\" \
             aria-label=\"Switch between light and dark\">&#9680;</button></header>\n<main>\n<nav><ul>\n",
            html(&self.subtitle)
        )?;
        for section in &self.sections {
            writeln!(out, "<li><a href=\"#{}\">{}</a></li>", section.id, html(&section.title))?;
        }
        out.write_all(b"</ul></nav>\n")?;
        let mut charts = Vec::new();
        for section in &self.sections {
            write!(out, "<section>\n<h1 id=\"{}\">{}</h1>\n", section.id, html(&section.title))?;
            for block in &section.blocks {
                write_block(out, block, &mut charts)?;
            }
            out.write_all(b"</section>\n")?;
        }
        write!(out, "</main>\n<footer>{}</footer>\n", html(&self.footer))?;
        if !charts.is_empty() {
            for library in VEGA {
                write!(out, "<script>\n{library}\n</script>\n")?;
            }
            write!(out, "<script>\n{CHARTS}</script>\n<script>\n")?;
            for (at, chart) in charts.iter().enumerate() {
                let number = at + 1;
                let spec = script_json(&chart.spec);
                write!(out, "var spec{number} = {spec};\nbaysorCharts.add(\"chart{number}\", spec{number});\n")?;
            }
            out.write_all(b"baysorCharts.draw();\n</script>\n")?;
        } else {
            out.write_all(b"<script>document.documentElement.dataset.ready = \"yes\";</script>\n")?;
        }
        out.write_all(b"</body>\n</html>\n")
    }
}

fn write_block<'a>(out: &mut impl Write, block: &'a Block, charts: &mut Vec<&'a Chart>) -> io::Result<()> {
    match block {
        Block::Heading(text) => writeln!(out, "<h2>{}</h2>", html(text)),
        Block::Text(text) => writeln!(out, "<p>{}</p>", html(text)),
        Block::Facts(facts) => write_facts(out, facts),
        Block::Verdict(level, head, sentences) => {
            writeln!(out, "<div class=\"verdict {}\"><div class=\"head\">{}</div>", level.class(), html(head))?;
            for sentence in sentences {
                writeln!(out, "<p>{}</p>", html(sentence))?;
            }
            out.write_all(b"</div>\n")
        }
        Block::Picture { png, alt, caption } => {
            let (data, alt) = (STANDARD.encode(png), html(alt));
            write!(out, "<figure><img src=\"data:image/png;base64,{data}\" alt=\"{alt}\">")?;
            write_caption(out, caption)
        }
        Block::Chart(chart, caption) => {
            charts.push(chart);
            let (number, label) = (charts.len(), html(&chart.label));
            write!(
                out,
                "<figure><div class=\"chart\" id=\"chart{number}\" role=\"img\" aria-label=\"{label}\"></div>"
            )?;
            write_caption(out, caption)
        }
        Block::Row(blocks) => {
            out.write_all(b"<div class=\"row\">\n")?;
            for block in blocks {
                out.write_all(b"<div>\n")?;
                write_block(out, block, charts)?;
                out.write_all(b"</div>\n")?;
            }
            out.write_all(b"</div>\n")
        }
        Block::Code(text) => writeln!(
            out,
            "<div class=\"code\"><pre><code>{}</code></pre><button type=\"button\" \
             onclick=\"baysorTheme.copy(this)\">Copy</button></div>",
            html(text)
        ),
        Block::Details(summary, blocks) => {
            writeln!(out, "<details><summary>{}</summary>", html(summary))?;
            for block in blocks {
                write_block(out, block, charts)?;
            }
            out.write_all(b"</details>\n")
        }
        Block::Table { head, rows } => write_table(out, head, rows),
    }
}

fn write_facts(out: &mut impl Write, facts: &[Fact]) -> io::Result<()> {
    out.write_all(b"<div class=\"facts\">\n")?;
    for Fact { name, value, note } in facts {
        let (name, value, note) = (html(name), html(value), html(note));
        write!(out, "<div class=\"fact\"><div class=\"name\">{name}</div><div class=\"value\">{value}</div>")?;
        writeln!(out, "<div class=\"note\">{note}</div></div>")?;
    }
    out.write_all(b"</div>\n")
}

fn write_caption(out: &mut impl Write, caption: &Caption) -> io::Result<()> {
    write!(out, "<figcaption>{}", html(&caption.shows))?;
    for (class, name, text) in [("good", "Good:", &caption.good), ("bad", "Bad:", &caption.bad)] {
        if !text.is_empty() {
            write!(out, " <b class=\"{class}\">{name}</b> {}", html(text))?;
        }
    }
    out.write_all(b"</figcaption></figure>\n")
}

fn write_table(out: &mut impl Write, head: &[String], rows: &[Vec<String>]) -> io::Result<()> {
    let is_number: Vec<bool> = head.iter().map(|name| name.starts_with('#')).collect();
    let class = |at: usize| if is_number.get(at) == Some(&true) { " class=\"number\"" } else { "" };
    out.write_all(b"<div class=\"table\"><table><thead><tr>")?;
    for (at, name) in head.iter().enumerate() {
        write!(out, "<th{}>{}</th>", class(at), html(name.strip_prefix('#').unwrap_or(name)))?;
    }
    out.write_all(b"</tr></thead><tbody>\n")?;
    for row in rows {
        out.write_all(b"<tr>")?;
        for (at, cell) in row.iter().enumerate() {
            write!(out, "<td{}>{}</td>", class(at), html(cell))?;
        }
        out.write_all(b"</tr>\n")?;
    }
    out.write_all(b"</tbody></table></div>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(document: &Document) -> String {
        let mut bytes = Vec::new();
        document.write(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_page_needs_no_network() {
        let text = page(&Document { title: "Empty".to_owned(), ..Document::default() });
        assert!(!text.contains("src=\"http") && !text.contains("href=\"http") && !text.contains("@import"));
        assert!(!text.contains("<script src"));
    }

    #[test]
    fn charts_are_numbered_json_variables() {
        let mut section = Section::new("Noise_Level", "Noise level");
        let chart = |values| Chart { spec: json!({"data": {"values": values}}), label: "a <chart>".to_owned() };
        section.push(Block::Row(vec![Block::Chart(chart(json!([1])), Caption::default())]));
        section.push(Block::Chart(chart(json!([{"gene": "</script>"}])), Caption::default()));
        let text = page(&Document { sections: vec![section], ..Document::default() });
        let spec = text.split("var spec2 = ").nth(1).unwrap().split(";\n").next().unwrap();
        let spec: serde_json::Value = serde_json::from_str(spec).unwrap();
        assert_eq!(spec["data"]["values"][0]["gene"], "</script>");
        assert!(text.contains("<h1 id=\"Noise_Level\">Noise level</h1>"));
    }

    #[test]
    fn charts_in_details_are_numbered_in_their_order_and_commands_are_text() {
        let chart =
            |name: &str| Block::Chart(Chart { spec: json!({"name": name}), label: String::new() }, Caption::default());
        let mut section = Section::new("a", "A");
        section.push(Block::Details("More <here>".to_owned(), vec![chart("first")]));
        section.push(chart("second"));
        section.push(Block::Code("baysor run -c 'a & b.toml'".to_owned()));
        let text = page(&Document { sections: vec![section], ..Document::default() });
        assert!(
            text.contains("var spec1 = {\"name\":\"first\"}") && text.contains("var spec2 = {\"name\":\"second\"}")
        );
        assert!(text.contains("<summary>More &lt;here&gt;</summary>"));
        assert!(text.contains("<code>baysor run -c &#39;a &amp; b.toml&#39;</code>"));
    }

    #[test]
    fn a_picture_follows_its_heading_with_its_data() {
        let mut section = Section::new("Transcript_Plots", "Transcript plots");
        section.push(Block::Picture { png: vec![1, 2, 3], alt: "x".to_owned(), caption: Caption::default() });
        let text = page(&Document { sections: vec![section], ..Document::default() });
        assert!(text.contains("</h1>\n<figure><img src=\"data:image/png;base64,AQID\""));
    }
}
