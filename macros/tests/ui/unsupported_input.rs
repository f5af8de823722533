use workload::workload;

#[workload("total")]
pub fn total(numbers: Vec<u64>) -> String {
    numbers.iter().sum::<u64>().to_string()
}

#[workload("pair")]
pub fn pair(one: u64, other: std::time::Duration) -> String {
    format!("{one} {other:?}")
}

fn main() {}
