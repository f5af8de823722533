//! TCB info and identity of the quoting enclave, as the vendor writes them (Intel, PCS API, version 4).

use serde::Serialize;

use crate::error::Error;
use crate::pki::moment;
use crate::secs::Secs;
use crate::tcb::{Level, QeLevel};

/// What TCB info is to say.
pub(crate) struct TcbInfo<'a> {
    pub(crate) issued: u64,
    pub(crate) next: u64,
    /// Hex digits.
    pub(crate) fmspc: String,
    pub(crate) pce_id: [u8; 2],
    pub(crate) evaluation: u32,
    pub(crate) levels: &'a [Level],
}

/// What the identity is to say.
pub(crate) struct QeIdentity<'a> {
    pub(crate) issued: u64,
    pub(crate) next: u64,
    pub(crate) evaluation: u32,
    /// The quoting enclave that is the vendor's.
    pub(crate) enclave: Secs,
    pub(crate) levels: &'a [QeLevel],
}

impl TcbInfo<'_> {
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        let document = TcbInfoJson {
            id: "SGX",
            version: 3,
            issue_date: date(self.issued)?,
            next_update: date(self.next)?,
            fmspc: self.fmspc.clone(),
            pce_id: upper(&self.pce_id),
            tcb_type: 0,
            tcb_evaluation_data_number: self.evaluation,
            tcb_levels: self.levels.iter().map(level).collect::<Result<_, _>>()?,
        };
        json("TCB info", &document)
    }
}

impl QeIdentity<'_> {
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        let document = QeIdentityJson {
            id: "QE",
            version: 2,
            issue_date: date(self.issued)?,
            next_update: date(self.next)?,
            tcb_evaluation_data_number: self.evaluation,
            miscselect: upper(&self.enclave.miscselect.0.to_le_bytes()),
            miscselect_mask: upper(&[0xff; 4]),
            attributes: upper(&(self.enclave.attributes & ATTRIBUTES_MASK).to_bytes()),
            attributes_mask: upper(&ATTRIBUTES_MASK.to_bytes()),
            mrsigner: upper(&self.enclave.mrsigner.0),
            isvprodid: self.enclave.isv_prod_id,
            tcb_levels: self
                .levels
                .iter()
                .map(|level| {
                    Ok(LevelJson {
                        tcb: QeTcbJson {
                            isvsvn: level.isv_svn,
                        },
                        tcb_date: date(level.date)?,
                        tcb_status: level.status.word(),
                        advisory_ids: level.advisories.clone(),
                    })
                })
                .collect::<Result<_, Error>>()?,
        };
        json("the quoting enclave's identity", &document)
    }
}

/// Which of a quoting enclave's attributes count: all flags but MODE64BIT, as Intel has it.
const ATTRIBUTES_MASK: sgx::Attributes = sgx::Attributes {
    flags: !sgx::flags::MODE64BIT,
    xfrm: 0,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TcbInfoJson {
    id: &'static str,
    version: u8,
    issue_date: String,
    next_update: String,
    fmspc: String,
    pce_id: String,
    tcb_type: u8,
    tcb_evaluation_data_number: u32,
    tcb_levels: Vec<LevelJson<TcbJson>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QeIdentityJson {
    id: &'static str,
    version: u8,
    issue_date: String,
    next_update: String,
    tcb_evaluation_data_number: u32,
    miscselect: String,
    miscselect_mask: String,
    attributes: String,
    attributes_mask: String,
    mrsigner: String,
    isvprodid: u16,
    tcb_levels: Vec<LevelJson<QeTcbJson>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LevelJson<T> {
    tcb: T,
    tcb_date: String,
    tcb_status: &'static str,
    #[serde(rename = "advisoryIDs", skip_serializing_if = "Vec::is_empty")]
    advisory_ids: Vec<String>,
}

#[derive(Serialize)]
struct TcbJson {
    sgxtcbcomponents: Vec<ComponentJson>,
    pcesvn: u16,
}

#[derive(Serialize)]
struct ComponentJson {
    svn: u8,
}

#[derive(Serialize)]
struct QeTcbJson {
    isvsvn: u16,
}

fn level(level: &Level) -> Result<LevelJson<TcbJson>, Error> {
    Ok(LevelJson {
        tcb: TcbJson {
            sgxtcbcomponents: level
                .tcb
                .components
                .iter()
                .map(|svn| ComponentJson { svn: *svn })
                .collect(),
            pcesvn: level.tcb.pcesvn,
        },
        tcb_date: date(level.date)?,
        tcb_status: level.status.word(),
        advisory_ids: level.advisories.clone(),
    })
}

/// As in `2025-06-19T10:56:11Z`.
fn date(seconds: u64) -> Result<String, Error> {
    let moment = moment(seconds)?;
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    let month = u8::from(month);
    Ok(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

pub(crate) fn upper(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

fn json(what: &'static str, document: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(document).map_err(|why| Error::Encoding {
        what,
        why: why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{QeIdentity, TcbInfo, date, upper};
    use crate::quoting;
    use crate::settings::Settings;

    const ISSUED: u64 = 1_751_328_000;
    const NEXT: u64 = 1_753_920_000;

    #[test]
    fn documents_are_in_intels_form() {
        let settings = Settings::new(ISSUED);
        let tcb_info = TcbInfo {
            issued: ISSUED,
            next: NEXT,
            fmspc: upper(&settings.fmspc),
            pce_id: settings.pce_id,
            evaluation: settings.evaluation,
            levels: &settings.levels,
        };
        insta::assert_snapshot!("tcb_info", tcb_info.to_json().expect("a document"));
        let qe_identity = QeIdentity {
            issued: ISSUED,
            next: NEXT,
            evaluation: settings.evaluation,
            enclave: quoting::enclave(settings.qe_svn),
            levels: &settings.qe_levels,
        };
        insta::assert_snapshot!("qe_identity", qe_identity.to_json().expect("a document"));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_750_330_571, "2025-06-19T10:56:11Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(seconds).expect("a date"), text);
        }
        assert!(date(253_402_300_800).is_err());
        assert!(date(u64::MAX).is_err());
    }
}
