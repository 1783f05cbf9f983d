//! What a stage holds, for people and for programs.

use polars_arrow::datatypes::{ArrowDataType, ArrowSchema, Field};
use serde_json::{Value, json};

use super::schema::{self, DESCRIPTION, ROLE, UNIT};
use super::{Manifest, NoteLevel, StageError, StageKind, StageReader, TileManifest};

/// A stage in words and as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Lines of text.
    pub lines: Vec<String>,
    /// The manifest, and the columns of every table with type, unit and meaning.
    pub json: Value,
}

/// Says what a stage holds: tables with their columns, numbers, and where every estimate came from.
///
/// Reads the heads of the tables only.
pub fn describe(stage: &StageReader) -> Result<Description, StageError> {
    let manifest = stage.manifest();
    let mut lines = head(stage);
    if manifest.stage == StageKind::Tile {
        lines.extend(fit_lines(stage)?);
    }
    let mut tables = Vec::new();
    lines.push("Tables:".to_owned());
    for entry in &manifest.tables {
        let schema = stage.schema(entry)?;
        let what = schema::find(&entry.name).map_or("", |table| table.description);
        lines.push(format!(
            "  {}: {} rows, {} columns, {}; a row is {what}",
            entry.file,
            entry.n_rows,
            entry.n_columns,
            size_text(entry.bytes)
        ));
        lines.extend(schema.iter_values().map(column_line));
        tables.push(json!({ "name": entry.name, "file": entry.file, "columns": columns(&schema) }));
    }
    let json = json!({
        "directory": stage.dir().to_string_lossy(),
        "manifest": manifest,
        "tables": tables,
    });
    Ok(Description { lines, json })
}

/// Everything but the tables.
fn head(stage: &StageReader) -> Vec<String> {
    let manifest = stage.manifest();
    let Manifest { stage: kind, program_version, format_version, seed, .. } = manifest;
    let mut lines = vec![
        format!("{}: a finished stage of the kind '{kind}'", stage.dir().display()),
        format!("Made by baysor {program_version} (format version {format_version}) with the seed {seed}"),
    ];
    lines.extend(manifest.run_id.iter().map(|id| format!("Run id: {id}")));
    lines.extend(manifest.tile.iter().flat_map(tile_lines));
    for (at, input) in manifest.inputs.iter().enumerate() {
        let path = manifest.timing.paths.get(at).map(|path| format!(", '{path}'")).unwrap_or_default();
        lines.push(format!("Input '{}': {}, XXH64 {}{path}", input.role, size_text(input.bytes), input.xxh64));
    }
    for estimate in &manifest.estimates {
        lines.push(format!("{} = {} ({})", estimate.name, text(&estimate.value), estimate.origin));
    }
    lines.extend(manifest.summary.iter().flat_map(|(name, value)| number_lines(name, value)));
    for note in &manifest.notes {
        let mark = if note.level == NoteLevel::Warning { "Warning" } else { "Note" };
        lines.push(format!("{mark}: {}", note.text));
    }
    let timing = &manifest.timing;
    let memory = timing.peak_memory_bytes.map(|bytes| format!(", peak memory {}", size_text(bytes)));
    lines.push(format!("Took {:.1} s on {} threads{}", timing.seconds, timing.threads, memory.unwrap_or_default()));
    lines
}

/// Which part of a slide it is.
fn tile_lines(tile: &TileManifest) -> [String; 4] {
    let TileManifest { index, n_tiles, margin, n_core, n_slide, expected_memory_mib, .. } = tile;
    let range = |axis: &str, [low, high]: [f64; 2]| match (low.is_finite(), high.is_finite()) {
        (true, true) => format!("{axis} from {low} to {high}"),
        (true, false) => format!("{axis} from {low} on"),
        (false, true) => format!("{axis} up to {high}"),
        (false, false) => format!("every {axis}"),
    };
    let share = 100.0 * *n_core as f64 / (*n_slide).max(1) as f64;
    [
        format!("Tile {index} of {n_tiles} of the slide {}, whose cells have the run id {}", tile.slide, tile.run_id),
        format!("Core: {}, {}; with a margin of {margin} around it", range("x", tile.core.x), range("y", tile.core.y)),
        format!("Molecules in the core: {n_core} of {n_slide} of the slide ({share:.1} %)"),
        format!("Expected memory of its run: {expected_memory_mib} MiB"),
    ]
}

/// A summary number; an object of several has a line for each.
fn number_lines(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(numbers) => {
            let inner = numbers.iter().map(|(name, value)| format!("  {name}: {}", text(value)));
            std::iter::once(format!("{name}:")).chain(inner).collect()
        }
        value => vec![format!("{name}: {}", text(value))],
    }
}

/// What was estimated once for the whole slide.
fn fit_lines(stage: &StageReader) -> Result<Vec<String>, StageError> {
    let fit = stage.slide_fit()?;
    let mut lines = vec!["Fitted to the whole slide, the same in all tiles:".to_owned()];
    lines.push(format!("  scale {} with a spread of {} ({})", fit.scale, fit.scale_std, fit.scale_origin));
    lines.extend(fit.noise.map(|noise| {
        format!(
            "  distance to the k-th neighbor: {:.4} in cells, {:.4} in the background",
            noise.signal.mean, noise.background.mean
        )
    }));
    lines
        .extend(fit.clustering.map(|course| {
            format!("  course of {} molecule clusters, {} steps", course.n_clusters, course.steps.len())
        }));
    lines.extend(fit.markers.map(|markers| {
        format!("  genes of nuclei: {}; of cytoplasm: {}", markers.nuclei.join(", "), markers.cyto.join(", "))
    }));
    lines.extend(fit.is_colored.then(|| "  colors of neighborhoods".to_owned()));
    Ok(lines)
}

/// Plain numbers and texts without quotes.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

fn column_line(field: &Field) -> String {
    let unit = metadata(field, UNIT).filter(|unit| *unit != "1").map(|unit| format!(" [{unit}]")).unwrap_or_default();
    let meaning = metadata(field, DESCRIPTION).map(|meaning| format!(": {meaning}")).unwrap_or_default();
    format!("    {} ({}){unit}{meaning}", field.name, type_name(&field.dtype))
}

fn columns(schema: &ArrowSchema) -> Vec<Value> {
    let column = |field: &Field| {
        json!({
            "name": field.name.as_str(),
            "type": type_name(&field.dtype),
            "nullable": field.is_nullable,
            "role": metadata(field, ROLE),
            "unit": metadata(field, UNIT),
            "description": metadata(field, DESCRIPTION),
        })
    };
    schema.iter_values().map(column).collect()
}

fn metadata<'a>(field: &'a Field, key: &str) -> Option<&'a str> {
    field.metadata.as_ref()?.get(key).map(|value| value.as_str())
}

/// Names of types as Arrow's other implementations write them.
fn type_name(dtype: &ArrowDataType) -> String {
    match dtype {
        ArrowDataType::Dictionary(_, values, _) => format!("dictionary<int32, {}>", type_name(values)),
        ArrowDataType::Extension(extension) => format!("{} ({})", type_name(&extension.inner), extension.name),
        ArrowDataType::LargeUtf8 => "large_utf8".to_owned(),
        ArrowDataType::LargeBinary => "large_binary".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
