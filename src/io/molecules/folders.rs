//! From a folder to the molecule table in it, by the layouts that instruments and libraries write.
//!
//! Names of files are those that 10x Genomics (Xenium), Vizgen (MERSCOPE), NanoString (CosMx), Spatial Genomics
//! (seqFISH) and SpatialData document.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ReadError;

/// What a Xenium output folder calls its molecule table, the best first.
const XENIUM_TABLES: [&str; 3] = ["transcripts.parquet", "transcripts.csv.gz", "transcripts.csv"];
/// The description of a Xenium output folder.
const XENIUM_FILE: &str = "experiment.xenium";
/// What a MERSCOPE region calls its molecule table.
const MERSCOPE_TABLES: [&str; 3] =
    ["detected_transcripts.parquet", "detected_transcripts.csv.gz", "detected_transcripts.csv"];
/// Ends of names of files with boundaries.
const TABLE_ENDS: [&str; 3] = [".parquet", ".csv.gz", ".csv"];
/// Names in a message at most.
const MAX_NAMES: usize = 8;

/// Who wrote a molecule table, as far as its surroundings tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A file by itself.
    File,
    /// A Xenium output folder.
    Xenium,
    /// A region of MERSCOPE.
    Merscope,
    /// A flat file export of CosMx.
    Cosmx,
    /// An output folder of seqFISH.
    Seqfish,
    /// Points of SpatialData, whose coordinates are called x, y and z.
    SpatialData {
        /// The column with the gene, if the element names it.
        gene: Option<String>,
    },
    /// A folder with one table in several Parquet files.
    Parts,
}

/// A molecule table, and what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Files of the table, in order: one, or its parts.
    pub tables: Vec<PathBuf>,
    /// Who wrote it.
    pub layout: Layout,
    /// Boundaries of nuclei beside it.
    pub nuclei: Option<PathBuf>,
    /// Boundaries of cells beside it.
    pub cells: Option<PathBuf>,
    /// What the folder says of itself, in a sentence.
    pub description: Option<String>,
}

impl Located {
    fn new(layout: Layout, tables: Vec<PathBuf>) -> Self {
        Self { tables, layout, nuclei: None, cells: None, description: None }
    }

    /// A file by itself.
    pub(super) fn file(path: &Path) -> Self {
        Self::new(Layout::File, vec![path.into()])
    }
}

/// Finds the molecule table beside an `experiment.xenium`; any other JSON file has none.
pub(super) fn beside_experiment(path: &Path) -> Result<Located, ReadError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    xenium(folder).ok_or_else(|| ReadError::WrongFormat {
        path: path.into(),
        reason: "it is a JSON file, and no transcripts.parquet lies beside it. Name the molecule table itself".into(),
    })
}

/// Finds the molecule table of a folder.
///
/// Errors: [`ReadError::Directory`] if there is none, or if several could be meant; the message names them, or what
/// was looked for.
pub(super) fn in_folder(folder: &Path) -> Result<Located, ReadError> {
    let names = names_in(folder)?;
    let finders: [fn(&Path) -> Option<Located>; 3] = [xenium, merscope, spatial_element];
    let mut found: Vec<Located> = finders.iter().filter_map(|find| find(folder)).collect();
    found.extend(by_name(folder, &names, Layout::Cosmx, &|name| {
        name.ends_with("_tx_file.csv") || name.ends_with("_tx_file.csv.gz")
    })?);
    found.extend(by_name(folder, &names, Layout::Seqfish, &|name| {
        name.contains("TranscriptList") && name.ends_with(".csv")
    })?);
    if found.len() > 1 {
        let tables = found.iter().flat_map(|located| located.tables.first());
        return Err(several(folder, "tables of different instruments", tables));
    }
    if let Some(mut located) = found.pop() {
        let first = located.tables.first().and_then(|table| table.strip_prefix(folder).ok());
        let reading = first.map(|table| format!("Reading {} of {}", table.display(), folder.display()));
        located.description = located.description.or(reading.filter(|_| located.tables.len() == 1));
        if located.layout == Layout::Cosmx {
            located.cells = names
                .iter()
                .find(|name| ["-polygons.csv", "-polygons.csv.gz"].iter().any(|end| name.ends_with(end)))
                .map(|name| folder.join(name));
        }
        return Ok(located);
    }
    if let Some(located) = spatial_elements(folder)? {
        return Ok(located);
    }
    let parts: Vec<&String> = names.iter().filter(|name| name.ends_with(".parquet")).collect();
    match parts[..] {
        _ if folder.join(XENIUM_FILE).is_file() => {
            Err(ReadError::Directory { path: folder.into(), hint: nothing_found(folder, &names) })
        }
        [] => Err(ReadError::Directory { path: folder.into(), hint: nothing_found(folder, &names) }),
        _ => {
            let tables = in_parts(folder, &parts)?;
            let description = format!("Reading {} Parquet files of {} as one table", tables.len(), folder.display());
            Ok(Located { description: Some(description), ..Located::new(Layout::Parts, tables) })
        }
    }
}

