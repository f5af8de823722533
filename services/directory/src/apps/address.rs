//! Addresses of Ethereum accounts.

use std::fmt;
use std::str::FromStr;

use super::eip712::keccak;

/// The address of an account. Its text is in lower case, `0x` and 40 hex digits: that is the user's id in a
/// directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address([u8; 20]);

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnAddress {
    /// It has another form.
    #[error("an address is 0x and 40 hex digits")]
    Form,
    /// Its letters are of both cases, and not as EIP-55 has them.
    #[error("the upper and lower case of its letters is not that of EIP-55: one of them is wrong")]
    Checksum,
}

impl Address {
    /// From its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The address of a public key: 64 bytes, X and Y.
    #[must_use]
    pub fn of_key(key: &[u8; 64]) -> Self {
        let digest = keccak(&[key]);
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&digest[12..]);
        Self(bytes)
    }

    /// Its text with the checksum of EIP-55 in the case of its letters.
    #[must_use]
    pub fn checksummed(&self) -> String {
        let digits = hex::encode(self.0);
        let digest = hex::encode(keccak(&[digits.as_bytes()]));
        let cased = digits.chars().zip(digest.chars()).map(|(digit, high)| {
            if matches!(high, '8'..='9' | 'a'..='f') {
                digit.to_ascii_uppercase()
            } else {
                digit
            }
        });
        format!("0x{}", cased.collect::<String>())
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    /// Reads lower case, upper case, and EIP-55.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let digits = text.strip_prefix("0x").ok_or(NotAnAddress::Form)?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotAnAddress::Form)?;
        let address = Self(bytes);
        let has = |is: fn(&u8) -> bool| digits.bytes().any(|byte| is(&byte));
        let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        if is_mixed && address.checksummed() != text {
            return Err(NotAnAddress::Checksum);
        }
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_eip_55() {
        for text in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
            "0xde709f2102306220921060314715629080e2fb77",
            "0x27b1fdb04752bbc536007a920d24acb045561c26",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.checksummed(), text);
            assert_eq!(address.to_string(), text.to_lowercase());
            assert_eq!(text.to_lowercase().parse(), Ok(address));
        }
    }

    #[test]
    fn others_are_refused() {
        for (text, fault) in [
            ("", NotAnAddress::Form),
            (
                "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                NotAnAddress::Form,
            ),
            (
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe",
                NotAnAddress::Form,
            ),
            (
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
                NotAnAddress::Form,
            ),
            (
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
                NotAnAddress::Checksum,
            ),
        ] {
            assert_eq!(text.parse::<Address>(), Err(fault), "{text}");
        }
    }
}
