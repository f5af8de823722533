#!/usr/bin/env bash
# Packages what deploy/compose.yaml runs: the platform (`sconce` alone), and the enclave images of worker
# and vault, which the platform launches. Writes platform.tar, worker.tar and vault.tar into a folder, by
# default target/images; the first is for `docker load -i`.
#
#   deploy/images.sh [FOLDER]
#
# Variables: those of sconify.sh, which makes the enclave images. Both have to be signed by one key.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$checkout/target/images}
target=x86_64-unknown-linux-gnu
# Nobody's user id, and that of nobody else on most machines.
user=65532

# A package has no C library, so the program brings its own; no name is resolved where it runs.
RUSTFLAGS="-C target-feature=+crt-static" CARGO_PROFILE_RELEASE_STRIP=symbols \
    cargo build --release --locked --manifest-path "$checkout/Cargo.toml" --target "$target" \
    --target-dir "$checkout/target" -p sconce -p sconce-sconify
programs=$checkout/target/$target/release
export SCONIFY=${SCONIFY:-$programs/sconify}

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' "$checkout/Cargo.toml")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
"$SCONIFY" package --to "sconce/platform:$version" --out "$folder/platform.tar" \
    --program "$programs/sconce" --user "$user" --volume-folder /var/lib/sconce
for program in worker vault; do
    IMG_PROGRAM=$program IMG_OUT=$folder/$program.tar "$checkout/sconify.sh"
done
