import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;

/** The cluster that `record.py` has started: which broker has what, and what scripts do to those that have the coordinators. */
final class Brokers {
    private static final String OFFSETS = "__consumer_offsets";

    /** Those with the topics, and those with the coordinators: the same, or others. */
    private final List<Integer> ofTopics = numbers("brokers"), ofCoordinators = numbers("coordinators");
    private final Admin admin;

    Brokers(Admin admin) {
        this.admin = admin;
    }

    private static List<Integer> numbers(String property) {
        return Arrays.stream(System.getProperty(property, "1").split(",")).map(Integer::valueOf).toList();
    }

    /** True when there is but one, which does everything. */
    private boolean isAlone() {
        return ofTopics.size() == 1 && ofTopics.equals(ofCoordinators);
    }

    /** The broker of each partition of the script's topic at this place, from `first` on: the one behind that of the partition before. */
    List<List<Integer>> of(int topic, int first, int end) {
        return IntStream.range(first, end).mapToObj(partition -> List.of(ofTopics.get((topic + partition) % ofTopics.size()))).toList();
    }

    /** Before the first group: the topic that coordinators write to, all partitions at the first of their brokers. */
    void prepare() throws Exception {
        if (isAlone()) return;
        Map<Integer, List<Integer>> replicas = new HashMap<>();
        for (int partition = 0; partition < Integer.getInteger("offsets"); partition++) replicas.put(partition, ofCoordinators);
        admin.createTopics(List.of(new NewTopic(OFFSETS, replicas).configs(Map.of("cleanup.policy", "compact")))).all().get();
        Thread.sleep(1000);
        prefer(replicas.keySet(), next(ofCoordinators));
    }

    private static List<Integer> next(List<Integer> replicas) {
        List<Integer> next = new ArrayList<>(replicas);
        Collections.rotate(next, -1);
        return next;
    }

    /** Whoever leads goes on for now. */
    private void prefer(Set<Integer> partitions, List<Integer> replicas) throws Exception {
        if (replicas.size() < 2) return;
        var wanted = Optional.of(new NewPartitionReassignment(replicas));
        admin.alterPartitionReassignments(partitions.stream().collect(Collectors.toMap(at -> new TopicPartition(OFFSETS, at), at -> wanted))).all().get();
    }

    /** The next broker becomes the coordinator of the group. */
    void move(String group) throws Exception {
        TopicPartition partition = new TopicPartition(OFFSETS, Utils.abs(group.hashCode()) % Integer.getInteger("offsets"));
        admin.electLeaders(ElectionType.PREFERRED, Set.of(partition)).all().get();
        var described = admin.describeTopics(List.of(OFFSETS)).allTopicNames().get().get(OFFSETS).partitions().get(partition.partition());
        prefer(Set.of(partition.partition()), next(described.replicas().stream().map(node -> node.id()).toList()));
    }

    /** The broker with the coordinators is shut down, and started again `ms` after it is gone. */
    void restart(long ms) throws IOException, InterruptedException {
        int broker = ofCoordinators.get(0);
        Path home = Path.of(System.getProperty("home"));
        ProcessHandle process = ProcessHandle.of(Long.parseLong(Files.readString(home.resolve(broker + ".pid")).trim())).orElseThrow();
        process.destroy();
        while (process.isAlive()) Thread.sleep(1);
        Thread.sleep(ms);
        new ProcessBuilder("sh", home.resolve(broker + ".start").toString()).redirectOutput(new File("/dev/null")).start();
    }
}
