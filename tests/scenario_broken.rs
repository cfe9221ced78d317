//! Broken scenarios: each is refused with the expected findings, all of them, at the expected places.
//!
//! Beside `tests/broken/NAME.yaml` lies `NAME.expect`: options of the command line (`--set …`), then one line for each
//! finding, `CODE LINE:COLUMN TOKEN`. Findings in another file carry its name before the line. Where `NAME.json` lies
//! there too, it must give the same codes at the same tokens.

#[path = "scenario_broken/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rebsim::scenario::code::Code;
use rebsim::scenario::diagnostic::Severity;
use rebsim::scenario::{LoadError, Loader, Overrides, Rejected, load, render};

struct Folder;

impl Loader for Folder {
    fn read(&mut self, path: &str) -> Result<String, LoadError> {
        if path.ends_with("locked.yaml") {
            return Err(LoadError::Unreadable("permission denied".to_owned()));
        }
        fs::read_to_string(path).map_err(|_| LoadError::NotFound)
    }
}

/// What `NAME.expect` says.
struct Case {
    name: String,
    overrides: Overrides,
    findings: Vec<String>,
}

fn folder() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken").to_owned()
}

fn cases() -> Vec<Case> {
    let entries = fs::read_dir(folder()).expect("the folder of broken scenarios is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be listed").file_name())
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".yaml")?.to_owned()))
        .collect();
    names.sort();
    names.into_iter().map(case).collect()
}

fn case(name: String) -> Case {
    let path = format!("{}/{name}.expect", folder());
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} is missing"));
    let mut overrides = Overrides::default();
    let mut findings = Vec::new();
    for line in text.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("--set", value) => overrides.set.push(value.to_owned()),
            ("--config", value) => overrides.config.push(value.to_owned()),
            ("--variant", value) => overrides.variants.push(value.to_owned()),
            ("--strict", _) => overrides.strict = true,
            _ => findings.push(line.to_owned()),
        }
    }
    Case {
        name,
        overrides,
        findings,
    }
}

fn refused(file: &str, overrides: &Overrides) -> Rejected {
    let path = format!("{}/{file}", folder());
    let text = fs::read_to_string(&path).expect("a scenario can be read");
    match load(&path, &text, &mut Folder, overrides) {
        Ok(_) => panic!("{file} is accepted"),
        Err(rejected) => rejected,
    }
}

/// The first line of the token that a finding points at.
fn token(rejected: &Rejected, index: usize) -> String {
    let text = rejected.sources.text(rejected.diagnostics[index].span);
    let line = text.lines().next().unwrap_or("");
    if line.is_empty() { "-" } else { line }.to_owned()
}

fn lines(rejected: &Rejected, file: &str) -> Vec<String> {
    let describe = |(index, finding): (usize, &rebsim::scenario::diagnostic::Diagnostic)| {
        let place = rejected.sources.place(finding.span);
        let name = Path::new(&place.file)
            .file_name()
            .and_then(|name| name.to_str());
        let name = name.unwrap_or("").to_owned();
        let file = if name == file {
            String::new()
        } else {
            format!("{name}:")
        };
        let (line, column) = (place.line, place.column);
        format!(
            "{} {file}{line}:{column} {}",
            finding.code,
            token(rejected, index)
        )
    };
    rejected
        .diagnostics
        .iter()
        .enumerate()
        .map(describe)
        .collect()
}

