//! Java's hashes and iteration orders.

use std::fs;
use std::path::Path;

use rebsim::assignor::java::{
    JavaHashMap, JavaKey, JavaString, compare_strings, string_hash, topic_partition_hash,
};
use rebsim::assignor::{MemberId, TopicUuid};
use serde_json::Value;

fn set_order<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let set: JavaHashMap<JavaString<'a>, ()> =
        names.iter().map(|&name| (JavaString(name), ())).collect();
    set.keys().map(|key| key.0).collect()
}

#[test]
fn string_hashes() {
    assert_eq!(string_hash("consumer-1") as u32, 4_128_728_090);
    assert_eq!(string_hash("orders") as u32, 3_286_196_965);
    assert_eq!(string_hash(""), 0);
    // over UTF-16: "\u{1F600}" is the pair D83D DE00
    assert_eq!(string_hash("\u{1F600}"), 0xD83D * 31 + 0xDE00);
    assert_eq!(MemberId::new("orders").hash_code(), string_hash("orders"));
}

#[test]
fn strings_compare_by_utf_16_units() {
    // U+1F600 begins with D83D, below U+FFEE
    assert!(compare_strings("\u{1F600}", "\u{FFEE}").is_lt());
    assert!("\u{1F600}" > "\u{FFEE}");
    assert!(compare_strings("a", "ab").is_lt());
}

#[test]
fn uuid_and_topic_partition_hashes() {
    let id = TopicUuid {
        most_significant: 0x0123_4567_89AB_CDEF,
        least_significant: 0xFEDC_BA98_7654_3210,
    };
    // all ones: the halves cancel
    assert_eq!(id.hash_code(), 0);
    let one = TopicUuid {
        most_significant: 1,
        least_significant: 1 << 35,
    };
    assert_eq!(one.hash_code(), 1 ^ 8);
    // as signed numbers
    let negative = TopicUuid {
        most_significant: u64::MAX,
        least_significant: 0,
    };
    assert!(negative.compare_to(&one).is_lt());
    assert_eq!(
        topic_partition_hash("orders", 3),
        (31 * 34_i32).wrapping_add(string_hash("orders"))
    );
    assert_eq!((-7_i32).hash_code(), -7);
}

#[test]
fn uuids_read_and_write_as_kafka_does() {
    let text = "Vo6aOuWXHgjt_hgM0WTJ5A";
    let id: TopicUuid = text.parse().expect("a Uuid of Kafka's");
    assert_eq!(id.most_significant, 0x568e_9a3a_e597_1e08);
    assert_eq!(id.least_significant, 0xedfe_180c_d164_c9e4);
    assert_eq!(id.to_string(), text);
    for bad in [
        "",
        "Vo6aOuWXHgjt_hgM0WTJ5",
        "Vo6aOuWXHgjt+hgM0WTJ5A",
        "Vo6aOuWXHgjt_hgM0WTJ5B",
    ] {
        assert!(bad.parse::<TopicUuid>().is_err(), "{bad}");
    }
}

#[test]
fn set_of_single_letters() {
    assert_eq!(set_order(&["A", "B", "C", "D"]), ["A", "B", "C", "D"]);
}

#[test]
fn set_of_short_member_ids() {
    assert_eq!(
        set_order(&["m1", "m2", "m10", "m20"]),
        ["m1", "m2", "m20", "m10"]
    );
}

#[test]
fn set_of_consumers() {
    assert_eq!(
        set_order(&[
            "consumer-1",
            "consumer-2",
            "consumer-3",
            "consumer-10",
            "consumer-11"
        ]),
        [
            "consumer-11",
            "consumer-10",
            "consumer-3",
            "consumer-2",
            "consumer-1"
        ]
    );
}

