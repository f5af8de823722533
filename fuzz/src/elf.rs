//! Programs for an enclave.

use sconify::config::Config;
use sconify::elf::{Program, program_length};
use sconify::layout::Layout;
use sconify::stream;

/// Small, so that a fuzzer gets over it.
const CONFIG: &str = "name = \"sample\"\nproduct_id = 1\nsecurity_version = 1\n\
    heap = { size = \"4 KiB\" }\nthreads = { count = 1, stack = \"4 KiB\" }\n";

/// Pages up to which a program is measured: a file of a few bytes may ask for a gigabyte of zeros.
const PAGES: u64 = 256;

/// The bytes are a file.
pub fn run(data: &[u8]) {
    let Ok(program) = Program::parse(data.to_vec()) else {
        return;
    };
    // Names may be damaged: they're not measured.
    let symbols = program.symbols();
    let section = program.section(".sconce.workloads");
    if let Ok(Some((address, bytes))) = section {
        assert_eq!(program.bytes(address, bytes.len() as u64), Some(bytes));
    }
    if let Ok(symbols) = symbols {
        assert!(symbols.all().iter().all(|one| one.end() <= program.end()));
    }
    check_pages(&program);
    if program.end() > PAGES * 4096 {
        return;
    }

    // What is rebuilt is a program, and the same.
    let file = rebuilt(&program);
    assert_eq!(file.len() as u64, program.rebuilt_length());
    let again = Program::parse(file.clone()).expect("what is rebuilt is a program");
    assert_eq!(rebuilt(&again), file);
    assert_eq!(again.pages(), program.pages());
    let first = file.first_chunk().expect("there is a page");
    assert_eq!(
        program_length(first, file.len() as u64),
        Ok(file.len() as u64)
    );

    let config = Config::parse(CONFIG).expect("a configuration");
    if let Ok(layout) = Layout::plan(&config, &program, None) {
        let mut length = 0;
        let written = stream::write(&layout, &program, |piece| {
            length += piece.len() as u64;
            Ok(())
        });
        let measurement = written.expect("a layout has a stream");
        assert_eq!(length, layout.stream_length());
        assert_eq!(length, measurement.bytes);
    }
}

/// Runs of pages ascend, and none is writable and executable.
fn check_pages(program: &Program) {
    let mut end = 0;
    for run in program.pages() {
        assert!(run.offset >= end && run.length > 0);
        assert!(run.offset % 4096 == 0 && run.length % 4096 == 0);
        assert!(!["-wx", "rwx"].contains(&run.permissions.to_string().as_str()));
        end = run.offset + run.length;
    }
    assert_eq!(program.end(), end);
    assert!(program.entry() < end);
}

fn rebuilt(program: &Program) -> Vec<u8> {
    let mut file = Vec::new();
    program.write_rebuilt(&mut file).expect("memory");
    file
}
