//! Parameters of a run, as its manifest has them.

use crate::config::options::find_path;
use crate::config::values::Value;
use crate::io::stage::Manifest;
use crate::pipeline::manifest::value_of;

/// The value of a parameter, as a number; `None` if the manifest does not have it, or it is not a number.
pub fn real(manifest: &Manifest, path: &str) -> Option<f64> {
    match value_of(manifest, find_path(path)?)? {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

/// The value of a parameter that is a count; that of the program if the manifest does not have it.
pub fn whole(manifest: &Manifest, path: &str) -> usize {
    let default = || match find_path(path).map(|def| def.default_value()) {
        Some(Value::Int(number)) => number as f64,
        _ => 0.0,
    };
    real(manifest, path).unwrap_or_else(default) as usize
}
