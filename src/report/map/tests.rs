//! Whole pages of few molecules.

use super::*;
use crate::cells;
use crate::data::{CellMembers, Segmentation};

/// A table of molecules with all that a map may know.
struct Scene {
    positions: Positions,
    genes: Vec<GeneIdx>,
    cell_names: CellNames,
    names: Vec<String>,
    cells: Vec<Option<CellIdx>>,
    stats: CellStats,
    counts: CellCounts,
    outlines: Vec<CellOutline>,
    ids: Vec<u32>,
}

impl Scene {
    /// `cell_numbers`: of every molecule, 0 for noise. Molecules lie on a grid, genes take turns.
    fn new(cell_numbers: &[u32], names: &[&str]) -> Self {
        let n = cell_numbers.len();
        let positions = Positions {
            x: (0..n).map(|i| (i % 10) as f64).collect(),
            y: (0..n).map(|i| (i / 10) as f64).collect(),
            z: None,
        };
        let n_cells = cell_numbers.iter().copied().max().unwrap_or(0) as usize;
        let cells: Vec<Option<CellIdx>> = cell_numbers.iter().map(|&number| CellIdx::from_number(number)).collect();
        let genes: Vec<GeneIdx> = (0..n).map(|i| GeneIdx::new(i % names.len())).collect();
        let members = CellMembers::group(&cells, n_cells);
        let segmentation = Segmentation { n_cells, cell_of: cells.clone(), ..Segmentation::default() };
        let stats = cells::cell_stats(&positions, &vec![0.5; n], None, &segmentation, &members);
        let counts = cells::count_genes(&genes, names.len(), &members);
        let ring = |cell: usize| {
            let (x, y) = (stats.x[cell], stats.y[cell]);
            vec![[x - 1.0, y - 1.0], [x + 1.0, y - 1.0], [x, y + 1.0], [x - 1.0, y - 1.0]]
        };
        let outlines = (0..n_cells).map(|cell| CellOutline { cell: CellIdx::new(cell), ring: ring(cell) }).collect();
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let cell_names = CellNames::new("R1");
        Self { positions, genes, names, cell_names, cells, stats, counts, outlines, ids: (0..n as u32).collect() }
    }

    fn input(&self) -> MapInput<'_> {
        MapInput {
            title: "Map <of> cells",
            subtitle: "a test",
            max_molecules: MAX_MOLECULES,
            ids: &self.ids,
            positions: &self.positions,
            genes: &self.genes,
            gene_names: &self.names,
            cells: &self.cells,
            confidence: None,
            assignment_confidence: None,
            clusters: None,
            colors: None,
            names: &self.cell_names,
            stats: &self.stats,
            counts: &self.counts,
            outlines: &self.outlines,
            prior: None,
            static_picture: None,
            notes: Vec::new(),
        }
    }
}

fn page(input: &MapInput<'_>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes, input).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn head_of(page: &str) -> Value {
    let text = page.split_once("id=\"head\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(text).unwrap()
}

/// The bytes of a block, unpacked.
fn block(page: &str, name: &str) -> Vec<u8> {
    let text = page.split_once(&format!("id=\"block-{name}\">")).unwrap().1.split_once('<').unwrap().0;
    let packed = STANDARD.decode(text).unwrap();
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&packed[..]), &mut bytes).unwrap();
    bytes
}

fn notes_of(page: &str) -> String {
    head_of(page)["notes"].to_string()
}

#[test]
fn a_page_needs_no_network_and_names_of_genes_stay_text() {
    let names = ["</script><script>alert(1)</script>", "a\"b", "α-β", "'"];
    let text = page(&Scene::new(&[1; 20], &names).input());
    assert!(!text.contains("src=\"http") && !text.contains("href=") && !text.contains("@import"));
    assert!(!text.contains("alert(1)</script>"), "a name ended the script element");
    assert!(text.contains("<title>Map &lt;of&gt; cells</title>"));
    assert_eq!(head_of(&text)["genes"], json!(names));
    assert_eq!(head_of(&text)["n_of_gene"], json!([5, 5, 5, 5]));
}

#[test]
fn molecules_lead_back_to_their_cells_and_genes() {
    let numbers: Vec<u32> = (0..60).map(|i| [0, 3, 1, 2][i / 15]).collect();
    let scene = Scene::new(&numbers, &["a", "b"]);
    let text = page(&scene.input());
    let (genes, cells, known) = (block(&text, "gene"), block(&text, "cell"), block(&text, "tile-cells"));
    // One tile with three cells: 0, 1, 2 as differences with the sign in the last bit.
    assert_eq!(known, [3, 0, 2, 2]);
    let tiles = Tiles::new(&scene.positions, &scene.ids, typical_radius(&scene.input()), usize::MAX);
    for (at, &molecule) in tiles.order.iter().enumerate() {
        assert_eq!(u32::from(cells[at]), numbers[molecule as usize]);
        assert_eq!(usize::from(genes[at]), molecule as usize % 2);
    }
    // The first cell: two genes, both told; 15 molecules beginning with an even number.
    assert_eq!(block(&text, "cell-genes")[..6], [2, 2, 0, 8, 1, 7]);
}

