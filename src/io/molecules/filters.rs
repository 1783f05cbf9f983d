//! Filters by gene, and what is worth saying about the molecules that are left.

use polars::prelude::Series;
use rayon::prelude::*;
use regex::Regex;

use super::chunk::{Collected, mask, retain_rows};
use super::error::ReadError;
use super::load::RawTable;
use super::source::Source;
use super::{Note, ReadRequest, RemovedGene};
use crate::data::{GeneIdx, GeneTable};

/// Genes named in a message at most.
const MAX_NAMES: usize = 60;

/// Compiles the patterns of genes to be excluded.
///
/// Patterns are searched anywhere in the name and tell upper from lower case. Errors: a pattern that is not a
/// regular expression.
pub(super) fn compile(patterns: &[String]) -> Result<Vec<Regex>, ReadError> {
    let texts = patterns.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty());
    texts
        .map(|pattern| {
            Regex::new(pattern).map_err(|error| {
                let detail =
                    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
                ReadError::BadPattern { pattern: pattern.into(), detail }
            })
        })
        .collect()
}

/// Removes rare genes, then excluded ones, from the table. Returns the gene table and the gene of every molecule left.
///
/// KEEPS: the order of the two filters (spec 02 §2.3). Errors: no molecules are left.
pub(super) fn filter_genes(
    table: &mut RawTable,
    request: &ReadRequest,
    patterns: &[Regex],
    source: &Source,
) -> Result<(GeneTable, Vec<GeneIdx>), ReadError> {
    let genes = std::mem::take(&mut table.collected.genes);
    if genes.n_missing > 0 {
        let n = genes.n_missing;
        table.notes.push(Note::Warning(format!("{n} molecules have no gene; they get the gene 'missing'")));
    }
    let mut counts = vec![0u64; genes.names.len()];
    genes.codes.iter().for_each(|&code| counts[code as usize] += 1);
    let rare: Vec<bool> = counts.iter().map(|&count| count < request.min_molecules_per_gene as u64).collect();
    let excluded = excluded_genes(&genes.names, &rare, patterns, &mut table.notes);
    let sum = |flags: &[bool]| counts.iter().zip(flags).filter(|(_, flag)| **flag).map(|(count, _)| count).sum::<u64>();
    let (n_rare, n_excluded) = (sum(&rare), sum(&excluded));
    if n_rare > 0 {
        let n_genes = rare.iter().filter(|rare| **rare).count();
        let least = request.min_molecules_per_gene;
        table.notes.push(Note::Info(format!("Removed {n_rare} molecules of {n_genes} genes with fewer than {least}")));
    }
    let n_before = genes.codes.len() as u64;
    if n_before == n_rare + n_excluded {
        return Err(nothing_left(table, n_rare, n_excluded, source));
    }
    table.seen.removed_genes = removed_genes(&genes.names, &counts, &rare, &excluded);
    let mut codes = genes.codes;
    if n_rare + n_excluded > 0 {
        let keep: Vec<bool> = codes.iter().map(|&code| !rare[code as usize] && !excluded[code as usize]).collect();
        retain_rows(&mut codes, &keep);
        retain(table, &keep, source)?;
    }
    let left = (0..genes.names.len()).filter(|&gene| !rare[gene] && !excluded[gene]);
    let gene_table = GeneTable::new(left.map(|gene| genes.names[gene].clone()).collect());
    let dense: Vec<Option<GeneIdx>> = genes.names.iter().map(|name| gene_table.find(name)).collect();
    let gene_of = codes.into_iter().filter_map(|code| dense[code as usize]).collect();
    Ok((gene_table, gene_of))
}

/// Rare and excluded genes, sorted by name.
fn removed_genes(names: &[String], counts: &[u64], rare: &[bool], excluded: &[bool]) -> Vec<RemovedGene> {
    let is_removed = |&gene: &usize| rare[gene] || excluded[gene];
    let removed = (0..names.len()).filter(is_removed).map(|gene| RemovedGene {
        name: names[gene].clone(),
        n_molecules: counts[gene],
        is_excluded: excluded[gene],
    });
    let mut removed: Vec<RemovedGene> = removed.collect();
    removed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    removed
}

/// Which of the genes that are not rare match a pattern. `[n_genes]`
fn excluded_genes(names: &[String], rare: &[bool], patterns: &[Regex], notes: &mut Vec<Note>) -> Vec<bool> {
    let mut excluded = vec![false; names.len()];
    let mut unused = Vec::new();
    for pattern in patterns {
        let mut used = false;
        for (gene, name) in names.iter().enumerate().filter(|(gene, _)| !rare[*gene]) {
            if pattern.is_match(name) {
                excluded[gene] = true;
                used = true;
            }
        }
        if !used {
            unused.push(pattern.as_str());
        }
    }
    if !unused.is_empty() {
        notes.push(Note::Info(format!("No gene matches {} of exclude_genes", unused.join(", "))));
    }
    let mut gone: Vec<&str> =
        names.iter().zip(&excluded).filter(|(_, is)| **is).map(|(name, _)| name.as_str()).collect();
    gone.sort_unstable();
    if !gone.is_empty() {
        let more = if gone.len() > MAX_NAMES { ", …" } else { "" };
        let shown = gone[..gone.len().min(MAX_NAMES)].join(", ");
        notes.push(Note::Info(format!("Excluded {} genes: {shown}{more}", gone.len())));
    }
    excluded
}

