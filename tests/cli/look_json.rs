//! `show` and `explain` as documents: they add up, and they hold what the texts hold.

use serde_json::Value;

use super::look::home;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn sum<'v>(values: impl Iterator<Item = &'v Value>) -> u64 {
    values
        .map(|value| value.as_u64().expect("microseconds"))
        .sum()
}

#[test]
fn the_document_of_a_stall_adds_up_and_says_what_the_text_says() {
    let home = home();
    for (group, more) in [
        ("checkout", vec!["--worst"]),
        ("audit", vec!["--at", "72s"]),
    ] {
        let args = [&["explain", "RESULTS", "--group", group][..], &more].concat();
        let text = home.run(&args);
        let ran = home.run(&[&args[..], &["--format", "json"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let document = json(&ran.out);
        assert_eq!(document["schema"], "rebsim/explain/1");
        assert_eq!(
            (&document["scenario"], &document["seed"]),
            (&"look".into(), &3.into())
        );
        let stall = &document["stall"];
        assert_eq!(stall["group"], group);
        let down = stall["down_us"].as_u64().expect("a length");
        let head = format!(
            "{} was down {}.{:06} s,",
            stall["partition"].as_str().expect("a name"),
            down / 1_000_000,
            down % 1_000_000
        );
        assert!(text.out.starts_with(&head), "{head}: {}", text.out);

        let parts = stall["parts"].as_array().expect("a list");
        assert!(parts.len() > 3, "{stall:#}");
        assert_eq!(sum(parts.iter().map(|part| &part["us"])), down);
        let causes = stall["causes"].as_object().expect("a map");
        assert_eq!(sum(causes.values()), down);
        let mut at = stall["from_us"].clone();
        let events = stall["events"].as_array().expect("a list");
        for part in parts {
            assert_eq!(part["from_us"], at, "without a gap: {part:#}");
            at = part["to_us"].clone();
            assert!(causes.contains_key(part["cause"].as_str().expect("a word")));
            let words = part["words"].as_str().expect("words");
            assert!(text.out.contains(words), "{words}: {}", text.out);
            let began = part["began"].as_u64().expect("an event") as usize;
            assert_eq!(events[began]["t_us"], part["from_us"], "{part:#}");
            if let Some(key) = part["setting"]["key"].as_str() {
                let setting = format!("{key}={}", part["setting"]["value"]);
                assert!(text.out.contains(&setting), "{setting}: {}", text.out);
            }
        }
        assert_eq!(at, stall["to_us"]);
        let ended = stall["ended"].as_u64().expect("it came to an end") as usize;
        assert_eq!(events[ended]["t_us"], stall["to_us"]);
        let action = events.iter().find(|event| event["event"] == "action");
        let action = action.expect("the script began it");
        let place = action["place"].as_str().expect("a line");
        let pointer = action["pointer"].as_str().expect("a pointer");
        let told = format!("{place} ({pointer})");
        assert!(text.out.contains(&told), "{told}: {}", text.out);
    }
}

#[test]
fn a_document_says_so_when_nothing_was_down() {
    let home = home();
    let ran = home.run(&["explain", "RESULTS", "--at", "20s", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(json(&ran.out)["stall"].is_null());
    let args = [
        "explain",
        "RESULTS",
        "--at",
        "20s",
        "--group",
        "checkout",
        "--partition",
        "orders-0",
        "--format",
        "json",
    ];
    let document = json(&home.run(&args).out);
    assert!(document["stall"].is_null());
    let served = &document["served"];
    assert_eq!(served["partition"], "orders-0");
    assert_eq!(served["member"], "checkout/checkout-0");
    let stalls = served["stalls"].as_array().expect("a list");
    assert!(!stalls.is_empty());
    for stall in stalls {
        let number = |key: &str| stall[key].as_u64().expect("microseconds");
        assert_eq!(number("to_us") - number("from_us"), number("down_us"));
    }
    let codes = json(&home.run(&["explain", "--list", "--format", "json"]).out);
    let codes = codes["codes"].as_array().expect("a list");
    let lines = home.run(&["explain", "--list"]).out.lines().count();
    assert_eq!(codes.len(), lines);
    let one = json(&home.run(&["explain", "e0103", "--format", "json"]).out);
    assert_eq!(one["schema"], "rebsim/codes/1");
    assert!(codes.contains(&one["codes"][0]), "{one:#}");
}

#[test]
fn the_document_of_the_groups_has_what_the_tables_have() {
    let home = home();
    for at in ["20s", "38500ms", "60s"] {
        let ran = home.run(&["show", "RESULTS", "--at", at, "--format", "json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let document = json(&ran.out);
        assert_eq!(document["schema"], "rebsim/show/1");
        let groups = document["groups"].as_array().expect("a list");
        let names: Vec<&Value> = groups.iter().map(|group| &group["group"]).collect();
        assert_eq!(names, ["audit", "checkout"]);
        for group in groups {
            let name = group["group"].as_str().expect("a name");
            let table = |option: &str| {
                let mut args = vec!["show", "RESULTS", "--at", at, "--group", name];
                args.extend([option].iter().filter(|option| !option.is_empty()));
                let out = home.run(&args).out;
                let rows = out.lines().skip(2);
                rows.map(|row| row.split_whitespace().map(str::to_owned).collect())
                    .collect::<Vec<Vec<String>>>()
            };
            let list = |key: &str| group[key].as_array().expect("a list").clone();
            let word = |value: &Value| value.as_str().map_or("-".to_owned(), str::to_owned);
            let state = &table("--state")[0];
            assert_eq!(state[state.len() - 2], word(&group["state"]));
            assert_eq!(state[3], word(&group["assignor"]));
            let members: Vec<[String; 2]> = list("members")
                .iter()
                .map(|one| [word(&one["consumer_id"]), word(&one["client_id"])])
                .collect();
            let there = table("--members");
            let there: Vec<[String; 2]> = there
                .iter()
                .map(|row| [row[1].clone(), row[3].clone()])
                .collect();
            assert_eq!(members, there, "{at} {name}");
            let number = |value: &Value| value.as_u64().map_or("-".to_owned(), |n| n.to_string());
            let mut partitions: Vec<[String; 5]> = list("partitions")
                .iter()
                .map(|one| {
                    [
                        number(&one["partition"]),
                        number(&one["current_offset"]),
                        number(&one["log_end_offset"]),
                        number(&one["lag"]),
                        word(&one["consumer_id"]),
                    ]
                })
                .collect();
            let mut there: Vec<[String; 5]> = table("")
                .iter()
                .map(|row| [2, 3, 4, 5, 6].map(|column| row[column].clone()))
                .collect();
            partitions.sort();
            there.sort();
            assert_eq!(partitions, there, "{at} {name}");
        }
    }
    for table in ["--members", "--state"] {
        let ran = home.run(&["show", "RESULTS", table, "--format", "json"]);
        assert_eq!((ran.code, &*ran.out), (2, ""));
        assert!(ran.err.contains("choose a table"), "{}", ran.err);
    }
}
