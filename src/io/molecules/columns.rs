//! Which column of the table is what, and what each is called in the output.

use std::path::Path;

use super::error::ReadError;
use super::{ReadRequest, fields};

/// Use of one column of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    X,
    Y,
    Z,
    Gene,
    /// Kept for the output, under this name.
    Carried(String),
    /// Not kept: it stands in the way of another name, or is z of data that are read as 2D.
    Dropped,
}

/// Uses of all columns of the input.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Uses {
    /// `[n_columns]`
    pub of: Vec<Use>,
    pub x: usize,
    pub y: usize,
    pub z: Option<usize>,
    pub gene: usize,
    /// The quality column, when molecules are filtered by it. Also carried.
    pub qv: Option<usize>,
    /// The columns with the prior segmentation, if one was asked for. Also carried.
    pub prior: Vec<usize>,
    /// The column that tells which molecules of the prior segmentation count. Also carried.
    pub prior_only: Option<usize>,
    /// A column with the field of view, in which the label of the prior segmentation may be unique only. Also carried.
    pub prior_field: Option<usize>,
    /// `old name -> new name` of the columns that had to give way.
    pub renamed: Vec<(String, String)>,
}

/// What a column is wanted for: wording, option, target name and the names vendors use.
struct Role {
    what: &'static str,
    target: &'static str,
    option: &'static str,
    known: &'static [&'static str],
}

const X: Role = Role {
    what: "x",
    target: "x",
    option: "-x/--x-column",
    known: &["x_location", "global_x", "x_global_px", "x_micron", "x_um", "spotx"],
};
const Y: Role = Role {
    what: "y",
    target: "y",
    option: "-y/--y-column",
    known: &["y_location", "global_y", "y_global_px", "y_micron", "y_um", "spoty"],
};
const Z: Role = Role {
    what: "z",
    target: "z",
    option: "-z/--z-column",
    known: &["z_location", "global_z", "z_global_px", "z_micron", "z_um", "spotz"],
};
const GENE: Role = Role {
    what: "gene",
    target: "gene",
    option: "-g/--gene-column",
    known: &["feature_name", "gene_name", "target", "feature", "target_name", "name"],
};
const QV: Role = Role {
    what: "quality",
    target: "qv",
    option: "--qv-column",
    known: &["quality", "quality_score", "quality_value", "score"],
};
const PRIOR_WHERE: Role = Role { what: "prior.where", target: "", option: "--prior-where NAME=VALUE", known: &[] };
const PRIOR: Role = Role {
    what: "prior",
    target: "prior_segmentation",
    option: "the second argument, as in ':cell_id'",
    known: &["cell_id", "cell", "sopa_prior"],
};

/// Finds the columns and settles the names of all others.
///
/// Source: spec 02 §2.2. DIFFERS: all names are looked up in the header as it is in the file, so x and y may be
/// swapped. `needs_z` is false when z would be thrown away.
/// Errors: a name that is missing, occurs twice or is used twice.
pub(super) fn resolve(header: &[String], request: &ReadRequest, path: &Path, needs_z: bool) -> Result<Uses, ReadError> {
    check_unique(header, path)?;
    let names = &request.columns;
    let find = |role: &Role, name: &str| find(header, role, name, path);
    let x = find(&X, &names.x)?;
    let y = find(&Y, &names.y)?;
    let z = match find(&Z, &names.z) {
        Ok(column) => Some(column),
        Err(_) if names.z == Z.target || !needs_z => None,
        Err(error) => return Err(error),
    };
    let gene = find(&GENE, &names.gene)?;
    let qv = match request.min_qv {
        Some(_) => Some(find(&QV, &names.qv)?),
        None => None,
    };
    let wanted = [(Some(x), &X), (Some(y), &Y), (z, &Z), (Some(gene), &GENE), (qv, &QV)];
    for (at, (column, role)) in wanted.iter().enumerate() {
        if let Some((_, other)) = wanted[..at].iter().find(|(earlier, _)| column.is_some() && earlier == column) {
            let column = column.map(|column| header[column].clone()).unwrap_or_default();
            return Err(ReadError::SameColumn { path: path.into(), column, first: other.what, second: role.what });
        }
    }
    let mut of: Vec<Use> = header.iter().cloned().map(Use::Carried).collect();
    of[x] = Use::X;
    of[y] = Use::Y;
    of[gene] = Use::Gene;
    if let Some(z) = z {
        of[z] = if needs_z { Use::Z } else { Use::Dropped };
    }
    let mut renamed = Vec::new();
    for (column, role) in &wanted[..4] {
        if column.is_some() {
            give_way(&mut of, header, role.target, &mut renamed);
        }
    }
    let z = z.filter(|_| needs_z);
    let mut uses = Uses { of, x, y, z, gene, qv, prior: Vec::new(), prior_only: None, prior_field: None, renamed };
    if let Some(prior) = &request.prior {
        uses.prior = find_prior(&uses.of, header, &prior.name, path)?;
        let only = prior.only.as_ref().map(|only| find_carried(&uses.of, header, &PRIOR_WHERE, &only.column, path));
        uses.prior_only = only.transpose()?;
        if let [label] = uses.prior[..] {
            let is_field = |&column: &usize| {
                column != label && matches!(&uses.of[column], Use::Carried(name) if fields::is_field(name))
            };
            uses.prior_field = (0..uses.of.len()).find(is_field);
        }
    }
    Ok(uses)
}

