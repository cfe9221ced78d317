//! Kafka's own keys, verbatim: type, range, and whether a model stands behind them. Names, types and ranges are those of
//! `ConsumerConfig`, `CommonClientConfigs`, `GroupCoordinatorConfig` and `GroupConfig`; defaults are in [`super::profile`].

use super::check::Checker;
use super::code::Code;
use super::diagnostic::Diagnostic;
use super::near::did_you_mean;
use super::node::{Entry, Node, Value};
use super::scalar::Problem;
use super::shape::{Item, Pair, Side, Typed};

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Milliseconds, bytes or a count: from, to.
    Integer(i64, i64),
    /// A decimal number.
    Double,
    /// `true` or `false`, any case.
    Boolean,
    /// A text.
    Text,
    /// One of these, any case.
    Word(&'static [&'static str]),
    /// Texts, as a list or parted by commas.
    List,
}

/// Whether a model stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Obeyed.
    Modelled,
    /// Accepted with a note: changes nothing here.
    Ignored,
}

/// A key of Kafka's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Whole name.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// Model.
    pub model: Model,
}

const INT_MAX: i64 = 2_147_483_647;
const MILLIS: Kind = Kind::Integer(0, INT_MAX);
const POSITIVE: Kind = Kind::Integer(1, INT_MAX);
const LONG: Kind = Kind::Integer(0, i64::MAX);
const MIGRATION_POLICY: Kind = Kind::Word(&["disabled", "upgrade", "downgrade", "bidirectional"]);

const fn modelled(name: &'static str, kind: Kind) -> Key {
    Key {
        name,
        kind,
        model: Model::Modelled,
    }
}

const fn ignored(name: &'static str, kind: Kind) -> Key {
    Key {
        name,
        kind,
        model: Model::Ignored,
    }
}

