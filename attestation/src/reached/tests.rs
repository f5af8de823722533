use sgx::TdMeasurement;
use sgx::quote::TdReport15;

use super::*;
use crate::tcb_info::tests::tdx;

/// Of a module whose TEE_TCB_SVN begins so.
fn report(launched: [u8; 3], current: Option<[u8; 3]>) -> Body {
    let svn = |first: [u8; 3]| {
        let mut svn = [0; 16];
        svn[..3].copy_from_slice(&first);
        svn
    };
    let mut report = TdReport::parse_1_0(&[0; TdReport::SIZE_1_0]);
    report.tee_tcb_svn = svn(launched);
    report.tdx15 = current.map(|current| TdReport15 {
        tee_tcb_svn2: svn(current),
        mr_service_td: TdMeasurement([0; 48]),
    });
    Body::Tdx(report)
}

fn status(launched: [u8; 3], current: Option<[u8; 3]>) -> Result<Status, Error> {
    let certified = pck::Tcb {
        components: [3; 16],
        pcesvn: 11,
        cpusvn: [0; 16],
    };
    Reached::of(&report(launched, current), &certified, &tdx()).map(|reached| reached.status())
}

#[test]
fn a_domain_is_as_good_as_its_platform_and_module() {
    assert_eq!(status([5, 3, 2], None), Ok(Status::UpToDate));
    assert_eq!(status([4, 3, 2], None), Ok(Status::OutOfDate));
    assert_eq!(
        status([4, 3, 4], None),
        Ok(Status::OutOfDateConfigurationNeeded)
    );
    assert_eq!(status([2, 3, 2], None), Ok(Status::Revoked));
    assert_eq!(status([5, 2, 2], None), Err(Error::NoModule(2)));
}

#[test]
fn a_domain_that_outlived_an_update_should_start_again() {
    assert_eq!(status([5, 3, 2], Some([5, 3, 2])), Ok(Status::UpToDate));
    assert_eq!(
        status([4, 3, 2], Some([5, 3, 2])),
        Ok(Status::TdRelaunchAdvised)
    );
    assert_eq!(
        status([4, 3, 2], Some([5, 3, 4])),
        Ok(Status::TdRelaunchAdvisedConfigurationNeeded)
    );
    // What has become worse, is worse.
    assert_eq!(status([5, 3, 2], Some([4, 3, 2])), Ok(Status::OutOfDate));
    assert_eq!(status([5, 3, 2], Some([2, 3, 2])), Ok(Status::Revoked));
    assert!(status([5, 3, 2], Some([1, 3, 2])).is_err());
}

#[test]
fn advisories_and_levels_of_all_parts_are_told() {
    let certified = pck::Tcb {
        components: [3; 16],
        pcesvn: 11,
        cpusvn: [0; 16],
    };
    let body = report([4, 3, 2], Some([5, 3, 2]));
    let reached = Reached::of(&body, &certified, &tdx()).unwrap();
    assert_eq!(reached.levels().count(), 4);
    assert_eq!(crate::tcb::advisories(reached.levels()), ["A-4", "A-5"]);
}
