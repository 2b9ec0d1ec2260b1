//! How a name is mistyped.

use std::collections::BTreeSet;

/// Names that are one slip away: a letter left out, typed twice or swapped with the next one, `-` for `_`, no `_` at
/// all, a plural, a singular.
pub(super) fn slips(name: &str) -> BTreeSet<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut slips = BTreeSet::new();
    for at in 0..letters.len() {
        let mut missing = letters.clone();
        let letter = missing.remove(at);
        slips.insert(missing.iter().collect());
        let mut doubled = letters.clone();
        doubled.insert(at, letter);
        slips.insert(doubled.into_iter().collect());
        let mut swapped = letters.clone();
        if at + 1 < swapped.len() {
            swapped.swap(at, at + 1);
            slips.insert(swapped.into_iter().collect());
        }
    }
    slips.insert(name.replace('_', "-"));
    slips.insert(name.replace('_', ""));
    slips.insert(format!("{name}s"));
    slips.remove(name);
    slips
}
