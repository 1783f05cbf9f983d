//! What to begin with, the evidence for it, and what the input is like.

use super::super::document::{Block, Caption, Fact, Level, Section};
use super::{Preview, charts, digits, grouped, percent};

/// Facts, suggestion and command line.
pub(super) fn section(preview: &Preview) -> Section {
    let mut section = Section::new("Summary", "At a glance");
    section.push(Block::Facts(facts(preview)));
    let suggestion = &preview.suggestion;
    let (level, head) = match (suggestion.certainty, suggestion.scale, suggestion.min_molecules_per_cell) {
        (certainty, Some(scale), Some(minimum)) => {
            let level = if certainty == "high" || certainty == "moderate" { Level::Good } else { Level::Careful };
            (level, format!("Begin with a scale of {} and at least {minimum} molecules per cell", digits(scale, 3)))
        }
        (_, Some(scale), None) => (Level::Careful, format!("Begin with a scale of {}", digits(scale, 3))),
        _ => (Level::Plain, "These data suggest neither a scale nor a minimum of molecules per cell".to_owned()),
    };
    section.push(Block::Verdict(level, head, suggestion.reasons.clone()));
    section.push(Block::Text(match suggestion.scale {
        Some(_) => {
            "To segment the molecules with it (leave out -s if you have a prior segmentation, and name it after \
                    the table):"
                .to_owned()
        }
        None => "To segment the molecules, with numbers of your own in place of words in capitals:".to_owned(),
    }));
    section.push(Block::Code(suggestion.command.clone()));
    for warning in &preview.warnings {
        section.push(Block::Verdict(Level::Careful, "Worth a look".to_owned(), vec![warning.clone()]));
    }
    section
}

fn facts(preview: &Preview) -> Vec<Fact> {
    let (molecules, unit) = (&preview.molecules, &preview.unit);
    let mut facts = vec![
        Fact::new("Molecules", grouped(molecules.n as u64), "after the filters"),
        Fact::new("Genes", grouped(molecules.n_genes as u64), &controls_note(preview)),
    ];
    if let Some(area) = molecules.area {
        let note = format!("{}, that molecules cover", unit.of_area());
        facts.push(Fact::new("Area", digits(area, 3), &note));
    }
    if let Some(per_area) = molecules.per_area {
        let (value, note) = density(per_area, unit.of_length() == "µm");
        facts.push(Fact::new("Density", value, &note));
    }
    if let Some(expected) = preview.noise.expected {
        facts.push(Fact::new("Expected noise", percent(expected), "molecules that belong to no cell"));
    }
    let suggestion = &preview.suggestion;
    if let Some(scale) = suggestion.scale {
        let range = suggestion.scale_range.map(|[low, high]| format!("{} to {}", digits(low, 2), digits(high, 2)));
        let note = format!("--scale, {}", range.unwrap_or_else(|| unit.of_length().to_owned()));
        facts.push(Fact::new("Suggested scale", format!("{} {}", digits(scale, 3), short_unit(preview)), &note));
    }
    if let Some(minimum) = suggestion.min_molecules_per_cell {
        facts.push(Fact::new("Suggested minimum", minimum.to_string(), "-m, molecules per cell"));
    }
    facts
}

fn short_unit(preview: &Preview) -> &'static str {
    match preview.unit.of_length() {
        "input units" => "",
        unit => unit,
    }
}

fn controls_note(preview: &Preview) -> String {
    match preview.controls.n_genes {
        0 => "after the filters".to_owned(),
        1 => "one of them a control".to_owned(),
        n => format!("{} of them controls", grouped(n as u64)),
    }
}

fn density(per_area: f64, is_microns: bool) -> (String, String) {
    if is_microns {
        (format!("{} /µm²", digits(per_area, 2)), "molecules per area".to_owned())
    } else {
        (digits(per_area, 2), "molecules per square unit".to_owned())
    }
}