/// The columns of the prior segmentation: the one that is called so, or those that the name lists.
fn find_prior(of: &[Use], header: &[String], name: &str, path: &Path) -> Result<Vec<usize>, ReadError> {
    let find = |name: &str| find_carried(of, header, &PRIOR, name, path);
    match find(name) {
        Err(ReadError::MissingColumn { .. }) if name.contains(',') => {
            name.split(',').map(|part| find(part.trim())).collect()
        }
        found => Ok(vec![found?]),
    }
}

/// A column that is kept is looked up under the names of the output first, then under those of the file.
fn find_carried(of: &[Use], header: &[String], role: &Role, name: &str, path: &Path) -> Result<usize, ReadError> {
    let same = |first| ReadError::SameColumn { path: path.into(), column: name.into(), first, second: role.what };
    if let Some(column) = of.iter().position(|entry| matches!(entry, Use::Carried(is) if is == name)) {
        return Ok(column);
    }
    let column = find(header, role, name, path)?;
    match of[column] {
        Use::X => Err(same(X.what)),
        Use::Y => Err(same(Y.what)),
        Use::Z => Err(same(Z.what)),
        Use::Gene => Err(same(GENE.what)),
        Use::Dropped => Err(same("a column that is not kept")),
        Use::Carried(_) => Ok(column),
    }
}

/// Renames a carried column called `target` to `<target>_reserved`, dropping one that has this name already.
fn give_way(of: &mut [Use], header: &[String], target: &str, renamed: &mut Vec<(String, String)>) {
    let carried = |of: &[Use], name: &str| of.iter().position(|entry| matches!(entry, Use::Carried(is) if is == name));
    if let Some(column) = carried(of, target) {
        let reserved = format!("{target}_reserved");
        if let Some(older) = carried(of, &reserved) {
            of[older] = Use::Dropped;
        }
        renamed.push((header[column].clone(), reserved.clone()));
        of[column] = Use::Carried(reserved);
    }
}

fn check_unique(header: &[String], path: &Path) -> Result<(), ReadError> {
    let mut sorted: Vec<&String> = header.iter().collect();
    sorted.sort_unstable();
    let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
    let times = header.iter().filter(|name| *name == pair[0]).count();
    Err(ReadError::DuplicatedColumn { path: path.into(), column: pair[0].clone(), times })
}

fn find(header: &[String], role: &Role, name: &str, path: &Path) -> Result<usize, ReadError> {
    if let Some(column) = header.iter().position(|have| have == name) {
        return Ok(column);
    }
    Err(ReadError::MissingColumn {
        path: path.into(),
        role: role.what,
        column: name.into(),
        found: list(header),
        option: role.option,
        hint: hint(header, role, name),
    })
}

