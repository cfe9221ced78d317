import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;

/** Plays one script with real consumers against the broker and writes what its members saw: `Recorder SCENARIO RUN OUT`. */
public final class Recorder {
    static final String BROKER = System.getProperty("broker", "127.0.0.1:19092");
    private static final String SERIALIZER = "org.apache.kafka.common.serialization.ByteArraySerializer";
    /** The broker's log and the clients' caches follow an admin call within this time. */
    private static final long SETTLE_MS = 700;
    /** So long a member may take to close when its run is over. */
    private static final long END_MS = 3000;

    private final Script script;
    private final Admin admin;
    private final Brokers brokers;
    private final Map<String, Integer> partitions = new ConcurrentHashMap<>();
    private final Map<String, JsonNode> specs = new HashMap<>();
    private final Map<String, Deque<String>> ids = new HashMap<>();
    /** Of the members that the script cuts off. */
    private final Map<String, Line> lines = new HashMap<>();

    private Recorder(Script script) {
        this.script = script;
        this.admin = Admin.create(Map.of("bootstrap.servers", BROKER));
        this.brokers = new Brokers(admin);
        script.scenario.get("members").forEach(spec -> specs.put(spec.get("name").asText(), spec));
        script.scenario.path("ids").fields().forEachRemaining(member -> {
            Deque<String> queue = new ArrayDeque<>();
            member.getValue().forEach(id -> queue.add(id.asText()));
            ids.put(member.getKey(), queue);
        });
    }

    /** Scripts, names of runs and files for what is recorded, by threes. One process plays them all: its code is compiled when it counts. */
    public static void main(String[] arguments) throws Exception {
        for (int i = 0; i < arguments.length; i += 3) {
            Recorder recorder = new Recorder(new Script(Script.read(arguments[i]), arguments[i + 1]));
            ObjectNode recording = recorder.record(i == 0);
            File whole = new File(arguments[i + 2]), part = new File(arguments[i + 2] + ".part");
            Script.JSON.writeValue(part, recording);
            if (!part.renameTo(whole)) throw new IllegalStateException(whole + " cannot be written");
            recorder.end();
        }
        System.exit(0);
    }

    private ObjectNode record(boolean isFirst) throws Exception {
        ObjectNode recording = Script.JSON.createObjectNode();
        recording.put("run", script.run).put("group_id", script.run);
        if (isFirst) brokers.prepare();
        createTopics(recording);
        setGroupConfig();
        for (JsonNode action : script.scenario.get("script")) {
            String who = action.path("member").asText();
            if (action.get("do").asText().equals("disconnect") && !lines.containsKey(who)) lines.put(who, new Line(lines.size()));
        }
        if (isFirst) warmUp();
        double end = script.scenario.get("end_ms").asDouble();
        var producer = new KafkaProducer<byte[], byte[]>(
            Map.of("bootstrap.servers", BROKER, "linger.ms", 0, "key.serializer", SERIALIZER, "value.serializer", SERIALIZER));
        script.topics.values().forEach(producer::partitionsFor);
        recording.put("wall0", script.begin());
        Thread producing = produce(producer);
        for (JsonNode action : script.scenario.get("script")) {
            script.sleepUntil(action.get("at_ms").asDouble());
            act(action);
        }
        script.sleepUntil(end);
        ArrayNode events = recording.putArray("events");
        script.events(end).forEach(events::add);
        producing.interrupt();
        producing.join();
        producer.close();
        return recording;
    }

    /** Nobody is left who would disturb the next run: who does not close in time stands still for ever. */
    private void end() throws Exception {
        for (Line line : lines.values()) line.set(false);
        script.members.values().forEach(Member::stopSoon);
        for (Member member : script.members.values()) {
            member.join(END_MS);
            if (member.acts()) member.freeze();
        }
        for (Line line : lines.values()) line.close();
        admin.close();
    }

    private void createTopics(ObjectNode recording) throws Exception {
        ObjectNode names = recording.putObject("topic_names");
        ObjectNode topicIds = recording.putObject("topic_ids");
        JsonNode topics = script.scenario.get("topics");
        for (Iterator<String> all = topics.fieldNames(); all.hasNext(); ) {
            String name = all.next();
            String real = name + "." + script.run;
            partitions.put(name, topics.get(name).get("partitions").asInt());
            List<List<Integer>> replicas = brokers.of(script.topics.size(), 0, partitions.get(name));
            Map<Integer, List<Integer>> placed = new HashMap<>();
            for (int i = 0; i < replicas.size(); i++) placed.put(i, replicas.get(i));
            admin.createTopics(List.of(new NewTopic(real, placed))).all().get();
            script.addTopic(name, real);
            names.put(name, real);
        }
        Thread.sleep(SETTLE_MS);
        var described = admin.describeTopics(script.topics.values()).allTopicNames().get();
        script.topics.forEach((name, real) -> topicIds.put(name, described.get(real).topicId().toString()));
    }

