//! The run id: a short text in the names of cells, derived from inputs and parameters, never from time.

use std::path::PathBuf;

use super::{
    CompartmentGenes, Crop, InputSettings, PriorSettings, PriorSource, RunSettings, ScaleSource, ScaleStd,
    SegfreeSettings, VERSION,
};

/// Returns the id of a run: the user's own, or `R` and nine hexadecimal characters.
///
/// `input_fingerprint` is anything that identifies the content of the inputs. Everything that can change a cell counts
/// besides: parameters, seed and version. The number of threads, file names and formats, and the verbosity do not.
pub fn run_id(input_fingerprint: &[u8], settings: &RunSettings) -> String {
    run_id_in_tiles(input_fingerprint, settings, &[])
}

/// Returns the id of a run in tiles: other tiles may give other cells, so the borders count too.
///
/// `borders` are the numbers that tell where the tiles are, in their order, margins included.
pub fn run_id_in_tiles(input_fingerprint: &[u8], settings: &RunSettings, borders: &[f64]) -> String {
    if let Some(id) = &settings.run_id {
        return id.clone();
    }
    let mut hash = Hash::new();
    hash.field("input", input_fingerprint);
    for (name, value) in result_relevant(settings) {
        hash.field(name, value.as_bytes());
    }
    borders.iter().for_each(|border| hash.field("border", &border.to_bits().to_le_bytes()));
    // Nine hexadecimal characters are the upper 36 bits.
    format!("R{:09x}", hash.finish() >> 28)
}

/// Returns the id of a division of a slide into tiles, 16 hexadecimal digits.
///
/// `borders` are the numbers that tell where the tiles are, in their order, margins included. Inputs and settings count
/// as for [`run_id`], and besides them what `run` gives the same id: the id itself, colors, and layers.
pub fn slide_id(input_fingerprint: &[u8], settings: &RunSettings, borders: &[f64]) -> String {
    let mut hash = Hash::new();
    hash.field("input", input_fingerprint);
    for (name, value) in result_relevant(settings) {
        hash.field(name, value.as_bytes());
    }
    hash.field("run_id", settings.run_id.as_deref().unwrap_or_default().as_bytes());
    hash.field("colors", format!("{:?}", settings.colors).as_bytes());
    hash.field("max_z_slices", settings.max_z_slices.to_string().as_bytes());
    borders.iter().for_each(|border| hash.field("border", &border.to_bits().to_le_bytes()));
    format!("{:016x}", hash.finish())
}

/// Returns the id of a `segfree` table, `R` and nine hexadecimal characters, from inputs and parameters.
pub fn segfree_id(input_fingerprint: &[u8], settings: &SegfreeSettings) -> String {
    let mut hash = Hash::new();
    hash.field("input", input_fingerprint);
    for (name, value) in [
        ("version", VERSION.to_owned()),
        ("seed", settings.program.seed.to_string()),
        // How molecules are chosen, without the name of the file; a stage has what its file has.
        (
            "molecules",
            format!("{:?}", InputSettings { molecules: PathBuf::new(), is_stage: false, ..settings.input.clone() }),
        ),
        ("min_molecules_per_cell", settings.min_molecules_per_cell.to_string()),
        ("confidence_nn_id", settings.confidence_nn_id.to_string()),
        ("colors", format!("{:?}", settings.colors)),
    ] {
        hash.field(name, value.as_bytes());
    }
    format!("R{:09x}", hash.finish() >> 28)
}

/// Names and texts of everything in the settings that may change a result. Numbers are written so that equal texts
/// mean equal numbers.
pub fn result_relevant(settings: &RunSettings) -> Vec<(&'static str, String)> {
    let s = settings;
    let input = &s.input;
    let Crop { x_min, x_max, y_min, y_max, z_min, z_max } = input.crop;
    vec![
        ("version", VERSION.to_owned()),
        ("seed", s.program.seed.to_string()),
        ("prior", prior_text(&s.prior)),
        ("x", input.columns.x.clone()),
        ("y", input.columns.y.clone()),
        ("z", input.columns.z.clone()),
        ("gene", input.columns.gene.clone()),
        ("qv", input.columns.qv.clone()),
        ("coordinate_scale", format!("{}, {}", input.coordinate_scale, input.z_scale)),
        ("force_2d", input.force_2d.to_string()),
        ("min_molecules_per_gene", input.min_molecules_per_gene.to_string()),
        ("exclude_genes", input.exclude_genes.join("\n")),
        ("min_qv", format!("{:?}", input.min_qv)),
        ("crop", [x_min, x_max, y_min, y_max, z_min, z_max].map(|limit| format!("{limit:?}")).join(",")),
        ("drop_duplicates", input.drop_duplicates.to_string()),
        ("min_molecules_per_cell", s.min_molecules_per_cell.to_string()),
        ("min_molecules_per_segment", s.prior.min_molecules_per_segment.to_string()),
        ("confidence_nn_id", s.confidence_nn_id.to_string()),
        ("scale", scale_text(s.scale)),
        ("compartment_genes", compartment_text(&s.compartment_genes)),
        ("n_clusters", s.n_clusters.to_string()),
        ("prior_confidence", s.prior_confidence.to_string()),
        ("segments", format!("{:?} {:?}", s.prior.meaning, s.segments)),
        ("iters", s.iters.to_string()),
        ("tol", s.tol.to_string()),
        ("converged", s.converged.to_string()),
        ("n_cells_init", format!("{:?}", s.n_cells_init)),
        ("unassigned_label", s.prior.unassigned_label.clone()),
    ]
}