/// `ConsumerConfig`
pub static CONSUMER: &[Key] = &[
    modelled("auto.commit.interval.ms", MILLIS),
    modelled("auto.offset.reset", Kind::Text),
    ignored("client.id", Kind::Text),
    modelled("client.rack", Kind::Text),
    modelled("default.api.timeout.ms", MILLIS),
    modelled("enable.auto.commit", Kind::Boolean),
    modelled("fetch.max.bytes", MILLIS),
    modelled("fetch.max.wait.ms", MILLIS),
    modelled("fetch.min.bytes", MILLIS),
    modelled("group.instance.id", Kind::Text),
    modelled("group.protocol", Kind::Word(&["classic", "consumer"])),
    modelled("group.remote.assignor", Kind::Text),
    modelled("heartbeat.interval.ms", POSITIVE),
    modelled("max.partition.fetch.bytes", MILLIS),
    modelled("max.poll.interval.ms", POSITIVE),
    modelled("max.poll.records", POSITIVE),
    modelled("metadata.max.age.ms", LONG),
    modelled("partition.assignment.strategy", Kind::List),
    modelled("reconnect.backoff.max.ms", LONG),
    modelled("reconnect.backoff.ms", LONG),
    modelled("request.timeout.ms", MILLIS),
    modelled("retry.backoff.max.ms", LONG),
    modelled("retry.backoff.ms", LONG),
    modelled("session.timeout.ms", POSITIVE),
    modelled("internal.leave.group.on.close", Kind::Boolean),
    ignored("allow.auto.create.topics", Kind::Boolean),
    ignored("auto.include.jmx.reporter", Kind::Boolean),
    ignored("bootstrap.servers", Kind::List),
    ignored("check.crcs", Kind::Boolean),
    ignored("client.dns.lookup", Kind::Text),
    ignored("config.providers", Kind::List),
    ignored("connections.max.idle.ms", Kind::Integer(-1, i64::MAX)),
    ignored("enable.metrics.push", Kind::Boolean),
    ignored("exclude.internal.topics", Kind::Boolean),
    ignored("group.id", Kind::Text),
    ignored("interceptor.classes", Kind::List),
    ignored(
        "internal.throw.on.fetch.stable.offset.unsupported",
        Kind::Boolean,
    ),
    ignored(
        "isolation.level",
        Kind::Word(&["read_uncommitted", "read_committed"]),
    ),
    ignored("key.deserializer", Kind::Text),
    ignored("metadata.recovery.rebootstrap.trigger.ms", LONG),
    ignored("metadata.recovery.strategy", Kind::Text),
    ignored("metric.reporters", Kind::List),
    ignored("metrics.num.samples", POSITIVE),
    ignored(
        "metrics.recording.level",
        Kind::Word(&["INFO", "DEBUG", "TRACE"]),
    ),
    ignored("metrics.sample.window.ms", LONG),
    ignored("receive.buffer.bytes", Kind::Integer(-1, INT_MAX)),
    ignored("sasl.client.callback.handler.class", Kind::Text),
    ignored("sasl.jaas.config", Kind::Text),
    ignored("sasl.kerberos.kinit.cmd", Kind::Text),
    ignored("sasl.kerberos.min.time.before.relogin", LONG),
    ignored("sasl.kerberos.service.name", Kind::Text),
    ignored("sasl.kerberos.ticket.renew.jitter", Kind::Double),
    ignored("sasl.kerberos.ticket.renew.window.factor", Kind::Double),
    ignored("sasl.login.callback.handler.class", Kind::Text),
    ignored("sasl.login.class", Kind::Text),
    ignored("sasl.login.connect.timeout.ms", MILLIS),
    ignored("sasl.login.read.timeout.ms", MILLIS),
    ignored("sasl.login.refresh.buffer.seconds", MILLIS),
    ignored("sasl.login.refresh.min.period.seconds", MILLIS),
    ignored("sasl.login.refresh.window.factor", Kind::Double),
    ignored("sasl.login.refresh.window.jitter", Kind::Double),
    ignored("sasl.login.retry.backoff.max.ms", LONG),
    ignored("sasl.login.retry.backoff.ms", LONG),
    ignored("sasl.mechanism", Kind::Text),
    ignored("sasl.oauthbearer.clock.skew.seconds", MILLIS),
    ignored("sasl.oauthbearer.expected.audience", Kind::List),
    ignored("sasl.oauthbearer.expected.issuer", Kind::Text),
    ignored("sasl.oauthbearer.header.urlencode", Kind::Boolean),
    ignored("sasl.oauthbearer.jwks.endpoint.refresh.ms", LONG),
    ignored("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG),
    ignored("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG),
    ignored("sasl.oauthbearer.jwks.endpoint.url", Kind::Text),
    ignored("sasl.oauthbearer.scope.claim.name", Kind::Text),
    ignored("sasl.oauthbearer.sub.claim.name", Kind::Text),
    ignored("sasl.oauthbearer.token.endpoint.url", Kind::Text),
    ignored("security.protocol", Kind::Text),
    ignored("security.providers", Kind::Text),
    ignored("send.buffer.bytes", Kind::Integer(-1, INT_MAX)),
    ignored("share.acknowledgement.mode", Kind::Text),
    ignored("socket.connection.setup.timeout.max.ms", LONG),
    ignored("socket.connection.setup.timeout.ms", LONG),
    ignored("ssl.cipher.suites", Kind::List),
    ignored("ssl.enabled.protocols", Kind::List),
    ignored("ssl.endpoint.identification.algorithm", Kind::Text),
    ignored("ssl.engine.factory.class", Kind::Text),
    ignored("ssl.key.password", Kind::Text),
    ignored("ssl.keymanager.algorithm", Kind::Text),
    ignored("ssl.keystore.certificate.chain", Kind::Text),
    ignored("ssl.keystore.key", Kind::Text),
    ignored("ssl.keystore.location", Kind::Text),
    ignored("ssl.keystore.password", Kind::Text),
    ignored("ssl.keystore.type", Kind::Text),
    ignored("ssl.protocol", Kind::Text),
    ignored("ssl.provider", Kind::Text),
    ignored("ssl.secure.random.implementation", Kind::Text),
    ignored("ssl.trustmanager.algorithm", Kind::Text),
    ignored("ssl.truststore.certificates", Kind::Text),
    ignored("ssl.truststore.location", Kind::Text),
    ignored("ssl.truststore.password", Kind::Text),
    ignored("ssl.truststore.type", Kind::Text),
    ignored("value.deserializer", Kind::Text),
];

/// `GroupCoordinatorConfig` and what usually stands beside it.
pub static BROKER: &[Key] = &[
    modelled("auto.leader.rebalance.enable", Kind::Boolean),
    modelled("group.consumer.assignment.interval.ms", MILLIS),
    modelled("group.consumer.assignors", Kind::List),
    modelled("group.consumer.heartbeat.interval.ms", POSITIVE),
    modelled("group.consumer.max.assignment.interval.ms", MILLIS),
    modelled("group.consumer.max.heartbeat.interval.ms", POSITIVE),
    modelled("group.consumer.max.session.timeout.ms", POSITIVE),
    modelled("group.consumer.max.size", POSITIVE),
    modelled("group.consumer.migration.policy", MIGRATION_POLICY),
    modelled("group.consumer.min.assignment.interval.ms", MILLIS),
    modelled("group.consumer.min.heartbeat.interval.ms", POSITIVE),
    modelled("group.consumer.min.session.timeout.ms", POSITIVE),
    modelled("group.consumer.session.timeout.ms", POSITIVE),
    modelled("group.coordinator.rebalance.protocols", Kind::List),
    modelled("group.initial.rebalance.delay.ms", MILLIS),
    modelled("group.max.session.timeout.ms", MILLIS),
    modelled("group.max.size", POSITIVE),
    modelled("group.min.session.timeout.ms", MILLIS),
    modelled(
        "leader.imbalance.check.interval.seconds",
        Kind::Integer(1, INT_MAX),
    ),
    ignored("auto.create.topics.enable", Kind::Boolean),
    ignored("broker.id", Kind::Integer(-1, INT_MAX)),
    ignored("broker.rack", Kind::Text),
    ignored("default.replication.factor", Kind::Integer(1, 32_767)),
    ignored("delete.topic.enable", Kind::Boolean),
    ignored("group.consumer.assignor.offload.enable", Kind::Boolean),
    // The coordinator does it at its default; all members of a scenario's group have one expression, so that no interval can show.
    ignored(
        "group.consumer.regex.refresh.interval.ms",
        Kind::Integer(10_000, INT_MAX),
    ),
    ignored(
        "group.coordinator.append.linger.ms",
        Kind::Integer(-1, INT_MAX),
    ),
    ignored("group.coordinator.new.enable", Kind::Boolean),
    ignored("group.coordinator.threads", POSITIVE),
    ignored("log.retention.bytes", Kind::Integer(-1, i64::MAX)),
    ignored("log.retention.hours", Kind::Integer(-1, INT_MAX)),
    ignored("log.retention.minutes", Kind::Integer(-1, INT_MAX)),
    ignored("log.retention.ms", Kind::Integer(-1, i64::MAX)),
    ignored("log.segment.bytes", Kind::Integer(14, INT_MAX)),
    ignored("message.max.bytes", MILLIS),
    ignored("min.insync.replicas", POSITIVE),
    ignored("node.id", MILLIS),
    ignored("num.io.threads", POSITIVE),
    ignored("num.network.threads", POSITIVE),
    ignored("num.partitions", POSITIVE),
    ignored("num.replica.fetchers", MILLIS),
    ignored("offset.metadata.max.bytes", MILLIS),
    ignored("offsets.commit.required.acks", Kind::Integer(-1, 32_767)),
    ignored("offsets.commit.timeout.ms", POSITIVE),
    ignored("offsets.load.buffer.size", POSITIVE),
    ignored("offsets.retention.check.interval.ms", POSITIVE),
    ignored("offsets.retention.minutes", POSITIVE),
    ignored("offsets.topic.compression.codec", MILLIS),
    ignored("offsets.topic.num.partitions", POSITIVE),
    ignored("offsets.topic.replication.factor", Kind::Integer(1, 32_767)),
    ignored("offsets.topic.segment.bytes", POSITIVE),
    ignored("process.roles", Kind::List),
    ignored("queued.max.requests", POSITIVE),
    ignored("replica.lag.time.max.ms", LONG),
    ignored("replica.selector.class", Kind::Text),
    ignored("unclean.leader.election.enable", Kind::Boolean),
];

/// `GroupConfig`
pub static GROUP: &[Key] = &[
    modelled("consumer.assignment.interval.ms", MILLIS),
    modelled("consumer.heartbeat.interval.ms", POSITIVE),
    modelled("consumer.session.timeout.ms", POSITIVE),
];

/// The keys of a side.
#[must_use]
pub const fn keys(side: Side) -> &'static [Key] {
    match side {
        Side::Consumer => CONSUMER,
        Side::Broker => BROKER,
        Side::Group => GROUP,
    }
}

/// The key called `name`.
#[must_use]
pub fn key(side: Side, name: &str) -> Option<&'static Key> {
    keys(side).iter().find(|key| key.name == name)
}