fn xenium(folder: &Path) -> Option<Located> {
    let table = XENIUM_TABLES.iter().map(|name| folder.join(name)).find(|table| table.is_file())?;
    let beside = |stem: &str| {
        TABLE_ENDS.iter().map(|end| folder.join(format!("{stem}{end}"))).find(|boundaries| boundaries.is_file())
    };
    let name = table.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Some(Located {
        nuclei: beside("nucleus_boundaries"),
        cells: beside("cell_boundaries"),
        description: describe_xenium(&folder.join(XENIUM_FILE)).map(|text| format!("{text}: reading {name}")),
        ..Located::new(Layout::Xenium, vec![table])
    })
}

/// Region, software and size of a pixel, if the description of the folder can be read.
fn describe_xenium(path: &Path) -> Option<String> {
    let content: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let text = |key: &str| content.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    let mut facts = format!("Xenium output '{}'", text("region_name").or(text("run_name")).unwrap_or("without a name"));
    if let Some(version) = text("analysis_sw_version") {
        facts.push_str(&format!(" of {version}"));
    }
    if let Some(size) = content.get("pixel_size").and_then(serde_json::Value::as_f64) {
        facts.push_str(&format!(", images with pixels of {size} micrometers (--prior-pixel-size {size})"));
    }
    Some(facts)
}

fn merscope(folder: &Path) -> Option<Located> {
    let table = MERSCOPE_TABLES.iter().map(|name| folder.join(name)).find(|table| table.is_file())?;
    let cells = Some(folder.join("cell_boundaries.parquet")).filter(|cells| cells.is_file());
    Some(Located { cells, ..Located::new(Layout::Merscope, vec![table]) })
}

fn by_name(
    folder: &Path,
    names: &[String],
    layout: Layout,
    is_one: &dyn Fn(&str) -> bool,
) -> Result<Option<Located>, ReadError> {
    let tables: Vec<PathBuf> = names.iter().filter(|name| is_one(name)).map(|name| folder.join(name)).collect();
    match tables.len() {
        0 => Ok(None),
        1 => Ok(Some(Located::new(layout, tables))),
        n => Err(several(folder, &format!("{n} molecule tables"), tables.iter())),
    }
}

/// Points of SpatialData as the folder of one element.
fn spatial_element(folder: &Path) -> Option<Located> {
    let table = folder.join("points.parquet");
    let tables = if table.is_dir() {
        let names = names_in(&table).ok()?;
        let parts: Vec<&String> = names.iter().filter(|name| name.ends_with(".parquet")).collect();
        in_parts(&table, &parts).ok().filter(|parts| !parts.is_empty())?
    } else {
        table.is_file().then(|| vec![table])?
    };
    Some(Located::new(Layout::SpatialData { gene: feature_key(folder) }, tables))
}

/// The one element with points of a whole SpatialData folder.
fn spatial_elements(folder: &Path) -> Result<Option<Located>, ReadError> {
    let Ok(names) = names_in(&folder.join("points")) else { return Ok(None) };
    let elements: Vec<PathBuf> = names
        .iter()
        .map(|name| folder.join("points").join(name))
        .filter(|element| spatial_element(element).is_some())
        .collect();
    match &elements[..] {
        [] => Ok(None),
        [one] => Ok(spatial_element(one)),
        _ => Err(several(folder, &format!("{} elements with points", elements.len()), elements.iter())),
    }
}

/// The column with the gene: the attributes of an element name it, in a file that depends on the version of Zarr.
fn feature_key(element: &Path) -> Option<String> {
    let read = |name: &str| serde_json::from_slice::<serde_json::Value>(&fs::read(element.join(name)).ok()?).ok();
    let attributes = match read("zarr.json") {
        Some(content) => content.get("attributes")?.clone(),
        None => read(".zattrs")?,
    };
    attributes.get("spatialdata_attrs")?.get("feature_key")?.as_str().map(str::to_owned)
}

/// Parquet files that are one table: their names differ in numbers only, which give the order.
fn in_parts(folder: &Path, names: &[&String]) -> Result<Vec<PathBuf>, ReadError> {
    let without_digits = |name: &str| name.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    let mut names: Vec<&String> = names.to_vec();
    if names.windows(2).any(|pair| without_digits(pair[0]) != without_digits(pair[1])) {
        let tables: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        return Err(several(folder, "Parquet files that are no parts of one table", tables.iter()));
    }
    names.sort_by_cached_key(|name| natural_key(name));
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// Texts and numbers of a name in turn, so that 10 comes after 9.
fn natural_key(name: &str) -> Vec<(String, usize, String)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text_end = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(text_end);
        let digits_end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
        let (digits, after) = after.split_at(digits_end);
        let digits = digits.trim_start_matches('0');
        // Numbers without leading zeros are ordered by length first, however long.
        key.push((text.to_owned(), digits.len(), digits.to_owned()));
        rest = after;
    }
    key
}

