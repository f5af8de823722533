//! What Gramine's tools print of an enclave that they have signed.

use serde::Deserialize;
use sgx::{Digest, Kind, Mrenclave, Mrsigner};

use super::Manifest;
use crate::config::Place;
use crate::located::Located;

/// More than `gramine-sgx-sigstruct-view` ever prints.
const MAX_LENGTH: usize = 64 << 10;

/// What `gramine-sgx-sigstruct-view --output-format json` (or `toml`) prints. Its plain text is not
/// meant for programs and is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The measurement that Gramine's tools computed.
    pub mrenclave: Mrenclave,
    /// The signer.
    pub mrsigner: Mrsigner,
    /// ISVPRODID.
    pub product_id: u16,
    /// ISVSVN.
    pub security_version: u16,
    /// ATTRIBUTES.DEBUG.
    pub debug: bool,
}

/// The names of `gramine-sgx-sigstruct-view`. Those from `attribute_flags` on stand there with `-v` only.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Printed {
    mr_signer: String,
    mr_enclave: String,
    isv_prod_id: u16,
    isv_svn: u16,
    debug_enclave: bool,
    #[serde(rename = "attribute_flags")]
    _attribute_flags: Option<String>,
    #[serde(rename = "attribute_xfrms")]
    _attribute_xfrms: Option<String>,
    #[serde(rename = "misc_select")]
    _misc_select: Option<String>,
    #[serde(rename = "attribute_flags_mask")]
    _attribute_flags_mask: Option<String>,
    #[serde(rename = "attribute_xfrm_mask")]
    _attribute_xfrm_mask: Option<String>,
    #[serde(rename = "misc_mask")]
    _misc_mask: Option<String>,
    #[serde(rename = "date")]
    _date: Option<String>,
}

impl View {
    /// Reads what was printed, as JSON or TOML.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Located> {
        if text.len() > MAX_LENGTH {
            return Err(Located::text("it is too long"));
        }
        let printed = if text.trim_start().starts_with('{') {
            from_json(text)?
        } else {
            from_toml(text)?
        };
        let digest = |key: &str| Located::key(key, "a digest is 64 hex digits");
        Ok(Self {
            mrenclave: printed
                .mr_enclave
                .parse()
                .map_err(|_| digest("mr_enclave"))?,
            mrsigner: printed.mr_signer.parse().map_err(|_| digest("mr_signer"))?,
            product_id: printed.isv_prod_id,
            security_version: printed.isv_svn,
            debug: printed.debug_enclave,
        })
    }

    /// The measurement with its kind.
    #[must_use]
    pub fn measurement(&self) -> Digest {
        Digest::Mrenclave(Kind::Gramine, self.mrenclave)
    }

    /// The signer with its kind.
    #[must_use]
    pub fn signer(&self) -> Digest {
        Digest::Mrsigner(Kind::Gramine, self.mrsigner)
    }

    /// Checks that this can be the enclave of a manifest. That it *is* can't be seen here: the signature
    /// doesn't hold the manifest.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn fits(&self, manifest: &Manifest) -> Result<(), Located> {
        let sgx = &manifest.sgx;
        let differ = |key: &str, signed: String, wanted: String| {
            Err(Located::key(
                key,
                format!("the signature says {signed}, the manifest {wanted}"),
            ))
        };
        let (product, version) = (sgx.isvprodid.unwrap_or(0), sgx.isvsvn.unwrap_or(0));
        let debug = sgx.debug.unwrap_or(false);
        if self.product_id != product {
            return differ(
                "isv_prod_id",
                self.product_id.to_string(),
                product.to_string(),
            );
        }
        if self.security_version != version {
            let signed = self.security_version.to_string();
            return differ("isv_svn", signed, version.to_string());
        }
        if self.debug != debug {
            return differ("debug_enclave", self.debug.to_string(), debug.to_string());
        }
        Ok(())
    }
}

fn from_json(text: &str) -> Result<Printed, Located> {
    serde_json::from_str(text).map_err(|error| {
        let place = Place {
            line: error.line(),
            column: error.column(),
        };
        // serde_json says the place in its text too.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        Located::place(place, what)
    })
}

fn from_toml(text: &str) -> Result<Printed, Located> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        Located::place(Place::of(text, start), what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(enclave: &str) -> String {
        format!(
            "{{\n    \"mr_signer\": \"{}\",\n    \"mr_enclave\": \"{enclave}\",\n    \
             \"isv_prod_id\": 1,\n    \"isv_svn\": 2,\n    \"debug_enclave\": false\n}}\n",
            "cd".repeat(32)
        )
    }

    #[test]
    fn both_forms_are_read() {
        let view = View::parse(&json(&"ab".repeat(32))).unwrap();
        assert_eq!(
            view.measurement().to_string(),
            format!("gramine:mrenclave:{}", "ab".repeat(32))
        );
        let toml = format!(
            "mr_signer = \"{}\"\nmr_enclave = \"{}\"\nisv_prod_id = 1\nisv_svn = 2\n\
             attribute_flags = \"0x4\"\ndate = \"2024-2-29\"\ndebug_enclave = false\n",
            "cd".repeat(32),
            "ab".repeat(32)
        );
        assert_eq!(View::parse(&toml), Ok(view));
    }

    #[test]
    fn what_is_something_else_is_refused() {
        let plain = format!("Attributes:\n    mr_signer: {}\n", "cd".repeat(32));
        let good = json(&"ab".repeat(32));
        for text in [
            "",
            "{}",
            &plain,
            &json("ab"),
            &good.replace("isv_svn", "isv_svm"),
            &good.replace(": 1", ": 65536"),
            &" ".repeat(MAX_LENGTH + 1),
        ] {
            let error = View::parse(text).unwrap_err();
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn another_enclave_does_not_fit() {
        let view = View::parse(&json(&"ab".repeat(32))).unwrap();
        let mut manifest = Manifest::default();
        manifest.sgx.isvprodid = Some(1);
        manifest.sgx.isvsvn = Some(2);
        assert_eq!(view.fits(&manifest), Ok(()));
        manifest.sgx.debug = Some(true);
        assert_eq!(
            view.fits(&manifest).unwrap_err().to_string(),
            "`debug_enclave`: the signature says false, the manifest true"
        );
        manifest.sgx.isvsvn = None;
        assert!(view.fits(&manifest).is_err());
    }
}
