//! Every table and column of stage directories, defined once.
//!
//! The definitions are written into the files (as metadata of the Arrow fields), checked when files are read, and
//! compared with `docs/stages.md` by a test.

use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, ExtensionType, Field, IntegerType, Metadata};

/// Rows of a record batch, at most: what a reader has to hold at a time.
pub const ROWS_PER_BATCH: usize = 1 << 17;
/// Rows of a record batch of boundaries, which have some 500 bytes each.
pub const POLYGONS_PER_BATCH: usize = 1 << 14;

/// Key of the field metadata for the unit.
pub const UNIT: &str = "unit";
/// Key of the field metadata for the meaning.
pub const DESCRIPTION: &str = "description";
/// Key of the field metadata for the role: `identity`, `input`, `result` or `carried`.
pub const ROLE: &str = "role";
/// Key of the field metadata for the place of a column in the table of the user, counted from 0.
pub const POSITION: &str = "position";
/// Key of the field metadata for the name of a carried column in written tables.
pub const OUTPUT_NAME: &str = "output_name";
/// Key of the field metadata for the type of a coordinate in the input, when it was not the one of the table.
pub const INPUT_TYPE: &str = "input_type";
/// Key of the schema metadata for the name of the table.
pub const TABLE: &str = "baysor_table";

/// What a column holds, as an Arrow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `bool`.
    Bool,
    /// `uint32`.
    UInt32,
    /// `uint64`.
    UInt64,
    /// `float32`.
    Float32,
    /// `float64`.
    Float64,
    /// `utf8`.
    Text,
    /// `dictionary<int32, utf8>`: signed, because pandas takes no unsigned ones.
    Category,
    /// `large_binary` with the extension name `geoarrow.wkb`.
    Wkb,
}

impl ColumnType {
    /// The Arrow type.
    pub fn arrow(self) -> ArrowDataType {
        match self {
            Self::Bool => ArrowDataType::Boolean,
            Self::UInt32 => ArrowDataType::UInt32,
            Self::UInt64 => ArrowDataType::UInt64,
            Self::Float32 => ArrowDataType::Float32,
            Self::Float64 => ArrowDataType::Float64,
            Self::Text => ArrowDataType::Utf8,
            Self::Category => {
                ArrowDataType::Dictionary(IntegerType::Int32, Box::new(ArrowDataType::Utf8), /* ordered */ false)
            }
            Self::Wkb => ArrowDataType::Extension(Box::new(ExtensionType {
                name: "geoarrow.wkb".into(),
                inner: ArrowDataType::LargeBinary,
                metadata: Some("{}".into()),
            })),
        }
    }

    /// The name of the type in documents and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Text => "utf8",
            Self::Category => "dictionary<int32, utf8>",
            Self::Wkb => "large_binary (geoarrow.wkb)",
        }
    }
}

/// What a column is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Says which thing a row is about.
    Identity,
    /// Comes from the input and is used by the model.
    Input,
    /// Was found.
    Result,
}

impl Role {
    /// The text in the field metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Input => "input",
            Self::Result => "result",
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; with `<…>` for a family of columns.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// What it is there for.
    pub role: Role,
    /// Its unit; `None` for names, identities and counts without one.
    pub unit: Option<&'static str>,
    /// Its meaning.
    pub description: &'static str,
    /// Whether the table may lack it.
    pub optional: bool,
    /// Whether values may be missing.
    pub nullable: bool,
}

impl Column {
    const fn new(name: &'static str, kind: ColumnType, role: Role, description: &'static str) -> Self {
        Self { name, kind, role, unit: None, description, optional: false, nullable: false }
    }

    const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The Arrow field with unit, meaning and role.
    pub fn field(&self) -> Field {
        Field::new(self.name.into(), self.kind.arrow(), self.nullable).with_metadata(self.metadata())
    }

    /// The metadata of the Arrow field.
    pub fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        metadata.insert(DESCRIPTION.into(), self.description.into());
        metadata.insert(ROLE.into(), self.role.name().into());
        if let Some(unit) = self.unit {
            metadata.insert(UNIT.into(), unit.into());
        }
        metadata
    }
}

/// A table of a stage directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The name of its file.
    pub file: &'static str,
    /// What a row is.
    pub description: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Rows of a record batch, at most.
    pub rows_per_batch: usize,
}

