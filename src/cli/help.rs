//! Texts of the help that people write, beside what follows from the definition of the options.

/// What `baysor --help` prints.
pub const OVERVIEW: &str = "\
Baysor finds cells in imaging-based spatial transcriptomics.

Usage: baysor run MOLECULES [PRIOR] [OPTIONS]

Commands:
  run      segment molecules into cells
  preview  look at the molecules first: a report with noise, genes, and a scale to begin with
  prior    look at a prior segmentation alone: labels of molecules, segments, scale, a picture
  segfree  neighborhoods of molecules, without cells: gene compositions and colors
  export   write the final files of a stage that run --stage or merge made
  split    divide a slide that outgrows one machine into tiles, each for a run of its own
  merge    put the finished tiles of a slide together
  estimate memory and time of a run, or of tiles, beforehand
  inspect  say what a stage holds: tables, columns, parameters, numbers
  config   print a configuration to edit, for a platform: Xenium, MERSCOPE, CosMx, ...

One command does all: baysor run. The same in steps, each with tables to look at (see docs/stages.md):
  baysor prior MOLECULES PRIOR -m 30 -o prior/
  baysor run prior/ --stage run/
  baysor export run/ -o results/

A slide that outgrows the memory: baysor run --max-memory 8GB, or auto. The same on several machines (docs/tiles.md):
  baysor split MOLECULES -m 30 -s 6.5 -o tiles/
  baysor run tiles/tile_0001 --stage runs/tile_0001      every tile, in any order, anywhere
  baysor merge runs/ --stage merged/
  baysor export merged/ -o results/

Options:
  -h, --help       this text; after a command, the help of that command
  -V, --version    the version

All options of a command: baysor COMMAND --help
";

/// The end of the help of `run`.
pub const RUN: &str = "\
Examples:
  Cells of about 6.5 um radius, without a prior segmentation:
    baysor run -m 30 -s 6.5 -x x_location -y y_location -g feature_name transcripts.parquet
  With the prior segmentation in a column of the table; the scale is estimated from it:
    baysor run -m 30 --prior-segmentation-confidence 0.5 molecules.csv :cell_id
  With nuclei from an image: labels, a mask, or the stain itself, at 0.2125 um per pixel:
    baysor run -m 30 --prior-pixel-size 0.2125 molecules.csv nuclei.tif
  An output folder of Xenium, with its nuclei:
    baysor run --preset xenium -o results/ BUNDLE/ @nuclei
  With a configuration file, one key changed, results in a folder:
    baysor run -c config.toml --config.data.exclude-genes='Blank*' -o results/ molecules.csv
  In steps: the prior alone, the model, the final files; see also baysor export --help:
    baysor prior -m 30 -o prior/ molecules.csv nuclei.tif
    baysor run --stage run/ prior/
    baysor export -o results/ run/
  A large slide, in tiles if it needs more than 8 GB:
    baysor run -m 30 -s 6.5 --max-memory 8GB -o results/ molecules.csv
  One tile of a slide that baysor split has divided; see also baysor split --help:
    baysor run --stage runs/tile_0001 tiles/tile_0001

A stage of the command prior in place of MOLECULES and PRIOR:
  The options that it was made with hold, among them -m, columns and filters, and need not be given again. Another
  value of one that decided which molecules and segments it has is an error.

A tile of the command split in place of MOLECULES and PRIOR:
  Everything that changes results was decided by split, for all tiles alike, and need not be given again; another value
  is an error. The result is a stage (--stage DIR) without boundaries and reports, for baysor merge.

Files written for -o X.csv:
  X.csv (molecules with their cells), X_cell_stats.csv, X_counts.loom, X_polygons_2d.json,
  X_polygons_3d.json (3D data), X_params.dump.toml (repeats the run with -c), X_log.log
  While the model iterates, Ctrl-C stops the run and keeps X_checkpoint.bin; the same command with
  --resume goes on from it and ends with the same files.

Configuration:
  Every [key: table.name] is also a key of the file given with -c, and an option
  --config.table.name=VALUE, with dashes or underscores. An option of its own wins over the
  dotted one, that over the file, that over --preset, that over the default. Of a repeated option the last counts.
  Switches take =true or =false.

Exit status:
  0 done, 1 data or files, 2 command line or configuration, 130 Ctrl-C, 143 asked to terminate
";

