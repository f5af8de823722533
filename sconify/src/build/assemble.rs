//! From a checkout to the folder of an image.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sgx::Mrenclave;
use sgx::sigstruct::{Date, Sigstruct, VerifiedSigstruct};

use super::compile::{self, Compiled};
use super::plan::{Image, Plan, Stage, Step, image_folder, place};
use super::review::{self, AllowList};
use super::stamp::{self, Made, Stamp, is_image};
use super::{Error, commit};
use crate::config::{Config, MAX_LENGTH};
use crate::elf::Program;
use crate::layout::Layout;
use crate::output::{check_folder, write_folder, write_whole};
use crate::reading::Reading;
use crate::sign::{self, Flavour, SignerKey};
use crate::terminal::Terminal;
use crate::verify::{Expected, verify_reading};
use crate::{files, gramine, image, scone, stream};

/// Builds an image. What is there already and still the same stays as it is.
///
/// `watch` is called on the caller's thread.
///
/// # Errors
///
/// Those of the stages: what can be told before anything is compiled comes first.
pub fn image(
    plan: &Plan,
    terminal: &Terminal,
    watch: &mut dyn FnMut(Step<'_>),
) -> Result<Image, crate::Error> {
    let inputs = Inputs::read(plan)?;
    if let Some(out) = &plan.out {
        check_folder(out, is_image)?;
    }
    let place = place(&plan.checkout);
    fs::create_dir_all(&place).map_err(crate::Error::io("create", &place))?;
    let _lock = lock(&place, watch)?;
    let signer = Signer::of(plan, &place)?;
    watch(Step::Begins(Stage::Compile));
    let compiled = compile::compile(&plan.checkout, &plan.package, &place, &mut |progress| {
        watch(Step::Cargo(progress));
    })?;
    let making = Making {
        plan,
        inputs: &inputs,
        compiled: &compiled,
        provenance: compiled.provenance.to_json(),
        signer: &signer,
        terminal,
    };
    if let Some(out) = &plan.out {
        return making.make(out, watch);
    }
    let folder = image_folder(&plan.checkout, &inputs.config.name);
    let stamp = Stamp::of(&making.made(), &folder);
    if making.is_settled() && stamp.holds() {
        watch(Step::Begins(Stage::Verify));
        // One that was tampered with is made again, and so is another one in its place.
        if let Ok(image) = making.verified(&folder, true) {
            return Ok(image);
        }
    }
    let image = making.make(&folder, watch)?;
    stamp.set()?;
    Ok(image)
}

/// What is read before anything is compiled.
struct Inputs {
    config: Config,
    /// As it was given: comments and all.
    config_text: String,
    allowed: AllowList,
    /// Where that is from.
    allow_list: PathBuf,
}

impl Inputs {
    fn read(plan: &Plan) -> Result<Self, crate::Error> {
        let folder = plan.package_folder();
        let path = match &plan.config {
            Some(path) => path.clone(),
            None => folder.join("enclave.toml"),
        };
        let config_text = read_text(&path)?;
        let allow_list = folder.join("symbols.toml");
        let config = Config::parse(&config_text).map_err(|error| crate::Error::File {
            path,
            error: Box::new(error.into()),
        })?;
        Ok(Self {
            config,
            config_text,
            allowed: AllowList::read(&allow_list)?,
            allow_list,
        })
    }
}

fn read_text(path: &Path) -> Result<String, crate::Error> {
    let cannot = |source| crate::Error::io("read", path)(source);
    let mut text = String::new();
    let file = File::open(path).map_err(cannot)?;
    file.take(MAX_LENGTH as u64 + 1)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    Ok(text)
}

/// Who signs, and with which date.
struct Signer {
    key: SignerKey,
    date: Date,
}

impl Signer {
    fn of(plan: &Plan, place: &Path) -> Result<Self, crate::Error> {
        let date = match (plan.date, plan.flavour) {
            (Some(date), _) => date,
            (None, Flavour::Debug) => Date::EPOCH,
            (None, Flavour::Release) => match sign::pinned_date(None) {
                Err(sign::Error::NoDate) => {
                    commit::date(&plan.checkout).ok_or(sign::Error::NoDate)?
                }
                date => date?,
            },
        };
        let key = match (&plan.key, plan.flavour) {
            (Some(path), _) => SignerKey::read(path)?,
            (None, Flavour::Debug) => sign::development_key(&place.join("signer.pem"))?,
            (None, Flavour::Release) => return Err(Error::NoKey.into()),
        };
        Ok(Self { key, date })
    }
}

/// Everything that an image is made of.
struct Making<'a> {
    plan: &'a Plan,
    inputs: &'a Inputs,
    compiled: &'a Compiled,
    /// Its text.
    provenance: String,
    signer: &'a Signer,
    terminal: &'a Terminal,
}

