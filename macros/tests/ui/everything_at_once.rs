use workload::workload;

#[workload("All_At_Once", time = "0s", files, files)]
pub async unsafe fn all<T>(&self, text: &str, value: T) {}

fn main() {
    // The function itself is there all the same: no error is about this.
    let _ = all::<u8>;
}
