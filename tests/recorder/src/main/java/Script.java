import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.util.Collection;
import java.util.Collections;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.TopicPartition;

/** A script that is being played, and what was seen of it so far: times in ms since its start, topics by the script's names. */
final class Script {
    static final ObjectMapper JSON = new ObjectMapper();

    /** The scenario in the format of the recordings. */
    final JsonNode scenario;
    /** Name of the run, which is the group's id. */
    final String run;
    /** Real topic by the script's name, in the script's order. */
    final Map<String, String> topics = new LinkedHashMap<>();
    /** Members that were started last under each name. */
    final Map<String, Member> members = new ConcurrentHashMap<>();

    private final Map<String, String> names = new HashMap<>();
    private final List<ObjectNode> events = Collections.synchronizedList(new ArrayList<>());
    private long began = System.nanoTime();

    Script(JsonNode scenario, String run) {
        this.scenario = scenario;
        this.run = run;
    }

    static JsonNode read(String path) throws Exception {
        return JSON.readTree(new File(path));
    }

    void addTopic(String name, String real) {
        topics.put(name, real);
        names.put(real, name);
    }

    /** Time begins. Returns the wall clock's milliseconds, by which the broker's log is put beside the events. */
    long begin() {
        began = System.nanoTime();
        return System.currentTimeMillis();
    }

    double now() {
        return Math.round((System.nanoTime() - began) / 1e5) / 10.0;
    }

    void sleepUntil(double at) throws InterruptedException {
        double left = at - now();
        if (left > 0) Thread.sleep((long) left, (int) ((left - (long) left) * 1e6));
    }

    JsonNode group() {
        return scenario.path("group");
    }

    String name(TopicPartition partition) {
        return names.get(partition.topic()) + "-" + partition.partition();
    }

    ArrayNode names(Collection<TopicPartition> partitions) {
        ArrayNode list = JSON.createArrayNode();
        partitions.stream().map(this::name).sorted().forEach(list::add);
        return list;
    }

    /** Notes that `who` saw `what` now; further fields may be put into the result at once. */
    ObjectNode observe(String what, String who) {
        ObjectNode event = JSON.createObjectNode();
        event.put("t", now()).put("what", what).put("who", who).put("at", "member");
        events.add(event);
        return event;
    }

    /** What was seen until `end`. */
    List<ObjectNode> events(double end) {
        synchronized (events) {
            return events.stream().filter(event -> event.get("t").asDouble() <= end).toList();
        }
    }
}