impl Making<'_> {
    fn made(&self) -> Made<'_> {
        let files = self.plan.files.as_ref().and_then(files::Plan::digest);
        Made {
            provenance: &self.provenance,
            config: &self.inputs.config_text,
            flavour: match self.plan.flavour {
                Flavour::Debug => "debug",
                Flavour::Release => "release",
            },
            signer: self.signer.key.public().mrsigner().to_string(),
            date: self.signer.date.to_string(),
            files: files.map(|digest| hex::encode(digest.0)),
        }
    }

    /// Whether what was made says all of what would be made: nothing tells when files change that
    /// are not measured.
    fn is_settled(&self) -> bool {
        let files = self.plan.files.as_ref();
        !files.is_some_and(files::Plan::brings_unprotected)
    }

    /// Makes the image, in the place of another one.
    fn make(&self, folder: &Path, watch: &mut dyn FnMut(Step<'_>)) -> Result<Image, crate::Error> {
        stamp::forget(folder);
        write_folder(folder, is_image, |scratch| self.fill(scratch, watch))?;
        watch(Step::Begins(Stage::Verify));
        self.verified(folder, false)
    }

    /// Writes an image into an empty folder.
    fn fill(&self, folder: &Path, watch: &mut dyn FnMut(Step<'_>)) -> Result<(), crate::Error> {
        let enclave = folder.join(image::ENCLAVE);
        fs::create_dir(&enclave)
            .and_then(|()| fs::set_permissions(&enclave, Permissions::from_mode(0o755)))
            .map_err(crate::Error::io("create", &enclave))?;

        watch(Step::Begins(Stage::Review));
        let program = self.program()?;
        self.review(&program)?;

        watch(Step::Begins(Stage::Measure));
        let measured = self.measure(&program, folder)?;

        watch(Step::Begins(Stage::Sign));
        let signature = self.sign(measured)?;
        let path = folder.join(image::signature(&self.inputs.config.name));
        write_bytes(&path, signature.as_bytes())?;

        if let Some(files) = &self.plan.files {
            watch(Step::Begins(Stage::Files));
            files.write_to(folder, self.terminal)?;
        }

        watch(Step::Begins(Stage::Describe));
        self.describe(&program, folder)
    }

    fn program(&self) -> Result<Program, crate::Error> {
        Ok(Program::parse(self.compiled.bytes.clone())?)
    }

    fn layout(&self, program: &Program) -> Result<Layout, crate::Error> {
        let files = self.plan.files.as_ref().and_then(files::Plan::digest);
        Layout::plan(&self.inputs.config, program, files.map(|digest| digest.0))
    }

    /// Writes everything that is measured, or that the measurement follows from.
    fn measure(&self, program: &Program, folder: &Path) -> Result<Mrenclave, crate::Error> {
        let config = &self.inputs.config;
        let layout = self.layout(program)?;
        let path = folder.join(&config.name);
        write_whole(&path, true, |out| {
            program
                .write_rebuilt(out)
                .map_err(crate::Error::io("write", &path))
        })?;
        let path = folder.join(image::stream(&config.name));
        let measurement = write_whole(&path, false, |out| {
            stream::write(&layout, program, |bytes| {
                out.write_all(bytes)
                    .map_err(crate::Error::io("write", &path))
            })
        })?;
        let path = folder.join(image::CONFIG);
        write_bytes(&path, self.inputs.config_text.as_bytes())?;
        Ok(measurement.mrenclave)
    }

    /// Writes what is of use beside it and not measured.
    fn describe(&self, program: &Program, folder: &Path) -> Result<(), crate::Error> {
        let write = |name: &str, text: &str| write_bytes(&folder.join(name), text.as_bytes());
        write(image::SYMBOLS, &program.symbols()?.to_string())?;
        write(image::PROVENANCE, &self.provenance)?;
        let so_far = image::open(folder)?;
        write(
            image::GRAMINE,
            &gramine::Contents::read(&so_far)?.text(&[])?,
        )?;
        let session = scone::Description::of(&self.inputs.config.name);
        write(image::SCONE, &session.text()?)
    }

    fn review(&self, program: &Program) -> Result<(), crate::Error> {
        let unlisted = self.inputs.allowed.unlisted(&program.raw_symbols()?);
        if !unlisted.is_empty() {
            let list = self.inputs.allow_list.clone();
            return Err(Error::Symbols { list, unlisted }.into());
        }
        let folders = &self.compiled.folders;
        if let Some(folder) = review::named_folder(&self.compiled.bytes, folders) {
            let folder = folder.to_owned();
            return Err(Error::Folder { folder }.into());
        }
        Ok(())
    }

    fn sign(&self, mrenclave: Mrenclave) -> Result<VerifiedSigstruct, crate::Error> {
        let Signer { key, date } = self.signer;
        let (config, flavour) = (&self.inputs.config, self.plan.flavour);
        let body = sign::body_of(config, mrenclave, flavour, *date);
        if flavour == Flavour::Release {
            sign::check_release(&body)?;
        }
        Ok(sign::sign(&body, key)?)
    }

    /// Reads the image back: it must be that of the compiled program, and not only a good one.
    fn verified(&self, folder: &Path, unchanged: bool) -> Result<Image, crate::Error> {
        let program = self.program()?;
        let measured = stream::measure(&self.layout(&program)?, &program)?;
        let expected = Expected {
            mrenclave: Some(measured.mrenclave),
            mrsigner: Some(self.signer.key.public().mrsigner()),
            release: self.plan.flavour == Flavour::Release,
        };
        let reading = Reading::open(folder)?;
        verify_reading(&reading, &expected, self.terminal)?
            .answer()
            .map_err(|failed| Error::Unverified(failed.to_string()))?;
        let name = &self.inputs.config.name;
        let path = folder.join(image::signature(name));
        let bytes = fs::read(&path).map_err(crate::Error::io("read", &path))?;
        let signature = Sigstruct::parse(&bytes).map_err(sgx::Error::from)?;
        Ok(Image {
            name: name.clone(),
            folder: folder.to_owned(),
            reading,
            signature: signature.verify().map_err(sgx::Error::from)?,
            provenance: self.compiled.provenance.clone(),
            unchanged,
        })
    }
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), crate::Error> {
    write_whole(path, false, |out| {
        out.write_all(bytes)
            .map_err(crate::Error::io("write", path))
    })
}

/// Held while a checkout's images are being built.
fn lock(place: &Path, watch: &mut dyn FnMut(Step<'_>)) -> Result<File, crate::Error> {
    let path = place.join("lock");
    let cannot = |source| crate::Error::io("lock", &path)(source);
    let file = File::create(&path).map_err(cannot)?;
    if file.try_lock().is_err() {
        watch(Step::Waiting);
        file.lock().map_err(cannot)?;
    }
    Ok(file)
}