fn retain(table: &mut RawTable, keep: &[bool], source: &Source) -> Result<(), ReadError> {
    let collected = &mut table.collected;
    retain_rows(&mut collected.x, keep);
    retain_rows(&mut collected.y, keep);
    if let Some(z) = &mut collected.z {
        retain_rows(z, keep);
    }
    collected.selection.retain(keep);
    let mask = mask(keep);
    let filter = |column: &Option<Series>| column.as_ref().map(|column| column.filter(&mask)).transpose();
    let kept: Result<Vec<Option<Series>>, _> = table.carried.par_iter().map(filter).collect();
    table.carried =
        kept.map_err(|error| ReadError::Damaged { path: source.path.clone(), detail: error.to_string() })?;
    Ok(())
}

/// The error when the filters were too strict.
fn nothing_left(table: &RawTable, n_rare: u64, n_excluded: u64, source: &Source) -> ReadError {
    let counts = [
        ("the crop", table.collected.n_cropped),
        ("min_qv", table.collected.n_low_qv),
        ("min_molecules_per_gene", n_rare),
        ("exclude_genes", n_excluded),
    ];
    let removed: Vec<String> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(filter, n)| format!("{filter} removed {n}")).collect();
    let n_read = table.collected.n_rows();
    ReadError::NothingLeft { path: source.path.clone(), n_read, removed: removed.join(", ") }
}

/// Removes molecules that repeat an earlier one exactly: same gene, same x, y and z.
///
/// Hashes find candidates, and what is equal is looked at itself. Memory: 12 bytes per molecule. Errors: more molecules
/// than 32-bit indices can count.
pub(super) fn drop_duplicates(table: &mut RawTable, source: &Source) -> Result<(), ReadError> {
    let Collected { x, y, z, genes, .. } = &table.collected;
    if x.len() >= u32::MAX as usize {
        return Err(ReadError::TooManyRows { path: source.path.clone(), n_rows: x.len() as u64 });
    }
    let place = |row: u32| {
        let row = row as usize;
        [x[row].to_bits(), y[row].to_bits(), z.as_ref().map_or(0, |z| z[row].to_bits()), genes.codes[row].into()]
    };
    let hash = |row: u32| place(row).into_iter().fold(0, |hash, part| mix(hash ^ part));
    let mut keyed: Vec<(u64, u32)> = (0..x.len() as u32).into_par_iter().map(|row| (hash(row), row)).collect();
    keyed.par_sort_unstable();
    let mut keep = vec![true; x.len()];
    for same_hash in keyed.chunk_by(|one, other| one.0 == other.0).filter(|rows| rows.len() > 1) {
        let mut kept: Vec<u32> = Vec::new();
        for &(_, row) in same_hash {
            match kept.iter().any(|&earlier| place(earlier) == place(row)) {
                true => keep[row as usize] = false,
                false => kept.push(row),
            }
        }
    }
    let n_repeated = keep.iter().filter(|&&keep| !keep).count();
    let n_all = keep.len();
    if n_repeated > 0 {
        table.collected.genes.retain(&keep);
        retain(table, &keep, source)?;
    }
    table.notes.push(Note::Info(format!(
        "Removed {n_repeated} of {n_all} molecules that repeat another one (same gene, same place)"
    )));
    Ok(())
}

/// Molecules that lie where others lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// How many repeat another one: same gene, same place.
    pub n_duplicates: usize,
    /// The place with the most molecules, by one of them, if it has many more than others.
    pub crowd: Option<Crowd>,
}

/// A place with many molecules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// A molecule there.
    pub row: usize,
    /// How many there are.
    pub n_molecules: usize,
}

/// Fewest molecules of a crowd, and how many times those of other places they must be.
const CROWD: usize = 100;
const CROWDED: usize = 50;
/// Bits of a hash that are the gene's.
const GENE_BITS: u64 = 0x00ff_ffff;

/// Looks for molecules at the same place.
///
/// METHOD: equality of 40-bit hashes of places, and of genes, stands for equality; a false repetition among 10^8
/// molecules is expected once in many tables, and the numbers are only shown.
pub fn repeats(x: &[f64], y: &[f64], z: Option<&[f64]>, genes: &[GeneIdx]) -> Repeats {
    let place = |row: usize| {
        let depth = z.map_or(0, |z| z[row].to_bits());
        [y[row].to_bits(), depth].into_iter().fold(mix(x[row].to_bits()), |hash, part| mix(hash ^ part)) & !GENE_BITS
    };
    let with_gene = |row: usize| place(row) | (u64::from(genes[row].number()) & GENE_BITS);
    let mut hashes: Vec<u64> = (0..x.len()).into_par_iter().map(with_gene).collect();
    hashes.par_sort_unstable();
    let n_duplicates = hashes.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let (mut n_places, mut most) = (0usize, (0usize, 0u64));
    for there in hashes.chunk_by(|one, other| one & !GENE_BITS == other & !GENE_BITS) {
        n_places += 1;
        if there.len() > most.0 {
            most = (there.len(), there[0] & !GENE_BITS);
        }
    }
    let (n_molecules, hash) = most;
    let others = (x.len() - n_molecules) / n_places.saturating_sub(1).max(1);
    let is_crowd = n_molecules >= CROWD && n_molecules > CROWDED * others;
    let row = if is_crowd { (0..x.len()).into_par_iter().find_first(|&row| place(row) == hash) } else { None };
    Repeats { n_duplicates, crowd: row.map(|row| Crowd { row, n_molecules }) }
}

/// A bijection that spreads nearby numbers (the finalizer of SplitMix64).
fn mix(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}