impl Table {
    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The Arrow schema of a file with these fields.
    pub fn schema(&self, fields: impl IntoIterator<Item = Field>) -> ArrowSchema {
        let mut schema: ArrowSchema = fields.into_iter().collect();
        schema.metadata_mut().insert(TABLE.into(), self.name.into());
        schema.metadata_mut().insert(DESCRIPTION.into(), self.description.into());
        schema
    }
}

const LENGTH: &str = "coordinate unit of the input";
const AREA: &str = "coordinate unit of the input, squared";
const SHARE: &str = "1";
const MOLECULES_UNIT: &str = "molecules";
const ITERATIONS: &str = "iterations";

use ColumnType::{Bool, Category, Float32, Float64, Text, UInt32, UInt64, Wkb};
use Role::{Identity, Input, Result};

/// Molecules, one a row, in the order of the input.
pub const MOLECULES: Table = Table {
    name: "molecules",
    file: "molecules.arrow",
    description: "a molecule that is left after the filters, in the order of the input",
    columns: &[
        Column::new("molecule_id", UInt32, Identity, "number of the molecule among the kept rows, from 1"),
        Column::new("x", Float64, Input, "x coordinate").unit(LENGTH),
        Column::new("y", Float64, Input, "y coordinate").unit(LENGTH),
        Column::new("z", Float64, Input, "z coordinate").unit(LENGTH).optional(),
        Column::new("gene", Category, Input, "gene; the dictionary is the gene table"),
        Column::new("prior_segmentation", UInt32, Input, "number of the prior segment, from 1; null outside all")
            .optional()
            .nullable(),
        Column::new("confidence", Float32, Result, "probability that the molecule is real and not noise")
            .unit(SHARE)
            .optional(),
        Column::new("is_center", Bool, Result, "whether a component starts from this molecule; tiles only").optional(),
        Column::new("compartment", Category, Result, "part of the cell that the molecule is in").optional(),
        Column::new("nuclei_probs", Float32, Result, "probability that the molecule is in a nucleus")
            .unit(SHARE)
            .optional(),
        Column::new("cluster", UInt32, Result, "number of the molecule cluster, from 1").optional(),
        Column::new("cell", UInt32, Result, "number of the cell, from 1: its row in the cell table; null for noise")
            .optional()
            .nullable(),
        Column::new("assignment_confidence", Float32, Result, "share of the recorded iterations that agree with cell")
            .unit(SHARE)
            .optional(),
        Column::new("ncv_color", Text, Result, "color of the neighborhood, #RRGGBB").optional(),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Genes, in the order of all dictionaries.
pub const GENES: Table = Table {
    name: "genes",
    file: "genes.arrow",
    description: "a gene, in the order of the dictionaries of all tables",
    columns: &[
        Column::new("gene", Text, Identity, "name"),
        Column::new("n_molecules", UInt32, Input, "molecules of the gene").unit(MOLECULES_UNIT),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Segments of the prior segmentation.
pub const SEGMENTS: Table = Table {
    name: "segments",
    file: "segments.arrow",
    description: "a segment of the prior segmentation, in the order of the numbers",
    columns: &[
        Column::new("segment", UInt32, Identity, "number as in molecules.prior_segmentation; null without molecules")
            .nullable(),
        Column::new("label", Text, Input, "value of the prior column, name of the boundary, or label in the image"),
        Column::new("number", UInt32, Input, "what stands for it in written tables: its label if labels are numbers of an image, otherwise its own number").nullable(),
        Column::new("n_molecules", UInt32, Result, "molecules in the segment").unit(MOLECULES_UNIT),
        Column::new("kept", Bool, Result, "whether it has enough molecules; those of other segments have no segment"),
        Column::new("n_pixels", UInt64, Input, "pixels of the segment in the image").unit("pixels").optional().nullable(),
        Column::new("area", Float64, Input, "area; with z, in a stack of images, volume").unit(AREA).optional().nullable(),
        Column::new("x", Float64, Result, "x of the center of the area, or mean of the molecules if there is no area")
            .unit(LENGTH),
        Column::new("y", Float64, Result, "y of the center").unit(LENGTH),
        Column::new("z", Float64, Result, "z of the center").unit(LENGTH).optional(),
        Column::new("radius", Float64, Result, "radius of the circle, or ball, of that area").unit(LENGTH).optional().nullable(),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Outlines of the segments of the prior segmentation.
pub const PRIOR_OUTLINES: Table = Table {
    name: "prior_outlines",
    file: "prior_outlines.arrow",
    description: "a part of the outline of a segment, without holes",
    columns: &[
        Column::new("row", UInt32, Identity, "row of the segment in the table of segments, from 1"),
        Column::new("geometry", Wkb, Input, "polygon of one closed ring in x and y, well-known binary").unit(LENGTH),
    ],
    rows_per_batch: POLYGONS_PER_BATCH,
};

/// Cells with their statistics.
pub const CELLS: Table = Table {
    name: "cells",
    file: "cells.arrow",
    description: "a cell, in the order of the numbers",
    columns: &[
        Column::new("cell", UInt32, Identity, "number of the cell, from 1"),
        Column::new("name", Text, Identity, "name of the cell in written tables"),
        Column::new("x", Float64, Result, "mean x of the molecules").unit(LENGTH),
        Column::new("y", Float64, Result, "mean y of the molecules").unit(LENGTH),
        Column::new("z", Float64, Result, "mean z of the molecules").unit(LENGTH).optional(),
        Column::new("cluster", UInt32, Result, "the most frequent cluster of the molecules").optional().nullable(),
        Column::new("n_transcripts", UInt32, Result, "number of molecules").unit(MOLECULES_UNIT),
        Column::new("density", Float64, Result, "n_transcripts / area; NaN with fewer than three molecules")
            .unit("molecules per squared coordinate unit of the input"),
        Column::new("elongation", Float64, Result, "larger by smaller variance along the principal axes in x and y")
            .unit(SHARE),
        Column::new("area", Float64, Result, "area of the convex hull of the molecules in x and y").unit(AREA),
        Column::new("avg_confidence", Float64, Result, "mean confidence of the molecules").unit(SHARE),
        Column::new("avg_assignment_confidence", Float64, Result, "mean assignment confidence of the molecules")
            .unit(SHARE)
            .optional(),
        Column::new("max_cluster_frac", Float64, Result, "share of the most frequent cluster").unit(SHARE).optional(),
        Column::new("lifespan", UInt32, Result, "for how many recorded iterations the cell has existed")
            .unit(ITERATIONS)
            .optional(),
        Column::new(
            "n_nuclei",
            UInt32,
            Result,
            "segments of the prior with more than half of their molecules in the cell",
        )
        .unit("segments")
        .optional(),
        Column::new("prior_segment", Text, Result, "label of the segment of the prior that the cell started from")
            .optional()
            .nullable(),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Molecules per cell and gene.
pub const COUNTS: Table = Table {
    name: "counts",
    file: "counts.arrow",
    description: "a gene of which a cell has molecules, cell by cell and gene by gene",
    columns: &[
        Column::new("cell", UInt32, Identity, "number of the cell, from 1"),
        Column::new("gene", Category, Identity, "gene; the dictionary is the gene table"),
        Column::new("n", UInt32, Result, "molecules of the gene in the cell, at least 1").unit(MOLECULES_UNIT),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Layers of z with boundaries of their own.
pub const LAYERS: Table = Table {
    name: "layers",
    file: "layers.arrow",
    description: "a layer of z with boundaries of its own, from below",
    columns: &[
        Column::new("layer", UInt32, Identity, "number of the layer, from 1"),
        Column::new("name", Text, Identity, "name of the layer in written files: a value of z or a range"),
        Column::new("z", Float64, Result, "representative z").unit(LENGTH),
        Column::new("z_min", Float64, Result, "lower bound, included").unit(LENGTH),
        Column::new("z_max", Float64, Result, "upper bound, excluded but in the last layer").unit(LENGTH),
        Column::new("n_cells", UInt32, Result, "cells with a boundary in the layer"),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Boundaries of cells.
pub const POLYGONS: Table = Table {
    name: "polygons",
    file: "polygons.arrow",
    description: "the boundary of a cell: first those of all cells in x and y, then those of each layer",
    columns: &[
        Column::new("cell", UInt32, Identity, "number of the cell, from 1"),
        Column::new("layer", UInt32, Identity, "number of the layer; null for the boundary over all z").nullable(),
        Column::new("z_min", Float64, Result, "lower bound of the layer").unit(LENGTH).nullable(),
        Column::new("z_max", Float64, Result, "upper bound of the layer").unit(LENGTH).nullable(),
        Column::new("geometry", Wkb, Result, "polygon of one closed ring in x and y, well-known binary").unit(LENGTH),
    ],
    rows_per_batch: POLYGONS_PER_BATCH,
};

/// What stands before the threshold in the names of the trace's counts.
pub const COMPONENTS_PREFIX: &str = "n_components_";

/// Numbers of every iteration.
pub const TRACE: Table = Table {
    name: "trace",
    file: "trace.arrow",
    description: "an iteration of the model; row 0 is the start",
    columns: &[
        Column::new("iteration", UInt32, Identity, "number of the iteration; 0 is the start"),
        Column::new("noise_share", Float64, Result, "share of the molecules that are noise").unit(SHARE),
        Column::new("n_changed", UInt32, Result, "molecules whose component changed").unit(MOLECULES_UNIT),
        Column::new("share_that_left", Float64, Result, "share of the molecules, by confidence, that left the component of their majority in the window before; at the ends of windows, with --converged only").unit(SHARE).nullable(),
        Column::new("n_components_<m>", UInt32, Result, "components with at least m molecules"),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Iterations of the molecule clustering and of the compartments.
pub const CLUSTERING: Table = Table {
    name: "clustering",
    file: "clustering.arrow",
    description: "an iteration of the molecule clustering, or of the compartments after it",
    columns: &[
        Column::new("what", Text, Identity, "clusters or compartments"),
        Column::new("iteration", UInt32, Identity, "number of the iteration, from 1"),
        Column::new(
            "max_change",
            Float32,
            Result,
            "largest change of a probability, times the confidence of the molecule",
        )
        .unit(SHARE),
        Column::new("share_changed", Float32, Result, "share of the molecules whose change, so weighted, exceeds 1e-7")
            .unit(SHARE),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Genes ranked by their preference for a compartment, if they were looked for.
pub const COMPARTMENT_GENES: Table = Table {
    name: "compartment_genes",
    file: "compartment_genes.arrow",
    description: "a gene, from the most nuclear to the most cytoplasmic one",
    columns: &[
        Column::new("gene", Category, Identity, "gene; the dictionary is the gene table"),
        Column::new("n_molecules", UInt32, Result, "molecules in nuclei and the rings around them")
            .unit(MOLECULES_UNIT),
        Column::new("n_nuclei", UInt32, Result, "nuclei that say something about the gene"),
        Column::new("share_inside", Float64, Result, "share of these molecules that are in nuclei").unit(SHARE),
        Column::new("expected_share", Float64, Result, "the same share if the gene were spread as others").unit(SHARE),
        Column::new("log2_odds_ratio", Float64, Result, "preference, positive for nuclear genes").unit(SHARE),
        Column::new("p", Float64, Result, "probability of so large a preference without any").unit(SHARE),
        Column::new("q", Float64, Result, "false discovery rate").unit(SHARE),
        Column::new("call", Text, Result, "nuclear, cytoplasmic or none"),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Neighborhoods of molecules.
pub const NCV: Table = Table {
    name: "ncv",
    file: "ncv.arrow",
    description: "a molecule with the color of its neighborhood, in the order of the input",
    columns: &[
        Column::new("molecule_id", UInt32, Identity, "number of the molecule among the kept rows, from 1"),
        Column::new("ncv_color", Text, Result, "color of the neighborhood, #RRGGBB"),
        Column::new("confidence", Float32, Result, "probability that the molecule is real and not noise").unit(SHARE),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// Numbers that were fitted to the whole slide.
pub const SLIDE_FIT: Table = Table {
    name: "slide_fit",
    file: "slide_fit.arrow",
    description: "a number that was fitted to the whole slide",
    columns: &[
        Column::new("name", Text, Identity, "name of the array that the number is in"),
        Column::new("position", UInt32, Identity, "place in that array, from 0"),
        Column::new("value", Float64, Result, "the number"),
    ],
    rows_per_batch: ROWS_PER_BATCH,
};

/// All tables.
pub const TABLES: [&Table; 13] = [
    &MOLECULES,
    &GENES,
    &SEGMENTS,
    &PRIOR_OUTLINES,
    &CELLS,
    &COUNTS,
    &LAYERS,
    &POLYGONS,
    &TRACE,
    &CLUSTERING,
    &COMPARTMENT_GENES,
    &NCV,
    &SLIDE_FIT,
];

/// The table called `name`, or with the file `name`.
pub fn find(name: &str) -> Option<&'static Table> {
    TABLES.into_iter().find(|table| table.name == name || table.file == name)
}
