//! The table of all options.

use super::BuiltIn::{EmptyList, Float, Int, Text};
use super::Group::{Columns, Filters, Output, Plotting, Prior, Program, Segmentation, Tiles};
use super::{BuiltIn, Command, Effect, Group, Kind, OptionDef, Place};
use crate::config::division::MARGIN_SCALES;
use crate::config::presets::PRESET_WORDS;

const COUNT: Kind = Kind::Int { min: 0, max: u32::MAX as i64 };
const LIMIT: Kind = Kind::Float { min: f64::NEG_INFINITY, max: f64::INFINITY };
const FINITE: Kind = Kind::Float { min: f64::MIN, max: f64::MAX };
const SCALE: Kind = Kind::Float { min: 1e-9, max: 1e9 };
const LOWEST: BuiltIn = BuiltIn::Float(f64::NEG_INFINITY);
const HIGHEST: BuiltIn = BuiltIn::Float(f64::INFINITY);
/// Limits of cells; the defaults mean that there is none.
const AT_LEAST_0: Kind = Kind::Float { min: 0.0, max: f64::INFINITY };
const SHARE: Kind = Kind::Float { min: 0.0, max: 1.0 };
const NONE_LOW: BuiltIn = BuiltIn::Float(0.0);
const OFF: BuiltIn = BuiltIn::Bool(false);
/// Commands that compute or write.
const WORKING: &[Command] = &[
    Command::Run,
    Command::Preview,
    Command::Prior,
    Command::Segfree,
    Command::Export,
    Command::Split,
    Command::Merge,
];
/// Commands that write where `--output` says.
const WRITING: &[Command] =
    &[Command::Run, Command::Preview, Command::Prior, Command::Segfree, Command::Export, Command::Split];
/// Commands that decide on results.
const SEGMENTING: &[Command] = &[Command::Run, Command::Split];
/// Commands that write the final files.
const EXPORTING: &[Command] = &[Command::Run, Command::Export];
const D: &str = "data";
const S: &str = "segmentation";
const P: &str = "plotting";
const R: &str = "prior";

