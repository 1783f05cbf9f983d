#!/usr/bin/env bash
# Runs the Snakemake workflow for real on the example, and counts what it does again.
#
#   tests/workflows/snakemake.sh PROGRAM FOLDER     (baysor; the folder with snakemake, and python that has MultiQC)
set -euo pipefail
program=$(realpath "$1")
snakemake=$(realpath -s "$2")/snakemake
python=$(realpath -s "$2")/python
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$program" "$work/bin/baysor"
export PATH=$work/bin:$PATH
cp -r "$repository/workflows" "$work/workflows"
ln -s "$repository/examples" "$work/examples"
file=$work/workflows/snakemake/workflow/Snakefile
test_folder=$work/workflows/snakemake/.test
cd "$test_folder"
passed=0

fail() {
    echo "FAILED: $*" >&2
    tail -n 40 "$work/log" >&2
    exit 1
}
pass() {
    echo "ok: $*"
    passed=$((passed + 1))
}
# run ARGUMENTS...: the workflow; its messages are in the log.
run() {
    "$snakemake" --snakefile "$file" --cores 2 "$@" > "$work/log" 2>&1
}
# steps: names of the rules that the log says have finished, sorted, with their numbers.
steps() {
    sed -n 's/^Finished jobid: [0-9]* (Rule: \(.*\))$/\1/p' "$work/log" | sed '/^all$/d' | sort | uniq -c | awk '{printf "%s%s=%s", sep, $2, $1; sep = " "}'
}
expect() {
    local seen
    seen=$(steps)
    [ "$seen" = "$1" ] || fail "$2: expected '$1', seen '$seen'"
    pass "$2: ${seen:-nothing}"
}

"$snakemake" --snakefile "$file" --lint > "$work/log" 2>&1 || fail 'lint'
pass 'lint'

# Settings for clusters: every name is known to the engine and its plugin.
for profile in "$work"/workflows/snakemake/profiles/*/; do
    "$python" - "$profile" "$file" > "$work/log" 2>&1 <<'END' || fail "profile $profile"
import sys
from pathlib import Path
import yaml
from snakemake.cli import parse_args
folder, file = sys.argv[1:]
_, arguments = parse_args(["--profile", folder, "--snakefile", file])
wanted = yaml.safe_load((Path(folder) / "config.yaml").read_text())
for name in ["executor", "jobs", "retries"]:
    assert getattr(arguments, name) == wanted[name], f"{name} is {getattr(arguments, name)}"
END
done
pass 'profiles for clusters'

run || fail 'the test profile'
expect 'export=3 preview=3 prior=2 run=3 segfree=3' 'the first run does everything'
for sample in ca1_column ca1_image ca1_alone; do
    for name in "${sample}_segmentation.csv" "${sample}_segmentation_cell_stats.csv" "${sample}_segmentation_borders.html" "preview/${sample}_preview.html" stages/run/manifest.json; do
        [ -s "results/$sample/$name" ] || fail "no $name of $sample"
    done
done
sum=$(cat results/*/*_segmentation.csv | sha256sum)

"$python" "$repository/tests/workflows/multiqc.py" results ca1_column ca1_image ca1_alone > "$work/log" 2>&1 || fail 'MultiQC'
pass "$(cut -d ' ' -f 2- "$work/log")"

run || fail 'the second run'
expect '' 'the second run does nothing'

touch config/baysor_image.toml
run || fail 'a touched configuration'
expect '' 'a configuration with the same content is the same'

sed -i 's/iters = 50/iters = 60/' config/baysor_image.toml
run || fail 'a changed configuration'
expect 'export=1 preview=1 prior=1 run=1 segfree=1' 'a changed configuration of one sample'

run --config 'export_args=--count-matrix-format tsv' || fail 'other options of export'
expect 'export=3' 'other options of export'
sed -i 's/iters = 60/iters = 50/' config/baysor_image.toml
rm -r results
run || fail 'from the beginning'
[ "$sum" = "$(cat results/*/*_segmentation.csv | sha256sum)" ] || fail 'results differ from those of the first run'
pass 'the same results again'

