#!/usr/bin/env bash
# Runs the Nextflow pipeline for real on the example, and counts what it does again.
#
#   tests/workflows/nextflow.sh PROGRAM JARS FOLDER   (baysor; jars of the engine; folder with python that has MultiQC)
set -euo pipefail
program=$(realpath "$1")
jars=$(realpath "$2")
python=$(realpath -s "$3")/python
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/run"
ln -s "$program" "$work/bin/baysor"
export PATH=$work/bin:$PATH NXF_OFFLINE=true NXF_HOME=$work/home NXF_ANSI_LOG=false
pipeline=$repository/workflows/nextflow
cd "$work/run"
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
# What the launcher of the engine gives Java.
opens=()
for package in java.lang java.io java.nio java.nio.file.spi java.net java.util java.util.concurrent.locks java.util.concurrent.atomic \
    java.util.regex sun.nio.ch sun.nio.fs jdk.internal.misc jdk.internal.vm; do
    opens+=(--add-opens "java.base/$package=ALL-UNNAMED")
done
engine() {
    exec java "${opens[@]}" -XX:TieredStopAtLevel=1 -cp "$jars/*" nextflow.cli.Launcher "$@"
}
run() {
    (engine run "$pipeline" "$@") > "$work/log" 2>&1
}
# steps WORD: names of the processes that were submitted, or cached, with their numbers.
steps() {
    sed -n "s/^.*$1 process > .*:BAYSOR_\([A-Z]*\) .*\$/\1/p" "$work/log" | sort | uniq -c | awk '{printf "%s%s=%s", sep, $2, $1; sep = " "}'
}
expect() {
    local seen
    seen="$(steps Submitted)/$(steps Cached)"
    [ "$seen" = "$1" ] || fail "$2: expected '$1', seen '$seen'"
    pass "$2: $seen"
}
all='EXPORT=2 PREVIEW=2 PRIOR=2 RUN=2 SEGFREE=2'

# Settings for clusters: the engine reads them over those of the pipeline.
for settings in "$pipeline"/conf/examples/*.config; do
    case $(basename "$settings" .config) in
        slurm) expected="process.executor = 'slurm'" ;;
        awsbatch) expected="process.'withName:BAYSOR_.*'.container = '123456789012" ;;
        kubernetes) expected="k8s.storageClaimName = 'work'" ;;
        *) fail "nothing is known about $settings" ;;
    esac
    (engine -c "$settings" config "$pipeline" -profile docker -flat) > "$work/log" 2>&1 || fail "$settings"
    grep -qF "$expected" "$work/log" || fail "$settings: no $expected"
done
pass 'settings for clusters'

run -profile test,local -stub --outdir stub || fail 'stubs'
expect "$all/" 'the stubs of all modules but those of tiles'
run -profile test,local -stub --outdir stub --max_molecules_per_tile 500 || fail 'stubs of tiles'
expect 'EXPORT=2 MERGE=2 PREVIEW=2 PRIOR=2 SPLIT=2 TILE=4/' 'the stubs of all modules of tiles'

run -profile test,local || fail 'the test profile'
expect "$all/" 'the first run does everything'
for sample in ca1_column ca1_image; do
    for name in "${sample}_segmentation.csv" "${sample}_segmentation_borders.html" "preview/${sample}_preview.html" "stages/${sample}_run/manifest.json"; do
        [ -s "results/$sample/$name" ] || fail "no $name of $sample"
    done
done
grep -q "^BAYSOR_RUN,baysor,$(baysor --version)\$" results/pipeline_info/versions.csv || fail 'no version of RUN'
sum=$(cat results/*/*_segmentation.csv | sha256sum)

"$python" "$repository/tests/workflows/multiqc.py" results ca1_column ca1_image > "$work/log" 2>&1 || fail 'MultiQC'
pass "$(cut -d ' ' -f 2- "$work/log")"

run -profile test,local -resume || fail 'the second run'
expect "/$all" 'the second run does nothing'

