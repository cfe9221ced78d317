import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.GroupAssignment;
import org.apache.kafka.coordinator.group.api.assignor.GroupSpec;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

/** Kafka's own assignors on the groups of assignors.rs: prints "name event nanoseconds" a line, processor time, least of the rounds. */
public class Assignors {
    static final int TOPICS = 10;
    static final int ROUNDS = 40;
    static long sink;

    static String member(int number) {
        return String.format("member-%05d", number);
    }

    static Uuid topic(int number) {
        return new Uuid(number + 1, number + 1);
    }

    static double least(Runnable work) {
        var threads = ManagementFactory.getThreadMXBean();
        // Until the compiler has seen it often enough.
        long until = System.nanoTime() + 3_000_000_000L;
        while (System.nanoTime() < until) {
            work.run();
        }
        long best = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long began = threads.getCurrentThreadCpuTime();
            work.run();
            best = Math.min(best, threads.getCurrentThreadCpuTime() - began);
        }
        return best;
    }

    static Map<String, List<TopicPartition>> client(
            String name, String event, ConsumerPartitionAssignor assignor, int members, int partitions,
            Map<String, List<TopicPartition>> owned) {
        var infos = new ArrayList<PartitionInfo>();
        var names = new ArrayList<String>();
        var node = new Node(0, "host", 9092);
        for (int topic = 0; topic < TOPICS; topic++) {
            names.add("topic-" + topic);
            for (int partition = 0; partition < partitions / TOPICS; partition++) {
                infos.add(new PartitionInfo("topic-" + topic, partition, node, new Node[] {node}, new Node[] {node}));
            }
        }
        var cluster = new Cluster("id", List.of(node), infos, Set.of(), Set.of());
        var subscriptions = new HashMap<String, Subscription>();
        for (int number = 0; number < members; number++) {
            var mine = owned.getOrDefault(member(number), List.of());
            subscriptions.put(member(number), new Subscription(names, null, mine, mine.isEmpty() ? -1 : 5, Optional.empty()));
        }
        var group = new GroupSubscription(subscriptions);
        var result = new HashMap<String, List<TopicPartition>>();
        assignor.assign(cluster, group).groupAssignment().forEach((id, share) -> result.put(id, share.partitions()));
        double nanos = least(() -> sink += assignor.assign(cluster, group).groupAssignment().size());
        System.out.println(name + " " + event + " " + nanos);
        return result;
    }

    static Map<String, Map<Uuid, Set<Integer>>> server(
            String name, String event, ConsumerGroupPartitionAssignor assignor, int members, int partitions,
            Map<String, Map<Uuid, Set<Integer>>> targets) {
        Set<Uuid> topics = new HashSet<>();
        for (int number = 0; number < TOPICS; number++) {
            topics.add(topic(number));
        }
        var specs = new HashMap<String, MemberSubscriptionAndAssignmentImpl>();
        var inverted = new HashMap<Uuid, Map<Integer, String>>();
        for (int number = 0; number < members; number++) {
            String id = member(number);
            var target = targets.getOrDefault(id, Map.of());
            target.forEach((uuid, list) -> list.forEach(
                    partition -> inverted.computeIfAbsent(uuid, key -> new HashMap<>()).put(partition, id)));
            specs.put(id, new MemberSubscriptionAndAssignmentImpl(
                    Optional.empty(), Optional.empty(), topics, new Assignment(target)));
        }
        GroupSpec spec = new GroupSpecImpl(specs, SubscriptionType.HOMOGENEOUS, inverted);
        var describer = (SubscribedTopicDescriber) java.lang.reflect.Proxy.newProxyInstance(
                Assignors.class.getClassLoader(),
                new Class<?>[] {SubscribedTopicDescriber.class},
                (proxy, method, arguments) -> method.getName().equals("numPartitions")
                        ? (Object) (partitions / TOPICS)
                        : Collections.emptySet());
        GroupAssignment assigned = assignor.assign(spec, describer);
        var result = new HashMap<String, Map<Uuid, Set<Integer>>>();
        assigned.members().forEach((id, share) -> result.put(id, share.partitions()));
        double nanos = least(() -> sink += assignor.assign(spec, describer).members().size());
        System.out.println(name + " " + event + " " + nanos);
        return result;
    }

    public static void main(String[] arguments) {
        int members = Integer.parseInt(arguments[0]);
        int partitions = Integer.parseInt(arguments[1]);
        var range = new RangeAssignor();
        client("range", "full", range, members, partitions, Map.of());
        client("range", "join", range, members + 1, partitions, Map.of());
        var sticky = new CooperativeStickyAssignor();
        var owned = client("cooperative-sticky", "full", sticky, members, partitions, Map.of());
        client("cooperative-sticky", "join", sticky, members + 1, partitions, owned);
        var uniform = new UniformAssignor();
        var targets = server("uniform", "full", uniform, members, partitions, Map.of());
        server("uniform", "join", uniform, members + 1, partitions, targets);
        var onServer = new org.apache.kafka.coordinator.group.assignor.RangeAssignor();
        server("server-range", "full", onServer, members, partitions, Map.of());
        server("server-range", "join", onServer, members + 1, partitions, Map.of());
        if (sink == 0) {
            System.out.println("nothing was assigned");
        }
    }
}
