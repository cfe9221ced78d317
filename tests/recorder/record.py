#!/usr/bin/env python3
"""Plays scripts on a real Kafka broker with real consumers and writes recordings that `rebsim replay` reads.

usage: record.py OUT_DIR [--kafka VERSION] [--repeats N] [--ids-of RUN] SCRIPT.json ...

A SCRIPT is a scenario in the format of the recordings, or a recording, whose scenario is taken. With `pattern` in its
`group` members subscribe to what that matches among the names of the script's topics. `--ids-of 0` gives the
members of the consumer protocol the ids that they had in the first run of the recording: who gets what hangs by them.
Up to four members of a script may be cut off (`"do": "disconnect"`); a member that is frozen (`"do": "freeze"`) has its
threads suspended, and what it sleeps for meanwhile is over afterwards.
With `"brokers": 2` (or more) in a scenario, topics and coordinators are spread over so many brokers and `"do": "move"` elects
another coordinator for the group. With `"coordinators": 1` a further broker has the coordinators alone, and `"do": "restart"`
shuts it down and starts it again `ms` after it is gone. Scripts that are played together need the same brokers.
Needs Java 17 and Maven. Leave the machine alone meanwhile: what runs beside it is heard in the times.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
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
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.coordinator.common.runtime.CoordinatorRuntime=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
]
OFFSETS_PARTITIONS = 5
PROPERTIES = f"""
controller.quorum.voters=1@127.0.0.1:{CONTROLLER}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{"".join(f",{name}:PLAINTEXT" for name, _, _ in LINES_TO_BROKER)}
offsets.topic.replication.factor=1
offsets.topic.num.partitions={OFFSETS_PARTITIONS}
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=3000
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=500
auto.create.topics.enable=false
auto.leader.rebalance.enable=false
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
    (r"Finished unloading metadata for", "coordinator_unloaded"),
    (r"Finished loading of metadata from", "coordinator_loaded"),
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


class Node:
    """One process of a cluster: a controller, a broker, or both."""

    def __init__(self, kafka, home, number, roles, port):
        self.kafka, self.home, self.number = kafka, home, number
        self.properties = home / f"{number}.properties"
        self.log = home / f"{number}.log"
        listeners, told = [], []
        if "broker" in roles:
            lines = LINES_TO_BROKER if port == BROKER else []
            listeners += [f"PLAINTEXT://127.0.0.1:{port}", *(f"{name}://127.0.0.1:{listens}" for name, listens, _ in lines)]
            told += [f"PLAINTEXT://127.0.0.1:{port}", *(f"{name}://127.0.0.1:{says}" for name, _, says in lines)]
        if "controller" in roles:
            listeners.append(f"CONTROLLER://127.0.0.1:{CONTROLLER}")
            if not told:
                told = listeners
        own = {
            "process.roles": ",".join(roles),
            "node.id": number,
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(told),
            "log.dirs": home / f"{number}.logs",
        }
        self.properties.write_text(PROPERTIES + "".join(f"{key}={value}\n" for key, value in own.items()))

    def start(self, identity):
        """Starts it with empty logs, and leaves behind what the recorder needs to stop it and start it again."""
        format_logs = self.kafka.java("kafka.tools.StorageTool", "format", "-t", identity, "-c", self.properties)
        subprocess.run(format_logs, capture_output=True, check=True)
        command = " ".join(map(shlex.quote, self.kafka.java("kafka.Kafka", self.properties)))
        start = self.home / f"{self.number}.start"
        start.write_text(f"{command} >> {self.log} 2>&1 & echo $! > {self.home / f'{self.number}.pid'}\n")
        subprocess.run(["sh", start], check=True)

    def stop(self):
        pid = int((self.home / f"{self.number}.pid").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                os.kill(pid, 0)
                time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)


