#!/usr/bin/env bash
# Follows the last stage of the Dockerfile step by step in a fresh Debian root, without a container engine, and segments
# the example inside: as a user without name or home, with a root that cannot be written, without a network.
#
#   containers/test.sh PROGRAM      (as root; needs debootstrap, util-linux; PROGRAM is a built baysor)
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
work=$(mktemp -d)
root=$work/root
finish() {
    mountpoint -q "$work/readonly" && umount -R "$work/readonly"
    mountpoint -q "$root/proc" && umount "$root/proc"
    rm -rf --one-file-system "$work"
}
trap finish EXIT

echo "base: debian bookworm"
debootstrap --variant=minbase bookworm "$root" > "$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log" >&2; exit 1; }
mount -t proc proc "$root/proc"

# The instructions of the last stage, one a line.
sed -e ':again' -e '/\\$/{N' -e 's/\\\n//' -e 'b again' -e '}' "$here/Dockerfile" | awk '/^FROM /{stage = ""} {stage = stage $0 "\n"} END {printf "%s", stage}' > "$work/stage"
while IFS= read -r line; do
    case $line in
        'FROM '* | 'ARG '* | 'LABEL '* | 'CMD '* | '#'* | '') ;;
        'RUN '*)
            echo "$line"
            chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive /bin/sh -c "${line#RUN }" > "$work/step.log" 2>&1 || { tail "$work/step.log" >&2; exit 1; }
            ;;
        'COPY --from=build /src/target/dist/baysor '*)
            echo "$line"
            cp "$program" "$root${line##* }"
            ;;
        *)
            echo "an instruction that this test does not know: $line" >&2
            exit 1
            ;;
    esac
done < "$work/stage"
umount "$root/proc"
du -sh --apparent-size "$root" | cut -f 1 | sed 's/^/size of the root: /'

# Results go to a volume; everything else is read only.
mkdir -p "$root/data" "$work/readonly" "$work/data"
cp "$repository/examples/iss_ca1/molecules.csv.gz" "$work/data/"
chown -R 12345:12345 "$work/data"
mount --bind "$root" "$work/readonly"
mount -o remount,ro,bind "$work/readonly"
mount --bind "$work/data" "$work/readonly/data"
inside() {
    unshare --net chroot --userspec=12345:12345 "$work/readonly" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin /bin/bash -c "$1"
}
inside 'ps -o pid= > /dev/null 2>&1 || command -v ps > /dev/null; test "$(id -u)" = 12345; ! touch /usr/local/x 2> /dev/null'
inside 'cd /data && baysor run molecules.csv.gz :nucleus_id -m 3 -s 25 --iters 20 --threads 2 --plot --quiet -o results/'
for name in segmentation.csv segmentation_counts.loom segmentation_polygons_2d.json segmentation_borders.html; do
    test -s "$work/data/results/$name" || { echo "no $name" >&2; exit 1; }
done
umount -R "$work/readonly"
echo "the example was segmented inside, as user 12345, with a read-only root and no network"