fn list(header: &[String]) -> String {
    let mut text = String::new();
    for (at, name) in header.iter().enumerate().take(40) {
        text.push_str(if at == 0 { "'" } else { "', '" });
        text.extend(name.chars().take(60));
    }
    text.push('\'');
    match header.len().saturating_sub(40) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// A guess at the right name.
fn hint(header: &[String], role: &Role, name: &str) -> String {
    if header[0].starts_with('#') {
        return ". The first line looks like a comment, as in GEM files and in selections: remove the lines before the \
                header, for example with grep -v '^#'"
            .into();
    }
    if header.len() == 1 {
        return ". The whole header was read as one column: fields may be separated by comma, tab, semicolon, | or space"
            .into();
    }
    let wanted = name.to_lowercase();
    let near = header
        .iter()
        .find(|have| have.trim().to_lowercase() == wanted.trim())
        .or_else(|| header.iter().find(|have| role.known.contains(&have.to_lowercase().as_str())))
        .or_else(|| header.iter().find(|have| !have.is_empty() && have.as_str() == role.target))
        .or_else(|| header.iter().find(|have| name.len() > 3 && edit_distance(&have.to_lowercase(), &wanted) <= 2));
    let Some(near) = near else { return String::new() };
    let quoted = if near.contains(' ') { format!("'{near}'") } else { near.clone() };
    match role.option.split('/').next() {
        Some(long) if long.ends_with("VALUE") => format!(" (maybe '{near}')"),
        Some(short) if short.starts_with('-') => format!(" (maybe {short} {quoted})"),
        _ => format!(" (maybe ':{near}')"),
    }
}

/// Levenshtein's distance between two short names.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::molecules::ColumnNames;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn request(x: &str, y: &str, z: &str, gene: &str) -> ReadRequest {
        let columns =
            ColumnNames { x: x.into(), y: y.into(), z: z.into(), gene: gene.into(), ..ColumnNames::default() };
        ReadRequest { columns, ..ReadRequest::default() }
    }

    fn resolve_names(names: &[&str], request: &ReadRequest) -> Result<Uses, ReadError> {
        resolve(&header(names), request, Path::new("t.csv"), true)
    }

    #[test]
    fn x_and_y_may_be_swapped() {
        let uses = resolve_names(&["x", "y", "gene"], &request("y", "x", "z", "gene")).unwrap();
        assert_eq!((uses.x, uses.y, uses.z), (1, 0, None));
        assert!(uses.renamed.is_empty());
    }

    #[test]
    fn column_in_the_way_is_reserved_and_an_older_reserved_one_dropped() {
        let names = ["x", "x_reserved", "x_location", "y", "feature", "gene", "z", "zz"];
        let uses = resolve_names(&names, &request("x_location", "y", "zz", "feature")).unwrap();
        let carried = |name: &str| Use::Carried(name.into());
        let expected = [
            carried("x_reserved"),
            Use::Dropped,
            Use::X,
            Use::Y,
            Use::Gene,
            carried("gene_reserved"),
            carried("z_reserved"),
            Use::Z,
        ];
        assert_eq!(uses.of, expected);
        assert_eq!(uses.renamed[0], ("x".to_string(), "x_reserved".to_string()));
    }

    #[test]
    fn missing_column_lists_those_present_and_guesses() {
        let names = ["transcript_id", "x_location", "y_location", "feature_name"];
        let text = resolve_names(&names, &request("x", "y", "z", "gene")).unwrap_err().to_string();
        assert!(text.contains("'transcript_id', 'x_location'") && text.contains("(maybe -x x_location)"), "{text}");
        let text = resolve_names(&names, &request("x_location", "y_locaton", "z", "gene")).unwrap_err().to_string();
        assert!(text.contains("(maybe -y y_location)"), "{text}");
        let text = resolve_names(&["x#y#gene"], &request("x", "y", "z", "gene")).unwrap_err().to_string();
        assert!(text.contains("read as one column"), "{text}");
    }

    #[test]
    fn z_that_was_asked_for_must_exist_unless_it_is_not_needed() {
        let request = request("x", "y", "depth", "gene");
        assert!(resolve_names(&["x", "y", "gene"], &request).is_err());
        assert!(resolve(&header(&["x", "y", "gene"]), &request, Path::new("t.csv"), false).is_ok());
    }

    #[test]
    fn one_column_cannot_be_two_things_or_occur_twice() {
        let error = resolve_names(&["x", "y", "gene"], &request("x", "x", "z", "gene")).unwrap_err();
        assert!(matches!(error, ReadError::SameColumn { .. }), "{error}");
        let error = resolve_names(&["x", "y", "gene", "y"], &request("x", "y", "z", "gene")).unwrap_err();
        assert!(error.to_string().contains("'y' 2 times"), "{error}");
    }
}
