use workload::workload;

struct Greeter;

impl Greeter {
    #[workload("greet")]
    pub fn greet(&self, name: String) -> String {
        name
    }
}

fn main() {}