/// Names in a folder, sorted, hidden ones left out.
fn names_in(folder: &Path) -> Result<Vec<String>, ReadError> {
    let unreadable = |reason| ReadError::Unreadable { path: folder.into(), reason };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn several<'a>(folder: &Path, what: &str, tables: impl Iterator<Item = &'a PathBuf>) -> ReadError {
    let tables: Vec<String> = tables.map(|table| table.display().to_string()).collect();
    let more = if tables.len() > MAX_NAMES { ", …" } else { "" };
    let shown = tables[..tables.len().min(MAX_NAMES)].join(", ");
    ReadError::Directory { path: folder.into(), hint: format!("It has {what}; name one: {shown}{more}") }
}

fn nothing_found(folder: &Path, names: &[String]) -> String {
    let missing = if folder.join(XENIUM_FILE).is_file() {
        "It is a Xenium output folder without its molecule table: neither transcripts.parquet nor transcripts.csv.gz is \
         there. Copy the table into it"
    } else {
        "Looked for transcripts.parquet or transcripts.csv.gz (Xenium), detected_transcripts.csv (MERSCOPE), \
         *_tx_file.csv (CosMx), *TranscriptList*.csv (seqFISH), points/NAME/points.parquet (SpatialData) and parts of \
         one Parquet table. Name the CSV or Parquet file itself"
    };
    let more = if names.len() > MAX_NAMES { ", …" } else { "" };
    match names.len() {
        0 => format!("{missing}. The folder is empty"),
        n => format!("{missing}. The folder has {}{more}", names[..n.min(MAX_NAMES)].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    fn tables(folder: &tempfile::TempDir) -> (Layout, Vec<String>) {
        let located = in_folder(folder.path()).unwrap();
        let short = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
        (located.layout, located.tables.iter().map(short).collect())
    }

    fn error(files: &[&str]) -> String {
        let folder = folder(files);
        in_folder(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn every_layout_is_known_by_its_files() {
        let one = |files: &[&str]| tables(&folder(files));
        let xenium = ["transcripts.csv.gz", "transcripts.parquet", "cells.parquet", "nucleus_boundaries.parquet"];
        assert_eq!(one(&xenium), (Layout::Xenium, vec!["transcripts.parquet".to_owned()]));
        assert_eq!(one(&["detected_transcripts.csv", "cell_by_gene.csv"]).0, Layout::Merscope);
        assert_eq!(one(&["S_tx_file.csv.gz", "S-polygons.csv.gz", "S_exprMat_file.csv"]).0, Layout::Cosmx);
        assert_eq!(one(&["e_TranscriptList_Roi1.csv"]).0, Layout::Seqfish);
        assert_eq!(one(&["odd.parquet", "notes.txt"]), (Layout::Parts, vec!["odd.parquet".to_owned()]));
    }

    #[test]
    fn parts_are_read_in_the_order_of_their_numbers() {
        let (layout, parts) = tables(&folder(&["part.10.parquet", "part.9.parquet", "part.0.parquet", "_metadata"]));
        assert_eq!(layout, Layout::Parts);
        assert_eq!(parts, ["part.0.parquet", "part.9.parquet", "part.10.parquet"]);
        assert!(error(&["a.parquet", "b.parquet"]).contains("no parts of one table"));
    }

    #[test]
    fn points_of_spatial_data_name_their_gene() {
        let part = "points/transcripts/points.parquet/part.0.parquet";
        let one = folder(&[part]);
        let attributes = r#"{"attributes": {"spatialdata_attrs": {"feature_key": "feature_name"}}}"#;
        fs::write(one.path().join("points/transcripts/zarr.json"), attributes).unwrap();
        let gene = Some("feature_name".to_owned());
        assert_eq!(tables(&one), (Layout::SpatialData { gene }, vec![part.to_owned()]));
        let text = error(&[part, "points/other/points.parquet/part.0.parquet"]);
        assert!(text.contains("2 elements with points; name one:") && text.contains("points/other"), "{text}");
    }

    #[test]
    fn folders_without_one_table_say_what_was_looked_for() {
        let text = error(&["notes.txt"]);
        assert!(text.contains("detected_transcripts.csv (MERSCOPE)") && text.contains("has notes.txt"), "{text}");
        let without = ["experiment.xenium", "cells.parquet", "nucleus_boundaries.parquet"];
        (1..=3).for_each(|n| assert!(error(&without[..n]).contains("Xenium output folder without its molecule table")));
        assert!(error(&["a_tx_file.csv", "b_tx_file.csv"]).contains("2 molecule tables; name one:"));
        assert!(error(&["a_tx_file.csv", "transcripts.parquet"]).contains("tables of different instruments"));
    }
}