#[test]
fn a_map_says_what_it_lacks() {
    let scene = Scene::new(&[0; 30], &["a"]);
    let said = notes_of(&page(&scene.input()));
    for what in ["all molecules are noise", "No neighborhood colors", "No clusters", "No assignment", "No prior"] {
        assert!(said.contains(what), "'{what}' is not in {said}");
    }
    let nothing = page(&Scene::new(&[], &["a"]).input());
    assert!(notes_of(&nothing).contains("There are no molecules"));
    assert_eq!(head_of(&nothing)["tiles"], json!([]));
    let one = page(&Scene::new(&[1], &["a"]).input());
    assert_eq!(head_of(&one)["n_cells"], 1);
    let outlined = Scene::new(&[1; 30], &["a"]);
    let bare = page(&MapInput { outlines: &[], ..outlined.input() });
    assert!(notes_of(&bare).contains("No outlines of cells"));
}

#[test]
fn thinned_maps_say_so_and_count_all_molecules() {
    let scene = Scene::new(&[1; 5000], &["a", "b"]);
    let text = page(&MapInput { max_molecules: 1000, ..scene.input() });
    let head = head_of(&text);
    let n_shown = head["n_shown"].as_u64().unwrap();
    assert!((850..1150).contains(&n_shown), "{n_shown} molecules");
    assert_eq!(block(&text, "gene").len() as u64, n_shown);
    assert!(notes_of(&text).contains(&format!("molecules is shown ({n_shown} of 5000)")));
    assert_eq!(head["n_of_gene"], json!([2500, 2500]));
    assert_eq!(block(&text, "cell-genes")[..2], [2, 2]);
}

#[test]
fn pages_of_one_input_are_equal_for_any_number_of_threads() {
    let scene = Scene::new(&(0..20_000).map(|i| i % 50).collect::<Vec<u32>>(), &["a", "b", "c"]);
    let with_threads =
        |n: usize| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(|| page(&scene.input()));
    assert_eq!(with_threads(1), with_threads(3));
}

#[test]
fn planes_of_z_are_kept_and_others_are_rounded() {
    let order: Vec<u32> = (0..4).collect();
    assert_eq!(depths(&[1.5, 3.0, 0.0, 1.5], &order), (vec![1, 2, 0, 1], 0.0, 1.5));
    let (steps, low, step) = depths(&[0.0, 0.001, 1.0, 0.5], &order);
    assert_eq!((steps, low), (vec![0, 0, 250, 125], 0.0));
    assert!((step - 0.004).abs() < 1e-12);
    assert_eq!(depths(&[2.0, 2.0], &order[..2]), (vec![0, 0], 2.0, 1.0));
}

#[test]
fn colors_and_the_prior_are_told_when_they_are_known() {
    let scene = Scene::new(&[1; 30], &["a"]);
    let colors = [[255, 0, 128]; 30];
    let ring = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]];
    let prior = MapPrior {
        outlines: vec![(1, &ring)],
        labels: vec!["first".to_owned(), "<2>\n".to_owned()],
        origin: "borders as given",
        segments_of_cells: Some(&[2]),
    };
    let text = page(&MapInput { colors: Some(&colors), prior: Some(prior), ..scene.input() });
    assert_eq!((block(&text, "red")[0], block(&text, "green")[0], block(&text, "blue")[0]), (31, 0, 16));
    assert_eq!(head_of(&text)["prior"]["n"], 1);
    assert_eq!(block(&text, "prior-labels"), br#"["first","<2>\n"]"#);
    let statistics = head_of(&text)["statistics"].clone();
    assert_eq!(statistics.as_array().unwrap().last().unwrap()["name"], "n_prior_segments");
}

#[test]
fn cells_that_filters_left_keep_their_numbers() {
    let mut tissue = Scene::new(&[1, 1, 1, 2, 2, 2, 0, 0], &["a", "b"]);
    assert_eq!(head_of(&page(&tissue.input()))["cell_numbers"], Value::Null);
    tissue.cell_names = tissue.cell_names.of_kept(&[3, 8].map(CellIdx::new));
    assert_eq!(head_of(&page(&tissue.input()))["cell_numbers"], json!([4, 9]));
}
