"""Runs MultiQC over the results of a workflow, and looks for every sample in every section of ours.

    python tests/workflows/multiqc.py RESULTS SAMPLES...
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

SECTIONS = ["baysor_cells_table", "baysor_convergence_plot", "baysor_preview_table_plot", "baysor_preview_molecules_plot", "baysor_preview_noise_plot"]
GENERAL = ["baysor_preview_general-molecules", "baysor_preview_general-scale", "baysor-cells", "baysor-assigned"]
PICTURES = ["segmentation_borders", "preview_transcripts", "preview_confidence"]


def main():
    results, samples = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "multiqc", "--quiet", "--no-ansi", "--no-version-check", "--outdir", scratch, results]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"multiqc failed: {done.stdout}{done.stderr}")
        data = Path(scratch) / "multiqc_data"
        with open(data / "multiqc_general_stats.txt", newline="") as file:
            general = {row["Sample"]: row for row in csv.DictReader(file, delimiter="\t")}
        assert sorted(general) == sorted(samples), f"general statistics are about {sorted(general)}, not {sorted(samples)}"
        for sample, row in general.items():
            for column in GENERAL:
                values = [value for name, value in row.items() if name.endswith(column)]
                assert len(values) == 1 and float(values[0]) > 0, f"{sample} has no number {column}"
        for section in SECTIONS:
            lines = (data / f"multiqc_{section}.txt").read_text().splitlines()
            for sample in samples:
                assert any(line.split("\t")[0] == sample for line in lines), f"{section} has no {sample}"
        report = (Path(scratch) / "multiqc_report.html").read_text()
        for sample in samples:
            for picture in PICTURES:
                assert f"{sample}_{picture}" in report, f"the report has no picture {sample}_{picture}"
    print(f"ok: MultiQC shows {len(samples)} samples in {len(SECTIONS)} sections, general statistics and {len(PICTURES)} pictures each")


if __name__ == "__main__":
    main()
