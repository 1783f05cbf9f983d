//! Changes below checksums and compression, which would otherwise refuse nearly all cases at the door.

use std::io::{Read, Write};
use std::path::Path;

use baysor::io::molecules::fingerprint;
use baysor::io::stage;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};
use serde_json::Value;

use super::case::Files;
use super::draws::Draws;
use super::mutate;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Bytes that anything unpacks to at most.
const MAX_UNPACKED: u64 = mutate::MAX_BYTES as u64;

/// Changes a file, mostly below its compression, and repairs checksums in it.
pub fn change(bytes: &mut Vec<u8>, others: &[&[u8]], draws: &mut Draws) {
    let is_inside = !draws.one_in(4);
    if is_inside && bytes.starts_with(&[0x1f, 0x8b]) {
        let mut inner = unpacked(GzDecoder::new(&bytes[..]));
        mutate::change(&mut inner, others, draws);
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        *bytes = packer.write_all(&inner).and_then(|()| packer.finish()).unwrap_or_default();
    } else if is_inside && bytes.starts_with(PNG) {
        change_png(bytes, others, draws);
    } else if is_inside && bytes.starts_with(b"MATLAB 5.0") && draws.one_in(2) {
        change_mat(bytes, others, draws);
    } else {
        mutate::change(bytes, others, draws);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.contains("\"xxh64\"")
        && !draws.one_in(16)
    {
        *bytes = stage::seal(text).into_bytes();
    }
    if bytes.starts_with(b"BAYSORCK") && bytes.len() > 8 && !draws.one_in(16) {
        let n = bytes.len() - 8;
        if let Ok(content) = fingerprint(&bytes[..n]) {
            bytes[n..].copy_from_slice(&content.hash.to_le_bytes());
        }
    }
}

fn unpacked(packed: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What comes before a fault is what there is.
    let _ = packed.take(MAX_UNPACKED).read_to_end(&mut bytes);
    bytes
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).and_then(|()| packer.finish()).unwrap_or_default()
}

/// Changes one chunk of a PNG file, below its compression if it has any, and repairs its checksum.
fn change_png(bytes: &mut Vec<u8>, others: &[&[u8]], draws: &mut Draws) {
    let mut chunks: Vec<([u8; 4], Vec<u8>)> = Vec::new();
    let mut rest = &bytes[PNG.len()..];
    while let Some((head, after)) = rest.split_at_checked(8) {
        let n = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((data, after)) = after.split_at_checked(n) else { break };
        chunks.push(([head[4], head[5], head[6], head[7]], data.to_vec()));
        rest = after.get(4..).unwrap_or_default();
    }
    if chunks.is_empty() {
        return mutate::change(bytes, others, draws);
    }
    let at = draws.below(chunks.len());
    match draws.below(8) {
        0 => chunks.truncate(at),
        1 => {
            let copy = chunks[at].clone();
            chunks.insert(draws.below(chunks.len()), copy);
        }
        _ => {
            let (kind, data) = &mut chunks[at];
            if kind == b"IDAT" && !draws.one_in(4) {
                let mut inner = unpacked(ZlibDecoder::new(&data[..]));
                mutate::change(&mut inner, others, draws);
                *data = packed(&inner);
            } else {
                mutate::change(data, others, draws);
            }
        }
    }
    *bytes = PNG.to_vec();
    for (kind, data) in chunks {
        let mut sum = Crc::new();
        sum.update(&kind);
        sum.update(&data);
        bytes.extend_from_slice(&(data.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&kind);
        bytes.extend_from_slice(&data);
        bytes.extend_from_slice(&sum.sum().to_be_bytes());
    }
}

/// Changes one element of a MATLAB 5 file below its compression.
fn change_mat(bytes: &mut Vec<u8>, others: &[&[u8]], draws: &mut Draws) {
    const COMPRESSED: u32 = 15;
    let number = |at: usize| bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let (mut at, mut found) = (128, Vec::new());
    while let (Some(kind), Some(n)) = (number(at), number(at + 4)) {
        let end = at + 8 + n as usize;
        if kind == COMPRESSED && end <= bytes.len() {
            found.push(at..end);
        }
        at = if kind == COMPRESSED { end } else { end.next_multiple_of(8) };
    }
    if found.is_empty() {
        return mutate::change(bytes, others, draws);
    }
    let range = draws.pick(&found).clone();
    let mut inner = unpacked(ZlibDecoder::new(&bytes[range.start + 8..range.end]));
    mutate::change(&mut inner, others, draws);
    let mut element = COMPRESSED.to_le_bytes().to_vec();
    let inner = packed(&inner);
    element.extend_from_slice(&(inner.len() as u32).to_le_bytes());
    element.extend_from_slice(&inner);
    bytes.splice(range, element);
}

/// Enters sizes and hashes of changed tables of a stage into its manifest, if that can still be read.
pub fn repair_manifests(files: &mut Files, changed: &str) {
    let folder = Path::new(changed).parent().unwrap_or(Path::new(""));
    let (Some(name), Some(table)) = (Path::new(changed).file_name().and_then(|name| name.to_str()), files.get(changed))
    else {
        return;
    };
    let place = folder.join("manifest.json").to_string_lossy().into_owned();
    let Ok(content) = fingerprint(&table[..]) else { return };
    let Some(manifest) = files.get(&place) else { return };
    let Ok(mut manifest) = serde_json::from_slice::<Value>(manifest) else { return };
    let Some(tables) = manifest.get_mut("tables").and_then(Value::as_array_mut) else { return };
    for entry in tables.iter_mut().filter(|entry| entry["file"] == name) {
        entry["bytes"] = content.size.into();
        entry["xxh64"] = format!("{:016x}", content.hash).into();
    }
    files.insert(place, sealed(&manifest));
}

/// The text of a manifest with its hash of itself, which has to stand last.
pub fn sealed(manifest: &Value) -> Vec<u8> {
    let mut manifest = manifest.clone();
    let timing = manifest.as_object_mut().and_then(|entries| entries.remove("timing"));
    let mut timing = timing.unwrap_or_else(|| serde_json::json!({}));
    if let Some(entries) = timing.as_object_mut() {
        entries.remove("xxh64");
    }
    let open = |value: &Value| {
        let text = value.to_string();
        let comma = if text.len() > 2 { "," } else { "" };
        text.strip_suffix('}').map(|text| format!("{text}{comma}")).unwrap_or_default()
    };
    let text = format!("{}\"timing\":{}\"xxh64\":\"{}\"}}}}", open(&manifest), open(&timing), "0".repeat(16));
    stage::seal(&text).into_bytes()
}