#[test]
fn every_finding_is_reported_at_its_place() {
    let mut problems = Vec::new();
    for case in cases() {
        let file = format!("{}.yaml", case.name);
        let rejected = refused(&file, &case.overrides);
        let found = lines(&rejected, &file);
        if found != case.findings {
            problems.push(format!("{}\n{}", case.name, found.join("\n")));
        }
        let text = render::text(&rejected.diagnostics, &rejected.sources, false);
        for finding in &rejected.diagnostics {
            assert!(
                text.contains(&finding.message.replace('\0', "␀")),
                "{}: {text}",
                case.name
            );
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn there_are_enough_of_them_and_every_code_occurs() {
    let cases = cases();
    assert!(cases.len() >= 40, "{} broken scenarios", cases.len());
    let many = cases.iter().filter(|case| case.findings.len() >= 3).count();
    assert!(many >= 5, "{many} with three findings or more");
    let seen: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| {
            case.findings
                .iter()
                .filter_map(|line| line.split(' ').next())
        })
        .collect();
    assert!(seen.len() >= 25);
    // What one mode alone refuses is in `tests/fluid/outputs.rs`.
    for code in Code::ALL.iter().filter(|code| **code != Code::NotFluid) {
        assert!(
            seen.contains(code.name()),
            "{code} occurs in no broken scenario"
        );
    }
}

#[test]
fn json_twins_point_at_the_same_tokens() {
    let mut twins = 0;
    for case in cases() {
        let file = format!("{}.json", case.name);
        if !Path::new(&format!("{}/{file}", folder())).exists() {
            continue;
        }
        twins += 1;
        let describe = |rejected: &Rejected| -> BTreeSet<String> {
            let tokens = rejected
                .diagnostics
                .iter()
                .enumerate()
                .map(|(index, finding)| {
                    let token = token(rejected, index);
                    format!("{} {}", finding.code, token.trim_matches('"'))
                });
            tokens.collect()
        };
        let yaml = describe(&refused(&format!("{}.yaml", case.name), &case.overrides));
        let json = describe(&refused(&file, &case.overrides));
        assert_eq!(yaml, json, "{file}");
    }
    assert!(twins >= 10, "{twins} twins");
}

#[test]
fn only_what_may_help_to_try_again_asks_for_it() {
    for case in cases() {
        let rejected = refused(&format!("{}.yaml", case.name), &case.overrides);
        let unreadable = case.name.contains("unreadable");
        assert_eq!(rejected.is_unreadable(), unreadable, "{}", case.name);
    }
    let gone = Rejected::unloaded("gone.yaml", &LoadError::NotFound);
    assert!(!gone.is_unreadable());
    let locked = Rejected::unloaded("locked.yaml", &LoadError::Unreadable("no".to_owned()));
    assert!(locked.is_unreadable());
}

#[test]
fn data_and_annotations_say_the_same_as_the_text() {
    let rejected = refused("27-heartbeat.yaml", &Overrides::default());
    let objects = render::json(&rejected.diagnostics, &rejected.sources);
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0]["code"], "E0103");
    assert_eq!(objects[0]["severity"], "error");
    assert_eq!(
        (&objects[0]["line"], &objects[0]["column"]),
        (&11.into(), &30.into())
    );
    assert_eq!(objects[0]["end_column"], 35);
    assert_eq!(objects[0]["related"][0]["line"], 10);
    let line = render::github(&rejected.diagnostics, &rejected.sources);
    assert!(line.starts_with("::error file="), "{line}");
    assert!(
        line.contains(",line=11,col=30,endColumn=35,title=E0103 "),
        "{line}"
    );
    let coloured = render::text(&rejected.diagnostics, &rejected.sources, true);
    assert!(coloured.contains('\u{1b}'));
}

#[test]
fn a_place_in_a_very_long_line_is_shown_without_the_line() {
    let filler = "x".repeat(50_000);
    let text =
        format!("{{\"version\": 1, \"about\": \"{filler}\", \"nmae\": 1, \"b\": \"{filler}\"}}");
    let Err(rejected) = load("long.json", &text, &mut Folder, &Overrides::default()) else {
        panic!("accepted");
    };
    let shown = render::text(&rejected.diagnostics, &rejected.sources, false);
    assert!(shown.contains("unknown key `nmae`"));
    assert!(shown.contains("long.json:1:50029"), "{shown}");
    assert!(shown.len() < 8_000, "{} bytes", shown.len());
}

#[test]
fn what_the_parser_says_is_said_in_words_of_the_language() {
    for (text, words) in [
        ("version: 1\n---\nversion: 1\n", "a file holds one scenario"),
        (
            "expect:\n  rebalances: > 5\n",
            "put the condition in quotes",
        ),
    ] {
        let Err(rejected) = load("text.yaml", text, &mut Folder, &Overrides::default()) else {
            panic!("{text} is accepted");
        };
        assert_eq!(rejected.diagnostics.len(), 1);
        let finding = &rejected.diagnostics[0];
        assert_eq!(finding.code, Code::Syntax);
        assert!(finding.message.contains(words), "{}", finding.message);
    }
}

