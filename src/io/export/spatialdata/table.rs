//! Counts and statistics of cells as AnnData.

use std::io;

use serde_json::json;

use super::{CELL, REGION, TABLE};
use crate::cells::{CellCounts, StatValues};
use crate::data::CellIdx;
use crate::io::export::content::ExportContent;
use crate::io::export::zarr::{Attributes, Store, attributes};

/// Column that says which shapes a row is about.
const REGION_KEY: &str = "region";
/// Codes of categories up to this number are 8-bit.
const MAX_SHORT_CODES: usize = 127;

pub(super) fn write(store: &mut Store, content: &ExportContent<'_>) -> io::Result<()> {
    store.group(
        TABLE,
        attributes(json!({
            "encoding-type": "anndata", "encoding-version": "0.1.0",
            "spatialdata-encoding-type": "ngff:regions_table", "version": "0.1",
            "region": REGION, "region_key": REGION_KEY, "instance_key": CELL,
        })),
    )?;
    matrix(store, &at("X"), content.counts)?;
    store.group(&at("layers"), dictionary())?;
    if let Some(parts) = content.parts {
        matrix(store, &at("layers/nuclear"), &parts.nuclear)?;
        matrix(store, &at("layers/cytoplasmic"), &parts.cytoplasmic)?;
    }
    write_cells(store, content)?;
    write_genes(store, content)?;
    write_centers(store, content)?;
    for name in ["obsp", "varm", "varp"] {
        store.group(&at(name), dictionary())?;
    }
    store.group(&at("uns"), dictionary())?;
    store.group(&at("uns/spatialdata_attrs"), dictionary())?;
    for (name, value) in [("region", REGION), ("region_key", REGION_KEY), ("instance_key", CELL)] {
        store.text(&at(&format!("uns/spatialdata_attrs/{name}")), one_text(), value)?;
    }
    store.group(&at("uns/baysor"), dictionary())?;
    let facts = content.facts();
    facts.iter().try_for_each(|(name, text)| store.text(&at(&format!("uns/baysor/{name}")), one_text(), text))
}

/// Counts in compressed rows, a cell each. Single precision is what scanpy computes with; counts are far below 2^24,
/// up to which it is exact.
fn matrix(store: &mut Store, path: &str, counts: &CellCounts) -> io::Result<()> {
    store.group(
        path,
        attributes(json!({
            "encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [counts.n_cells(), counts.n_genes],
        })),
    )?;
    let n_entries = counts.n.len();
    store.vector(&format!("{path}/data"), n_entries, Attributes::new(), |entry| counts.n[entry] as f32)?;
    if i32::try_from(n_entries).is_ok() {
        let n_cells = counts.n_cells();
        store.vector(&format!("{path}/indptr"), n_cells + 1, Attributes::new(), |cell| counts.offsets[cell] as i32)?;
        let gene = |entry: usize| counts.genes[entry].idx() as i32;
        return store.vector(&format!("{path}/indices"), n_entries, Attributes::new(), gene);
    }
    // Both have the same type in memory.
    let begin = |cell: usize| i64::from(counts.offsets[cell]);
    store.vector(&format!("{path}/indptr"), counts.n_cells() + 1, Attributes::new(), begin)?;
    let gene = |entry: usize| counts.genes[entry].idx() as i64;
    store.vector(&format!("{path}/indices"), n_entries, Attributes::new(), gene)
}