/// How the suggestion came about.
pub(super) fn evidence(preview: &Preview) -> Section {
    let mut section = Section::new("Suggested_Parameters", "How the parameters are suggested");
    let suggestion = &preview.suggestion;
    section.push(Block::Text(
        "The scale is the expected cell radius, in the units of x and y: the parameter that matters most. -m is the \
         smallest number of molecules of a real cell; it need not be exact. Half or twice the right scale splits cells \
         or merges them; a few percent change nothing."
            .to_owned(),
    ));
    if !suggestion.trials.is_empty() {
        let caption = Caption::new(
            "How well cells foretell molecules that the model had not seen, for the scales tried; bars are two standard \
             errors. The dashed line is the suggestion (the radius of the cells found at the best scale), the band the \
             scales that the data support.",
            "one clear peak inside.",
            "a plateau, several peaks, or a curve that rises to the border: cells differ much in size, or genes do not \
             tell cells apart. Then measure cells in a stain, or in the picture above, and choose the scale yourself.",
        );
        section.push(Block::Chart(charts::trials(preview), caption));
    }
    let rows = [
        ("Scale", suggestion.scale.map(|scale| digits(scale, 3))),
        (
            "Scales that fit nearly as well",
            suggestion.scale_range.map(|[low, high]| format!("{} to {}", digits(low, 3), digits(high, 3))),
        ),
        ("Minimum of molecules per cell", suggestion.min_molecules_per_cell.map(|minimum| minimum.to_string())),
        (
            "Molecules per cell at that scale, quartiles",
            suggestion.molecules_per_cell.map(|quartiles| quartiles.map(|value| digits(value, 3)).join(", ")),
        ),
        ("Unit of x and y", Some(preview.unit.guess.to_owned())),
    ];
    section.push(Block::Table {
        head: vec!["Parameter".to_owned(), "Value".to_owned()],
        rows: rows
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value.unwrap_or_else(|| "cannot be told".to_owned())])
            .collect(),
    });
    section.push(Block::Text(preview.unit.reason.clone()));
    section
}

/// Extent, depth, repetitions.
pub(super) fn input(preview: &Preview) -> Section {
    let mut section = Section::new("Input", "What the table is like");
    let (molecules, z) = (&preview.molecules, &preview.z);
    let length = preview.unit.of_length();
    let range = |[low, high]: [f64; 2]| format!("{} to {}", digits(low, 5), digits(high, 5));
    let mut rows = vec![
        [format!("x ({length})"), range(molecules.x)],
        [format!("y ({length})"), range(molecules.y)],
        ["z".to_owned(), z.range.map_or_else(|| z.kind.to_owned(), range)],
    ];
    if z.range.is_some() {
        let many = if z.n_distinct >= super::MANY_VALUES { " or more" } else { "" };
        rows.push(["Distinct values of z".to_owned(), format!("{}{many}, {}", grouped(z.n_distinct as u64), z.kind)]);
    }
    let optional = [
        ("Thickness, 1 % to 99 %", z.thickness.map(|value| digits(value, 3))),
        ("Distance between planes", z.plane_spacing.map(|value| digits(value, 3))),
        ("Thickness by the spacing of molecules in the plane", z.thickness_in_spacings.map(|value| digits(value, 2))),
        ("Spacing of molecules in the plane", molecules.spacing.map(|value| digits(value, 3))),
    ];
    rows.extend(optional.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])));
    let repeated = match molecules.n_duplicates {
        0 => "none".to_owned(),
        n => format!("{} ({})", grouped(n as u64), percent(molecules.duplicate_share)),
    };
    rows.push(["Molecules that repeat another (same gene, same place)".to_owned(), repeated]);
    section.push(Block::Table {
        head: vec!["Property".to_owned(), "Value".to_owned()],
        rows: rows.into_iter().map(Vec::from).collect(),
    });
    section.push(Block::Text(z.advice.clone()));
    section
}
