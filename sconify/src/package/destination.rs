//! Where a package goes: a tar, or an image layout.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use super::documents::{Blob, LAYOUT};
use super::layer::{padding, plain_header};
use super::{Documents, Package, Written};
use crate::{Error, output};

/// What ends a tar.
const END: [u8; 1024] = [0; 1024];

/// Bytes of a header.
const HEADER: u64 = 512;

/// Where blobs are in a layout.
const BLOBS: &str = "blobs/sha256";

/// Writes a tar that is an image layout and what `docker save` writes, in one pass over the members:
/// the layer is the first entry, and its header is written last, since its name is its digest.
pub(super) fn archive(
    path: &Path,
    package: &Package<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    output::write_whole(path, false, |out| {
        let cannot = |error| Error::io("write", path)(error);
        out.write_all(&[0; HEADER as usize]).map_err(cannot)?;
        let (documents, written) = package.layer(&mut *out, path, progress)?;
        let mut tar = Archive { out, package };
        tar.finish(&documents, &written).map_err(cannot)?;
        Ok(written)
    })
}

struct Archive<'a, W> {
    out: W,
    package: &'a Package<'a>,
}

impl<W: Write + Seek> Archive<'_, W> {
    /// Everything around the layer's bytes.
    fn finish(&mut self, documents: &Documents, written: &Written) -> std::io::Result<()> {
        let Written {
            layer,
            config,
            manifest,
        } = written;
        self.out.write_all(padding(layer.size))?;
        self.entry(&config.path(), &documents.config)?;
        self.entry(&manifest.path(), &documents.manifest)?;
        self.entry("index.json", &documents.index)?;
        self.entry("manifest.json", &documents.docker)?;
        self.entry("oci-layout", LAYOUT.as_bytes())?;
        self.out.write_all(&END)?;
        self.out.seek(SeekFrom::Start(0))?;
        self.header(&layer.path(), layer.size)?;
        self.out.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn entry(&mut self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.header(name, bytes.len() as u64)?;
        self.out.write_all(bytes)?;
        self.out.write_all(padding(bytes.len() as u64))
    }

    fn header(&mut self, name: &str, size: u64) -> std::io::Result<()> {
        let header = plain_header(name, size, self.package.plan.created)?;
        self.out.write_all(header.as_bytes())
    }
}

/// Writes an image layout.
pub(super) fn layout(
    path: &Path,
    package: &Package<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Written, Error> {
    output::write_folder(path, is_layout, |folder| {
        let blobs = folder.join(BLOBS);
        fs::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
        let unnamed = folder.join("layer");
        let file = create(&unnamed)?;
        let mut out = BufWriter::new(&file);
        let (documents, written) = package.layer(&mut out, &unnamed, progress)?;
        out.flush().map_err(Error::io("write", &unnamed))?;
        drop(out);
        file.sync_all().map_err(Error::io("write", &unnamed))?;
        let named = folder.join(written.layer.path());
        fs::rename(&unnamed, &named).map_err(Error::io("write", &named))?;
        let blob = |blob: &Blob| folder.join(blob.path());
        for (path, bytes) in [
            (blob(&written.config), documents.config.as_slice()),
            (blob(&written.manifest), &documents.manifest),
            (folder.join("index.json"), &documents.index),
            (folder.join("oci-layout"), LAYOUT.as_bytes()),
        ] {
            let mut file = create(&path)?;
            let outcome = file.write_all(bytes).and_then(|()| file.sync_all());
            outcome.map_err(Error::io("write", &path))?;
        }
        for path in [&blobs, &folder.join("blobs"), folder] {
            let folder = File::open(path).map_err(Error::io("write", path))?;
            folder.sync_all().map_err(Error::io("write", path))?;
        }
        Ok(written)
    })
}

fn create(path: &Path) -> Result<File, Error> {
    File::create_new(path).map_err(Error::io("create", path))
}

/// What may be replaced.
fn is_layout(path: &Path) -> bool {
    path.join("oci-layout").is_file() && path.join(BLOBS).is_dir()
}