/// The end of the help of `preview`.
pub const PREVIEW: &str = "\
Examples:
  What is in the table, how noisy it is, and which --scale and -m to begin with:
    baysor preview -x x_location -y y_location -z z_location -g feature_name transcripts.parquet
  With a configuration file, into a folder:
    baysor preview -c xenium.toml -o report/ transcripts.parquet

Files written for -o X.html:
  X.html                     the report; opens in any browser, needs no network
  X.json                     all its numbers (docs/preview.md tells the keys)
  X_*_mqc.json, X_*_mqc.png  the same for MultiQC
  X_preview_log.log          the log

Exit status:
  0 done, 1 data or files, 2 command line or configuration
";

/// The end of the help of `prior`.
pub const PRIOR: &str = "\
Examples:
  Where do the labels of an image lie among the molecules? See prior/overview.png:
    baysor prior -m 30 --prior-pixel-size 0.2125 molecules.csv nuclei_labels.tif
  Nuclei from a stain, with a threshold of one's own choice:
    baysor prior -m 30 --stain-threshold li -o nuclei/ molecules.csv dapi.tif
  A column of the table:
    baysor prior -m 30 molecules.csv :cell_id

Kinds of PRIOR, told by the content:
  :NAME         column of the molecule table: integers or texts, one value or nothing = no segment
  TIFF, PNG     label image (8, 16, 32 bit), binary mask, or gray stain of nuclei; OME-TIFF, BigTIFF;
                several pages are z planes for 3D data
  .mat          MATLAB matrix (v5 to v7.3), labels or mask; rows are y, columns are x
  CSV, Parquet  boundaries: vertex_x, vertex_y, and label_id or cell_id (Xenium's nucleus_boundaries)
  GeoJSON       polygons

Files written into DIR:
  overview.png        molecules over the prior: a wrong offset is seen in a second
  segments.csv        segments: label, molecules, area, center, radius, kept or not
  prior_labels.tif    the label image that was made from a stain
  manifest.json, molecules.arrow, segments.arrow, genes.arrow
                      a stage: baysor run DIR goes on from it, baysor inspect DIR tells what it holds

Exit status:
  0 done, 1 data or files, 2 command line or configuration
";

/// The end of the help of `segfree`.
pub const SEGFREE: &str = "\
Examples:
  Compositions and colors of the neighborhoods of all molecules:
    baysor segfree -m 30 -x x_location -y y_location -g feature_name transcripts.parquet
  Neighborhoods of 50 molecules; the colors alone, as a stage:
    baysor segfree -m 30 -k 50 --stage colors/ molecules.csv

Files written:
  ncvs.loom             genes x molecules, shares that sum to 1 per molecule; col_attrs: Name, ncv_color,
                        confidence. Opens with anndata, scanpy and loompy
  ncvs_segfree_log.log  the log
  DIR/ncv.arrow         with --stage DIR: molecule_id, ncv_color, confidence, and manifest.json

Exit status:
  0 done, 1 data or files, 2 command line or configuration
";

/// The end of the help of `export`.
pub const EXPORT: &str = "\
Examples:
  The final files into a folder; they are the same as if run had written them itself:
    baysor run -m 30 -s 6.5 --stage run/ molecules.csv
    baysor export -o results/ run/
  Boundaries and counts in other formats, from the same stage:
    baysor export --polygon-format GeometryCollection --count-matrix-format tsv -o other/ run/
  Negative controls that the run excluded, counted in its cells:
    baysor export --add-excluded molecules.csv -o results/ run/
  AnnData and Parquet of the good cells; docs/export.md has all formats and filters:
    baysor export --format h5ad,parquet --min-molecules 30 --max-elongation 8 -o results/ run/
  Colors of neighborhoods that were computed beside the run:
    baysor run -m 30 -s 6.5 --skip-ncv-color --stage run/ molecules.csv
    baysor segfree -m 30 --stage colors/ molecules.csv
    baysor export --ncv colors/ -o results/ run/

Files written for -o X.csv, format baysor:
  X.csv (molecules with their cells), X_cell_stats.csv, X_counts.loom, X_polygons_2d.json,
  X_polygons_3d.json (3D data), X_params.dump.toml (repeats the run with -c), X_log.log
Of the other formats, with X_export.json beside them (what was written, filters, numbers of cells):
  parquet  X_molecules.parquet, X_cells.parquet, X_counts.parquet, X_polygons.parquet, X_cell_boundaries.parquet,
           X_polygons_3d.parquet (3D data)
  h5ad     X.h5ad
  10x-h5   X_feature_bc_matrix.h5
  10x-mtx  X_feature_bc_matrix/matrix.mtx.gz, barcodes.tsv.gz, features.tsv.gz
  vpt      X_vpt/cell_boundaries.parquet, cell_by_gene.csv, cell_metadata.csv, detected_transcripts.csv
With --add-excluded: X_excluded.csv, X_excluded_counts.loom, and X_export.json

A format that cannot be written is reported, and the others are written all the same.
Nothing is computed but the boundaries, if run was called with --polygon-format none.

Exit status:
  0 done, 1 the stage or files, 2 command line
";

/// The end of the help of `split`.
pub const SPLIT: &str = "\
Examples:
  Tiles whose runs need about 4 GB each, with all that changes results:
    baysor split -m 30 -s 6.5 --max-memory 4GB -o tiles/ molecules.parquet
  With a prior segmentation; the scale is estimated from it, once for the whole slide:
    baysor split --preset xenium --max-molecules-per-tile 5000000 -o tiles/ BUNDLE/ @nuclei
  Then every tile, in any order, on any machine, and all of them together:
    baysor run --stage runs/tile_0001 tiles/tile_0001
    baysor merge --stage merged/ runs/
    baysor export -o results/ merged/

What split does:
  Reads the molecules twice, without holding the whole table in memory. Estimates once what belongs to the slide: scale,
  noise, edge lengths, molecule clusters, colors; beyond 1,000,000 molecules from parts of the slide. Divides the slide into
  rectangles with about equally many molecules, and adds a margin to each.

Files written into DIR:
  tile_0001/, tile_0002/, ...
                   stages: molecules, genes, what was estimated (slide_fit.arrow), and manifest.json, which tells the
                   place of the tile and the memory that its run needs; baysor inspect DIR/tile_0001 shows them
  tiles.json       the list of tiles with their molecules and expected memory, written last

Exit status:
  0 done, 1 data or files, 2 command line or configuration
";

/// The end of the help of `merge`.
pub const MERGE: &str = "\
Examples:
  All runs in a folder, then the final files:
    baysor merge --stage merged/ runs/
    baysor export -o results/ merged/
  The same by name, in any order; the result does not depend on it:
    baysor merge --stage merged/ runs/tile_0002 runs/tile_0001 runs/tile_0003
  Without boundaries, which export then computes:
    baysor merge --polygon-format none --stage merged/ runs/

RUN_STAGE are the stages that baysor run TILE --stage has made, of all tiles of one baysor split, each once. A tile that
is missing, given twice, of another split, or made by another version is an error that names it.

A cell comes from the tile whose core holds its center; of cells that two tiles have in common one stays. What the tiles
disagree on is counted and told.

Files written into DIR: a stage as run --stage makes it for a whole slide, see docs/stages.md

Exit status:
  0 done, 1 the tiles or files, 2 command line
";

/// The end of the help of `config`.
pub const CONFIG: &str = "\
Examples:
  Every key with its default and its meaning:
    baysor config > config.toml
  The same with the values for a platform, to be edited and given with -c:
    baysor config --preset xenium > config.toml
    baysor run -c config.toml transcripts.parquet :cell_id
  The platforms:
    baysor config --list

Exit status:
  0 done, 2 command line
";

/// The end of the help of `inspect`.
pub const INSPECT: &str = "\
Examples:
  Tables with their columns, units and meanings, parameters that were estimated, numbers, warnings:
    baysor inspect run/
  The same for programs:
    baysor inspect run/ --json

The tables are compared with the manifest first: a stage that was cut, edited or mixed up is an error.
The files are Arrow IPC (Feather), which pandas, polars, DuckDB and R read; see docs/stages.md.

Exit status:
  0 done, 1 the stage, 2 command line
";

/// The end of the help of `estimate`.
pub const ESTIMATE: &str = "\
Examples:
  Write estimate in place of run: how much memory, how much time, stage by stage?
    baysor estimate -m 30 -s 6.5 -x x_location -y y_location -g feature_name transcripts.parquet
  With the stages of the command prior, for eight threads, for programs:
    baysor estimate --threads 8 --json estimate.json prior/
  Into how many tiles, and what does each need?
    baysor estimate -m 30 -s 6.5 --max-memory 8GB transcripts.parquet

All options of run are understood. The molecules are read, and some of them are segmented, which takes some seconds
per million molecules; nothing else is written. Times hold for this machine with as much other work on it as now.

Exit status:
  0 done, 1 data or files, 2 command line or configuration
";
