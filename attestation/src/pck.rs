//! What a platform's certificate (PCK) says of the platform: the extension 1.2.840.113741.1.13.1.

use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Reader as _, Tag};

use crate::x509::{self, Document, Fault, Read, all, inside};

/// The kind of the extension.
pub(crate) const EXTENSION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");

/// A platform, as Intel (or a simulated CA) certified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its identifier, the same for every certificate that it ever has.
    pub ppid: [u8; 16],
    /// How far its trusted computing base has got.
    pub tcb: Tcb,
    /// The provisioning certification enclave that its key is derived by.
    pub pce_id: [u8; 2],
    /// Its family, model, stepping and custom SKU: which TCB info is for it.
    pub fmspc: [u8; 6],
    /// How its memory is protected.
    pub sgx_type: SgxType,
    /// Of a platform with several packages: its identifier.
    pub platform_instance_id: Option<[u8; 16]>,
    /// Of a platform with several packages: its configuration.
    pub configuration: Option<Configuration>,
}

/// Security version numbers, higher ones with fewer known faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcb {
    /// Of each component.
    pub components: [u8; 16],
    /// Of the provisioning certification enclave.
    pub pcesvn: u16,
    /// Of the processor, in its own form.
    pub cpusvn: [u8; 16],
}

/// How the memory of enclaves is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SgxType {
    /// By encryption, integrity and freshness.
    Standard,
    /// By encryption.
    Scalable,
    /// By encryption and integrity.
    ScalableWithIntegrity,
}

/// What can be set up on a platform with several packages. What its certificate does not say is
/// unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// Packages can be added.
    pub dynamic_platform: Option<bool>,
    /// Intel keeps the platform's root keys.
    pub cached_keys: Option<bool>,
    /// Cores run several threads at once.
    pub smt: Option<bool>,
}

impl Extension {
    /// Reads the content of the extension.
    ///
    /// # Errors
    ///
    /// [`x509::Error::Form`].
    pub fn from_der(der: &[u8]) -> Result<Self, x509::Error> {
        Self::read(der).map_err(|fault| fault.of(Document::Pck))
    }

    pub(crate) fn read(der: &[u8]) -> Result<Self, Fault> {
        all(der, |reader| inside(reader, Tag::Sequence, Self::fields))
    }

    /// The fields in the order of their numbers, which is that of every certificate there is.
    fn fields(reader: &mut Read<'_>) -> Result<Self, Fault> {
        let ppid = field(reader, &[1], octets)?;
        let tcb = field(reader, &[2], |reader| {
            inside(reader, Tag::Sequence, Tcb::fields)
        })?;
        let pce_id = field(reader, &[3], octets)?;
        let fmspc = field(reader, &[4], octets)?;
        let sgx_type = field(reader, &[5], SgxType::read)?;
        let mut extension = Self {
            ppid,
            tcb,
            pce_id,
            fmspc,
            sgx_type,
            platform_instance_id: None,
            configuration: None,
        };
        if !reader.is_finished() {
            extension.platform_instance_id = Some(field(reader, &[6], octets)?);
            extension.configuration = Some(field(reader, &[7], |reader| {
                inside(reader, Tag::Sequence, Configuration::fields)
            })?);
        }
        Ok(extension)
    }
}

impl Tcb {
    fn fields(reader: &mut Read<'_>) -> Result<Self, Fault> {
        let mut components = [0; 16];
        for (component, number) in components.iter_mut().zip(1..) {
            *component = field(reader, &[2, number], |reader| Ok(reader.decode()?))?;
        }
        Ok(Self {
            components,
            pcesvn: field(reader, &[2, 17], |reader| Ok(reader.decode()?))?,
            cpusvn: field(reader, &[2, 18], octets)?,
        })
    }
}

impl SgxType {
    fn read(reader: &mut Read<'_>) -> Result<Self, Fault> {
        let number = inside(reader, Tag::Enumerated, |content| Ok(content.read_byte()?))?;
        match number {
            0 => Ok(Self::Standard),
            1 => Ok(Self::Scalable),
            2 => Ok(Self::ScalableWithIntegrity),
            _ => Err(Fault::at(reader, "an unknown type of SGX")),
        }
    }
}

impl Configuration {
    fn fields(reader: &mut Read<'_>) -> Result<Self, Fault> {
        let mut next = 1;
        let mut flags = [None; 3];
        while !reader.is_finished() {
            let (number, flag) = flag(reader)?;
            if !(next..=3).contains(&number) {
                return Err(Fault::at(
                    reader,
                    "a setting that is unknown, given twice or out of order",
                ));
            }
            flags[usize::from(number) - 1] = Some(flag);
            next = number + 1;
        }
        let [dynamic_platform, cached_keys, smt] = flags;
        Ok(Self {
            dynamic_platform,
            cached_keys,
            smt,
        })
    }
}

/// A setting of the configuration: its number and its value.
fn flag(reader: &mut Read<'_>) -> Result<(u8, bool), Fault> {
    inside(reader, Tag::Sequence, |setting| {
        let kind = setting.decode::<ObjectIdentifier>()?;
        let number = (1..=3).find(|number| is(kind, &[7, *number]));
        let number = number.ok_or_else(|| Fault::at(setting, "an unknown setting"))?;
        Ok((number, setting.decode()?))
    })
}

/// The value of the field with this number, which has to be the next.
fn field<T>(
    reader: &mut Read<'_>,
    number: &[u8],
    value: impl FnOnce(&mut Read<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    inside(reader, Tag::Sequence, |field| {
        if !is(field.decode()?, number) {
            return Err(Fault::at(field, "a field that should not stand here"));
        }
        value(field)
    })
}

/// Whether an identifier is the extension's with these numbers behind it, each below 128.
fn is(kind: ObjectIdentifier, numbers: &[u8]) -> bool {
    kind.as_bytes().strip_prefix(EXTENSION.as_bytes()) == Some(numbers)
}

/// A string of so many bytes.
fn octets<const N: usize>(reader: &mut Read<'_>) -> Result<[u8; N], Fault> {
    let octets = reader.decode::<&OctetStringRef>()?;
    octets
        .as_bytes()
        .try_into()
        .map_err(|_| Fault::at(reader, "a string of another length"))
}