/// Every option of every command, in the order of the configuration file; those of the command line alone come last.
///
/// KEEPS: names, defaults and order of the keys of Baysor 0.7.1, the misspelt one included.
#[rustfmt::skip]
pub const OPTIONS: &[OptionDef] = &[
    placed(Place::Top, key("", "threads", Kind::Int { min: 0, max: 4096 }, Int(0), Program,
        "Number of threads, 0 = automatic: BAYSOR_NUM_THREADS, JULIA_NUM_THREADS, OMP_NUM_THREADS, then the CPUs this process may use. Never changes results.")
        .flag("threads", "N").short('t').on(WORKING)),
    placed(Place::Top, key("", "seed", Kind::Int { min: 0, max: i64::MAX }, Int(1), Program,
        "Seed of all random draws. Same inputs, parameters, seed and version give the same bytes.")
        .flag("seed", "N")),

    key(D, "x", Kind::Text, Text("x"), Columns, "Name of the column with the x coordinate.").flag("x-column", "NAME").short('x'),
    key(D, "y", Kind::Text, Text("y"), Columns, "Name of the column with the y coordinate.").flag("y-column", "NAME").short('y'),
    key(D, "z", Kind::Text, Text("z"), Columns, "Name of the column with the z coordinate; without such a column the data are 2D.").flag("z-column", "NAME").short('z'),
    key(D, "gene", Kind::Text, Text("gene"), Columns, "Name of the column with the gene.").flag("gene-column", "NAME").short('g'),
    key(D, "force_2d", Kind::Bool, OFF, Columns, "Ignore the z column.").flag("force-2d", "BOOL"),
    key(D, "min_molecules_per_gene", COUNT, Int(1), Filters,
        "Genes with fewer molecules are removed, with their molecules.").flag("min-molecules-per-gene", "N"),
    key(D, "exclude_genes", Kind::List, EmptyList, Filters,
        "Comma-separated regular expressions, searched anywhere in the gene name: 'NegControl*,BLANK_*'. Matching genes are removed.").flag("exclude-genes", "LIST"),
    key(D, "min_molecules_per_cell", COUNT, Int(0), Segmentation,
        "Smallest number of molecules of a real cell; other defaults follow from it. No filter: smaller cells are written too. Required (> 0): about 3 for ISS, 30 to 100 for dense protocols.").flag("min-molecules-per-cell", "N").short('m').on(&Command::COMPUTING),
    key(D, "min_molecules_per_segment", COUNT, Int(0), Prior,
        "Prior segments with fewer molecules are ignored; 0 = 1, and where segments are regions a quarter of the minimum per cell, at least 2.").flag("min-molecules-per-segment", "N"),
    key(D, "confidence_nn_id", COUNT, Int(0), Segmentation,
        "Which nearest neighbour gives the distance that tells noise from signal; 0 = half the minimum per cell plus 1, at least 5.").on(&[Command::Run, Command::Preview, Command::Split]),
    key(D, "qv", Kind::Text, Text("qv"), Columns, "Name of the column with the quality value; read only if a minimum is set.").flag("qv-column", "NAME"),
    key(D, "min_qv", FINITE, Float(0.0), Filters, "Molecules of a lower quality value are removed; 0 = no filter.").flag("min-qv", "Q"),
    key(D, "x_min", LIMIT, LOWEST, Filters, "Molecules with a smaller x are removed, in coordinate units; -inf = no limit.").flag("x-min", "X"),
    key(D, "x_max", LIMIT, HIGHEST, Filters, "Molecules with a larger x are removed; inf = no limit.").flag("x-max", "X"),
    key(D, "y_min", LIMIT, LOWEST, Filters, "Molecules with a smaller y are removed.").flag("y-min", "Y"),
    key(D, "y_max", LIMIT, HIGHEST, Filters, "Molecules with a larger y are removed.").flag("y-max", "Y"),
    key(D, "z_min", LIMIT, LOWEST, Filters, "Molecules with a smaller z are removed.").flag("z-min", "Z"),
    key(D, "z_max", LIMIT, HIGHEST, Filters, "Molecules with a larger z are removed.").flag("z-max", "Z"),
    key(D, "coordinate_scale", SCALE, Float(1.0), Columns,
        "Factor for x and y, such as 0.12028 micrometers per pixel (CosMx). All other lengths and all results are in the units after it, boundaries of a prior included.").flag("coordinate-scale", "F"),
    key(D, "z_scale", SCALE, Float(1.0), Columns,
        "Factor for z, such as the distance of planes where z is the number of a plane.").flag("z-scale", "F"),
    key(D, "drop_duplicates", Kind::Bool, OFF, Filters,
        "Of molecules with the same gene and exactly the same x, y and z keep the first only; CosMx exports have such copies.").flag("drop-duplicates", "BOOL"),

    key(S, "scale", FINITE, Float(-1.0), Segmentation,
        "Approximate cell radius, in the units of x and y. Required without a prior; 0 or less = estimated from the prior. Where segments of a prior are nuclei or cells it is a start, and sizes are learned from the cells.").flag("scale", "S").short('s'),
    key(S, "scale_std", Kind::Amount, Text("25%"), Segmentation,
        "Spread of the radius between cells: an absolute number, or a percentage of the scale. Where segments of a prior are nuclei or cells it is learned from the cells, and a given one counts as much as these. Otherwise it is estimated with the scale if that comes from the prior, unless given.").flag("scale-std", "SD"),
    key(S, "estimate_scale_from_centers", Kind::Bool, BuiltIn::Bool(true), Prior,
        "Estimate the scale and its spread from the prior segmentation; a scale that is given switches this off."),
    key(S, "n_clusters", Kind::Int { min: 0, max: 255 }, Int(4), Segmentation,
        "Number of molecule clusters, about the number of major cell types (3 to 15); 0 or 1 = no clustering.").flag("n-clusters", "N"),
    key(S, "prior_segmentation_confidence", Kind::Float { min: 0.0, max: 1.0 }, Float(0.2), Prior,
        "Trust in the prior segmentation: 0 ignores it, 0.2 to 0.7 allows errors in it, 1 does not contradict it.").flag("prior-segmentation-confidence", "P"),
    key(S, "iters", Kind::Int { min: 1, max: 10_000_000 }, Int(500), Segmentation,
        "Number of iterations of the mixture model.").flag("iters", "N"),
    key(S, "n_cells_init", Kind::Int { min: i64::MIN, max: u32::MAX as i64 }, Int(0), Segmentation,
        "Number of cells to start with; cells are only ever removed. 0 = derived from the data.").flag("n-cells-init", "N"),
    key(S, "nuclei_genes", Kind::List, EmptyList, Segmentation,
        "Comma-separated genes that are found in nuclei; with cyto_genes. Nuclei and cytoplasm of a cell then differ without being taken for two cells. Best with --n-clusters=1.").flag("nuclei-genes", "LIST"),
    key(S, "cyto_genes", Kind::List, EmptyList, Segmentation,
        "Comma-separated genes that are found in the cytoplasm; with nuclei_genes.").flag("cyto-genes", "LIST"),
    key(S, "unassigned_prior_label", Kind::Text, Text("0"), Prior,
        "Value of the prior column that means 'no cell', e.g. UNASSIGNED or -1; also several with commas between them, and patterns with * for any text (c_1_1_0,c_2_*).").flag("unassigned-prior-label", "LABEL"),
    key(S, "compartment_genes", Kind::Choice(&["", "none", "auto"]), Text(""), Segmentation,
        "auto: find the genes of nuclei and cytoplasm with the prior segmentation, whose segments must be nuclei; none: no compartments. Empty = none, unless nuclei_genes and cyto_genes are given.").flag("compartment-genes", "HOW"),
    key(S, "tol", Kind::Float { min: 0.0, max: 1.0 }, Float(0.0), Segmentation,
        "Stop before all iterations once fewer than this share of the molecules move per iteration, 20 times in a row; about 0.15 of them always move. 0 = never stop early.").flag("tol", "SHARE"),
    key(S, "converged", Kind::Float { min: 0.0, max: 1.0 }, Float(0.0), Segmentation,
        "Stop before all iterations once cells stay as they are: when in each of two windows of 20 iterations less than this share of the molecules left the cell they held most often in the window before. 0.02 stops after 100 to 200 iterations, with somewhat more cells; below 0.01 hardly ever. 0 = never stop early.").flag("converged", "SHARE"),
    key(S, "prior_segments", Kind::Choice(&["auto", "nuclei", "cells", "regions"]), Text("auto"), Prior,
        "What the segments of the prior are. nuclei: every one becomes a cell of its own, and no cell takes molecules of two. cells: the same, but borders between them may move. regions: hints that a cell may cross and cells may share, as in Baysor 0.7.1. auto = as the name of column or file says (nucle..., cell...), and nuclei for stains; otherwise cells if segments hold most of the molecules (60 %), and nuclei if not.").flag("prior-segments", "WHAT"),
    key(S, "cells_without_nucleus", Kind::Choice(&["free", "strict", "none"]), Text("free"), Prior,
        "Cells without a segment of the prior, where segments are nuclei or cells: free = where the molecules speak for them, since nuclei are missed; strict = only where they do so by far; none.").flag("cells-without-nucleus", "HOW").on(SEGMENTING),
    key(S, "max_molecules_per_tile", COUNT, Int(0), Tiles,
        "Divide the slide into tiles of so many molecules at most, margins included; 0 = no limit. Results are nearly, but not exactly, those of the whole slide.").flag("max-molecules-per-tile", "N").on(SEGMENTING),
    key(S, "tile_margin", Kind::Float { min: 0.0, max: 1000.0 }, BuiltIn::Float(MARGIN_SCALES), Tiles,
        "Width of the margin around a tile, in units of the scale: molecules in margins are in several tiles, so that cells at borders are found whole.").flag("margin", "SCALES").on(SEGMENTING),
    key(S, "cluster_method", Kind::Choice(&["mrf", "none", "louvain", "leiden"]), Text("mrf"), Segmentation,
        "How molecules are clustered: mrf, or none for no clustering. louvain and leiden are not part of this version."),
    key(S, "cluster_resolution", FINITE, Float(1.0), Segmentation, "Accepted for files of Baysor 0.9; no effect.").effect(Effect::Unused),
    key(S, "cluster_graph_k", COUNT, Int(15), Segmentation, "Accepted for files of Baysor 0.9; no effect.").effect(Effect::Unused),
    key(S, "cluster_n_dims", COUNT, Int(20), Segmentation, "Accepted for files of Baysor 0.9; no effect.").effect(Effect::Unused),
    key(S, "cluster_basis_sample_size", COUNT, Int(100_000), Segmentation, "Accepted for files of Baysor 0.9; no effect.").effect(Effect::Unused),

    key(P, "gene_composition_neigborhood", Kind::Int { min: i64::MIN, max: u32::MAX as i64 }, Int(0), Plotting,
        "Molecules in the neighborhood that colors a molecule (ncv_color), itself included; 0 = a tenth of the genes, or the minimum per cell if that is more.").on(&[Command::Run, Command::Preview, Command::Split]),
    key(P, "min_pixels_per_cell", COUNT, Int(15), Plotting,
        "Pixels for the side of a cell of minimal size in static pictures.").on(&[Command::Run, Command::Preview]),
    key(P, "max_plot_size", COUNT, Int(3000), Plotting,
        "Longest side of a static picture in pixels.").on(&[Command::Run, Command::Preview]),
    key(P, "ncv_method", Kind::Choice(&["ri", "dense", "sparse"]), Text("ri"), Plotting,
        "How neighborhood compositions become a few numbers before they become colors: ri (random indexing), dense or sparse (principal components).").on(&[Command::Run, Command::Preview, Command::Segfree, Command::Split]),
    key(P, "max_z_slices", Kind::Int { min: 1, max: 65_535 }, Int(20), Output,
        "Largest number of z layers with polygons of their own; more distinct z values are binned evenly.").flag("max-z-slices", "N").on(SEGMENTING),

    key(R, "type", Kind::Choice(&["", "none", "column", "image", "boundary"]), Text(""), Prior,
        "Where the prior segmentation is: column (column_name), image or boundary (path; the content of the file tells its kind), none, or empty = as column_name or path say."),
    key(R, "column_name", Kind::Text, Text(""), Prior,
        "Column of the molecule table with the prior segmentation; a prior on the command line wins. Several with commas between them: a segment is a combination of values, and the last column tells what is unassigned (fov,cell_ID)."),
    key(R, "path", Kind::Text, Text(""), Prior,
        "File with the prior segmentation: image, matrix or boundaries, or @nuclei or @cells for the boundaries in the output folder of an instrument; a prior on the command line wins."),
    key(R, "where", Kind::Text, Text(""), Prior,
        "NAME=VALUE: of a prior in a column only molecules with this value in the column NAME are in segments: CellComp=Nuclear for CosMx, overlaps_nucleus=1 for Xenium.").flag("prior-where", "NAME=VALUE"),
    key(R, "image_kind", Kind::Choice(&["auto", "labels", "mask", "stain"]), Text("auto"), Prior,
        "What the pixels of a prior image mean: labels (0 = none), mask (what hangs together is a segment), stain (a gray image of nuclei, to be segmented); auto = the content tells.").flag("prior-kind", "KIND"),
    key(R, "pixel_size", Kind::Text, Text(""), Prior,
        "Size of a pixel in the units of x and y: S, or X,Y, or X,Y,Z for stacks; 0.2125 for Xenium. Empty = as OME-XML or TIFF resolution say, otherwise coordinates are in pixels.").flag("prior-pixel-size", "SIZE"),
    key(R, "origin", Kind::Text, Text(""), Prior,
        "Coordinates of the outer corner of the first pixel: X,Y or X,Y,Z. Empty = 0,0 if there is a pixel size; otherwise 0.5,0.5: pixels count from 1, so that the first one has its center at 1,1.").flag("prior-origin", "X,Y"),
    key(R, "page", COUNT, Int(0), Prior,
        "Page of an image with several, from 1; 0 = the pages are z planes for 3D data, otherwise the first.").flag("prior-page", "N"),
    key(R, "stain_sigma", Kind::Float { min: 0.0, max: 1000.0 }, Float(0.0), Prior,
        "Stain: standard deviation of the blur in pixels; 0 = chosen from the image.").flag("stain-sigma", "PIXELS"),
    key(R, "stain_threshold", Kind::Choice(&["auto", "otsu", "li", "triangle", "mean", "local"]), Text("auto"), Prior,
        "Stain: how the threshold between nuclei and background is found.").flag("stain-threshold", "METHOD"),
    key(R, "stain_min_area", Kind::Float { min: 0.0, max: 1e12 }, Float(0.0), Prior,
        "Stain: nuclei of fewer pixels are removed; 0 = chosen from the image.").flag("stain-min-area", "PIXELS"),
    key(R, "stain_split", Kind::Bool, BuiltIn::Bool(true), Prior,
        "Stain: split touching nuclei.").flag("stain-split", "BOOL"),

    placed(Place::CommandLine, key("", "config", Kind::Path, Text(""), Program,
        "TOML file with a configuration; example_config.toml lists every key. Options on the command line win over it.").flag("config", "FILE").short('c')),
    placed(Place::CommandLine, key("", "preset", Kind::Choice(PRESET_WORDS), Text(""), Columns,
        "Configuration of a platform: columns, controls to exclude, quality, label of unassigned molecules. Files and options win over it; baysor config --preset NAME prints it. One of xenium, merscope, cosmx, starmap, iss, osmfish, seqfish, generic.").flag("preset", "NAME").on(&Command::WITH_PRESETS)),
    placed(Place::CommandLine, key("", "list", Kind::Bool, OFF, Output,
        "Print the names of the presets.").flag("list", "BOOL").on(&[Command::Config])),
    placed(Place::CommandLine, key("", "output", Kind::Path, Text("segmentation.csv"), Output,
        "Molecule table to write (X.csv: the other files are X_cell_stats.csv, X_polygons_2d.json, ...), or a directory (existing, or ending in /).").flag("output", "PATH").short('o').on(WRITING)),
    placed(Place::CommandLine, key("", "stage", Kind::Path, Text(""), Output,
        "Write the result as a stage into this folder: Arrow tables and a manifest, for other commands and for looking inside. Without --output nothing else is written.").flag("stage", "DIR").on(&[Command::Run, Command::Segfree, Command::Merge])),
    placed(Place::CommandLine, key("", "format", Kind::List, EmptyList, Output,
        "What to write, with commas between several: baysor (the files of Baysor 0.7.1), parquet (tables, GeoParquet), h5ad (AnnData), 10x-h5, 10x-mtx (matrices as of Cell Ranger), vpt (MERSCOPE), spatialdata (a zarr store), xenium-ranger (the pair for import-segmentation, checked). Empty = baysor.").flag("format", "LIST").on(EXPORTING)),
    placed(Place::CommandLine, key("", "nuclei_from", Kind::Choice(&["auto", "none", "compartments", "prior", "overlaps_nucleus"]), Text("auto"), Output,
        "Which molecules count as nuclear, for the layers of nuclei and cytoplasm in h5ad and spatialdata: compartments of the model, prior (its segments are nuclei), the column overlaps_nucleus, none; auto = the first of these that is known.").flag("nuclei-from", "SOURCE").on(EXPORTING)),
    placed(Place::CommandLine, filter("min_molecules", AT_LEAST_0, NONE_LOW,
        "Cells with fewer molecules are left out, their molecules become noise (n_transcripts).").flag("min-molecules", "N")),
    placed(Place::CommandLine, filter("max_molecules", AT_LEAST_0, HIGHEST,
        "Cells with more molecules are left out.").flag("max-molecules", "N")),
    placed(Place::CommandLine, filter("min_area", AT_LEAST_0, NONE_LOW,
        "Cells with a smaller area are left out, in squared coordinate units; also those with fewer than three molecules, which have none.").flag("min-area", "A")),
    placed(Place::CommandLine, filter("max_area", AT_LEAST_0, HIGHEST,
        "Cells with a larger area are left out, and those without one.").flag("max-area", "A")),
    placed(Place::CommandLine, filter("min_density", AT_LEAST_0, NONE_LOW,
        "Cells with fewer molecules per area are left out, and those without an area.").flag("min-density", "D")),
    placed(Place::CommandLine, filter("max_elongation", AT_LEAST_0, HIGHEST,
        "Cells that are more elongated are left out (ratio of the variances along their axes), and those with fewer than three molecules.").flag("max-elongation", "E")),
    placed(Place::CommandLine, filter("min_confidence", SHARE, NONE_LOW,
        "Cells with a lower mean confidence of their molecules are left out (avg_confidence).").flag("min-confidence", "P")),
    placed(Place::CommandLine, filter("min_assignment_confidence", SHARE, NONE_LOW,
        "Cells with a lower mean assignment confidence are left out (avg_assignment_confidence): they are often artifacts.").flag("min-assignment-confidence", "P")),
    placed(Place::CommandLine, filter("min_cluster_frac", SHARE, NONE_LOW,
        "Cells with a smaller share of the most frequent molecule cluster are left out (max_cluster_frac): they are often doublets.").flag("min-cluster-frac", "P")),
    placed(Place::CommandLine, filter("min_lifespan", AT_LEAST_0, NONE_LOW,
        "Cells that existed for fewer recorded iterations are left out (lifespan).").flag("min-lifespan", "N")),
    placed(Place::CommandLine, filter("min_nuclei", AT_LEAST_0, NONE_LOW,
        "Cells with fewer nuclei are left out: segments of the prior with more than half of their molecules in the cell (n_nuclei). Needs a run with a prior segmentation.").flag("min-nuclei", "N")),
    placed(Place::CommandLine, filter("max_nuclei", AT_LEAST_0, HIGHEST,
        "Cells with more nuclei are left out; 1 leaves out those of several, which may be cells merged into one.").flag("max-nuclei", "N")),
    placed(Place::CommandLine, key("", "ncv", Kind::Path, Text(""), Output,
        "Stage of segfree with colors of the same molecules (segfree --stage DIR); they become the column ncv_color, in place of those of the run.").flag("ncv", "DIR").on(&[Command::Export])),
    placed(Place::CommandLine, key("", "add_excluded", Kind::Path, Text(""), Output,
        "The molecule table that the run was made from: molecules of genes that were left out (exclude_genes, min_molecules_per_gene) are counted in the cells whose boundaries they lie in. Written to X_excluded.csv and X_excluded_counts.loom (or .tsv); nothing else changes.").flag("add-excluded", "TABLE").on(&[Command::Export])),
    placed(Place::CommandLine, key("", "json", Kind::Bool, OFF, Output,
        "Print JSON: the manifest, and the columns of every table with type, unit and meaning.").flag("json", "BOOL").on(&[Command::Inspect])),
    placed(Place::CommandLine, key("", "json_file", Kind::Path, Text(""), Output,
        "Write the estimate into this file, too, for programs (docs/estimate.md tells the keys).").flag("json", "FILE").on(&[Command::Estimate])),
    placed(Place::CommandLine, key("", "save_prior", Kind::Path, Text(""), Prior,
        "Write into this folder what the command prior would write: the labels of the molecules, the segments, an overview picture.").flag("save-prior", "DIR").on(&[Command::Run])),
    placed(Place::CommandLine, key("", "polygon_format", Kind::Choice(&["FeatureCollection", "GeometryCollection", "GeometryCollectionLegacy", "none"]), Text("FeatureCollection"), Output,
        "Format of the cell boundaries: FeatureCollection, GeometryCollection, GeometryCollectionLegacy (integer cell ids) or none. The format xenium-ranger takes GeometryCollectionLegacy unless this is given.").flag("polygon-format", "FORMAT").on(&[Command::Run, Command::Export, Command::Merge])),
    placed(Place::CommandLine, key("", "xenium_bundle", Kind::Path, Text(""), Output,
        "Output folder of the instrument (with experiment.xenium): xenium-ranger then compares ids and coordinates with its transcripts.parquet.").flag("xenium-bundle", "DIR").on(EXPORTING)),
    placed(Place::CommandLine, key("", "polygon_3d_layout", Kind::Choice(&["array", "object"]), Text("array"), Output,
        "Layout of the 3D boundaries: array (one collection per z layer) or object (keyed by layer, as Baysor 0.7.1 wrote).").flag("polygon-3d-layout", "LAYOUT").on(EXPORTING)),
    placed(Place::CommandLine, key("", "count_matrix_format", Kind::Choice(&["loom", "tsv"]), Text("loom"), Output,
        "Format of the counts per gene and cell: loom or tsv.").flag("count-matrix-format", "FORMAT").on(EXPORTING)),
    placed(Place::CommandLine, key("", "checkpoint_every", COUNT, Int(0), Output,
        "Keep the state of the model after every so many iterations in X_checkpoint.bin (with --stage: DIR/checkpoint.bin), to go on from with --resume if the run is killed; 0 = after ten minutes each. It is kept besides after loading, noise, clusters and compartments, when Ctrl-C, a request to terminate or a terminal that goes away stops the iterations, and after the last one, until the run is complete. Never changes results.").flag("checkpoint-every", "N")),
    placed(Place::CommandLine, key("", "resume", Kind::Bool, OFF, Output,
        "Go on from the checkpoint of the same run, X_checkpoint.bin or DIR/checkpoint.bin, with the same result as without an interruption; without a checkpoint start from the beginning.").flag("resume", "BOOL")),
    placed(Place::CommandLine, key("", "run_id", Kind::Text, Text(""), Output,
        "Text in the names of the cells (C<ID>-1, ...), letters and digits; derived from inputs and parameters if not given.").flag("run-id", "ID").on(SEGMENTING)),
    placed(Place::CommandLine, key("", "sample_name", Kind::Text, Text(""), Output,
        "Name of the sample in files for MultiQC (*_mqc.json), the same for all commands of the sample. If it is not given: the name of the output without _segmentation or _preview, or that of the output folder.").flag("sample-name", "NAME").on(&[Command::Run, Command::Preview, Command::Export])),
    placed(Place::CommandLine, key("", "max_memory", Kind::Memory, Text(""), Tiles,
        "Divide the slide into tiles if it needs more memory than this, such as 8GB, 500MB or 16GiB; auto: than the machine, or the container, has available.").flag("max-memory", "SIZE").on(SEGMENTING)),
    placed(Place::CommandLine, key("", "k_neighbors", COUNT, Int(0), Plotting,
        "Molecules in a neighborhood, the molecule itself included; 0 = a tenth of the genes, or the minimum per cell if that is more.").flag("k-neighbors", "K").short('k').on(&[Command::Segfree])),
    placed(Place::CommandLine, key("", "quiet", Kind::Bool, OFF, Program,
        "Only warnings and errors on the terminal; the log file has everything.").flag("quiet", "BOOL").on(WORKING)),
    placed(Place::CommandLine, key("", "verbose", Kind::Bool, OFF, Program,
        "More detail on the terminal.").flag("verbose", "BOOL").on(WORKING)),
    placed(Place::CommandLine, key("", "plot", Kind::Bool, OFF, Plotting,
        "Write reports beside the results: X_diagnostics.html, X_borders.html, X_borders.png, and numbers for MultiQC (*_mqc.json).").flag("plot", "BOOL").short('p').on(EXPORTING)),
    placed(Place::CommandLine, key("", "skip_ncv_color", Kind::Bool, OFF, Plotting,
        "Do not compute the colors of neighborhoods (column ncv_color): saves time.").flag("skip-ncv-color", "BOOL").on(SEGMENTING)),
];

