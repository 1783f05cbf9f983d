//! AnnData, `.h5ad`: cells by genes, with the statistics of cells.

use std::path::Path;

use hdf5_metno::types::VarLenUnicode;
use hdf5_metno::{Dataset, File, Group, H5Type, Location};
use ndarray::Array2;

use super::content::ExportContent;
use super::hdf5::{DEFLATE, Hdf5Error, unicode, write_in_memory, write_numbers, write_text_attribute};
use crate::cells::{CellCounts, CellStats, StatValues};
use crate::data::{CellIdx, ClusterIdx};

/// Writes the result as AnnData.
///
/// | place | content |
/// |---|---|
/// | `X` | counts, CSR, 32-bit floats, as scanpy works with |
/// | `obs` | cells by name: the statistics of cells; `cluster` is categorical, a missing text is empty |
/// | `var` | genes by name: `n_molecules` of the table, noise included |
/// | `obsm["spatial"]` | centers of the cells: x, y and, for 3D data, z |
/// | `layers["nuclear"]`, `layers["cytoplasmic"]` | counts of the parts of cells, if these are known |
/// | `uns["baysor"]` | `version`, `run_id`, `nuclear_layers`, and as JSON text `parameters` and `export` |
///
/// Follows the encodings of version 0.1.0 of the format, which anndata reads since 0.8. Texts are UTF-8.
/// Memory: the compressed file.
pub fn write_h5ad(path: &Path, content: &ExportContent<'_>) -> Result<(), Hdf5Error> {
    write_in_memory(path, |file| write_contents(file, content))
}

fn write_contents(file: &File, content: &ExportContent<'_>) -> hdf5_metno::Result<()> {
    mark(file, "anndata", "0.1.0")?;
    write_counts(file, "X", content.counts)?;
    write_cells(file, content)?;
    write_genes(file, content)?;
    let spatial = dictionary(file, "obsm")?;
    write_centers(&spatial, "spatial", content.stats)?;
    let layers = dictionary(file, "layers")?;
    if let Some(parts) = content.parts {
        write_counts(&layers, "nuclear", &parts.nuclear)?;
        write_counts(&layers, "cytoplasmic", &parts.cytoplasmic)?;
    }
    for name in ["varm", "obsp", "varp"] {
        dictionary(file, name)?;
    }
    write_facts(file, content)
}

/// Says what a group or data set is.
fn mark(place: &Location, kind: &str, version: &str) -> hdf5_metno::Result<()> {
    write_text_attribute(place, "encoding-type", kind)?;
    write_text_attribute(place, "encoding-version", version)
}

fn dictionary(parent: &Group, name: &str) -> hdf5_metno::Result<Group> {
    let group = parent.create_group(name)?;
    mark(&group, "dict", "0.1.0")?;
    Ok(group)
}

/// Writes counts as a sparse matrix by rows, which are the cells.
fn write_counts(parent: &Group, name: &str, counts: &CellCounts) -> hdf5_metno::Result<()> {
    let group = parent.create_group(name)?;
    mark(&group, "csr_matrix", "0.1.0")?;
    let shape = [counts.n_cells() as i64, counts.n_genes as i64];
    group.new_attr::<i64>().shape(2).create("shape")?.write_raw(&shape)?;
    write_numbers(&group, "data", &counts.n.iter().map(|&n| n as f32).collect::<Vec<_>>())?;
    let genes = counts.genes.iter().map(|gene| gene.idx());
    // Both must have the same type.
    if i32::try_from(counts.genes.len()).is_ok() {
        write_numbers(&group, "indices", &genes.map(|gene| gene as i32).collect::<Vec<_>>())?;
        write_numbers(&group, "indptr", &counts.offsets.iter().map(|&at| at as i32).collect::<Vec<_>>())
    } else {
        write_numbers(&group, "indices", &genes.map(|gene| gene as i64).collect::<Vec<_>>())?;
        write_numbers(&group, "indptr", &counts.offsets.iter().map(|&at| i64::from(at)).collect::<Vec<_>>())
    }
}

/// Begins a data frame: its index, and the order of its columns.
fn data_frame(
    file: &File,
    name: &str,
    index: &str,
    rows: impl Iterator<Item = VarLenUnicode>,
    columns: &[&str],
) -> hdf5_metno::Result<Group> {
    let frame = file.create_group(name)?;
    mark(&frame, "dataframe", "0.2.0")?;
    write_text_attribute(&frame, "_index", index)?;
    let order: Vec<VarLenUnicode> = columns.iter().map(|name| unicode(name)).collect();
    frame.new_attr::<VarLenUnicode>().shape(order.len()).create("column-order")?.write_raw(&order)?;
    write_texts(&frame, index, rows)?;
    Ok(frame)
}

