//! Names of pods: a StatefulSet's pods keep theirs, a Deployment's get new ones.

use super::pod::PodUid;

/// Letters that make no words (`k8s.io/apimachinery/pkg/util/rand`).
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Letters at the end of a generated name.
const SUFFIX: usize = 5;

/// `<statefulset>-<ordinal>`
#[must_use]
pub fn of_statefulset(set: &str, ordinal: u32) -> String {
    format!("{set}-{ordinal}")
}

/// `<deployment>-<hash of the template>-<5 letters>`: the hash tells templates apart, the letters come of the uid.
#[must_use]
pub fn of_deployment(deployment: &str, template: u32, uid: PodUid) -> String {
    let hash = fnv(format!("{deployment}/{template}").as_bytes());
    let hash: String = hash
        .to_string()
        .bytes()
        .map(|digit| letter(digit.into()))
        .collect();
    let mut rest = uid.0;
    let mut suffix = String::with_capacity(SUFFIX);
    for _ in 0..SUFFIX {
        suffix.push(letter(rest));
        rest /= LETTERS.len() as u64;
    }
    format!("{deployment}-{hash}-{suffix}")
}

fn letter(number: u64) -> char {
    let place = number % LETTERS.len() as u64;
    char::from(LETTERS[usize::try_from(place).unwrap_or(0)])
}

/// FNV-1a of 32 bits.
fn fnv(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    bytes.iter().fold(2_166_136_261, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_of_kubernetes() {
        assert_eq!(of_statefulset("checkout", 3), "checkout-3");
        let name = |template, uid| of_deployment("checkout", template, PodUid(uid));
        let parts: Vec<String> = name(0, 77).split('-').map(str::to_owned).collect();
        assert_eq!((parts[0].as_str(), parts[2].len()), ("checkout", SUFFIX));
        let hash = |name: String| name.split('-').nth(1).map(str::to_owned);
        assert_eq!(hash(name(0, 1)), hash(name(0, 2)));
        assert_ne!(hash(name(0, 1)), hash(name(1, 1)));
        assert_ne!(name(0, 1), name(0, 2));
    }
}
