use workload::workload;

#[workload("greet")]
pub fn greet(name: &str, bytes: &[u8], number: &u64, other: impl ToString) -> String {
    format!("{name}{bytes:?}{number}{}", other.to_string())
}

fn main() {}