/// Checks and types a map of Kafka keys.
pub fn check(checker: &mut Checker, node: &Node, side: Side) -> Option<Typed> {
    let mut pairs = Vec::new();
    for entry in checker.entries(node)? {
        let Some(key) = key(side, &entry.key) else {
            checker.found.push(unknown(entry, side));
            continue;
        };
        match key.model {
            Model::Modelled => {}
            Model::Ignored => {
                let message = format!("`{}` is accepted but changes nothing here", key.name);
                let note = Diagnostic::note(Code::Ignored, entry.key_span, message);
                checker.found.push(note);
            }
        }
        match read(&entry.value, key) {
            Ok(value) => pairs.push(Pair {
                key: entry.key.clone(),
                key_span: entry.key_span,
                item: Item {
                    span: entry.value.span,
                    value,
                },
            }),
            Err(problem) => checker.found.push(problem.at(entry.value.span)),
        }
    }
    Some(Typed::Map(pairs))
}

fn unknown(entry: &Entry, side: Side) -> Diagnostic {
    let whose = match side {
        Side::Consumer => "consumer",
        Side::Broker => "broker",
        Side::Group => "group",
    };
    let message = format!("unknown Kafka {whose} key `{}`", entry.key);
    let other = [Side::Consumer, Side::Broker, Side::Group]
        .into_iter()
        .find(|other| *other != side && key(*other, &entry.key).is_some());
    let help = match other {
        Some(Side::Consumer) => Some("this is a consumer key: write it under `groups`".to_owned()),
        Some(Side::Broker) => Some(format!(
            "this is a broker key: write it under `brokers.config` (--set brokers.config.{}=…)",
            entry.key
        )),
        Some(Side::Group) => {
            Some("this is a dynamic group config: `brokers.group_config`".to_owned())
        }
        None => did_you_mean(&entry.key, keys(side).iter().map(|key| key.name)),
    };
    Diagnostic::error(Code::UnknownKafkaKey, entry.key_span, message).maybe_help(help)
}