#[test]
fn notes_become_errors_only_when_asked() {
    let overrides = Overrides {
        strict: true,
        ..Overrides::default()
    };
    let rejected = refused("49-strict.yaml", &overrides);
    assert!(
        rejected
            .diagnostics
            .iter()
            .all(|finding| finding.severity == Severity::Error)
    );
    let path = format!("{}/49-strict.yaml", folder());
    let text = fs::read_to_string(&path).expect("it is there");
    let accepted = load(&path, &text, &mut Folder, &Overrides::default());
    let scenario = accepted.unwrap_or_else(|rejected| panic!("{rejected}"));
    assert_eq!(scenario.notes.len(), 2);
}

#[test]
fn every_code_is_explained() {
    let mut names = BTreeSet::new();
    for code in Code::ALL {
        assert!(names.insert(code.name()), "{code} twice");
        assert!(code.explanation().len() > 60, "{code}");
        assert!(!code.title().is_empty());
        assert_eq!(Code::parse(&code.name().to_lowercase()), Some(*code));
    }
    assert_eq!(Code::parse("E9999"), None);
}

/// The assignors that are not Kafka's: a name near theirs is answered with it, and the brokers do not run them.
#[test]
fn custom_assignors_are_refused_where_they_cannot_be() {
    let refused = |config: &str| {
        let text = format!(
            "version: 1\nname: x\nduration: 1m\ntopics: {{ t: {{ partitions: 2, rate: 1/s }} }}\n\
             groups: {{ g: {{ topics: [t], members: 1, config: {{ {config} }} }} }}\n"
        );
        let rejected = load("x.yaml", &text, &mut Folder, &Overrides::default())
            .expect_err("it names what cannot be");
        render::text(&rejected.diagnostics, &rejected.sources, false)
    };
    let near = refused("partition.assignment.strategy: x-lag-awere");
    assert!(
        near.contains("unknown custom assignor `x-lag-awere`"),
        "{near}"
    );
    assert!(near.contains("`x-lag-aware`?"), "{near}");
    let remote = refused("group.protocol: consumer, group.remote.assignor: x-weighted");
    assert!(
        remote.contains("runs in the leader of a classic group"),
        "{remote}"
    );
    let both = refused("group.protocol: consumer, partition.assignment.strategy: x-weighted");
    assert!(both.contains("E0106"), "{both}");
}

/// What an earlier entry has set is in force where a later one is understood.
#[test]
fn settings_are_refused_on_top_of_those_that_came_before() {
    let text = "version: 1\nname: x\nduration: 10m\ntopics: { t: { partitions: 2, rate: 1/s } }\n\
                groups: { g: { topics: [t], members: 1 } }\nevents:\n  \
                - { at: 1m, config: g, set: { group.protocol: consumer } }\n  \
                - { at: 2m, config: g, set: { session.timeout.ms: 9000 } }\n";
    let rejected = load("x.yaml", text, &mut Folder, &Overrides::default());
    let rejected = rejected.expect_err("a consumer group has no such setting");
    assert_eq!(
        lines(&rejected, "x.yaml"),
        ["E0106 8:33 session.timeout.ms"]
    );
}

/// An event with a verb that there is not is told once, with the verb that was meant where there is one.
#[test]
fn an_unknown_verb_is_one_finding() {
    let refused = |verb: &str| {
        let text = format!(
            "version: 1\nname: x\nduration: 10m\ntopics: {{ t: {{ partitions: 2, rate: 1/s }} }}\n\
             groups: {{ g: {{ topics: [t], members: 1 }} }}\nevents: [ {{ at: 1m, {verb}: g/0 }} ]\n"
        );
        let rejected = load("x.yaml", &text, &mut Folder, &Overrides::default());
        let rejected = rejected.expect_err("there is no such verb");
        let [one] = &rejected.diagnostics[..] else {
            panic!("{:?}", rejected.diagnostics)
        };
        one.help.clone().unwrap_or_default()
    };
    for (verb, meant) in [
        ("kill", "crash"),
        ("leave", "stop"),
        ("rollout", "deploy"),
        ("carsh", "crash"),
    ] {
        assert_eq!(refused(verb), format!("did you mean `{meant}`?"));
    }
    assert!(refused("explode").starts_with("known keys: at, start, "));
}