#[test]
fn set_of_twelve() {
    let names: Vec<String> = (1..=12).map(|number| format!("c-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(
        set_order(&names),
        [
            "c-10", "c-1", "c-12", "c-11", "c-3", "c-2", "c-5", "c-4", "c-7", "c-6", "c-9", "c-8"
        ]
    );
}

#[test]
fn set_of_integers() {
    let set: JavaHashMap<i32, ()> = [16, 0, 17, 3, 1]
        .map(|number| (number, ()))
        .into_iter()
        .collect();
    let order: Vec<i32> = set.keys().copied().collect();
    assert_eq!(order, [16, 0, 17, 1, 3]);
}

#[test]
fn set_of_assignor_names() {
    assert_eq!(
        set_order(&["range", "roundrobin", "sticky", "cooperative-sticky"]),
        ["sticky", "range", "roundrobin", "cooperative-sticky"]
    );
}

#[test]
fn places_stay_and_values_change() {
    let mut map: JavaHashMap<i32, &str> = JavaHashMap::new();
    for key in 0..100 {
        assert_eq!(map.insert(key, "old"), None);
    }
    let place = map.place(&50).expect("it was put");
    for key in 100..1000 {
        map.insert(key, "later");
    }
    *map.at_mut(place) = "new";
    assert_eq!(map.get(&50), Some(&"new"));
    assert_eq!(map.remove(&50), Some("new"));
    assert_eq!(map.place(&50), None);
    assert_eq!(map.len(), 999);
    map.clear();
    assert!(map.is_empty() && map.keys().next().is_none());
}

/// Keys of the recorded maps: integers or strings.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Integer(i32),
    Text(String),
}

impl JavaKey for Key {
    fn hash_code(&self) -> i32 {
        match self {
            Self::Integer(number) => number.hash_code(),
            Self::Text(text) => string_hash(text),
        }
    }

    fn compare_to(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.compare_to(b),
            (Self::Text(a), Self::Text(b)) => compare_strings(a, b),
            (Self::Integer(_), Self::Text(_)) | (Self::Text(_), Self::Integer(_)) => {
                panic!("one map holds keys of one class")
            }
        }
    }
}

fn keys(value: &Value) -> Vec<Key> {
    let list = value.as_array().expect("a list of keys");
    list.iter().map(key).collect()
}

fn key(value: &Value) -> Key {
    match value.as_str() {
        Some(text) => Key::Text(text.to_owned()),
        None => Key::Integer(value.as_i64().expect("an integer") as i32),
    }
}

/// What OpenJDK 17 made of random puts, removals and `computeIfAbsent`s on keys that collide, tree bins included; and
/// the order of `new HashMap<>(map)`.
#[test]
fn recorded_maps() {
    let path = std::env::var_os("REBSIM_GOLDEN_HASHMAPS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/java/hashmap.jsonl"),
        Into::into,
    );
    let text = fs::read_to_string(path).expect("the recording is there");
    assert!(!text.is_empty());
    for (number, line) in text.lines().enumerate() {
        let recorded: Value = serde_json::from_str(line).expect("JSON");
        let mut map = match recorded["capacity"].as_u64() {
            Some(capacity) => JavaHashMap::with_capacity(capacity as usize),
            None => JavaHashMap::new(),
        };
        for operation in recorded["ops"].as_array().expect("a list") {
            let key = key(&operation[1]);
            match operation[0].as_str() {
                Some("put") => drop(map.insert(key, ())),
                Some("remove") => drop(map.remove(&key)),
                Some("computeIfAbsent") => *map.compute_if_absent(key, || ()),
                other => panic!("unknown operation {other:?}"),
            }
        }
        let order: Vec<Key> = map.keys().cloned().collect();
        assert_eq!(order, keys(&recorded["order"]), "map {}", number + 1);
        let copy = JavaHashMap::copy_of_map(order.into_iter().map(|key| (key, ())));
        let order: Vec<Key> = copy.keys().cloned().collect();
        assert_eq!(order, keys(&recorded["copy"]), "copy of map {}", number + 1);
    }
}
