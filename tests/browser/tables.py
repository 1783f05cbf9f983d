"""Small molecule tables that reports have to get along with."""

import csv

import numpy as np

# Names that would break a page which took them for markup or code.
GENES = ['a"b', "<script>alert(1)</script>", "'", "α-β", "</script><!--", "a\\b & c", "gene with spaces"]


def tissue(n_cells=6, with_z=False, n_genes=64, per_cell=60, seed=3):
    """Round cells on a grid, of three types, with background. Rows of x, y, z, gene, cell."""
    rng = np.random.default_rng(seed)
    names = GENES + [f"gene{i}" for i in range(n_genes - len(GENES))]
    rows = []
    for cell in range(n_cells * n_cells):
        column, row = cell % n_cells, cell // n_cells
        weights = rng.gamma(0.3, size=n_genes) + 5.0 * (np.arange(n_genes) % 3 == (row + column) % 3)
        for gene in rng.choice(n_genes, size=per_cell, p=weights / weights.sum()):
            angle, radius = rng.uniform(0, 2 * np.pi), 4.0 * np.sqrt(rng.uniform())
            place = 12.0 * column + radius * np.cos(angle), 12.0 * row + radius * np.sin(angle)
            rows.append([*np.round(place, 3), rng.integers(5) * 1.5, names[gene], cell + 1])
    for _ in range(n_cells * n_cells * 2):
        x, y = rng.uniform(-8, 12.0 * n_cells, size=2)
        rows.append([round(x, 3), round(y, 3), rng.integers(5) * 1.5, names[rng.integers(n_genes)], 0])
    if not with_z:
        rows = [[x, y, gene, cell] for x, y, _, gene, cell in rows]
    return rows


def write(path, rows):
    """Writes rows of `tissue`."""
    header = ["x", "y", "z", "gene", "cell"] if len(rows[0]) == 5 else ["x", "y", "gene", "cell"]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