class Cluster:
    """KRaft nodes with empty logs, for as long as the `with` lasts: one, or a controller and brokers for topics and for coordinators."""

    def __init__(self, kafka, brokers, coordinators):
        self.kafka = kafka
        alone = brokers == 1 and coordinators == 0
        self.brokers = [1] if alone else [2 + k for k in range(brokers)]
        self.coordinators = [2 + brokers + k for k in range(coordinators)] or self.brokers
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="recorder-"))
        numbers = sorted({*self.brokers, *self.coordinators})
        ports = {number: BROKER + 50 * place for place, number in enumerate(numbers)}
        roles = {number: ["broker"] for number in numbers}
        roles[1] = [*roles.get(1, []), "controller"]
        self.nodes = [Node(kafka, self.home, number, roles[number], ports.get(number)) for number in sorted(roles)]
        self.ports = list(ports.values())

    def __enter__(self):
        cluster = subprocess.run(self.kafka.java("kafka.tools.StorageTool", "random-uuid"), capture_output=True, text=True, check=True)
        identity = cluster.stdout.strip().splitlines()[-1]
        for node in self.nodes:
            node.start(identity)
        for _ in range(120):
            if all(map(answers, self.ports)):
                time.sleep(3)
                return self
            time.sleep(0.5)
        self.stop()
        raise SystemExit(f"no broker answers on one of the ports {self.ports}: see {self.home}")

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.home)

    def stop(self):
        for node in reversed(self.nodes):
            node.stop()

    def lines(self):
        """What the nodes have logged, each in its order."""
        for node in self.nodes:
            with node.log.open(errors="replace") as log:
                yield from log

    def recorder(self, arguments):
        """The recorder's command line."""
        listed = lambda numbers: ",".join(map(str, numbers))
        about = [f"-Dbrokers={listed(self.brokers)}", f"-Dcoordinators={listed(self.coordinators)}", f"-Dhome={self.home}", f"-Doffsets={OFFSETS_PARTITIONS}"]
        java, *rest = self.kafka.java("Recorder", *arguments)
        return [java, *about, *rest]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def partitions(text, names):
    """`orders-0` and so on, of `<topic id>-0`."""
    found = re.findall(r"([A-Za-z0-9_\-]{22})-(\d+)", text)
    return [f"{names.get(topic, topic)}-{partition}" for topic, partition in found]


def coordinator_events(lines, recording):
    """What the coordinator's log tells of this run, in the recordings' words."""
    names = {identity: name for name, identity in recording["topic_ids"].items()}
    coordinated_by = f"__consumer_offsets-{offsets_partition(recording['run'])} "
    for line in lines:
        stamp = STAMP.match(line)
        is_of_group = "GroupMetadataManager" in line and recording["run"] in line
        if not stamp or not (is_of_group or ("GroupCoordinator id" in line and coordinated_by in line)):
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


def offsets_partition(group):
    """Where a group's coordinator keeps it (`Utils.abs(groupId.hashCode()) % partitions`)."""
    code = 0
    for character in group:
        code = (31 * code + ord(character)) % (1 << 32)
    signed = code - (1 << 32) if code >> 31 else code
    return (abs(signed) if signed != -(1 << 31) else 0) % OFFSETS_PARTITIONS


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


def play(scenarios, cluster):
    """Plays the scenarios, by name of the run, one after another, and yields what was recorded of each."""
    arguments = []
    for run, scenario in scenarios.items():
        (cluster.home / f"{run}.script.json").write_text(json.dumps(scenario))
        arguments += [cluster.home / f"{run}.script.json", run, cluster.home / f"{run}.json"]
    with (cluster.home / "recorder.log").open("w") as log:
        recorder = subprocess.Popen(cluster.recorder(arguments), stdout=log, stderr=log)
    for run, scenario in scenarios.items():
        out = cluster.home / f"{run}.json"
        while not out.exists():
            if recorder.poll() is not None:
                raise SystemExit(f"{run} was not recorded:\n{(cluster.home / 'recorder.log').read_text()}")
            time.sleep(1)
        recording = json.loads(out.read_text())
        told = [event for event in coordinator_events(cluster.lines(), recording) if 0 <= event["t"] <= scenario["end_ms"]]
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
    scenarios = {path: read_script(path, arguments.ids_of) for path in arguments.scripts}
    sizes = {(scenario.get("brokers", 1), scenario.get("coordinators", 0)) for scenario in scenarios.values()}
    if len(sizes) > 1:
        raise SystemExit(f"the scripts need different brokers: {sorted(sizes)}")
    with Cluster(kafka, *sizes.pop()) as cluster:
        names = {path: [f"{scenarios[path]['name']}.r{repeat}" for repeat in range(arguments.repeats)] for path in scenarios}
        runs = play({run: scenarios[path] for path in scenarios for run in names[path]}, cluster)
        for path, scenario in scenarios.items():
            recorded = [next(runs) for _ in names[path]]
            recording = {"name": scenario["name"], "kafka": kafka.version, "scenario": scenario, "runs": recorded}
            (arguments.out / path.name).write_text(json.dumps(recording))
            print(f"{scenario['name']}: {sum(len(run['events']) for run in recorded)} events", file=sys.stderr, flush=True)
        list(runs)


if __name__ == "__main__":
    main()
