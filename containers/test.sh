#!/usr/bin/env bash
# Follows the Dockerfile without a container engine, instruction by instruction, in fresh Debian roots; then segments the
# example in the result: as a user without name or home, with a root that cannot be written, without a network.
#
#   containers/test.sh PROGRAM [--target DIR | --full]
#
# PROGRAM is a built baysor. Every instruction is printed with what became of it: done, checked, or not followed and why.
# An instruction that this test does not know is an error, so the Dockerfile cannot change without it.
#
#   --target DIR   folder of compiled dependencies (CARGO_TARGET_DIR): the files that the Dockerfile copies are built with
#                  the cargo of this machine, which shows that they are complete, and that program goes into the image.
#   --full         the build is done inside, as written: half an hour or more. cargo and rustc are those of this machine.
#   neither        PROGRAM goes into the image.
#
# Needs root (or sudo without a password), debootstrap, util-linux. Where the machine forbids mounts it says SKIPPED.
set -euo pipefail
program=$(realpath "$1")
target=''
full=''
case ${2:-} in
    --target) target=$(realpath "$3") ;;
    --full) full=yes ;;
    '') ;;
    *)
        echo "unknown option $2: see the head of $0" >&2
        exit 2
        ;;
esac
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")

if [ "${BAYSOR_CONTAINER_TEST:-}" != inside ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2> /dev/null; then
            echo 'SKIPPED: the image is followed as root, and there is no sudo without a password'
            exit 0
        fi
        as_root=(sudo -n env "PATH=$PATH" "HOME=$HOME")
    fi
    if ! "${as_root[@]}" unshare --mount true 2> /dev/null; then
        echo 'SKIPPED: this machine does not let root mount anything (a container without privileges?)'
        exit 0
    fi
    # Mounts of a private namespace are gone when the last process is.
    exec "${as_root[@]}" unshare --mount --propagation private env BAYSOR_CONTAINER_TEST=inside "${BASH_SOURCE[0]}" "$@"
fi

work=$(mktemp -d)
finish() {
    status=$?
    # Deepest first, and never remove what is still mounted.
    awk -v under="$work/" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -r | while IFS= read -r mounted; do
        umount "$mounted" || umount --lazy "$mounted"
    done
    rm -rf --one-file-system "$work"
    [ "$status" -eq 0 ] || echo "FAILED: the image" >&2
}
trap finish EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
n_done=0
n_checked=0
n_other=0
completed() {
    printf '  done        %s\n' "$1"
    n_done=$((n_done + 1))
}
checked() {
    printf '  checked     %s\n              %s\n' "$1" "$2"
    n_checked=$((n_checked + 1))
}
not_followed() {
    printf '  otherwise   %s\n              %s\n' "$1" "$2"
    n_other=$((n_other + 1))
}
# quietly COMMAND...: what it says is shown if it fails.
quietly() {
    "$@" > "$work/step.log" 2>&1 || {
        tail -n 30 "$work/step.log" >&2
        fail "$*"
    }
}

# The roots of both stages begin with the Debian that the images are made of. A program that was built on a system with
# a newer C library needs that one's.
suite=$(sed -n 's/^ARG BASE_IMAGE=debian:\([a-z]*\)-slim$/\1/p' "$here/Dockerfile")
[ -n "$suite" ] || fail "the Dockerfile's base is not 'ARG BASE_IMAGE=debian:RELEASE-slim'"
if [ -z "$full" ] && [ "$suite" = bookworm ] && dpkg --compare-versions "$(ldd --version | sed -n '1s/.* //p')" gt 2.36; then
    # shellcheck source=/dev/null
    . /etc/os-release
    echo "the C library of this machine is newer than that of $suite: the root is $VERSION_CODENAME"
    suite=$VERSION_CODENAME
fi
echo "root file system: debootstrap --variant=minbase $suite"
quietly debootstrap --variant=minbase "$suite" "$work/final"
cp -a "$work/final" "$work/build"

# in_root ROOT FOLDER COMMAND: as the builder of an image would run it.
in_root() {
    mount -t proc proc "$1/proc"
    local status=0
    chroot "$1" /usr/bin/env -i "PATH=${extra_path:-}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root DEBIAN_FRONTEND=noninteractive \
        ${extra_environment:-} /bin/sh -c "cd '$2' && $3" > "$work/step.log" 2>&1 || status=$?
    umount "$1/proc"
    if [ "$status" -ne 0 ]; then
        tail -n 30 "$work/step.log" >&2
        fail "$3"
    fi
}

# copy_context SOURCES... FOLDER: from the repository, as far as .dockerignore lets files through.
copy_context() {
    local sources=("${@:1:$#-1}") into=${*: -1} name
    mkdir -p "$into"
    for name in "${sources[@]}"; do
        grep -qxF -e "!$name" "$repository/.dockerignore" || fail "COPY $name: .dockerignore does not let it through"
        [ -e "$repository/$name" ] || fail "COPY $name: there is no such file"
        # The content of a folder goes into the folder that is named, as the builder does it.
        if [ -d "$repository/$name" ]; then
            cp -r "$repository/$name/." "$into/"
        else
            cp "$repository/$name" "$into/"
        fi
    done
}
[ "$(grep -v '^#' "$repository/.dockerignore" | sed -n 1p)" = '*' ] || fail '.dockerignore does not begin with *'

# build_program LINE: the result of the first stage.
build_program() {
    local made=$work/build/src/target/dist/baysor
    mkdir -p "$(dirname "$made")"
    if [ -n "$full" ]; then
        mkdir -p "$work/build/opt/rust" "$work/build/opt/cargo"
        mount --bind "$(rustc --print sysroot)" "$work/build/opt/rust"
        mount --bind "${CARGO_HOME:-$HOME/.cargo}" "$work/build/opt/cargo"
        extra_path=/opt/rust/bin: extra_environment=CARGO_HOME=/opt/cargo in_root "$work/build" /src "${1#RUN }"
        completed "$1"
    elif [ -n "$target" ]; then
        rm -rf "$target/image-context"
        cp -r "$work/build/src" "$target/image-context"
        (cd "$target/image-context" && CARGO_TARGET_DIR=$target quietly cargo build --release --locked --bin baysor)
        cp "$target/release/baysor" "$made"
        rm -rf "$target/image-context"
        not_followed "$1" 'the copied files are built on this machine, with the profile release, to save half an hour; --full does it'
    else
        cp "$program" "$made"
        not_followed "$1" 'PROGRAM stands for its result; --full or --target build the copied files'
    fi
}

labels='title description version revision created source documentation licenses vendor'
check_labels() {
    local label
    for label in $labels; do
        [[ $1 == *"org.opencontainers.image.$label="* ]] || fail "no label org.opencontainers.image.$label"
    done
}

# Instructions, one a line.
sed -e '/^#/d' -e '/^$/d' -e ':again' -e '/\\$/{N' -e 's/\\\n *//' -e 'b again' -e '}' "$here/Dockerfile" > "$work/instructions"
root=''
folder=/
command_line=''
rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$repository/Cargo.toml")
while IFS= read -r line; do
    case $line in
        "ARG BUILD_IMAGE=rust:$rust-slim-bookworm") checked "$line" "Cargo.toml asks for Rust $rust, too" ;;
        'ARG BASE_IMAGE=debian:bookworm-slim') checked "$line" "read above" ;;
        'FROM ${BUILD_IMAGE} AS build')
            root=$work/build
            folder=/
            not_followed "$line" 'no registry is asked: debootstrap makes the root, cargo and rustc are those of this machine'
            ;;
        'FROM ${BASE_IMAGE}')
            root=$work/final
            folder=/
            not_followed "$line" 'no registry is asked: debootstrap makes the root'
            ;;
        'ARG '[A-Z]*=*)
            grep -q "^LABEL .*\${$(sed 's/^ARG \([A-Z]*\)=.*/\1/' <<< "$line")}" "$work/instructions" || fail "nothing uses $line"
            checked "$line" 'a label has it'
            ;;
        'LABEL '*)
            check_labels "$line"
            checked 'LABEL ...' "$labels"
            ;;
        'WORKDIR /'*)
            folder=${line#WORKDIR }
            mkdir -p "$root$folder"
            completed "$line"
            ;;
        'COPY --from=build /'*)
            read -r -a words <<< "${line#COPY --from=build }"
            [ "${#words[@]}" -eq 2 ] || fail "$line: one file and its new name"
            [ -f "$work/build${words[0]}" ] || fail "$line: the first stage has no ${words[0]}"
            cp "$work/build${words[0]}" "$root${words[1]}"
            completed "$line"
            ;;
        'COPY --'*) fail "an instruction that this test does not know: $line" ;;
        'COPY '*)
            read -r -a words <<< "${line#COPY }"
            copy_context "${words[@]:0:${#words[@]}-1}" "$root$folder/${words[-1]}"
            completed "$line"
            ;;
        'RUN cargo build --profile dist --locked --bin baysor') build_program "$line" ;;
        'RUN '*)
            in_root "$root" "$folder" "${line#RUN }"
            completed "$line"
            ;;
        'CMD ["baysor", "--help"]')
            command_line='baysor --help'
            checked "$line" 'run below'
            ;;
        *) fail "an instruction that this test does not know: $line" ;;
    esac
