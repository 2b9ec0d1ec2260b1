//! Groups and fleets by numbers: what is found, what is not, and how often nothing was wrong.
//!
//! ```text
//! cargo bench --bench fleet -- sick      one sick host among fifty, shared season and shocks; noise=ar, runs=20
//! cargo bench --bench fleet -- bound     how many sick hosts any rule could find; hosts=50, samples=20000
//! cargo bench --bench fleet -- rate      false alarms of groups against their budget; groups=20, weeks=8, hosts=50
//! cargo bench --bench fleet -- budget    incidents of fleets against one budget for all series
//! cargo bench --bench fleet -- deploy    a fifth of 1000 series shifts at once
//! cargo bench --bench fleet -- cost      a record of a member, through the detector
//! ```

#![allow(clippy::unwrap_used, reason = "a bench that cannot run fails")]

mod bound;
mod budget;
mod group;
mod hosts;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |name: &str, usual: u32| {
        let given = arguments.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        given.map_or(usual, |text| text.parse().unwrap())
    };
    match arguments.first().map(String::as_str) {
        Some("sick") => {
            let only = arguments.iter().find_map(|word| word.strip_prefix("noise="));
            group::sick(number("runs", 100), only);
        }
        Some("bound") => {
            bound::print(number("hosts", group::HOSTS as u32) as usize, number("samples", 20_000));
        }
        Some("rate") => group::rate(
            number("groups", 20),
            number("weeks", 8),
            number("hosts", group::HOSTS as u32) as usize,
        ),
        Some("budget") => budget::rate(number("weeks", 4)),
        Some("deploy") => budget::deploy(number("series", 1000), i64::from(number("days", 5))),
        Some("cost") => group::cost(),
        _ => println!("say one of: sick, bound, rate, budget, deploy, cost"),
    }
}
