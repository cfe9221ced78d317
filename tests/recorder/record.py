#!/usr/bin/env python3
"""Plays scripts on a real Kafka broker with real consumers and writes recordings that `rebsim replay` reads.

usage: record.py OUT_DIR [--kafka VERSION] [--repeats N] [--ids-of RUN] SCRIPT.json ...

A SCRIPT is a scenario in the format of the recordings, or a recording, whose scenario is taken. With `pattern` in its
`group` members subscribe to what that matches among the names of the script's topics. `--ids-of 0` gives the
members of the consumer protocol the ids that they had in the first run of the recording: who gets what hangs by them.
Up to four members of a script may be cut off (`"do": "disconnect"`); a member that is frozen (`"do": "freeze"`) has its
threads suspended, and what it sleeps for meanwhile is over afterwards.
Needs Java 17 and Maven. Leave the machine alone meanwhile: what runs beside it is heard in the times.
"""

import argparse
import datetime
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BROKER, CONTROLLER = 19092, 19093
# Listeners of their own for members that scripts cut off (`Line.java`): where the broker listens, and where it says that it does.
LINES_TO_BROKER = [(f"LINE{k}", 19100 + k, 20100 + k) for k in range(4)]
LOG_FORMAT = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.coordinator.group=debug",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
]
PROPERTIES = f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{CONTROLLER}
listeners=PLAINTEXT://127.0.0.1:{BROKER},CONTROLLER://127.0.0.1:{CONTROLLER}{"".join(f",{name}://127.0.0.1:{at}" for name, at, _ in LINES_TO_BROKER)}
advertised.listeners=PLAINTEXT://127.0.0.1:{BROKER}{"".join(f",{name}://127.0.0.1:{told}" for name, _, told in LINES_TO_BROKER)}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{"".join(f",{name}:PLAINTEXT" for name, _, _ in LINES_TO_BROKER)}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=3000
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=500
auto.create.topics.enable=false
"""

# What the coordinator's log says, and the event it becomes; numbers are made of fields that hold nothing else.
LINES = [
    (r"Preparing to rebalance group \S+ in state (?P<state>\w+) with old generation (?P<generation>\d+) \(reason: (?P<reason>.*)\)", "preparing_rebalance"),
    (r"Stabilized group \S+ generation (?P<generation>\d+) with (?P<members>\d+) members", "join_complete"),
    (r"Assignment received from leader (?P<leader>\S+) for group \S+ for generation (?P<generation>\d+)", "assignment_received"),
    (r"Member (?P<member_id>\S+) in group \S+ has failed", "member_failed"),
    (r"Static member with groupInstanceId=(?P<instance_id>\S+) and unknown member id joins group \S+ in \w+ state. Replacing", "static_member_replaced"),
    (r"Bumped group epoch to (?P<epoch>\d+)", "group_epoch"),
    (r"Computed a new target assignment for epoch (?P<epoch>\d+) with '(?P<assignor>\w+)'", "target_assignment"),
    (
        r"Member (?P<member_id>\S+) new assignment state: epoch=(?P<epoch>-?\d+), previousEpoch=(?P<previous_epoch>-?\d+), state=(?P<state>\w+),"
        r" assignedPartitions=\[(?P<assigned>.*?)\] and revokedPartitions=\[(?P<revoked>.*?)\]",
        "member_state",
    ),
    (r"(?:M|Static m)ember (?P<member_id>\S+) (?:with instance id (?P<instance_id>\S+) )?joins the consumer group using the (?P<protocol>\w+) protocol", "member_joined"),
    (r"Static member (?P<member_id>\S+) with instance id (?P<instance_id>\S+) temporarily left the consumer group", "static_member_temporarily_left"),
    (r"(?:M|Static m)ember (?P<member_id>\S+) (?:with instance id (?P<instance_id>\S+) )?(?:has )?left", "member_left"),
    (r"Member (?P<member_id>\S+) fenced from the group because (?P<reason>.*)\.$", "member_fenced"),
]
NUMBERS = {"generation", "members", "epoch", "previous_epoch"}
PARTITION_LISTS = {"assigned", "revoked"}
STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) ")


class Kafka:
    """Broker and clients of one release, from their jars."""

    def __init__(self, version):
        self.version = version
        target = HERE / "target" / version
        self.classpath = f"{target / 'classes'}:{target / 'dependency'}/*"
        build = ["mvn", "--quiet", "--batch-mode", f"-Dkafka={version}", "compile", "dependency:copy-dependencies"]
        subprocess.run(build, cwd=HERE, check=True)

    def java(self, *arguments):
        return ["java", "-Xmx1g", *LOG_FORMAT, "-cp", self.classpath, *map(str, arguments)]


class Broker:
    """One KRaft node with empty logs, for as long as the `with` lasts."""

    def __init__(self, kafka):
        self.kafka = kafka

    def __enter__(self):
        java = self.kafka.java
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="recorder-"))
        properties = self.home / "server.properties"
        properties.write_text(f"{PROPERTIES}log.dirs={self.home / 'logs'}\n")
        cluster = subprocess.run(java("kafka.tools.StorageTool", "random-uuid"), capture_output=True, text=True, check=True)
        identity = cluster.stdout.strip().splitlines()[-1]
        format_logs = java("kafka.tools.StorageTool", "format", "-t", identity, "-c", properties)
        subprocess.run(format_logs, capture_output=True, check=True)
        self.log = self.home / "broker.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(java("kafka.Kafka", properties), stdout=log, stderr=log)
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", BROKER)) == 0:
                    time.sleep(3)
                    return self
            time.sleep(0.5)
        raise SystemExit(f"the broker does not answer on port {BROKER}: see {self.log}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.home)


def partitions(text, names):
    """`orders-0` and so on, of `<topic id>-0`."""
    found = re.findall(r"([A-Za-z0-9_\-]{22})-(\d+)", text)
    return [f"{names.get(topic, topic)}-{partition}" for topic, partition in found]


def coordinator_events(lines, recording):
    """What the coordinator's log tells of this run, in the recordings' words."""
    names = {identity: name for name, identity in recording["topic_ids"].items()}
    for line in lines:
        stamp = STAMP.match(line)
        if not stamp or "GroupMetadataManager" not in line or recording["run"] not in line:
            continue
        for pattern, what in LINES:
            found = re.search(pattern, line)
            if found:
                break
        else:
            continue
        when = datetime.datetime.strptime(stamp[1], "%Y-%m-%d %H:%M:%S.%f").astimezone().timestamp() * 1000
        event = {"t": round(when - recording["wall0"], 1), "what": what, "at": "coordinator"}
        for field, value in found.groupdict().items():
            if value is None:
                continue
            if field in PARTITION_LISTS:
                value = partitions(value, names)
            event[field] = int(value) if field in NUMBERS else value
        yield event


def ids_of(run):
    """The ids that each name had, in the order of its lives."""
    ids = {}
    for event in run["events"]:
        if event["at"] == "member" and event["what"] == "assigned":
            known = ids.setdefault(event["who"], [])
            if event["member_id"] not in known:
                known.append(event["member_id"])
    return ids


def read_script(path, run):
    """The scenario of a script or a recording, with the ids of one of its runs where they are asked for."""
    document = json.loads(path.read_text())
    scenario = document.get("scenario", document)
    if run is not None:
        scenario = dict(scenario, ids=ids_of(document["runs"][run]))
    return scenario


def play(scenarios, broker):
    """Plays the scenarios, by name of the run, one after another, and yields what was recorded of each."""
    arguments = []
    for run, scenario in scenarios.items():
        (broker.home / f"{run}.script.json").write_text(json.dumps(scenario))
        arguments += [broker.home / f"{run}.script.json", run, broker.home / f"{run}.json"]
    with (broker.home / "recorder.log").open("w") as log:
        recorder = subprocess.Popen(broker.kafka.java("Recorder", *arguments), stdout=log, stderr=log)
    for run, scenario in scenarios.items():
        out = broker.home / f"{run}.json"
        while not out.exists():
            if recorder.poll() is not None:
                raise SystemExit(f"{run} was not recorded:\n{(broker.home / 'recorder.log').read_text()}")
            time.sleep(1)
        recording = json.loads(out.read_text())
        with broker.log.open(errors="replace") as log:
            told = [event for event in coordinator_events(log, recording) if event["t"] <= scenario["end_ms"]]
        recording["events"] = sorted(recording["events"] + told, key=lambda event: event["t"])
        del recording["wall0"]
        yield recording
    recorder.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("scripts", type=pathlib.Path, nargs="+")
    parser.add_argument("--kafka", default="4.4.0", metavar="VERSION", help="release of broker and clients (4.4.0)")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--ids-of", type=int, metavar="RUN")
    arguments = parser.parse_args()
    kafka = Kafka(arguments.kafka)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Broker(kafka) as broker:
        scenarios = {path: read_script(path, arguments.ids_of) for path in arguments.scripts}
        names = {path: [f"{scenarios[path]['name']}.r{repeat}" for repeat in range(arguments.repeats)] for path in scenarios}
        runs = play({run: scenarios[path] for path in scenarios for run in names[path]}, broker)
        for path, scenario in scenarios.items():
            recorded = [next(runs) for _ in names[path]]
            recording = {"name": scenario["name"], "kafka": kafka.version, "scenario": scenario, "runs": recorded}
            (arguments.out / path.name).write_text(json.dumps(recording))
            print(f"{scenario['name']}: {sum(len(run['events']) for run in recorded)} events", file=sys.stderr, flush=True)
        list(runs)


if __name__ == "__main__":
    main()