/// `obs`: names, the region, the statistics; a missing text is empty.
fn write_cells(store: &mut Store, content: &ExportContent<'_>) -> io::Result<()> {
    let (n_cells, stats) = (content.n_cells(), content.stats.columns());
    let name = |cell: usize| content.names.name(CellIdx::new(cell));
    let names: Vec<&str> = [CELL, REGION_KEY].into_iter().chain(stats.iter().map(|column| column.name)).collect();
    frame(store, &at("obs"), &names)?;
    store.texts(&at("obs/_index"), n_cells, text_array(), name)?;
    store.texts(&at(&format!("obs/{CELL}")), n_cells, text_array(), name)?;
    categories(store, &at(&format!("obs/{REGION_KEY}")), &[REGION], n_cells, |_| 0)?;
    for column in &stats {
        let path = at(&format!("obs/{}", column.name));
        match &column.values {
            StatValues::Real(values) => store.vector(&path, n_cells, number_array(), |cell| values[cell])?,
            StatValues::Whole(values) if column.name == "cluster" => {
                // The number 0 is that of a cell without a cluster.
                let mut numbers: Vec<i64> = values.iter().copied().filter(|&number| number > 0).collect();
                numbers.sort_unstable();
                numbers.dedup();
                let names: Vec<String> = numbers.iter().map(i64::to_string).collect();
                let code = |cell: usize| numbers.binary_search(&values[cell]).map_or(-1, |code| code as i32);
                categories(store, &path, &names, n_cells, code)?;
            }
            StatValues::Whole(values) => store.vector(&path, n_cells, number_array(), |cell| values[cell])?,
            StatValues::Text(texts) => {
                store.texts(&path, n_cells, text_array(), |cell| texts[cell].as_deref().unwrap_or_default())?;
            }
        }
    }
    Ok(())
}

/// `var`: genes by name, with their molecules, noise included.
fn write_genes(store: &mut Store, content: &ExportContent<'_>) -> io::Result<()> {
    let genes = content.genes();
    let mut n_molecules = vec![0i64; genes.len()];
    content.table.molecules.genes.iter().for_each(|gene| n_molecules[gene.idx()] += 1);
    frame(store, &at("var"), &["n_molecules"])?;
    store.texts(&at("var/_index"), genes.len(), text_array(), |gene| &genes.names()[gene])?;
    store.vector(&at("var/n_molecules"), genes.len(), number_array(), |gene| n_molecules[gene])
}

/// `obsm`: the centers of cells, where scanpy and squidpy look for them.
fn write_centers(store: &mut Store, content: &ExportContent<'_>) -> io::Result<()> {
    store.group(&at("obsm"), dictionary())?;
    let stats = content.stats;
    let mut axes = vec![&stats.x, &stats.y];
    axes.extend(&stats.z);
    let n_axes = axes.len();
    let coordinate = |element: usize| axes[element % n_axes][element / n_axes];
    store.numbers(&at("obsm/spatial"), [content.n_cells(), n_axes], number_array(), coordinate)
}

/// A column of categories; the code −1 stands for none.
fn categories<S: AsRef<str> + Sync>(
    store: &mut Store,
    path: &str,
    names: &[S],
    n: usize,
    code: impl Fn(usize) -> i32 + Sync,
) -> io::Result<()> {
    store.group(
        path,
        attributes(json!({"encoding-type": "categorical", "encoding-version": "0.2.0", "ordered": false})),
    )?;
    store.texts(&format!("{path}/categories"), names.len(), text_array(), |at| &names[at])?;
    let codes = format!("{path}/codes");
    if names.len() <= MAX_SHORT_CODES {
        store.vector(&codes, n, number_array(), |at| code(at) as i8)
    } else {
        store.vector(&codes, n, number_array(), code)
    }
}

/// A data frame without its columns; the index is called `_index`.
fn frame(store: &mut Store, path: &str, columns: &[&str]) -> io::Result<()> {
    store.group(
        path,
        attributes(json!({
            "encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index", "column-order": columns,
        })),
    )
}

fn at(path: &str) -> String {
    format!("{TABLE}/{path}")
}

fn dictionary() -> Attributes {
    attributes(json!({"encoding-type": "dict", "encoding-version": "0.1.0"}))
}

fn number_array() -> Attributes {
    attributes(json!({"encoding-type": "array", "encoding-version": "0.2.0"}))
}

fn text_array() -> Attributes {
    attributes(json!({"encoding-type": "string-array", "encoding-version": "0.2.0"}))
}

fn one_text() -> Attributes {
    attributes(json!({"encoding-type": "string", "encoding-version": "0.2.0"}))
}
