//! `{{name}}` -> its text, once: what is filled in is not looked at again.

/// Fills a template; unknown names stay as they are.
pub(crate) fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let mut out =
        String::with_capacity(template.len() + parts.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        let known = behind
            .split_once("}}")
            .and_then(|(name, after)| Some((parts.iter().find(|(known, _)| *known == name)?.1, after)));
        rest = match known {
            Some((text, after)) => {
                out.push_str(text);
                after
            }
            None => {
                out.push_str("{{");
                behind
            }
        };
    }
    out.push_str(rest);
    out
}

/// Text for an element of HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let parts = [("a", "{{b}}"), ("b", "B")];
        assert_eq!(fill("{{a}} {{b}} {{c}} {{ {{b", &parts), "{{b}} B {{c}} {{ {{b");
    }
}
