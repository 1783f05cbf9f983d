//! Which genes are controls of the panel: probes and codes that should find nothing, told by their names.

use std::collections::BTreeMap;

use crate::numeric::stats;
use crate::report::preview::{ControlFacts, ControlFamily};

/// A kind of control: how names begin (in any case), whether another letter may follow, what it is for.
struct Kind {
    prefix: &'static str,
    letters_may_follow: bool,
    meaning: &'static str,
}

const PROBE: &str = "probes without a target: unspecific binding";
const CODE: &str = "codes without a probe: errors of decoding";

/// Names of controls of Xenium, MERSCOPE, CosMx and others. Longer prefixes stand before shorter ones.
const KINDS: [Kind; 16] = [
    Kind { prefix: "negcontrolprobe", letters_may_follow: true, meaning: PROBE },
    Kind { prefix: "negcontrolcodeword", letters_may_follow: true, meaning: CODE },
    Kind { prefix: "negcontrol", letters_may_follow: true, meaning: PROBE },
    Kind { prefix: "negativecontrol", letters_may_follow: true, meaning: PROBE },
    Kind { prefix: "negative", letters_may_follow: false, meaning: PROBE },
    Kind { prefix: "negprb", letters_may_follow: true, meaning: PROBE },
    Kind { prefix: "negprobe", letters_may_follow: true, meaning: PROBE },
    Kind { prefix: "systemcontrol", letters_may_follow: true, meaning: CODE },
    Kind { prefix: "falsecode", letters_may_follow: true, meaning: CODE },
    Kind { prefix: "blank", letters_may_follow: false, meaning: CODE },
    Kind { prefix: "unassignedcodeword", letters_may_follow: true, meaning: CODE },
    Kind { prefix: "deprecatedcodeword", letters_may_follow: true, meaning: "codes that are no longer used" },
    Kind { prefix: "antisense", letters_may_follow: false, meaning: "probes for the opposite strand" },
    Kind { prefix: "intergenic", letters_may_follow: false, meaning: "probes for DNA between genes" },
    Kind { prefix: "genomiccontrol", letters_may_follow: true, meaning: "probes for DNA" },
    Kind { prefix: "unassigned", letters_may_follow: false, meaning: CODE },
];

/// Names of a family shown at most.
const N_EXAMPLES: usize = 4;

/// A gene with its molecules.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its molecules.
    pub n_molecules: u64,
    /// Whether the filters removed it.
    pub is_removed: bool,
}

/// What a control's name begins with, as it is written, and what the control is for. `None` for a gene.
fn control(name: &str) -> Option<(&str, &'static str)> {
    KINDS.iter().find_map(|kind| {
        let head = name.get(..kind.prefix.len()).filter(|head| head.eq_ignore_ascii_case(kind.prefix))?;
        let next = name[head.len()..].chars().next();
        let fits = kind.letters_may_follow || next.is_some_and(|letter| !letter.is_alphabetic());
        let head = match next {
            Some(mark @ ('_' | '-')) if fits => &name[..head.len() + mark.len_utf8()],
            _ => head,
        };
        fits.then_some((head, kind.meaning))
    })
}

/// Whether a name is that of a control.
pub fn is_control(name: &str) -> bool {
    control(name).is_some()
}

/// Finds the controls among all genes of the table, kept and removed.
pub fn find(genes: &[Counted<'_>], n_molecules: u64) -> ControlFacts {
    let mut facts = ControlFacts::default();
    let mut families: BTreeMap<&str, ControlFamily> = BTreeMap::new();
    let (mut of_controls, mut of_genes) = (Vec::new(), Vec::new());
    for gene in genes {
        let Some((prefix, meaning)) = control(gene.name) else {
            if !gene.is_removed {
                of_genes.push(gene.n_molecules as f64);
            }
            continue;
        };
        of_controls.push(gene.n_molecules as f64);
        let family = families.entry(prefix).or_insert_with(|| ControlFamily {
            prefix: prefix.to_owned(),
            pattern: format!("^{}", regex::escape(prefix)),
            meaning,
            n_genes: 0,
            n_molecules: 0,
            n_removed_genes: 0,
            examples: Vec::new(),
        });
        family.n_genes += 1;
        family.n_molecules += gene.n_molecules;
        if family.examples.len() < N_EXAMPLES {
            family.examples.push(gene.name.to_owned());
        }
        if gene.is_removed {
            family.n_removed_genes += 1;
            facts.n_removed_genes += 1;
            facts.n_removed_molecules += gene.n_molecules;
        } else {
            facts.n_genes += 1;
            facts.n_molecules += gene.n_molecules;
        }
    }
    let median = |mut counts: Vec<f64>| (!counts.is_empty()).then(|| stats::median(&mut counts));
    facts.share = facts.n_molecules as f64 / n_molecules.max(1) as f64;
    (facts.median_per_control, facts.median_per_gene) = (median(of_controls), median(of_genes));
    facts.ratio = facts.median_per_control.zip(facts.median_per_gene).map(|(control, gene)| control / gene.max(1.0));
    facts.families = families.into_values().collect();
    facts
}

/// The value of `--exclude-genes` that removes the controls left, with the patterns given; `None` if none is left.
pub fn exclude_genes(facts: &ControlFacts, given: &[String]) -> Option<String> {
    let left = facts.families.iter().filter(|family| family.n_genes > family.n_removed_genes);
    let new: Vec<&str> = left.map(|family| family.pattern.as_str()).collect();
    if new.is_empty() {
        return None;
    }
    let all: Vec<&str> = given.iter().map(String::as_str).chain(new).collect();
    Some(all.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gene(name: &str, n_molecules: u64, is_removed: bool) -> Counted<'_> {
        Counted { name, n_molecules, is_removed }
    }

    #[test]
    fn controls_of_known_panels_are_found_in_any_case() {
        for name in [
            "NegControlProbe_00042",
            "NegControlCodeword_0500",
            "BLANK_0006",
            "Blank-1",
            "blank12",
            "antisense_PROKR2",
            "Intergenic_Region_7",
            "UnassignedCodeword_0001",
            "DeprecatedCodeword_3",
            "NegPrb01",
            "SystemControl22",
            "FalseCode9",
            "Negative01",
        ] {
            assert!(is_control(name), "{name}");
        }
        for name in ["BLNK", "NEGR1", "Blanks", "ANTXR1", "NEG1", "", "Unassign", "negative", "αβ", "antisenseX"] {
            assert!(!is_control(name), "{name}");
        }
    }

    #[test]
    fn patterns_keep_those_given_and_leave_out_what_is_gone() {
        let genes = [
            gene("Gad1", 100, false),
            gene("Sst", 300, false),
            gene("BLANK_1", 4, true),
            gene("NegControlProbe_1", 2, false),
            gene("NegControlProbe_2", 8, false),
        ];
        let facts = find(&genes, 410);
        assert_eq!((facts.n_genes, facts.n_molecules, facts.n_removed_genes), (2, 10, 1));
        assert_eq!((facts.median_per_control, facts.median_per_gene), (Some(4.0), Some(200.0)));
        let text = exclude_genes(&facts, &["BLANK_*".to_owned()]).unwrap();
        assert_eq!(text, "BLANK_*,^NegControlProbe_");
        assert!(regex::Regex::new("^NegControlProbe_").unwrap().is_match("NegControlProbe_1"));
        assert_eq!(exclude_genes(&find(&genes[..3], 404), &[]), None);
    }
}