/// The prior segmentation. The content of a file is part of the fingerprint, not its name.
fn prior_text(prior: &PriorSettings) -> String {
    match &prior.source {
        None => String::new(),
        Some(PriorSource::Column { name }) => match &prior.only {
            Some((column, value)) => format!(":{name} where {column}={value}"),
            None => format!(":{name}"),
        },
        Some(PriorSource::File { .. }) => format!(
            "file {:?} {:?} {:?} {:?} {:?}",
            prior.image_kind, prior.pixel_size, prior.origin, prior.page, prior.stain
        ),
    }
}

fn compartment_text(genes: &CompartmentGenes) -> String {
    match genes {
        CompartmentGenes::None => String::new(),
        CompartmentGenes::Given { nuclei, cyto } => format!("{}\n\n{}", nuclei.join("\n"), cyto.join("\n")),
        CompartmentGenes::Auto => "auto".to_owned(),
    }
}

fn scale_text(scale: ScaleSource) -> String {
    let std = |std: ScaleStd| match std {
        ScaleStd::Absolute(number) => number.to_string(),
        ScaleStd::Relative(share) => format!("{share} of scale"),
    };
    match scale {
        ScaleSource::Given { scale, std: given } => format!("{scale}, {}", std(given)),
        ScaleSource::FromPrior { std: given } => format!("prior, {}", given.map(std).unwrap_or_default()),
    }
}

/// A 64-bit hash of named fields: FNV-1a over lengths and bytes, mixed at the end so that every bit depends on all.
/// Written here because the id must stay the same whatever library or compiler is used.
struct Hash(u64);

impl Hash {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        self.bytes(name.as_bytes());
        self.bytes(&(value.len() as u64).to_le_bytes());
        self.bytes(value);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        let mut state = self.0;
        for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            state = (state ^ (state >> 30)).wrapping_mul(multiplier);
        }
        state ^ (state >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::tests::settings_of;
    use super::*;

    #[test]
    fn the_id_is_a_letter_and_nine_hexadecimal_characters() {
        let id = run_id(b"data", &settings_of(&["scale=10", "min_molecules_per_cell=30"]));
        assert_eq!(id.len(), 10);
        assert!(id.starts_with('R') && id[1..].chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn the_id_of_a_division_depends_on_borders_and_settings() {
        let common = ["scale=10", "min_molecules_per_cell=30"];
        let id = |extra: &[&str], borders: &[f64]| {
            slide_id(b"data", &settings_of(&common.iter().chain(extra).copied().collect::<Vec<_>>()), borders)
        };
        let plain = id(&[], &[0.5, f64::INFINITY]);
        assert!(plain.len() == 16 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()), "{plain}");
        assert_eq!(plain, id(&["threads=7"], &[0.5, f64::INFINITY]));
        let others = [
            id(&[], &[0.5, 1.0]),
            id(&["seed=2"], &[0.5, f64::INFINITY]),
            id(&["run_id=A"], &[0.5, f64::INFINITY]),
            id(&["skip_ncv_color=true"], &[0.5, f64::INFINITY]),
        ];
        assert!(others.iter().all(|other| *other != plain), "{others:?}");
    }

    #[test]
    fn the_id_depends_on_data_parameters_and_seed_only() {
        let id = |extra: &[&str]| {
            let mut given = vec!["scale=10", "min_molecules_per_cell=30"];
            given.extend(extra);
            run_id(b"data", &settings_of(&given))
        };
        let plain = id(&[]);
        assert_eq!(plain, id(&["threads=7", "polygon_format=none", "count_matrix_format=tsv", "quiet=true"]));
        assert_ne!(plain, id(&["seed=2"]));
        assert_ne!(plain, id(&["scale=11"]));
        assert_ne!(plain, id(&["scale_std=2.5"]));
        assert_ne!(plain, id(&["exclude_genes=a"]));
        assert_ne!(plain, run_id(b"other", &settings_of(&["scale=10", "min_molecules_per_cell=30"])));
        assert_eq!(id(&["run_id=Mouse7"]), "Mouse7");
    }
}