/// Where replicas and brokers are matters to members that have racks, and to assignors that look at them; anything else is said.
#[test]
fn racks_that_change_nothing_are_noted() {
    let notes = |topic: &str, rest: &str| -> Result<Vec<String>, Vec<String>> {
        let text = format!(
            "version: 1\nname: x\nduration: 10m\ntopics: {{ t: {{ partitions: 2, rate: 1/s, {topic} }} }}\n{rest}\n"
        );
        let told = |findings: &[rebsim::scenario::diagnostic::Diagnostic]| {
            let messages = findings.iter().map(|finding| finding.message.clone());
            messages.collect::<Vec<String>>()
        };
        match load("x.yaml", &text, &mut Folder, &Overrides::default()) {
            Ok(scenario) => Ok(told(&scenario.notes)),
            Err(rejected) => Err(told(&rejected.diagnostics)),
        }
    };
    let members = |members: &str, config: &str| {
        format!("groups: {{ g: {{ topics: [t], members: {members}, config: {{ {config} }} }} }}")
    };
    let (plain, racks) = (members("2", ""), "brokers: { racks: [a, b, c] }\n");
    let racked =
        |config: &str| racks.to_owned() + &members("[ { name: x, rack: a }, { name: y } ]", config);
    let nothing = |key: &str, why: &str| format!("`{key}` changes nothing here: {why}");
    let no_brokers = nothing("replicas", "the brokers have no racks");
    assert_eq!(notes("replicas: 2", &plain), Ok(vec![no_brokers]));
    assert_eq!(notes("replicas: 1", &plain), Ok(Vec::new()));
    let nobody = [
        nothing("replicas", "no member that reads the topic has a rack"),
        nothing("racks", "no member has a rack"),
    ];
    assert_eq!(
        notes("replicas: 2", &format!("{racks}{plain}")),
        Ok(nobody.to_vec())
    );
    for topic in ["replicas: 2", "racks: [[a, b], [b, c]]"] {
        assert_eq!(notes(topic, &racked("")), Ok(Vec::new()), "{topic}");
    }
    let unseen = [
        nothing(
            "replicas",
            "no assignor of who reads the topic looks at racks",
        ),
        nothing(
            "racks",
            "there is no `cross_rack_latency`, and no assignor looks at them",
        ),
    ];
    for config in [
        "partition.assignment.strategy: roundrobin",
        "group.protocol: consumer",
    ] {
        assert_eq!(
            notes("replicas: 2", &racked(config)),
            Ok(unseen.to_vec()),
            "{config}"
        );
    }
    // Among variants the assignor may be the question.
    let compared = racked("partition.assignment.strategy: roundrobin")
        + "\nvariants: { a: {}, b: { config: { partition.assignment.strategy: range } } }";
    assert_eq!(notes("replicas: 2", &compared), Ok(Vec::new()));
    // Racks come with nodes and with later settings too.
    let pods = format!(
        "{racks}nodes: {{ n: {{ cores: 4, rack: a }} }}\ngroups: {{ g: {{ topics: [t] }} }}\n\
         deployments: {{ g: {{ group: g, spec: {{ replicas: 2 }} }} }}"
    );
    assert_eq!(notes("replicas: 2", &pods), Ok(Vec::new()));
    let later =
        format!("{racks}{plain}\nevents: [ {{ at: 1m, config: g, set: {{ client.rack: a }} }} ]");
    assert_eq!(notes("replicas: 2", &later), Ok(Vec::new()));
    let many = "4 replicas need as many brokers; there are 3".to_owned();
    assert_eq!(notes("replicas: 4", &racked("")), Err(vec![many]));
}
