use workload::workload;

#[workload("structure")]
pub struct Structure;

#[workload("module")]
pub mod module {}

fn main() {}