    private void setGroupConfig() throws Exception {
        if (!script.scenario.has("group_config")) return;
        List<AlterConfigOp> changes = new ArrayList<>();
        script.scenario.get("group_config").fields().forEachRemaining(key ->
            changes.add(new AlterConfigOp(new ConfigEntry(key.getKey(), key.getValue().asText()), AlterConfigOp.OpType.SET)));
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, script.run), changes)).all().get();
        Thread.sleep(SETTLE_MS);
    }

    /** Two members live some times through the whole of their lives in another group, so that their code is compiled when it counts. */
    private void warmUp() throws Exception {
        for (long lasts : new long[] {6000, 2500, 2500, 2500, 2500, 2500}) {
            Script other = new Script(script.scenario, "warm-up-" + System.nanoTime());
            script.topics.forEach(other::addTopic);
            List<Member> members = new ArrayList<>();
            for (String name : List.of("warm-up-0", "warm-up-1")) {
                Member member = new Member(other, Script.JSON.createObjectNode().put("name", name), null, BROKER);
                members.add(member);
                member.start();
                Thread.sleep(300);
            }
            Thread.sleep(lasts);
            members.forEach(Member::stopSoon);
            for (Member member : members) member.join();
        }
    }

    /** Writes to each partition at its rate from its creation on, in steps of 5 ms. */
    private Thread produce(KafkaProducer<byte[], byte[]> producer) {
        Thread thread = new Thread(() -> {
            Map<String, Long> sent = new HashMap<>();
            Map<String, Double> born = new HashMap<>();
            while (true) {
                double now = script.now();
                script.topics.forEach((name, real) -> {
                    double rate = script.scenario.get("topics").get(name).path("rate_per_partition").asDouble(0);
                    for (int i = 0; i < partitions.get(name); i++) {
                        String key = name + "-" + i;
                        double since = born.computeIfAbsent(key, it -> now < 50 ? 0 : now);
                        long due = (long) ((now - since) / 1000 * rate);
                        for (long at = sent.getOrDefault(key, 0L); at < due; at++) {
                            producer.send(new ProducerRecord<>(real, i, null, new byte[100]));
                        }
                        sent.put(key, due);
                    }
                });
                try {
                    Thread.sleep(5);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }, "producer");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private void act(JsonNode action) throws Exception {
        String verb = action.get("do").asText();
        String who = action.path("member").asText("");
        script.observe("action", who).put("do", verb);
        Member member = script.members.get(who);
        switch (verb) {
            case "start" -> start(who, member);
            case "stop" -> member.stopSoon();
            case "crash" -> member.crashSoon();
            case "freeze" -> {
                member.freeze();
                later(action.get("ms").asLong(), () -> {
                    member.thaw();
                    script.observe("thawed", who);
                });
            }
            case "disconnect" -> {
                lines.get(who).set(true);
                later(action.get("ms").asLong(), () -> {
                    lines.get(who).set(false);
                    script.observe("mended", who);
                });
            }
            case "stall" -> member.stallUntil(script.now() + action.get("ms").asDouble());
            case "partitions" -> {
                String topic = action.get("topic").asText();
                int count = action.get("to").asInt();
                int place = List.copyOf(script.topics.keySet()).indexOf(topic);
                NewPartitions more = NewPartitions.increaseTo(count, brokers.of(place, partitions.get(topic), count));
                admin.createPartitions(Map.of(script.topics.get(topic), more)).all().get();
                partitions.put(topic, count);
            }
            case "move" -> brokers.move(script.run);
            case "restart" -> later(0, () -> brokers.restart(action.get("ms").asLong()));
            default -> throw new IllegalArgumentException("no action is called " + verb);
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void later(long ms, Work work) {
        Thread thread = new Thread(() -> {
            try {
                Thread.sleep(ms);
                work.run();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** Who is still closing is waited for, as a supervisor waits for the process before it starts another. */
    private void start(String name, Member before) {
        Deque<String> queue = ids.get(name);
        Line line = lines.get(name);
        Member member = new Member(script, specs.get(name), queue == null ? null : queue.poll(), line == null ? BROKER : line.address());
        script.members.put(name, member);
        if (before == null || !before.acts()) {
            member.start();
            return;
        }
        Thread supervisor = new Thread(() -> {
            try {
                while (before.acts()) Thread.sleep(1);
                member.start();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        supervisor.setDaemon(true);
        supervisor.start();
    }
}
