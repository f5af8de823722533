use workload::workload;

#[workload("sum")]
pub fn sum((one, other): (u64, u64), _: u64) -> String {
    (one + other).to_string()
}

fn main() {}