# Killed while the model runs: what was finished stays.
rm -r results/ca1_alone/stages/run results/ca1_alone/*_segmentation*
sed -i 's/--iters 20/--iters 100000/' config/samples.tsv
setsid "$snakemake" --snakefile "$file" --cores 2 > "$work/log" 2>&1 &
engine=$!
for _ in $(seq 120); do
    grep -q 'rule run:' "$work/log" && break
    sleep 0.5
done
sleep 1
kill -TERM -- "-$engine"
wait "$engine" && fail 'the killed engine says that all is well'
sed -i 's/--iters 100000/--iters 20/' config/samples.tsv
"$snakemake" --snakefile "$file" --unlock > /dev/null 2>&1
run --rerun-incomplete || fail 'after the engine was killed'
expect 'export=1 run=1' 'after the engine was killed, only the unfinished stage and what follows'
[ "$sum" = "$(cat results/*/*_segmentation.csv | sha256sum)" ] || fail 'results differ after the engine was killed'

# In tiles: one sample is large enough for them, the other is not.
gzip -cd "$repository/examples/iss_ca1/molecules.csv.gz" | sed -n '1,5001p' > config/small.csv
printf 'sample\tmolecules\tprior\tconfig\targs\n' > config/tiled.tsv
printf 'large\t%s\t:nucleus_id\t\t\nsmall\tsmall.csv\t\t\t--iters 20\n' ../../../../examples/iss_ca1/molecules.csv.gz >> config/tiled.tsv
in_tiles=(--config samples=config/tiled.tsv results=tiled max_molecules_per_tile=25000)
run "${in_tiles[@]}" || fail 'in tiles'
expect 'export=2 merge=1 preview=2 prior=1 run=1 segfree=1 split=1 tile=4' 'a large slide is segmented in tiles, a small one whole'
[ "$(wc -l < tiled/large/large_segmentation.csv)" -eq 72337 ] || fail 'molecules are missing'
tiled_sum=$(cat tiled/large/large_segmentation.csv | sha256sum)
run "${in_tiles[@]}" || fail 'in tiles, again'
expect '' 'tiles: the second run does nothing'
rm -r tiled/large/stages/tiles/tile_0002 tiled/large/stages/merged tiled/large/large_segmentation*
run "${in_tiles[@]}" || fail 'a lost tile'
expect 'export=1 merge=1 tile=1' 'a lost tile is segmented again alone'
[ "$tiled_sum" = "$(cat tiled/large/large_segmentation.csv | sha256sum)" ] || fail 'results differ after a tile was lost'

# One sample is broken.
printf 'a,b\n1,2\n' > config/broken.csv
sed -i 's#^ca1_alone\t[^\t]*#ca1_alone\tbroken.csv#' config/samples.tsv
rm -r results
run --keep-going && fail 'a broken sample, and all is well'
[ -s results/ca1_column/ca1_column_segmentation.csv ] && [ -s results/ca1_image/ca1_image_segmentation.csv ] || fail 'other samples did not finish'
grep -q 'ca1_alone' "$work/log" || fail 'the broken sample is not named'
grep -h 'error: ' results/logs/ca1_alone/*.log | grep -q "no x column" || fail 'the reason is not in the log of the step'
pass 'a broken sample is named, the others finish'

# As a module of another workflow.
mkdir "$work/other"
cd "$work/other"
cat > Snakefile <<END
module baysor:
    snakefile: "$file"
    config: {"samples": "$test_folder/config/samples.tsv", "results": "cells", "config": "$test_folder/config/baysor.toml", "reports": False, "segfree": False}

use rule * from baysor as baysor_*

rule mine:
    default_target: True
    input: "cells/ca1_column/ca1_column_segmentation.csv"
END
file=$PWD/Snakefile
run || fail 'as a module'
expect 'baysor_export=1 baysor_preview=1 baysor_prior=1 baysor_run=1 mine=1' 'as a module'
echo "$passed passed, 0 failed"
