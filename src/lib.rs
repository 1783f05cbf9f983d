//! Baysor: cells from molecules of imaging-based spatial transcriptomics.
//!
//! The input is a table of molecules (x, y, maybe z, gene), with or without a prior segmentation.
//! The output is a cell for every molecule, or noise, with confidences, statistics, counts and
//! boundaries of cells. The method is that of Petukhov et al., Nature Biotechnology 2022: a
//! Bayesian mixture of cells with a Markov random field over molecules.
//!
//! This page is the map of the code. Each module says more about itself. The model in one page is
//! in [`bmm`]; the files a user sees are described in `README.md`.
//!
//! # Layers
//!
//! ```text
//! 5  cli                                                terminal, arguments, exit status
//! 4  pipeline                                           what a subcommand does, step by step
//! 3  config   io   report                               keys, files, pages; strangers to one another
//! 2  noise  prior  stain  compartments  clustering      science; strangers to one another
//!    bmm  cells  polygons  composition
//! 1  graph -> spatial -> numeric                        (-> uses)
//! 0  data  observe                                      plain types; news from a computation
//! ```
//!
//! A module uses modules of lower layers only. Layers 0 to 2 know no path, no file format, no
//! terminal and no command line, and they print nothing. Modules of science meet only in
//! [`pipeline`], through types of [`data`]. `main.rs` sees only [`cli`]. A test,
//! `tests/architecture.rs`, holds the table of layers and fails at the first import against it.
//!
//! # Data flow of `run`
//!
//! ```text
//! arguments, config.toml --> config::resolve --> RunSettings
//!                                                     |
//! molecules.csv | .parquet --> io::molecules --> MoleculeTable: molecules, genes, carried columns
//!               (or a stage of `prior`: io::stage)    |
//!   column | image | stain | boundaries               |
//!      io::images, stain, io::boundaries              |
//!                       --> prior: segments, scale <--+
//!                                                     |   (molecules sorted along a Hilbert curve)
//!              graph --+--> noise -------> confidence -+
//!                      +--> clustering --> clusters ---+
//!                      +--> compartments, if wanted ---+
//!                                                     v
//!                  bmm: initial cells, then ( E-step, split, prune, M-step ) x iterations
//!                                                     |   (order of the table again)
//!                             majority of the history --> Segmentation
//!                                                     |
//!    segmentation.csv <-- cells: statistics, counts <-+-> polygons --> *_polygons_2d/3d.json
//!    *_cell_stats.csv, *_counts.loom                        (tables are safe by then)
//!                                                     |
//!    with --plot: report::diagnostics, map, picture, multiqc, from what a stage holds (last: all else is safe)
//! ```
//!
//! # Modules
//!
//! | layer | module | subject |
//! |---|---|---|
//! | 0 | [`data`] | molecules, genes, segmentations, outlines, names of cells; typed indices |
//! | 0 | [`observe`] | how a computation tells where it is, without knowing who listens |
//! | 1 | [`numeric`] | `exp` and `ln` of our own, keyed draws, ordered sums, quantiles, eigenvectors |
//! | 1 | [`spatial`] | nearest neighbors, Delaunay triangulation, hulls, order along a Hilbert curve, tiles |
//! | 1 | [`graph`] | who is whose neighbor and how strongly; long edges; connected parts |
//! | 2 | [`noise`] | confidence: the probability that a molecule is real and not background |
//! | 2 | [`prior`] | segments under molecules, from labels and boundaries; the scale they suggest; do they fit |
//! | 2 | [`stain`] | nuclei from a gray image of a stain |
//! | 2 | [`compartments`] | nucleus and cytoplasm, from the genes that are known or found to prefer one |
//! | 2 | [`clustering`] | molecule clusters, which are coarse cell types |
//! | 2 | [`bmm`] | the Bayesian mixture model of cells |
//! | 2 | [`cells`] | statistics and gene counts of cells |
//! | 2 | [`polygons`] | boundaries of cells, flat and by layer |
//! | 2 | [`composition`] | what surrounds a molecule, as a vector and as a color |
//! | 3 | [`config`] | one definition of every option and key; presets, merging, checks, run id, names of files |
//! | 3 | [`io`] | molecule tables, images and boundaries in; result files out; stages and checkpoints both ways |
//! | 3 | [`report`] | pages and pictures for people: charts, maps |
//! | 4 | [`pipeline`] | what the commands do: `preview`, `prior`, `run`, `segfree`, `export`, `inspect` |
//! | 5 | [`cli`] | command line, progress, log, errors, exit status |
//!
//! # What always holds
//!
//! * **Same bytes.** The same inputs, settings, seed and version give the same result files for
//!   any number of threads. A draw is keyed by (seed, stream, iteration, molecule), see
//!   [`numeric::draws`]; no generator is shared. An iteration reads the old assignment and writes
//!   a new one. Sums run over blocks of a fixed size in a fixed order, see [`numeric::reduce`].
//!   No order of a hash map, no clock and no thread id reaches a sum, a draw or a file.
//! * **Same bits on other machines.** What reaches a result uses [`numeric::elementary`] instead
//!   of the system's `exp` and `ln`, which differ in the last bit between systems.
//! * **Settings do not change.** After [`config::resolve`] they are constant. An estimate, such as
//!   the scale, is a value of its own that says where it came from.
//! * **"0 means noise" exists only in files.** In memory absence is `None`, and indices are types
//!   ([`data::ids`]): a gene cannot be taken for a cluster.
//! * **The order of the table is the order of the result.** Molecules are sorted in space for
//!   speed inside `pipeline` and back again; their ids are those of the kept rows.
//! * **Cells only disappear.** The model starts with more components than cells and creates none.
//! * **Every cell has a boundary**, a simple closed ring, and every boundary a cell.
//! * **Files appear when they are complete**, see [`io::atomic`]; tables before boundaries.
//! * **An interrupted run ends alike.** The model can stop between any two iterations and go on
//!   from a checkpoint, see [`bmm::checkpoint`] and [`io::checkpoint`].
//! * **User input never panics.** It ends in an error that names file, column or key, the value
//!   seen, and the remedy. Errors of the library are enums; `anyhow` begins at `pipeline`.
//!
//! # Tags in comments
//!
//! `METHOD:` why the mathematics needs this line. `KEEPS:` a habit of Baysor 0.7.1 that we keep on
//! purpose. `DIFFERS:` where we depart from it, and why. `grep -rn "DIFFERS:" src` lists them all.

pub mod bmm;
pub mod cells;
pub mod cli;
pub mod clustering;
pub mod compartments;
pub mod composition;
pub mod config;
pub mod data;
pub mod graph;
pub mod io;
pub mod noise;
pub mod numeric;
pub mod observe;
pub mod pipeline;
pub mod polygons;
pub mod prior;
pub mod report;
pub mod spatial;
pub mod stain;
