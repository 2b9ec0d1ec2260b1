//! Slips in a name, as they are made at a keyboard.

use std::collections::BTreeSet;

/// The name with a letter left out, typed twice, replaced, swapped with the next one, `-` and `_` in each other's place or left
/// out, and as a plural.
pub(crate) fn slips(name: &str) -> BTreeSet<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut slips = BTreeSet::from([
        name.replace('-', "_"),
        name.replace('_', "-"),
        name.replace(['-', '_'], ""),
        format!("{name}s"),
    ]);
    for (at, &letter) in letters.iter().enumerate() {
        let mut changed = letters.clone();
        changed.remove(at);
        slips.insert(changed.iter().collect());
        let mut changed = letters.clone();
        changed.insert(at, letter);
        slips.insert(changed.iter().collect());
        let mut changed = letters.clone();
        changed[at] = if letter == 'x' { 'z' } else { 'x' };
        slips.insert(changed.iter().collect());
        if at + 1 < letters.len() {
            let mut changed = letters.clone();
            changed.swap(at, at + 1);
            slips.insert(changed.iter().collect());
        }
    }
    slips.retain(|slip| slip != name && !slip.is_empty() && !slip.starts_with('-'));
    slips
}
