//! What can't be packaged.

use crate::case::{Case, Way, failed, unusable, usage};
use crate::sandbox::Entry;

const TAR: &str = "package --from image --to sconce/worker:1 -o new.tar";

pub(crate) fn cases() -> Vec<Case> {
    let from = |name, from: &str, code| unusable(name, &TAR.replace("image", from), code);
    let named = |name, to: &str| {
        usage(name, "package --from image -o new.tar").argument(format!("--to={to}"))
    };
    let option = |name, option: &str| usage(name, TAR).argument(option);
    vec![
        from("nothing there", "nothing", "file.io"),
        from("no image", "tree", "image.form"),
        from("a program", "program", "image.form"),
        from("a link in the image", "image", "image.member")
            .entry("image/link", Entry::Link("worker")),
        from("a damaged stream", "image", "sgxs.record").entry(
            "image/enclave/worker.sgxs",
            Entry::Changed(|bytes| bytes[64] = 0),
        ),
        from("half a signature", "image", "sigstruct.form").entry(
            "image/enclave/worker.sig",
            Entry::Changed(|bytes| bytes.truncate(900)),
        ),
        from(
            "a signature that does not hold",
            "image",
            "sigstruct.signature",
        )
        .entry(
            "image/enclave/worker.sig",
            Entry::Changed(|bytes| bytes[20] ^= 1),
        ),
        failed(
            "an image for debugging as a release",
            &format!("{TAR} --release").replace("image", "debug"),
            "package.debug",
        ),
        named("no name", ""),
        named("capitals", "Sconce/Worker:1"),
        named("a name that leads elsewhere", "../worker:1"),
        named("no tag", "sconce/worker:"),
        named(
            "a tag of 200 letters",
            &format!("worker:{}", "x".repeat(200)),
        ),
        named("a name that would steer a terminal", "work\u{1b}[2Jer:1"),
        option("a variable without a value", "--env=NAME"),
        option("a user by name", "--user=root"),
        option("a user beyond 32 bits", "--user=4294967296"),
        option("a volume that is relative", "--volume-folder=data"),
        failed(
            "into no folder",
            &TAR.replace("new.tar", "nowhere/new.tar"),
            "file.io",
        ),
        failed(
            "into a device",
            &TAR.replace("new.tar", "/dev/full"),
            "file.io",
        ),
        failed("beyond the limit on file sizes", TAR, "file.io").started(Way::FileLimit(32)),
        failed("on a full disk", TAR, "file.io").started(Way::FullDisk(24)),
        failed(
            "a layout over something else",
            "package --from image --to a:1 --layout tree",
            "file.io",
        ),
        failed(
            "a layout beyond the limit on file sizes",
            "package --from image --to a:1 --layout new",
            "file.io",
        )
        .started(Way::FileLimit(32)),
        failed(
            "a layout on a full disk",
            "package --from image --to a:1 --layout new",
            "file.io",
        )
        .started(Way::FullDisk(24)),
        usage("no name at all", "package --from image -o new.tar"),
    ]
}