done < "$work/instructions"
n_instructions=$(wc -l < "$work/instructions")
[ $((n_done + n_checked + n_other)) -eq "$n_instructions" ] || fail "$n_instructions instructions, but not every one was looked at"
[ -n "$command_line" ] || fail 'the Dockerfile has no CMD'
echo "$n_instructions instructions: $n_done done, $n_checked checked, $n_other otherwise"
du -sh --apparent-size "$work/final" | cut -f 1 | sed 's/^/size of the root: /'

# section NAME: of the Apptainer definition.
section() {
    awk -v wanted="%$1" '/^%/ {inside = ($1 == wanted); next} inside {print}' "$here/apptainer.def"
}
section files | while read -r from to; do
    [ -z "$from" ] || install -D -m 600 "$repository/$from" "$work/final$to"
done
in_root "$work/final" / "$(section post)"

# Results go to a volume; everything else is read only.
image=$work/image
mkdir -p "$work/final/data" "$image" "$work/data"
cp "$repository/examples/iss_ca1/molecules.csv.gz" "$work/data/"
chown -R 12345:12345 "$work/data"
mount --bind "$work/final" "$image"
mount -o remount,ro,bind "$image"
mount --bind "$work/data" "$image/data"
mount -t proc proc "$image/proc"
inside() {
    unshare --net chroot --userspec=12345:12345 "$image" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "${@:2}" /bin/bash -c "$1"
}
inside "$command_line" | grep -q '^Usage: baysor' || fail "CMD shows no help"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml" | sed -n 1p)
[ "$(inside 'baysor --version')" = "$version" ] || fail "the program inside is not version $version"
inside 'ps -o pid= > /dev/null' || fail 'no ps, which Nextflow needs'
inside 'test "$(id -u)" = 12345 && ! touch /usr/local/x 2> /dev/null && ! touch /tmp/x 2> /dev/null' || fail 'the root can be written'
segment='baysor run molecules.csv.gz :nucleus_id -m 3 -s 25 --iters 20 --threads 2 --plot --quiet -o results/'
inside "cd /data && $segment" 2> "$work/inside.log" || {
    cat "$work/inside.log" >&2
    fail 'the example inside'
}
for name in segmentation.csv segmentation_counts.loom segmentation_polygons_2d.json segmentation_borders.html; do
    [ -s "$work/data/results/$name" ] || fail "no $name"
done
mkdir "$work/outside"
ln -s "$work/data/molecules.csv.gz" "$work/outside/"
(cd "$work/outside" && quietly "$program" ${segment#baysor})
for name in segmentation.csv segmentation_cell_stats.csv segmentation_counts.loom segmentation_polygons_2d.json; do
    cmp "$work/data/results/$name" "$work/outside/results/$name" || fail "$name inside differs from that of PROGRAM"
done
echo 'the example was segmented inside, as user 12345, with a read-only root and no network; the same bytes as outside'

inside "set -eu; $(section environment); $(section test)" TMPDIR=/data 2> "$work/inside.log" || {
    cat "$work/inside.log" >&2
    fail '%test of apptainer.def'
}
echo 'apptainer.def: %files, %post, %environment and %test were followed in the same root'
