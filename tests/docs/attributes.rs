//! Attributes that only measurements explain say in a word which ones.

use crate::sources::{files, read};

#[test]
fn each_attribute_on_inlining_says_whether_it_is_for_the_stack_or_for_speed() {
    let mut silent = Vec::new();
    let mut count = 0;
    for path in ["src", "wasm", "output-dd/src"].iter().flat_map(|folder| files(folder, "rs")) {
        for (n, line) in read(&path).lines().enumerate() {
            let Some((_, behind)) =
                line.split_once("inline(never)").or_else(|| line.split_once("inline(always)"))
            else {
                continue;
            };
            if line.trim_start().starts_with("//") {
                continue;
            }
            count += 1;
            if !behind.contains("// stack") && !behind.contains("// speed") {
                silent.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    assert!(count > 50, "{count} attributes read");
    assert!(
        silent.is_empty(),
        "these have neither `// stack` nor `// speed` behind them:\n{}",
        silent.join("\n")
    );
}
