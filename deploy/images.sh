#!/usr/bin/env bash
# Packages the two images of deploy/compose.yaml: the platform (`sconce` alone) and the worker (the
# enclave image, and `sconce` as its host). Writes platform.tar and worker.tar into a folder, by default
# target/images, for `docker load -i`.
#
#   deploy/images.sh [FOLDER]
#
# Variables: those of sconify.sh, which makes the enclave image.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$checkout/target/images}
target=x86_64-unknown-linux-gnu
# Nobody's user id, and that of nobody else on most machines.
user=65532

# A package has no C library, so the programs bring their own; no name is resolved where they run.
RUSTFLAGS="-C target-feature=+crt-static" CARGO_PROFILE_RELEASE_STRIP=symbols \
    cargo build --release --locked --manifest-path "$checkout/Cargo.toml" --target "$target" \
    --target-dir "$checkout/target" -p sconce -p sconce-sconify
programs=$checkout/target/$target/release
export SCONIFY=${SCONIFY:-$programs/sconify}

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
container=(--program "$programs/sconce" --user "$user" --volume-folder /var/lib/sconce)
"$SCONIFY" package --to "sconce/platform:$version" --out "$folder/platform.tar" "${container[@]}"
IMG_OUT=$folder/worker.tar "$checkout/sconify.sh" "${container[@]}"
