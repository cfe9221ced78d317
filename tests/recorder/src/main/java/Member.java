import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A real consumer in a thread of its own: polls, sleeps for its records, tells the script what its callbacks see. */
final class Member extends Thread {
    private static final String DESERIALIZER = "org.apache.kafka.common.serialization.ByteArrayDeserializer";

    private final Script script;
    private final String name;
    private final JsonNode spec;
    /** The id that it is to use, or null: its own. */
    private final String memberId;
    /** Where it finds the broker. */
    private final String broker;
    private final Set<TopicPartition> fresh = new HashSet<>();
    private KafkaConsumer<byte[], byte[]> consumer;

    private volatile boolean stop;
    private volatile boolean crash;
    private volatile boolean frozen;
    private volatile double stallUntil = -1;

    /** Every thread of its client lands in a group of its own, so that a crash can freeze them all. */
    Member(Script script, JsonNode spec, String memberId, String broker) {
        super(new ThreadGroup(spec.get("name").asText()), "loop-" + spec.get("name").asText());
        this.script = script;
        this.name = spec.get("name").asText();
        this.spec = spec;
        this.memberId = memberId;
        this.broker = broker;
        setDaemon(true);
    }

    void stopSoon() {
        stop = true;
    }

    void crashSoon() {
        crash = true;
    }

    void stallUntil(double at) {
        stallUntil = at;
    }

    /** Whether its threads still do something. */
    boolean acts() {
        return isAlive() && !frozen;
    }

    @Override
    public void run() {
        script.observe("start", name);
        try {
            consumer = new KafkaConsumer<>(config());
            if (memberId != null) useId();
            subscribe();
            while (!stop && !crash) turn();
        } catch (InterruptedException e) {
            return;
        } catch (Exception e) {
            script.observe("error", name).put("error", e.getClass().getSimpleName());
        }
        if (crash) {
            script.observe("crashed", name);
            freeze();
            return;
        }
        script.observe("closing", name);
        consumer.close(Duration.ofSeconds(30));
        script.observe("closed", name);
    }

    /** To the member's topics or the group's, or to what the group's pattern matches: it is about names in the script, which the run's name follows on the broker. */
    private void subscribe() {
        String pattern = script.group().path("pattern").asText();
        if (pattern.isEmpty()) consumer.subscribe(topics(), new Callbacks());
        else consumer.subscribe(Pattern.compile("(?:" + pattern + ")" + Pattern.quote("." + script.run)), new Callbacks());
    }

    private Map<String, Object> config() {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", broker);
        config.put("auto.offset.reset", "earliest");
        config.put("key.deserializer", DESERIALIZER);
        config.put("value.deserializer", DESERIALIZER);
        script.group().path("config").fields().forEachRemaining(key -> config.put(key.getKey(), key.getValue().asText()));
        spec.path("config").fields().forEachRemaining(key -> {
            if (key.getValue().isNull()) config.remove(key.getKey());
            else config.put(key.getKey(), key.getValue().asText());
        });
        config.put("group.id", script.run);
        config.put("client.id", name);
        return config;
    }

    private List<String> topics() {
        if (!spec.has("topics")) return List.copyOf(script.topics.values());
        List<String> topics = new ArrayList<>();
        spec.get("topics").forEach(topic -> topics.add(script.topics.get(topic.asText())));
        return topics;
    }

    /** One turn of the poll loop. */
    private void turn() throws InterruptedException {
        int timeout = script.group().path("poll_ms").asInt(100);
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(timeout));
        observeFirstBatch(records);
        long perRecord = spec.path("per_record_us").asLong(script.group().path("per_record_us").asLong(0));
        long micros = perRecord * records.count();
        if (micros > 0) Thread.sleep(micros / 1000, (int) (micros % 1000) * 1000);
        if (stallUntil >= 0 && !stop && !crash) {
            double until = stallUntil;
            stallUntil = -1;
            script.observe("stalling", name);
            script.sleepUntil(until);
            script.observe("resumed", name);
        }
    }

    private void observeFirstBatch(ConsumerRecords<byte[], byte[]> records) {
        ObjectNode offsets = Script.JSON.createObjectNode();
        for (TopicPartition partition : records.partitions()) {
            if (!fresh.remove(partition)) continue;
            List<ConsumerRecord<byte[], byte[]>> batch = records.records(partition);
            offsets.putArray(script.name(partition)).add(batch.get(0).offset()).add(batch.get(batch.size() - 1).offset());
        }
        if (!offsets.isEmpty()) script.observe("first_batch", name).set("offsets", offsets);
    }

    /** A client of the consumer protocol makes its id itself, and who gets what hangs by it: here it is given one. */
    private void useId() throws Exception {
        Object delegate = field(consumer, KafkaConsumer.class, "delegate");
        if (!delegate.getClass().getSimpleName().equals("AsyncKafkaConsumer")) return;
        Object handler = field(delegate, delegate.getClass(), "applicationEventHandler");
        Object thread = field(handler, handler.getClass(), "networkThread");
        Object managers = field(thread, thread.getClass(), "requestManagers");
        while (managers == null) {
            Thread.sleep(1);
            managers = field(thread, thread.getClass(), "requestManagers");
        }
        Object membership = ((Optional<?>) field(managers, managers.getClass(), "consumerMembershipManager")).orElseThrow();
        Field id = membership.getClass().getSuperclass().getDeclaredField("memberId");
        id.setAccessible(true);
        id.set(membership, memberId);
    }

    private static Object field(Object object, Class<?> of, String name) throws Exception {
        Field field = of.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    /** Nothing of the process moves any more, and nothing says so to anybody: what SIGSTOP does. */
    @SuppressWarnings({"deprecation", "removal"})
    void freeze() {
        frozen = true;
        for (Thread thread : threads()) {
            if (thread != currentThread()) thread.suspend();
        }
        if (currentThread() == this) suspend();
    }

    /** It goes on, as after SIGCONT. */
    @SuppressWarnings({"deprecation", "removal"})
    void thaw() {
        frozen = false;
        for (Thread thread : threads()) thread.resume();
    }

    private List<Thread> threads() {
        Thread[] threads = new Thread[64];
        int count = getThreadGroup().enumerate(threads, true);
        return Arrays.asList(threads).subList(0, count);
    }

    private final class Callbacks implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            ConsumerGroupMetadata group = consumer.groupMetadata();
            ObjectNode event = script.observe("assigned", name);
            event.set("partitions", script.names(partitions));
            event.put("generation", group.generationId()).put("member_id", group.memberId());
            fresh.addAll(partitions);
            nap("assign_ms");
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            script.observe("revoked", name).set("partitions", script.names(partitions));
            fresh.removeAll(partitions);
            nap("revoke_ms");
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            script.observe("lost", name).set("partitions", script.names(partitions));
            fresh.removeAll(partitions);
        }

        private void nap(String key) {
            try {
                Thread.sleep(script.group().path(key).asLong(0));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
