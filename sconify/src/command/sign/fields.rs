//! Fields of a SIGSTRUCT as options. Names, defaults and the meaning of masks are those of `sgxs-sign`,
//! so that the same options make the same bytes.

use std::str::FromStr;

use sgx::sigstruct::{Body, Date};
use sgx::{Attributes, Miscselect, Mrenclave, flags};

/// The options that say what an enclave.toml says.
pub(super) const OF_CONFIG: [&str; 5] = ["attributes", "xfrm", "miscselect", "isvprodid", "isvsvn"];

/// Numbers are decimal, or hexadecimal with 0x.
#[derive(clap::Args)]
#[command(next_help_heading = "Fields (numbers are decimal, or hexadecimal after 0x)")]
pub(super) struct Fields {
    /// DATE; without it that of SOURCE_DATE_EPOCH, and never today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) date: Option<Date>,
    /// ATTRIBUTES.FLAGS, and the bits in which an enclave may differ [default: 0x4/0x2, or 0x4/0 with
    /// --release].
    #[arg(short, long, value_name = "VALUE/FREE")]
    attributes: Option<Masked<u64>>,
    /// ATTRIBUTES.XFRM, and the bits in which an enclave may differ.
    #[arg(short, long, value_name = "VALUE/FREE", default_value = "0x3/0x3")]
    xfrm: Masked<u64>,
    /// MISCSELECT, and the bits in which an enclave may differ.
    #[arg(short, long, value_name = "VALUE/FREE", default_value = "0/0")]
    miscselect: Masked<u32>,
    /// ISVPRODID: which of the signer's programs it is.
    #[arg(short = 'p', long, value_name = "NUMBER", default_value = "0")]
    isvprodid: Number<u16>,
    /// ISVSVN: its security version, which only rises.
    #[arg(short = 'v', long, value_name = "NUMBER", default_value = "0")]
    isvsvn: Number<u16>,
    /// SWDEFINED: for the signer to use.
    #[arg(short, long, value_name = "NUMBER", default_value = "0")]
    swdefined: Number<u32>,
    /// Set DEBUG: a debugger may look into the enclave.
    #[arg(short, long)]
    pub(super) debug: bool,
}

impl Fields {
    /// What is signed.
    pub(super) fn body(&self, mrenclave: Mrenclave, release: bool, date: Date) -> Body {
        let flags = self.flags(release);
        Body {
            vendor: 0,
            date,
            software_defined: self.swdefined.0,
            miscselect: Miscselect(self.miscselect.value),
            miscselect_mask: Miscselect(!self.miscselect.free),
            cet_attributes: 0,
            cet_attributes_mask: 0,
            family_id: [0; 16],
            attributes: Attributes {
                flags: flags.value,
                xfrm: self.xfrm.value,
            },
            attributes_mask: Attributes {
                flags: !flags.free,
                xfrm: !self.xfrm.free,
            },
            mrenclave,
            extended_product_id: [0; 16],
            product_id: self.isvprodid.0,
            security_version: self.isvsvn.0,
        }
    }

    fn flags(&self, release: bool) -> Masked<u64> {
        let usual = Masked {
            value: flags::MODE64BIT,
            free: if release { 0 } else { flags::DEBUG },
        };
        let mut flags = self.attributes.unwrap_or(usual);
        if self.debug {
            flags.value |= flags::DEBUG;
            flags.free |= flags::DEBUG;
        }
        flags
    }
}

/// A value, and the bits in which an enclave may have another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Masked<T> {
    value: T,
    free: T,
}

/// A number of a field's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number<T>(T);

/// A text that is no number of a field's width.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes a number below 2^{bits}, decimal or hexadecimal after 0x{more}")]
struct NotANumber {
    bits: u32,
    more: &'static str,
}

impl<T: TryFrom<u64>> FromStr for Number<T> {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        number(text).map(Self).ok_or(NotANumber {
            bits: width::<T>(),
            more: "",
        })
    }
}

impl<T: TryFrom<u64> + Copy> FromStr for Masked<T> {
    type Err = NotANumber;

    /// `VALUE/FREE`. Without FREE it's VALUE again, as `sgxs-sign` has it.
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let refusal = || NotANumber {
            bits: width::<T>(),
            more: ", and after a slash those of its bits that may differ",
        };
        let (value, free) = text.split_once('/').unwrap_or((text, text));
        Ok(Self {
            value: number(value).ok_or_else(refusal)?,
            free: number(free).ok_or_else(refusal)?,
        })
    }
}

fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    // A sign is no digit, for from_str_radix it's fine.
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = plain.then(|| u64::from_str_radix(digits, radix).ok())??;
    T::try_from(number).ok()
}

const fn width<T>() -> u32 {
    size_of::<T>() as u32 * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_fields() {
        assert_eq!("0xffff".parse(), Ok(Number(0xffff_u16)));
        assert_eq!("65535".parse(), Ok(Number(0xffff_u16)));
        for text in ["65536", "-1", "+1", "", "0x", "ff", "1 ", "0x1_0"] {
            assert!(text.parse::<Number<u16>>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_alone_is_its_own_mask() {
        let masked = |value, free| Ok(Masked::<u64> { value, free });
        assert_eq!("0xe7".parse(), masked(0xe7, 0xe7));
        assert_eq!("4/0x2".parse(), masked(4, 2));
        for text in ["/", "1/", "/1", "1/2/3", "0x10000000000000000"] {
            assert!(text.parse::<Masked<u64>>().is_err(), "{text}");
        }
    }
}