fn read(node: &Node, key: &Key) -> Result<Typed, Problem> {
    let wrong = |what: &str| Problem::new(Code::KafkaType, format!("`{}` takes {what}", key.name));
    if let (Value::List(items), Kind::List) = (&node.value, key.kind) {
        let texts = items.iter().map(|item| {
            let text = item.text().ok_or_else(|| wrong("a list of texts"))?;
            Ok(text_item(text.trim(), item.span))
        });
        return Ok(Typed::List(texts.collect::<Result<_, Problem>>()?));
    }
    let text = match &node.value {
        Value::Scalar { text, .. } => text,
        Value::Null => return Ok(Typed::Unset),
        Value::List(_) | Value::Map(_) => return Err(wrong("a single value")),
    };
    match key.kind {
        Kind::Integer(least, most) => integer(text, key, least, most),
        Kind::Double => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(Typed::Number)
            .ok_or_else(|| wrong("a number")),
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(Typed::Boolean(true)),
            "false" => Ok(Typed::Boolean(false)),
            _ => Err(wrong("true or false").help("write true or false")),
        },
        Kind::Text => Ok(Typed::Text(text.clone())),
        Kind::Word(words) => words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text))
            .map(|word| Typed::Text((*word).to_owned()))
            .ok_or_else(|| {
                let problem = wrong(&words.join(" or "));
                Problem {
                    help: did_you_mean(text, words.iter().copied()),
                    ..problem
                }
            }),
        Kind::List => {
            let texts = text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            Ok(Typed::List(
                texts.map(|text| text_item(text, node.span)).collect(),
            ))
        }
    }
}

fn text_item(text: &str, span: super::node::Span) -> Item {
    Item {
        span,
        value: Typed::Text(text.to_owned()),
    }
}

fn integer(text: &str, key: &Key, least: i64, most: i64) -> Result<Typed, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        let problem = Problem::new(
            Code::KafkaType,
            format!("`{}` takes a whole number, not `{text}`", key.name),
        );
        return Err(match in_units(text, key.name) {
            Some(number) => problem.help(format!("write {number}")),
            None => problem.help("write decimal digits only"),
        });
    }
    match text.parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(match u64::try_from(number) {
            Ok(number) => Typed::Integer(number),
            Err(_) => Typed::Negative(number),
        }),
        Ok(_) | Err(_) => {
            let problem =
                Problem::new(Code::KafkaRange, format!("`{}` cannot be {text}", key.name));
            Err(problem.help(format!("from {least} to {most}")))
        }
    }
}

/// What the number would be that `text` says with a unit.
fn in_units(text: &str, name: &str) -> Option<u64> {
    let bytes = || super::units::size(text).ok();
    let span = || {
        super::units::duration(text)
            .ok()
            .map(crate::kernel::SimDuration::as_micros)
    };
    match name.rsplit('.').next() {
        Some("ms") => span().map(|micros| micros / 1_000),
        Some("seconds") => span().map(|micros| micros / 1_000_000),
        Some("bytes") => bytes(),
        _ => None,
    }
}