run -profile test,local -resume --export_args '--count-matrix-format tsv' || fail 'other options of export'
expect 'EXPORT=2/PREVIEW=2 PRIOR=2 RUN=2 SEGFREE=2' 'other options of export'
[ "$sum" = "$(cat results/*/*_segmentation.csv | sha256sum)" ] || fail 'cells differ after another export'

# Killed while the model runs: what was finished stays.
(engine run "$pipeline" -profile test,local -resume --run_args '--n-clusters 3 --checkpoint-every 100 --iters 100000') > "$work/log" 2>&1 &
killed=$!
for _ in $(seq 240); do
    grep -q 'Submitted process > .*BAYSOR_RUN' "$work/log" && break
    sleep 0.5
done
sleep 1
kill -TERM "$killed"
wait "$killed" && fail 'the killed engine says that all is well'
run -profile test,local -resume --run_args '--n-clusters 3' || fail 'after the engine was killed'
expect 'EXPORT=2 RUN=2/PREVIEW=2 PRIOR=2 SEGFREE=2' 'after the engine was killed, only the unfinished stage and what follows'

# In tiles: one sample is large enough for them, the other is not.
gzip -cd "$repository/examples/iss_ca1/molecules.csv.gz" | sed -n '1,5001p' > small.csv
printf 'sample,molecules,prior,config,args\nlarge,%s,:nucleus_id,,\nsmall,small.csv,,,--iters 20\n' "$repository/examples/iss_ca1/molecules.csv.gz" > tiled.csv
in_tiles=(-profile local --input tiled.csv --config "$pipeline/assets/test.toml" --max_cpus 2 --max_memory 4.GB --outdir tiled --max_molecules_per_tile 25000)
run "${in_tiles[@]}" || fail 'in tiles'
expect 'EXPORT=2 MERGE=1 PREVIEW=2 PRIOR=1 RUN=1 SEGFREE=1 SPLIT=1 TILE=4/' 'a large slide is segmented in tiles, a small one whole'
[ "$(wc -l < tiled/large/large_segmentation.csv)" -eq 72337 ] || fail 'molecules are missing'
tiled_sum=$(cat tiled/large/large_segmentation.csv | sha256sum)
lost=$(awk -F '\t' 'NR == 1 {for (i = 1; i <= NF; i++) column[$i] = i} $column["name"] ~ /TILE .*tile_0002/ {print $column["workdir"]}' tiled/pipeline_info/trace.tsv)
rm -r "$lost"/large_tile_0002_run
run "${in_tiles[@]}" -resume || fail 'a lost tile'
expect 'EXPORT=1 MERGE=1 TILE=1/EXPORT=1 PREVIEW=2 PRIOR=1 RUN=1 SEGFREE=1 SPLIT=1 TILE=3' 'a lost tile is segmented again alone, and what follows'
[ "$tiled_sum" = "$(cat tiled/large/large_segmentation.csv | sha256sum)" ] || fail 'results differ after a tile was lost'

# One sample is broken.
printf 'a,b\n1,2\n' > broken.csv
printf 'sample,molecules,prior\nbroken,broken.csv,\nfine,%s,:nucleus_id\n' "$repository/examples/iss_ca1/molecules.csv.gz" > samples.csv
run -profile local --input samples.csv --config "$pipeline/assets/test.toml" --max_cpus 2 --max_memory 4.GB --outdir mixed && fail 'a broken sample, and all is well'
[ -s mixed/fine/fine_segmentation.csv ] || fail 'the other sample did not finish'
grep -q "Sample broken: .*no x column 'x'" "$work/log" || fail 'sample and reason are not named'
pass 'a broken sample is named with the reason, the other finishes'

for case in 'sample,molecule\na,b=needed are sample and molecules' 'sample,molecules\na,no.csv=there is no file no.csv' \
    'sample,molecules=it has no samples' "sample,molecules\na,broken.csv\na,broken.csv=several lines are about a"; do
    printf "${case%%=*}\n" > samples.csv
    run -profile local --input samples.csv && fail "a sheet that is wrong: $case"
    grep -q "${case#*=}" "$work/log" || fail "the message of $case"
done
pass 'sheets that are wrong are refused with a reason'
echo "$passed passed, 0 failed"
