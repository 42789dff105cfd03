//! "Did you mean …?" (fact sheet 1.5).

/// A longer name is not compared: the comparison takes the product of the lengths.
const LONGEST: usize = 64;

/// At most so many names are suggested.
const MOST: usize = 5;

/// The question with the names among `options` that resemble `name`; empty when none does.
pub(super) fn did_you_mean<'a>(name: &str, options: impl Iterator<Item = &'a str>) -> String {
    if name.len() > LONGEST {
        return String::new();
    }
    let threshold = name.len() * 2 / 5 + 1;
    let mut near: Vec<(usize, &str)> =
        options.map(|option| (distance(name, option), option)).filter(|(distance, _)| *distance <= threshold).collect();
    near.sort_by_key(|(distance, _)| *distance);
    let names: Vec<String> = near.iter().take(MOST).map(|(_, option)| format!("\"{option}\"")).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => format!(" Did you mean {only}?"),
        [first, second] => format!(" Did you mean {first} or {second}?"),
        [others @ .., last] => format!(" Did you mean {}, or {last}?", others.join(", ")),
    }
}

/// Upper and lower case differ by one.
fn distance(name: &str, option: &str) -> usize {
    if name.eq_ignore_ascii_case(option) {
        return usize::from(name != option);
    }
    strsim::osa_distance(&name.to_ascii_lowercase(), &option.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_resemble_are_suggested_the_nearest_first() {
        let ask = |name| did_you_mean(name, ["firstname", "lastname", "email"].into_iter());
        assert_eq!(ask("firstnam"), r#" Did you mean "firstname" or "lastname"?"#);
        assert_eq!(ask("emial"), r#" Did you mean "email"?"#);
        assert_eq!(ask("zzzz"), "");
        assert_eq!(ask(&"e".repeat(1000)), "");
    }
}
