#!/usr/bin/env bash
# Makes an enclave image and packages it: builds, measures and signs the worker or the vault of this
# checkout, or takes an image that is there, and writes a tar for `docker load`.
#
#   ./sconify.sh                                    a debug image: sconce/worker:VERSION-debug
#   IMG_FLAVOUR=release IMG_KEY=signer.pem IMG_DATE=2026-01-31 ./sconify.sh
#   IMG_NAME=mine IMG_FROM=some/image ./sconify.sh  packages what is there
#
# Variables; an empty one counts as not set:
#   IMG_PROGRAM  worker or vault                             worker
#   IMG_NAME     what the image is called                    sconce/IMG_PROGRAM
#   IMG_FROM     an image to package, instead of building    built in this checkout
#   IMG_TO       the package's name and tag                  IMG_NAME:VERSION-debug, or IMG_NAME:VERSION
#   IMG_FLAVOUR  debug or release                            debug
#   IMG_KEY      the key that signs a release, in PEM        debug: one made for this checkout
#   IMG_DATE     the date of a release's signature           SOURCE_DATE_EPOCH, or the commit's
#   IMG_OUT      the tar                                     target/sconify/NAME.tar
#   SCONIFY      the command                                 built in this checkout
#
# Further arguments go to `sconify package`, such as --env NAME=VALUE.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi

# fail MESSAGE: an unusable setting.
fail() {
    printf 'sconify.sh: %s\n' "$1" >&2
    exit 2
}

# sconify ARGUMENTS...: the command that SCONIFY names, or this checkout's.
sconify() {
    if [[ -n ${SCONIFY:-} ]]; then
        "$SCONIFY" "$@"
    else
        cargo run --quiet --release --locked --manifest-path "$checkout/Cargo.toml" \
            -p sconce-sconify --bin sconify -- "$@"
    fi
}

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
program=${IMG_PROGRAM:-worker}
if [[ $program != worker && $program != vault ]]; then
    fail "IMG_PROGRAM is worker or vault, not $program"
fi
name=${IMG_NAME:-sconce/$program}
flavour=${IMG_FLAVOUR:-debug}
build=(--package "sconce-$program")
package=()
case $flavour in
debug)
    to=${IMG_TO:-$name:$version-debug}
    ;;
release)
    to=${IMG_TO:-$name:$version}
    build+=(--release)
    package+=(--release)
    if [[ -z ${IMG_FROM:-} && -z ${IMG_KEY:-} ]]; then
        fail "a release needs a key: IMG_KEY=FILE (sconify key new FILE makes one)"
    fi
    ;;
*)
    fail "IMG_FLAVOUR is debug or release, not $flavour"
    ;;
esac
if [[ -n ${IMG_KEY:-} ]]; then build+=(--key "$(realpath -m -- "$IMG_KEY")"); fi
if [[ -n ${IMG_DATE:-} ]]; then build+=(--date "$IMG_DATE"); fi

# The first time it takes some minutes, which cargo should show.
if [[ -z ${SCONIFY:-} ]]; then
    cargo build --release --locked --manifest-path "$checkout/Cargo.toml" -p sconce-sconify
fi

out=${IMG_OUT:-$checkout/target/sconify/${name##*/}.tar}
from=${IMG_FROM:-}
if [[ -z $from ]]; then
    from=$checkout/target/sconify/$program
    (cd "$checkout" && sconify build "${build[@]}" --out "$from")
fi
mkdir -p "$(dirname "$out")"
sconify package --from "$from" --to "$to" --out "$out" "${package[@]}" "$@"