/// Other spellings of keys: table, key, and the table and key meant.
pub(super) const ALIASES: &[(&str, &str, &str, &str)] = &[
    (P, "gene_composition_neighborhood", P, "gene_composition_neigborhood"),
    (R, "unassigned_label", S, "unassigned_prior_label"),
    (R, "min_molecules_per_segment", D, "min_molecules_per_segment"),
    (R, "estimate_scale_from_prior", S, "estimate_scale_from_centers"),
];

/// Other names of tables.
pub(super) const TABLE_ALIASES: &[(&str, &str)] = &[("molecules", D)];

const fn key(
    table: &'static str,
    name: &'static str,
    kind: Kind,
    default: BuiltIn,
    group: Group,
    help: &'static str,
) -> OptionDef {
    let (flag, short, value_name, effect) = (None, None, "VALUE", Effect::Used);
    let commands: &[Command] = match group {
        Group::Columns | Group::Filters | Group::Program => &Command::COMPUTING,
        Group::Prior => &[Command::Run, Command::Prior, Command::Split],
        Group::Segmentation | Group::Tiles => SEGMENTING,
        Group::Cells | Group::Output | Group::Plotting => &[Command::Run],
    };
    OptionDef {
        place: Place::Table(table),
        name,
        flag,
        short,
        value_name,
        kind,
        default,
        help,
        group,
        effect,
        commands,
    }
}

/// A limit of the cells that `export` writes.
const fn filter(name: &'static str, kind: Kind, default: BuiltIn, help: &'static str) -> OptionDef {
    key("", name, kind, default, Group::Cells, help).on(&[Command::Export])
}

const fn placed(place: Place, mut def: OptionDef) -> OptionDef {
    def.place = place;
    def
}