fn write_texts(group: &Group, name: &str, texts: impl Iterator<Item = VarLenUnicode>) -> hdf5_metno::Result<()> {
    let texts: Vec<VarLenUnicode> = texts.collect();
    let column = group.new_dataset::<VarLenUnicode>().shape(texts.len()).create(name)?;
    column.write_raw(&texts)?;
    mark(&column, "string-array", "0.2.0")
}

/// The data set of a name, which exists.
fn write_array<T: H5Type>(group: &Group, name: &str, values: &[T]) -> hdf5_metno::Result<()> {
    write_numbers(group, name, values)?;
    mark_array(&group.dataset(name)?)
}

fn mark_array(array: &Dataset) -> hdf5_metno::Result<()> {
    mark(array, "array", "0.2.0")
}

fn write_cells(file: &File, content: &ExportContent<'_>) -> hdf5_metno::Result<()> {
    let columns = content.stats.columns();
    let order: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let names = (0..content.n_cells()).map(|cell| unicode(&content.names.name(CellIdx::new(cell))));
    let obs = data_frame(file, "obs", "cell", names, &order)?;
    for column in &columns {
        match (&column.values, &content.stats.cluster) {
            (_, Some(clusters)) if column.name == "cluster" => write_clusters(&obs, clusters)?,
            (StatValues::Real(values), _) => write_array(&obs, column.name, values)?,
            (StatValues::Whole(values), _) => write_array(&obs, column.name, values)?,
            (StatValues::Text(texts), _) => {
                write_texts(&obs, column.name, texts.iter().map(|text| unicode(text.as_deref().unwrap_or_default())))?;
            }
        }
    }
    Ok(())
}

/// Writes clusters as categories, which are the numbers of those that occur.
fn write_clusters(obs: &Group, clusters: &[Option<ClusterIdx>]) -> hdf5_metno::Result<()> {
    let mut categories: Vec<ClusterIdx> = clusters.iter().flatten().copied().collect();
    categories.sort_unstable();
    categories.dedup();
    let code = |cluster: &Option<ClusterIdx>| {
        let place = cluster.and_then(|cluster| categories.binary_search(&cluster).ok());
        place.map_or(-1, |place| place as i16)
    };
    let group = obs.create_group("cluster")?;
    mark(&group, "categorical", "0.2.0")?;
    group.new_attr::<bool>().create("ordered")?.write_scalar(&false)?;
    write_array(&group, "codes", &clusters.iter().map(code).collect::<Vec<_>>())?;
    write_texts(&group, "categories", categories.iter().map(|cluster| unicode(&cluster.number().to_string())))
}

fn write_genes(file: &File, content: &ExportContent<'_>) -> hdf5_metno::Result<()> {
    let mut n_molecules = vec![0i64; content.genes().len()];
    content.table.molecules.genes.iter().for_each(|gene| n_molecules[gene.idx()] += 1);
    let names = content.genes().names().iter().map(|name| unicode(name));
    let var = data_frame(file, "var", "gene", names, &["n_molecules"])?;
    write_array(&var, "n_molecules", &n_molecules)
}

/// Writes the centers of cells. `[n_cells, 2 or 3]`
fn write_centers(group: &Group, name: &str, stats: &CellStats) -> hdf5_metno::Result<()> {
    let axes: Vec<&[f64]> =
        [Some(&stats.x), Some(&stats.y), stats.z.as_ref()].into_iter().flatten().map(|a| &a[..]).collect();
    let centers = Array2::from_shape_fn((stats.n_cells(), axes.len()), |(cell, axis)| axes[axis][cell]);
    let builder = group.new_dataset::<f64>();
    let array = if centers.is_empty() {
        builder.shape(centers.dim()).create(name)?
    } else {
        let chunk = (centers.nrows().min(1 << 14), axes.len());
        builder.chunk(chunk).shuffle().deflate(DEFLATE).shape(centers.dim()).create(name)?
    };
    array.write(&centers)?;
    mark_array(&array)
}

/// Writes how the result was made and what was left out.
fn write_facts(file: &File, content: &ExportContent<'_>) -> hdf5_metno::Result<()> {
    let uns = dictionary(file, "uns")?;
    let facts = dictionary(&uns, "baysor")?;
    for (name, text) in content.facts() {
        let scalar = facts.new_dataset::<VarLenUnicode>().create(name)?;
        scalar.write_scalar(&unicode(&text))?;
        mark(&scalar, "string", "0.2.0")?;
    }
    Ok(())
}
