use workload::{Context, workload};

#[workload("who")]
pub fn who(name: String, context: &Context<'_>) -> String {
    format!("{name} {}", context.requester_id())
}

fn main() {}
